"""The section of the report that draws the effects of variants along a region or along contigs."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from danq.report.callsets import NAMES, Callset, label
from danq.report.content import Section, text
from danq.report.plots import scatter_plot
from danq.score.measures import EFFECT, LOGIT_DIFF

_REGION = 5_000
"""Longest stretch in bp that is drawn target by target."""
_MOST_TARGETS = 8
_MOST_CONTIGS = 24
_MOST_POINTS = 1_000
"""Largest number of points of a view; where there are more alleles, each stretch shows its strongest."""


def along(callset: Callset, number: int, of: str) -> Section | None:
    """Draw the effects of a callset by position.

    Where all alleles lie within a short region, there is one view for each of the targets with the largest
    effects; otherwise one view a contig with the largest absolute effect of each allele.
    """
    if not callset.wide:
        return None
    contigs = _contigs(callset)
    if contigs.is_empty():
        return None
    first, last = contigs["first"][0], contigs["last"][0]
    if len(contigs) == 1 and last - first < _REGION:
        return _region(callset, number, of, contigs)
    return _by_contig(callset, number, of, contigs)


def _contigs(callset: Callset) -> pl.DataFrame:
    """Find the stretch of each contig that holds alleles: contig, n, first, last (1-based, both included)."""
    parts: list[pl.DataFrame] = []
    for block in callset.blocks(["contig", "pos", EFFECT]):
        part = block.drop_nulls(EFFECT).group_by("contig", maintain_order=True)
        parts.append(part.agg(n=pl.len(), first=pl.col("pos").min(), last=pl.col("pos").max()))
        parts = [_together(parts)]
    return parts[0] if parts else pl.DataFrame({"contig": []})


def _together(parts: list[pl.DataFrame]) -> pl.DataFrame:
    together = pl.concat(parts).group_by("contig", maintain_order=True)
    return together.agg(pl.col("n").sum(), pl.col("first").min(), pl.col("last").max())


def _region(callset: Callset, number: int, of: str, contigs: pl.DataFrame) -> Section | None:
    chosen = _strongest_targets(callset)
    if not chosen:
        return None
    columns = {callset.column(target, LOGIT_DIFF): name for target, name in chosen.items()}
    drawn: dict[str, pl.DataFrame] = {}
    for block in callset.blocks([*NAMES, *columns]):
        for column, name in columns.items():
            part = block.select(*(c for c in NAMES if c in block.columns), y=pl.col(column)).drop_nulls("y")
            drawn[name] = _thinned([drawn[name], part] if name in drawn else [part], contigs)
    contig, first, last = (contigs[key][0] for key in ("contig", "first", "last"))
    thinned = any(len(part) < contigs["n"][0] for part in drawn.values())
    more = f" (the {len(chosen)} targets with the largest)" if len(callset.targets) > len(chosen) else ""
    description = (
        f"Logit difference of each allele (ALT minus REF, natural logarithm), target by target{more}; "
        "a point's name says which allele it is." + _thinning(thinned)
    )
    title = f"Effects along {contig}:{first:,}-{last:,}{of}"
    return _plot(number, title, description, drawn, (f"Position on {contig} (bp)", "Logit difference"))


def _strongest_targets(callset: Callset) -> dict[int, str]:
    """Targets with the largest absolute effects, the largest first."""
    targets = callset.targets
    columns = [callset.column(target, LOGIT_DIFF) for target in targets]
    parts = (
        [block.select(pl.col(columns).abs().max()) for block in callset.blocks(columns)] if columns else []
    )
    if not parts:
        return {}
    largest = pl.concat(parts).max().row(0)
    sizes = dict(zip(targets, largest, strict=True))
    ranked = sorted(targets, key=lambda target: -(sizes[target] or 0.0))
    return {target: targets[target] for target in ranked[:_MOST_TARGETS]}


def _by_contig(callset: Callset, number: int, of: str, contigs: pl.DataFrame) -> Section:
    chosen = contigs.with_row_index("order").sort("n", "order", descending=[True, False]).head(_MOST_CONTIGS)
    chosen = chosen.sort("order")
    drawn: dict[str, pl.DataFrame] = {}
    for block in callset.blocks([*NAMES, EFFECT]):
        for (contig,), part in block.rename({EFFECT: "y"}).drop_nulls("y").group_by("contig"):
            stretch = chosen.filter(contig=contig)
            if not stretch.is_empty():
                before = [drawn[str(contig)]] if contig in drawn else []
                drawn[str(contig)] = _thinned([*before, part], stretch)
    views = {contig: drawn[contig] for contig in chosen["contig"]}
    thinned = any(len(drawn[row["contig"]]) < row["n"] for row in chosen.iter_rows(named=True))
    description = (
        "Largest absolute logit difference of each allele over all targets, by position." + _thinning(thinned)
    )
    if len(contigs) > len(chosen):
        description += f" The {len(chosen)} of {len(contigs)} contigs with the most alleles are drawn."
    axes = ("Position (bp)", "Largest |logit difference|")
    return _plot(number, f"Effects along contigs{of}", description, views, axes, ymin=0)


def _thinned(parts: list[pl.DataFrame], stretch: pl.DataFrame) -> pl.DataFrame:
    """Join parts of a view; of too many alleles keep the strongest of each piece of the stretch."""
    both = pl.concat(parts)
    if stretch["n"][0] <= _MOST_POINTS:
        return both
    first = stretch["first"][0]
    width = -(-(stretch["last"][0] - first + 1) // _MOST_POINTS)
    ranked = both.with_columns(piece=(pl.col("pos") - first) // width, size=pl.col("y").abs())
    ranked = ranked.sort("size", "row", "allele", descending=[True, False, False], maintain_order=True)
    kept = ranked.unique("piece", keep="first", maintain_order=True)
    return kept.sort("pos", "row", "allele").drop("piece", "size")


def _thinning(thinned: bool) -> str:
    if not thinned:
        return ""
    return (
        f" Where there are more than {_MOST_POINTS:,} alleles, the strongest of each of {_MOST_POINTS:,} "
        "equal stretches is drawn; scores.parquet has them all."
    )


def _plot(
    number: int,
    title: str,
    description: str,
    views: Mapping[str, pl.DataFrame],
    axes: tuple[str, str],
    **settings: Any,
) -> Section:
    settings |= {"height": 560, "x_decimals": 0, "marker_size": 6}
    points = {name: _points(part) for name, part in views.items()}
    return scatter_plot(f"danq_along_{number}", title, description, points, [axes] * len(views), settings)


def _points(drawn: pl.DataFrame) -> Mapping[str, list[dict[str, Any]]]:
    """Points by the name that is shown with them; a record given twice has two of one name."""
    points: dict[str, list[dict[str, Any]]] = {}
    for row in drawn.iter_rows(named=True):
        point = {"x": row["pos"], "y": round(row["y"], 4), "annotate": False}
        points.setdefault(text(label(row)), []).append(point)
    return points
