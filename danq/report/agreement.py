"""Section of the report about how well scores agree with what is known of the variants."""

from typing import Any

import polars as pl
from markupsafe import Markup

from danq.evaluate.agreement import FIGURES
from danq.evaluate.runs import read_table
from danq.evaluate.truth import TRUTHS
from danq.parquet import refusing_damage
from danq.report.callsets import Callset, label
from danq.report.content import Column, Section, View, between, figure, headed, section, table
from danq.report.plots import point_view
from danq.report.results import Results
from danq.score.measures import LOGIT_DIFF

_MOST_COMPARED, _MOST_GROUPS, _MOST_DRAWN, _MOST_POINTS = 200, 200, 4, 1_000
_KINDS = {
    "labels": "labels 0 and 1",
    "signed": "effects with a sign: scores without one are compared with their absolute values",
    "unsigned": "effects without a sign: scores with one are not compared",
}
_COLUMNS = {
    "truth": Column("With", "what the score is compared with"),
    "n": Column("Alleles", "scored alleles whose truth is known", 0),
    "positives": Column("Positives", "alleles with label 1", 0),
    "auroc": Column("AUROC", "area under the ROC curve", 4),
    "auroc_interval": Column("AUROC 95%", "interval of the AUROC"),
    "auprc": Column("AUPRC", "average precision, to be read against the share of positives", 4),
    "auprc_interval": Column("AUPRC 95%", "interval of the AUPRC"),
    "pearson": Column("Pearson", "correlation with what is known", 3),
    "pearson_interval": Column("Pearson 95%", "interval of the Pearson"),
    "spearman": Column("Spearman", "rank correlation with what is known", 3),
    "spearman_interval": Column("Spearman 95%", "interval of the Spearman"),
    "status": Column("Status", "why there is no figure"),
}
_KEYS = ("row", "allele", "sample", "haplotype")
_KNOWN = {"row": pl.Int64, "allele": pl.Int32, "truth": pl.Float64}
"""Columns that ``truth.parquet`` must have, and their types."""


def head(results: Results, callset: Callset) -> str:
    """Name of a callset over its part of a section, where there are several."""
    return callset.name if len(results.callsets) > 1 else ""


def words(key: str) -> str:
    """Write a key as words."""
    return key.replace("_", " ")


def truth(results: Results) -> Section | None:
    """How well the scores agree with labels or measured effects of the variants."""
    compared = [(callset, callset.truth) for callset in results.callsets if callset.truth is not None]
    prose = (
        "Scores against what the input says of its variants, over all targets and target by target. The "
        "intervals are of resampled stretches of 100,000 bp, or of positions where the variants lie in fewer "
        "than ten."
    )
    if any((found["target"].fill_null("") != "").sum() > _MOST_COMPARED for _, found in compared):
        prose += f" Targets after the {_MOST_COMPARED} that agree best are in truth.tsv only."
    parts = [headed(head(results, callset), *_parts(callset, found)) for callset, found in compared]
    return section("truth", "Agreement with known effects", "variants", prose, *parts)


def _parts(callset: Callset, found: pl.DataFrame) -> list[Markup]:
    agreement = pl.coalesce("auroc", pl.col("spearman").abs())
    pooled = found.filter(pl.col("group") == "")
    whole = pooled.filter(pl.col("target") == "")
    best = pooled.filter(pl.col("target") != "").sort(
        agreement, descending=True, nulls_last=True, maintain_order=True
    )
    rows = {
        _name(row): _row(row) for row in pl.concat([whole, best.head(_MOST_COMPARED)]).iter_rows(named=True)
    }
    parts = [_counts(callset), table("Score", _COLUMNS, rows)]
    for row in pl.concat([whole.head(1), best.head(1)]).iter_rows(named=True):
        same = found.filter(*(pl.col(key) == row[key] for key in ("score", "target")), pl.col("group") != "")
        groups = {each["group"]: _row(each) for each in same.head(_MOST_GROUPS).iter_rows(named=True)}
        if groups:
            parts.append(headed(f"{_name(row)} by group", table("Group", _COLUMNS, groups)))
    chosen = pl.concat([whole.head(1), best.filter(status="scored").head(_MOST_DRAWN)])
    return [*parts, _scatter(callset, chosen.filter(pl.col("truth") != "label").to_dicts())]


def _name(row: dict[str, Any]) -> str:
    return f"{row['target']}: {row['score']}" if row["target"] else row["score"]


def _row(row: dict[str, Any]) -> dict[str, Any]:
    intervals = {f"{name}_interval": between(row[f"{name}_low"], row[f"{name}_high"]) for name in FIGURES}
    status = None if row["status"] == "scored" else f"not compared: {words(row['status'])}"
    return row | intervals | {"truth": TRUTHS.get(row["truth"]), "status": status}


def _counts(callset: Callset) -> Markup:
    known = callset.manifest.truth or {}
    said = f"{_KINDS.get(known.get('kind', ''), 'values')}; {known.get('n', 0):,} scored alleles have one, "
    said += f"{known.get('without_value', 0):,} have none"
    if known.get("without_group"):
        said += f"; {known['without_group']:,} are of no group"
    return Markup("<p>{}</p>").format(f"Known are {said}.")


def _scatter(callset: Callset, rows: list[dict[str, Any]]) -> Markup:
    """Draw scores against what is known, at most some hundred alleles evenly spread over the input."""
    path = callset.path / "truth.parquet"
    if not rows or not callset.wide or (known := read_table(path, _KNOWN)) is None:
        return Markup()
    known = known.drop_nulls("truth")
    known = known.gather_every(max(1, -(-len(known) // _MOST_POINTS)))
    index = {name: number for number, name in callset.targets.items()}
    columns = [
        callset.column(index[row["target"]], LOGIT_DIFF) if row["target"] else row["score"] for row in rows
    ]
    keys = [key for key in _KEYS if key in known.columns]
    names = dict.fromkeys([*keys, "contig", "pos", "ref", "alt", *columns])
    with refusing_damage(path, "table of what is known of the scores beside it"):
        blocks = [known.join(block, on=keys, how="inner") for block in callset.blocks(list(names))]
    alleles = pl.concat(blocks).to_dicts()
    return figure([_points(row, column, alleles) for row, column in zip(rows, columns, strict=True)])


def _points(row: dict[str, Any], column: str, alleles: list[dict[str, Any]]) -> View:
    signed = row["truth"] == "effect"
    points = [
        (
            each["truth"] if signed else abs(each["truth"]),
            each[column] if signed else abs(each[column]),
            f"{label(each)}, known {each['truth']:.4g}: {each[column]:+.4f}",
        )
        for each in alleles
    ]
    return point_view(_name(row), (TRUTHS[row["truth"]].capitalize(), row["score"]), points)
