"""Sections of the report about scored variants: what was scored, effects, agreement with what is known."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from danq.report.callsets import (
    Callset,
    extents,
    histogram,
    label,
    points,
    strongest_alleles,
    strongest_targets,
)
from danq.report.content import Column, Section, table, text
from danq.report.plots import Points, Tab, line_plot, scatter_plot
from danq.report.results import Results
from danq.score.measures import EFFECT, LOGIT_DIFF, MEASURES, Measure
from danq.variants.alleles import REASONS

_STRONGEST = 50
_BINS = 60
_MOST_COMPARED = 200
_LONGEST_REGION, _MOST_TARGETS, _MOST_CONTIGS, _MOST_POINTS = 5_000, 8, 24, 1_000
"""bp of a region that is drawn target by target; targets, contigs and points of a view that are drawn."""
_THINNED = (
    f" Where there are more than {_MOST_POINTS:,} alleles, the strongest of each of {_MOST_POINTS:,} equal "
    "stretches is drawn; scores.parquet has them all."
)
_SHOWN = sorted((measure for measure in MEASURES if measure.title), key=lambda measure: measure.of)
"""Measures in tables, those of alleles before those of targets."""


def scores(results: Results) -> list[Section | None]:
    """Sections of all callsets: counts, distribution, strongest alleles, effects by position, truth."""
    sections, compared = [counts(results), distribution(results)], []
    for number, callset in enumerate(results.callsets):
        of = f" of {callset.name}" if len(results.callsets) > 1 else ""
        sections += [strongest(callset, number, of), along(callset, number, of)] if callset.wide else []
        compared.append(truth(callset, number, of))
    return [*sections, *compared]


def counts(results: Results) -> Section | None:
    """One row a callset: records, alleles, and what became of each allele."""
    rows: dict[str, dict[str, Any]] = {}
    reasons, flags = dict[str, Column](), dict[str, Column]()
    for callset in results.callsets:
        made = callset.manifest.counts
        rows[callset.name] = {
            **made.model_dump(exclude={"reasons", "flags"}),
            **{f"reason_{reason}": number for reason, number in made.reasons.items()},
            **{f"flag_{flag}": number for flag, number in made.flags.items()},
            "speed": callset.manifest.variants_per_second,
        }
        for reason in made.reasons:
            meaning = REASONS.get(reason, reason)
            reasons[f"reason_{reason}"] = Column(_words(reason), f"not scored: {meaning}", 0)
        for flag in made.flags:
            flags[f"flag_{flag}"] = Column(f"({_words(flag)})", "flag of alleles in the ledger", 0)
    columns = {
        "records": Column("Records", "lines of the input", 0),
        "alleles": Column("Alleles", "alternate alleles of all records, each accounted for in the ledger", 0),
        "scored": Column("Scored", "alleles with a score", 0),
        "skipped": Column("Not scored", "alleles without a score, by reason in the next columns", 0),
        **reasons,
        **flags,
        "speed": Column("Alleles/s", "alleles scored a second", 0),
    }
    description = (
        "Every alternate allele of the input is scored, or not scored for one of the reasons shown here, "
        "which its row of ledger.tsv gives as well. Columns in brackets count flags."
    )
    return table("danq_scores", "Variant scores", description, "Callset", columns, rows)


def _words(key: str) -> str:
    return key.replace("_", " ")


def distribution(results: Results) -> Section | None:
    """Histogram of the largest absolute effect of each allele, and the number at or above each value."""
    histograms: dict[str, Points] = {}
    beyond: dict[str, Points] = {}
    for callset in results.callsets:
        if callset.wide:
            n, edges = histogram(callset, _BINS)
            centres = (edges[:-1] + edges[1:]) / 2
            above = np.cumsum(n[::-1])[::-1]
            for views, x, heights in ((histograms, centres, n), (beyond, edges[:-1], above)):
                drawn = zip(x.tolist(), heights.tolist(), strict=True)
                views[callset.name] = [(effect, height) for effect, height in drawn if height]
    tabs = [
        Tab("Histogram", histograms, ylab=f"Alleles in a bin ({_BINS} of equal width)"),
        Tab("At or above", beyond, ylab="Alleles at or above"),
    ]
    description = (
        "Largest absolute logit difference of each scored allele, over all targets of the model (natural "
        "logarithm). Counts are on a logarithmic axis; empty bins have no point."
    )
    axes = ("Largest |logit difference|", "Alleles")
    return line_plot("danq_effects", "Distribution of effects", description, axes, tabs, logarithmic=True)


def strongest(callset: Callset, number: int, of: str) -> Section | None:
    """Make the table of the alleles with the largest effects."""
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
    description = (
        f"Alleles with the largest absolute logit difference (at most {_STRONGEST}), and the target that "
        "shows it. Positions are 1-based, alleles as the input has them. Numbers of a target are left out "
        "where its columns were not written."
    )
    title = f"Strongest variants{of}"
    return table(f"danq_strongest_{number}", title, description, "Variant", columns, rows)


def _written(measure: Measure, value: Any) -> Any:
    """Make text of a small number, which fixed decimals would round to 0."""
    small = measure.dtype == "float32" and measure.decimals is None and value is not None
    return f"{value:.2g}" if small else value


def along(callset: Callset, number: int, of: str) -> Section | None:
    """Draw the effects of a callset by position.

    Where all alleles lie within a short region, there is one view for each of the targets with the largest
    effects; otherwise one view a contig with the largest absolute effect of each allele.
    """
    contigs = extents(callset)
    if contigs.is_empty():
        return None
    contig, n, first, last = contigs.row(0)
    if len(contigs) > 1 or last - first >= _LONGEST_REGION:
        return _along_contigs(callset, number, of, contigs)
    targets = strongest_targets(callset, _MOST_TARGETS)
    if not targets:
        return None
    columns = {callset.column(target, LOGIT_DIFF): name for target, name in targets.items()}
    drawn = points(callset, contigs, list(columns), _MOST_POINTS)
    more = f" (the {len(targets)} targets with the largest)" if len(callset.targets) > len(targets) else ""
    description = (
        f"Logit difference of each allele (ALT minus REF, natural logarithm), target by target{more}; "
        "a point's name says which allele it is." + (_THINNED if n > _MOST_POINTS else "")
    )
    title = f"Effects along {contig}:{first:,}-{last:,}{of}"
    views = {name: drawn[column] for column, name in columns.items() if column in drawn}
    return _plot(number, title, description, views, (f"Position on {contig} (bp)", "Logit difference"))


def _along_contigs(callset: Callset, number: int, of: str, contigs: pl.DataFrame) -> Section:
    most = contigs.with_row_index("order").sort("n", "order", descending=[True, False]).head(_MOST_CONTIGS)
    shown = most.sort("order").drop("order")
    drawn = points(callset, shown, [EFFECT], _MOST_POINTS)
    description = "Largest absolute logit difference of each allele over all targets, by position."
    description += _THINNED if (shown["n"] > _MOST_POINTS).any() else ""
    if len(contigs) > len(shown):
        description += f" The {len(shown)} of {len(contigs)} contigs with the most alleles are drawn."
    views = {contig: drawn[contig] for contig in shown["contig"]}
    axes = ("Position (bp)", "Largest |logit difference|")
    return _plot(number, f"Effects along contigs{of}", description, views, axes, ymin=0)


def _plot(
    number: int,
    title: str,
    description: str,
    views: Mapping[str, pl.DataFrame],
    axes: tuple[str, str],
    **settings: Any,
) -> Section:
    """Draw points by the name that is shown with them; a record given twice has two of one name."""
    drawn: dict[str, dict[str, list[dict[str, Any]]]] = {view: {} for view in views}
    for view, alleles in views.items():
        for row in alleles.iter_rows(named=True):
            point = {"x": row["pos"], "y": round(row["y"], 4), "annotate": False}
            drawn[view].setdefault(text(label(row)), []).append(point)
    settings |= {"height": 560, "x_decimals": 0, "marker_size": 6}
    return scatter_plot(f"danq_along_{number}", title, description, drawn, [axes] * len(drawn), settings)


def truth(callset: Callset, number: int, of: str) -> Section | None:
    """How well the scores agree with labels or measured effects of the variants."""
    if callset.truth is None:
        return None
    agreement = pl.coalesce("auroc", pl.col("spearman").abs())
    of_targets = callset.truth.filter(pl.col("target") != "")
    whole = callset.truth.filter(pl.col("target").fill_null("") == "")
    best = of_targets.sort(agreement, descending=True, nulls_last=True, maintain_order=True)
    rows: dict[str, dict[str, Any]] = {}
    for row in pl.concat([whole, best.head(_MOST_COMPARED)]).iter_rows(named=True):
        name = f"{row['target']}: {row['score']}" if row["target"] else row["score"]
        status = None if row["status"] == "scored" else f"not compared: {_words(row['status'])}"
        rows[name] = row | {"status": status}
    columns = {
        "n": Column("Alleles", "scored alleles whose truth is known", 0),
        "positives": Column("Positives", "alleles with label 1", 0),
        "auroc": Column("AUROC", "area under the ROC curve", 4, 0.5, 1, "Blues"),
        "auprc": Column("AUPRC", "average precision, to be read against the share of positives", 4),
        "pearson": Column("Pearson", "correlation with the measured effect", 3),
        "spearman": Column("Spearman", "rank correlation with the measured effect", 3),
        "status": Column("Status", "why there is no figure"),
    }
    left = len(best) - _MOST_COMPARED
    description = "Scores against what the input says of its variants, over all targets and target by target."
    description += f" {left:,} targets with less agreement are in truth.tsv only." if left > 0 else ""
    title = f"Agreement with known effects{of}"
    return table(f"danq_truth_{number}", title, description, "Score", columns, rows)
