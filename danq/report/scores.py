"""Sections of the report about scored variants: what was scored, effects, agreement with what is known."""

from typing import Any

import numpy as np
import polars as pl
from markupsafe import Markup

from danq.report.agreement import head, words
from danq.report.callsets import (
    Callset,
    extents,
    histogram,
    label,
    points,
    strongest_alleles,
    strongest_targets,
)
from danq.report.content import Column, Section, View, figure, headed, section, table
from danq.report.plots import Line, Plot, line_view, point_view
from danq.report.results import Results
from danq.score.measures import EFFECT, LOGIT_DIFF, MEASURES, Measure
from danq.variants.alleles import REASONS

_STRONGEST = 50
_BINS = 60
_LONGEST_REGION, _MOST_TARGETS, _MOST_CONTIGS, _MOST_POINTS = 5_000, 8, 24, 1_000
"""bp of a region that is drawn target by target; targets, contigs and points of a view that are drawn."""
_SHOWN = sorted((measure for measure in MEASURES if measure.title), key=lambda measure: measure.of)
"""Measures in tables, those of alleles before those of targets."""


def counts(results: Results) -> Section | None:
    """One row a callset: records, alleles, and what became of each allele."""
    rows: dict[str, dict[str, Any]] = {}
    reasons, flags = dict[str, Column](), dict[str, Column]()
    for callset in results.callsets:
        made, whole = callset.manifest.counts, callset.manifest.haplotypes
        rows[callset.name] = {
            **made.model_dump(exclude={"reasons", "flags"}),
            **{f"reason_{reason}": number for reason, number in made.reasons.items()},
            **{f"flag_{flag}": number for flag, number in made.flags.items()},
            "haplotypes": None if whole is None else whole.scored,
            "lacking": None if whole is None else whole.flags.get("incomplete", 0),
            "speed": callset.manifest.variants_per_second,
        }
        for reason in made.reasons:
            meaning = REASONS.get(reason, reason)
            reasons[f"reason_{reason}"] = Column(words(reason), f"not scored: {meaning}", 0)
        for flag in made.flags:
            flags[f"flag_{flag}"] = Column(f"({words(flag)})", "flag of alleles in the ledger", 0)
    columns = {
        "records": Column("Records", "lines of the input", 0),
        "alleles": Column("Alleles", "alternate alleles of all records, each accounted for in the ledger", 0),
        "scored": Column("Scored", "alleles with a score", 0),
        "skipped": Column("Not scored", "alleles without a score, by reason in the next columns", 0),
        **reasons,
        **flags,
        "haplotypes": Column("Whole haplotypes", "windows of whole haplotypes, in haplotypes.parquet", 0),
        "lacking": Column(
            "Incomplete", "of these windows, those that lack an allele that is carried there", 0
        ),
        "speed": Column("Alleles/s", "alleles scored a second", 0),
    }
    prose = (
        "Every alternate allele of the input is scored, or not scored for one of the reasons shown here, "
        "which its row of ledger.tsv gives as well. Columns in brackets count flags."
    )
    return section("scores", "Variant scores", "variants", prose, table("Callset", columns, rows))


def distribution(results: Results) -> Section | None:
    """Histogram of the largest absolute effect of each allele, and the number at or above each value."""
    counted: list[Line] = []
    beyond: list[Line] = []
    for number, callset in enumerate(callset for callset in results.callsets if callset.wide):
        n, edges = histogram(callset, _BINS)
        centres, above = (edges[:-1] + edges[1:]) / 2, np.cumsum(n[::-1])[::-1]
        for lines, x, heights in ((counted, centres, n), (beyond, edges[:-1], above)):
            drawn = zip(x.tolist(), heights.tolist(), strict=True)
            lines.append(Line(callset.name, [point for point in drawn if point[1]], number))
    axes = ("Largest |logit difference|", "Alleles")
    first = Plot(f"Alleles in each of {_BINS} equal bins", axes, counted, logarithmic=True, joined=False)
    views = [line_view("Effects", [first, Plot("Alleles at or above", axes, beyond, logarithmic=True)])]
    prose = (
        "Largest absolute logit difference of each scored allele, over all targets of the model (natural "
        "logarithm). Counts are on a logarithmic axis; empty bins have no point."
    )
    return section("effects", "Distribution of effects", "variants", prose, figure(views))


def strongest(results: Results) -> Section | None:
    """Make the tables of the alleles with the largest effects."""
    prose = (
        f"Alleles with the largest absolute logit difference (at most {_STRONGEST}), and the target that "
        "shows it. Positions are 1-based, alleles as the input has them. Numbers of a target are left out "
        "where its columns were not written."
    )
    parts = [
        headed(head(results, callset), _strongest(callset)) for callset in results.callsets if callset.wide
    ]
    return section("strongest", "Strongest variants", "variants", prose, *parts)


def _strongest(callset: Callset) -> Markup:
    of_allele, of_target = ([m.name for m in _SHOWN if m.of == kind] for kind in ("allele", "target"))
    rows: dict[str, dict[str, Any]] = {}
    for row in strongest_alleles(callset, of_allele, of_target, _STRONGEST):
        name = label(row)
        name = f"{name} (record {row['row']}, allele {row['allele']})" if name in rows else name
        rows[name] = {
            "id": None if row["id"] in ("", ".") else row["id"],
            **{measure.name: _written(measure, row.get(measure.name)) for measure in _SHOWN},
            "flags": row["flags"] or None,
        }
    columns = {
        "id": Column("ID", "of the record"),
        **{m.name: Column(m.title, m.meaning, m.decimals) for m in _SHOWN},
        "flags": Column("Flags", "remarks of the ledger"),
    }
    return table("Variant", columns, rows)


def _written(measure: Measure, value: Any) -> Any:
    """Make text of a small number, which fixed decimals would round to 0."""
    small = measure.dtype == "float32" and measure.decimals is None and value is not None
    return f"{value:.2g}" if small else value


def along(results: Results) -> Section | None:
    """Draw the effects of each callset by position.

    Where all its alleles lie within a short region, there is one view for each of the targets with the
    largest effects; otherwise one view a contig with the largest absolute effect of each allele.
    """
    prose = (
        "Logit differences (ALT minus REF, natural logarithm) by position: of a region of up to "
        f"{_LONGEST_REGION:,} bp target by target (the {_MOST_TARGETS} with the largest), otherwise the "
        f"largest absolute one of each allele, contig by contig (the {_MOST_CONTIGS} with the most alleles). "
        f"Where a view has more than {_MOST_POINTS:,} alleles, the strongest of each of {_MOST_POINTS:,} "
        "equal stretches is drawn; scores.parquet has them all."
    )
    parts = [headed(head(results, callset), _along(callset)) for callset in results.callsets if callset.wide]
    return section("along", "Effects by position", "variants", prose, *parts)


def _along(callset: Callset) -> Markup:
    contigs = extents(callset)
    if contigs.is_empty():
        return Markup()
    contig, _, first, last = contigs.row(0)
    if len(contigs) > 1 or last - first >= _LONGEST_REGION:
        most = (
            contigs.with_row_index("order").sort("n", "order", descending=[True, False]).head(_MOST_CONTIGS)
        )
        shown = most.sort("order").drop("order")
        drawn = points(callset, shown, [EFFECT], _MOST_POINTS)
        views = [
            _points(name, drawn[name], name, "Largest |logit difference|", 0) for name in shown["contig"]
        ]
        return figure(views)
    targets = strongest_targets(callset, _MOST_TARGETS)
    columns = {callset.column(target, LOGIT_DIFF): name for target, name in targets.items()}
    drawn = points(callset, contigs, list(columns), _MOST_POINTS) if columns else {}
    views = [
        _points(name, drawn[column], contig, "Logit difference")
        for column, name in columns.items()
        if column in drawn
    ]
    return figure(views, f"{contig}:{first:,}-{last:,}")


def _points(name: str, alleles: pl.DataFrame, contig: str, effect: str, lowest: float | None = None) -> View:
    drawn = [
        (row["pos"], row["y"], f"{label(row)}: {row['y']:+.4f}") for row in alleles.iter_rows(named=True)
    ]
    return point_view(name, (f"Position on {contig} (bp)", effect), drawn, lowest=lowest)
