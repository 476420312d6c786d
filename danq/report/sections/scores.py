"""Sections of the report about scored variants: what was scored, effects, agreement with what is known."""

from typing import Any

import numpy as np
import polars as pl

from danq.report.callsets import NAMES, Callset, label, with_flags
from danq.report.content import Column, Section, listing, page, table
from danq.report.plots import Points, Tab, line_plot
from danq.report.results import Results
from danq.report.sections.effects import along
from danq.score.measures import EFFECT, MEASURES, TARGET, Measure
from danq.variants.alleles import REASONS

_STRONGEST = 50
_BINS = 60
_MOST_COMPARED = 200
_PLACE = ("group", "offset")
_SHOWN = [measure for measure in MEASURES if measure.title]
_OF_ALLELE = [measure for measure in _SHOWN if measure.of == "allele"]
_OF_TARGET = [measure for measure in _SHOWN if measure.of == "target"]


def scores(results: Results) -> list[Section | None]:
    """Sections of all callsets: counts, distribution, strongest alleles, effects by position, truth."""
    several = len(results.callsets) > 1
    sections = [counts(results), distribution(results)]
    for number, callset in enumerate(results.callsets):
        of = f" of {callset.name}" if several else ""
        sections += [strongest(callset, number, of), along(callset, number, of)]
    return [*sections, *(truth(callset, n, several) for n, callset in enumerate(results.callsets))]


def counts(results: Results) -> Section | None:
    """One row a callset: records, alleles, and what became of each allele."""
    rows: dict[str, dict[str, Any]] = {}
    reasons, flags = dict[str, Column](), dict[str, Column]()
    for callset in results.callsets:
        told = callset.manifest["counts"]
        rows[callset.name] = {
            **{key: told[key] for key in ("records", "alleles", "scored", "skipped")},
            **{f"reason_{reason}": number for reason, number in told["reasons"].items()},
            **{f"flag_{flag}": number for flag, number in told["flags"].items()},
            "speed": callset.manifest.get("variants_per_second"),
        }
        for reason in told["reasons"]:
            meaning = REASONS.get(reason, reason)
            reasons[f"reason_{reason}"] = Column(_words(reason), f"not scored: {meaning}", 0)
        for flag in told["flags"]:
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
    histogram: dict[str, Points] = {}
    beyond: dict[str, Points] = {}
    for callset in results.callsets:
        if callset.wide:
            found, edges = _histogram(callset)
            centres = (edges[:-1] + edges[1:]) / 2
            histogram[callset.name] = [(x, n) for x, n in zip(centres.tolist(), found, strict=True) if n]
            left = np.cumsum(found[::-1])[::-1].tolist()
            beyond[callset.name] = [(x, n) for x, n in zip(edges.tolist(), left, strict=False) if n]
    tabs = [Tab("Histogram", histogram, ylab=f"Alleles in a bin ({_BINS} of equal width)")]
    tabs.append(Tab("At or above", beyond, ylab="Alleles at or above"))
    description = (
        "Largest absolute logit difference of each scored allele, over all targets of the model (natural "
        "logarithm). Counts are on a logarithmic axis; empty bins have no point."
    )
    axes = ("Largest |logit difference|", "Alleles")
    return line_plot("danq_effects", "Distribution of effects", description, axes, tabs, logarithmic=True)


def _histogram(callset: Callset) -> tuple[list[int], np.ndarray]:
    """Numbers of alleles in bins of equal width from 0 to the largest effect, and the bins' edges."""
    largest = max((_effects(block).max(initial=0.0) for block in callset.blocks([EFFECT])), default=0.0)
    edges = np.linspace(0.0, float(largest) or 1.0, _BINS + 1)
    found = np.zeros(_BINS, np.int64)
    for block in callset.blocks([EFFECT]):
        found += np.histogram(_effects(block), edges)[0]
    return found.tolist(), edges


def _effects(block: pl.DataFrame) -> np.ndarray:
    # in the precision of the edges, or the largest effect falls beyond the last
    return block[EFFECT].drop_nulls().cast(pl.Float64).to_numpy()


def strongest(callset: Callset, number: int, of: str) -> Section | None:
    """Make the table of the alleles with the largest effects."""
    if not callset.wide:
        return None
    top = _top(callset)
    if top is None:
        return None
    top = with_flags(callset, top)
    details = _details(callset, top)
    rows: dict[str, dict[str, Any]] = {}
    for row in top.iter_rows(named=True):
        name = label(row)
        name = f"{name} (record {row['row']}, allele {row['allele']})" if name in rows else name
        rows[name] = {
            "id": None if row["id"] in ("", ".") else row["id"],
            **{measure.name: _shown(measure, row.get(measure.name)) for measure in _OF_ALLELE},
            **details.get((row["group"], row["offset"]), {}),
            "flags": row["flags"] or None,
        }
    columns = {
        "id": Column("ID", "of the record"),
        **{m.name: Column(m.title, m.meaning, m.decimals) for m in (*_OF_ALLELE, *_OF_TARGET)},
        "flags": Column("Flags", "remarks of the ledger"),
    }
    description = (
        f"Alleles with the largest absolute logit difference (at most {_STRONGEST}), and the target that "
        "shows it. Positions are 1-based, alleles as the input has them. Numbers of a target are left out "
        "where its columns were not written."
    )
    return table(f"danq_strongest_{number}", f"Strongest variants{of}", description, "Variant", columns, rows)


def _top(callset: Callset) -> pl.DataFrame | None:
    """Rows of the largest effects, largest first, with their row group and their offset in it."""
    wanted = [*NAMES, *(measure.name for measure in _OF_ALLELE)]
    top = None
    for group, block in enumerate(callset.blocks(wanted)):
        numbered = block.with_row_index("offset").with_columns(group=pl.lit(group, pl.Int64))
        both = numbered if top is None else pl.concat([top, numbered])
        kept = both.drop_nulls(EFFECT).sort(EFFECT, *_PLACE, descending=[True, False, False])
        top = kept.head(_STRONGEST)
    return top


def _details(callset: Callset, top: pl.DataFrame) -> dict[tuple[int, int], dict[str, Any]]:
    """Numbers of the strongest target of each of these rows, by row group and offset."""
    details: dict[tuple[int, int], dict[str, Any]] = {}
    index = {target: number for number, target in callset.targets.items()}
    written = sorted({index[target] for target in top[TARGET] if target in index})
    columns = [callset.column(target, measure.name) for target in written for measure in _OF_TARGET]
    groups = sorted(set(top["group"].to_list()))
    for group, block in zip(groups, callset.blocks(columns, groups), strict=True):
        for row in top.filter(group=group).iter_rows(named=True):
            target, values = index.get(row[TARGET]), dict[str, Any]()
            if target is not None:
                names = {measure: callset.column(target, measure.name) for measure in _OF_TARGET}
                for measure in (measure for measure, name in names.items() if name in block.columns):
                    values[measure.name] = _shown(measure, block[names[measure]][row["offset"]])
            details[group, row["offset"]] = values
    return details


def _shown(measure: Measure, value: Any) -> Any:
    """Make text of a small number, which fixed decimals would round to 0."""
    small = measure.dtype == "float32" and measure.decimals is None and value is not None
    return f"{value:.2g}" if small else value


def truth(callset: Callset, number: int, several: bool) -> Section | None:
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
    title = f"Agreement with known effects{f' of {callset.name}' if several else ''}"
    return table(f"danq_truth_{number}", title, description, "Score", columns, rows)


def provenance(results: Results) -> Section | None:
    """Where the scores came from: variants, genome, models, rules."""
    told = [callset.manifest for callset in results.callsets]
    rows: list[list[object]] = [
        ["Variants", *(each["vcf"]["name"] for each in told)],
        ["SHA-256 of the variants", *(each["vcf"]["sha256"] for each in told)],
        ["Genome", *(each["genome"].get("name") or each["genome"].get("path", "") for each in told)],
        ["Digest of the genome", *(each["genome"]["digest"] for each in told)],
        ["Models", *(", ".join(str(b["run"]) for b in each["bundles"]) for each in told)],
        ["Digests of the models", *(", ".join(b["digest"] for b in each["bundles"]) for each in told)],
    ]
    options = list(dict.fromkeys(key for each in told for key in each.get("options", {})))
    rows += [[key, *(_option(each.get("options", {}).get(key)) for each in told)] for key in options]
    rows.append(["Command", *(each.get("provenance", {}).get("command", "") for each in told)])
    heads = ["", *(callset.name for callset in results.callsets)]
    description = (
        "Which variants were scored by which models, with all options. Formulas are in the documentation."
    )
    body = listing(heads, rows) if told else ""
    return page("danq_scores_provenance", "Provenance of the scores", description, body)


def _option(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
