"""Scores compared with what is known of the variants: labels 0 and 1, or measured effects."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.errors import counted
from danq.evaluate.agreement import FIGURES, Known, draw_alleles
from danq.evaluate.intervals import RESAMPLES, Resamples
from danq.evaluate.truth_keys import TruthKey
from danq.files import atomic
from danq.progress import progress
from danq.score.measures import LOGIT_DIFF, Columns
from danq.score.tables import is_scored, matrix, no_rows
from danq.score.write import Records
from danq.spool import RowSpool
from danq.tables import writing_rows
from danq.variants.text import readable

log = logging.getLogger("danq")

Kind = Literal["labels", "signed", "unsigned"]
"""What is known: only 0 and 1; effects of which some are negative; or effects of which none is."""

COLUMNS = (
    *("group", "score", "target", "truth", "n", "positives"),
    *(f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")),
    *("blocks", "status"),
)
"""Columns of ``truth.tsv``."""
ABSOLUTE = f"abs_{LOGIT_DIFF}"

_DIGITS = ".6g"
_MOST_GROUPS = 1_000
_MOST_SHOWN = 40
_AFFORDABLE = 3e9
"""Alleles × comparisons × resamples up to which there are intervals (about a minute)."""
_KEYS = ["row", "allele", "sample", "haplotype", "contig", "pos"]
TRUTHS = {"label": "the label", "effect": "the effect", "absolute": "the absolute effect"}
"""What scores are compared with, in words."""


class Truth:
    """Scores of the alleles whose truth is known, kept in the file `path` until all are there.

    Compared are the scores of `columns` and the logit differences of its chosen targets, of all alleles and,
    with `group`, of each group of them. The caller removes the file.
    """

    def __init__(self, key: TruthKey, columns: Columns, path: Path, group: TruthKey | None = None) -> None:
        self._key, self._columns, self._group_key = key, columns, group
        self._names = [(score, "") for score in columns.compared]
        self._names += [(LOGIT_DIFF, columns.targets[index]) for index in columns.chosen]
        self._spool = RowSpool(path, np.float32)
        self._spool.append(np.empty((0, len(self._names))))
        self._values: list[float] = []
        self._groups: list[str | None] = []
        self._alleles: list[pa.Table] = []
        self._without = 0
        self._no_number = ""

    def add(self, records: Records, batch: pa.RecordBatch) -> None:
        """Add the scored alleles of some records; those without a number are only counted."""
        numbers, scored = batch.column("allele").to_pylist(), is_scored(batch)
        values: list[float | None] = []
        groups: list[str | None] = []
        for text, place in records:
            alts = max(numbers[row] for row in place)
            rows = [numbers[row] - 1 for row in place if scored[row]]
            of_alts = self._key.values(text, alts)
            values += [of_alts[row] for row in rows]
            if not self._no_number and any(of_alts[row] is None for row in rows):
                words = self._key.words(text, alts)
                odd = (words[row] for row in rows if of_alts[row] is None)
                self._no_number = readable(next(filter(None, odd), ""))[:_MOST_SHOWN]
            if self._group_key is not None:
                words = self._group_key.words(text, alts)
                groups += [words[row] for row in rows]
        of_alleles = [batch.column(name).drop_null().to_numpy() for name in self._columns.compared]
        of_targets = matrix(batch, LOGIT_DIFF, len(self._columns.chosen))
        known = np.array([value is not None for value in values], bool)
        self._without += int(len(values) - known.sum())
        self._values += [value for value in values if value is not None]
        self._groups += [group for group, keep in zip(groups, known, strict=False) if keep]
        self._spool.append(np.column_stack([*of_alleles, of_targets])[known])
        kept = batch.select(_KEYS).filter(pa.array(scored)).filter(pa.array(known))
        self._alleles.append(pa.table(kept))

    def write(self, path: Path) -> dict[str, Any]:
        """Write ``truth.tsv``, a row a group, score and target, and ``truth.parquet``, a row an allele.

        Scores without a sign are compared with labels or absolute effects, those with a sign with labels or
        signed effects.

        Returns
        -------
        dict
            kind (`Kind`), n, positives (of labels), without_value: scored alleles left out because their
            value is missing or no number; with groups also groups and without_group.

        Raises
        ------
        DanqError
            If a file cannot be written.
        """
        alleles = pa.concat_tables([pa.table(no_rows(self._columns).select(_KEYS)), *self._alleles])
        truth, groups = np.array(self._values, np.float64), self._chosen_groups()
        kind = kind_of(truth)
        summary = self._summary(kind, truth, groups)
        sets = self._sets(kind, truth, alleles, groups)
        best: dict[str, Mapping[str, Any]] = {}
        with (
            atomic(path) as unfinished,
            unfinished.open("w", encoding="utf-8") as stream,
            progress("comparing with the truth", len(self._names), "scores") as advance,
        ):
            stream.write("\t".join(COLUMNS) + "\n")
            for names, scores in zip(self._names, self._spool.columns(), strict=True):
                for row in _compared(names, scores, kind, groups, sets):
                    stream.write("\t".join(_text(row.get(title)) for title in COLUMNS) + "\n")
                    if not row["group"]:
                        _keep_best(best, row)
                advance()
        self._write_values(path.with_suffix(".parquet"), truth, alleles)
        self._tell(summary, best)
        return summary

    def _tell(self, summary: Mapping[str, Any], best: Mapping[str, Mapping[str, Any]]) -> None:
        """Say how well scores agree, or why nothing is compared."""
        if self._values:
            agreement = _describe(summary, best, len(self._columns.chosen), self._no_number)
            log.info("--truth %s: %s", self._key.key, agreement)
        else:
            message = "none of %s scored alleles has a number there%s: nothing is compared"
            such = self._no_number and f", but for example {self._no_number!r}"
            log.warning(f"--truth %s: {message}", self._key.key, f"{self._without:,}", such)

    def _chosen_groups(self) -> dict[str, NDArray[np.int64]]:
        """Rows of all alleles, under "", and of each group."""
        whole = {"": np.arange(len(self._values))}
        texts = np.array([group or "" for group in self._groups], np.str_)
        names, number = np.unique(texts, return_inverse=True)
        n = int((names != "").sum())
        if n > _MOST_GROUPS:
            message = "%d groups of alleles, of which at most %d are compared: none is"
            log.warning(f"--truth-group: {message}", n, _MOST_GROUPS)
            return whole
        rows = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
        # without a group there is one part, which is empty
        return whole | {str(name): each for name, each in zip(names, rows, strict=False) if name}

    def _sets(
        self,
        kind: Kind,
        truth: NDArray[np.float64],
        alleles: pa.Table,
        groups: Mapping[str, NDArray[np.int64]],
    ) -> dict[str, dict[str, Known]]:
        """Give what the scores of each group are compared with, with resamples where that is affordable."""
        if len(self._names) * len(self._values) * RESAMPLES > _AFFORDABLE:
            return {group: _known(kind, truth[rows], None) for group, rows in groups.items()}
        contig, pos = np.array(alleles["contig"].to_pylist(), np.str_), alleles["pos"].to_numpy()
        return {
            group: _known(kind, truth[rows], draw_alleles(contig[rows], pos[rows], seed=0))
            for group, rows in groups.items()
        }

    def _summary(self, kind: Kind, truth: NDArray[np.float64], groups: Mapping[str, Any]) -> dict[str, Any]:
        summary = {"kind": kind, "n": len(truth), "without_value": self._without}
        if kind == "labels":
            summary["positives"] = int(truth.sum())
        if self._group_key is not None:
            summary |= {"groups": len(groups) - 1, "without_group": Counter(self._groups)[None]}
        return summary

    def _write_values(self, path: Path, truth: NDArray[np.float64], alleles: pa.Table) -> None:
        """Write what is known of each allele, which the report draws the scores against."""
        kept = _KEYS[:4] if self._columns.samples else _KEYS[:2]
        table = alleles.select(kept).append_column("truth", pa.array(truth))
        if self._group_key is not None:
            table = table.append_column("group", pa.array(self._groups, pa.string()))
        with writing_rows(path, table.schema, "parquet", ("sample", "group")) as append:
            append(table)


def kind_of(truth: NDArray[np.float64]) -> Kind:
    """Tell labels from effects, and effects with a sign from those without."""
    if np.isin(truth, (0, 1)).all():
        return "labels"
    return "signed" if (truth < 0).any() else "unsigned"


def _known(kind: Kind, truth: NDArray[np.float64], resamples: Resamples | None) -> dict[str, Known]:
    """Give what scores are compared with, by its name in ``truth.tsv``."""
    if kind == "labels":
        return {"label": Known(truth, True, resamples)}
    absolute = {"absolute": Known(np.abs(truth), False, resamples)}
    return absolute if kind == "unsigned" else absolute | {"effect": Known(truth, False, resamples)}


def _compared(
    names: tuple[str, str],
    scores: NDArray[np.float32],
    kind: Kind,
    groups: Mapping[str, NDArray[np.int64]],
    sets: Mapping[str, Mapping[str, Known]],
) -> Iterator[dict[str, Any]]:
    """Rows of one score: with its sign, if it has one, and without, each over all groups."""
    score, target = names
    unsigned = "label" if kind == "labels" else "absolute"
    columns = [(score, scores, unsigned)]
    if score == LOGIT_DIFF:
        signed = "label" if kind == "labels" else "effect"
        columns = [(ABSOLUTE, np.abs(scores), unsigned), (score, scores, signed)][: 1 + (kind != "unsigned")]
    for name, values, what in columns:
        for group, rows in groups.items():
            row = sets[group][what].compare(values[rows])
            yield {"group": group, "score": name, "target": target, "truth": what, **row}


def _keep_best(best: dict[str, Mapping[str, Any]], row: Mapping[str, Any]) -> None:
    """Keep the first score of the allele, and of each kind of score of targets the one that agrees best."""
    kind = row["score"] if row["target"] else ""
    if kind not in best or (kind and _agreement(row) > _agreement(best[kind])):
        best[kind] = row


def _agreement(row: Mapping[str, Any]) -> float:
    return float(row.get("auroc") or abs(row.get("spearman") or 0.0))


def _describe(
    summary: Mapping[str, Any], best: Mapping[str, Mapping[str, Any]], targets: int, no_number: str
) -> str:
    """Say how well scores agree in one line; `no_number` is a value that is none."""
    kinds = {"labels": "labels", "signed": "signed effects", "unsigned": "effects without a sign"}
    such = no_number and f", such as {no_number!r}"
    counts = [f"{summary['without_value']:,} without a number{such}"]
    counts += [f"{summary['positives']:,} positive"] if "positives" in summary else []
    counts += [counted(summary["groups"], "group")] if "groups" in summary else []
    parts = [f"{kinds[summary['kind']]} of {counted(summary['n'], 'allele')} ({', '.join(counts)})"]
    for row in best.values():
        name = row["score"] if not row["target"] else f"{row['score']} of {row['target']}"
        chosen = f", best of {targets} targets" if row["target"] and targets > 1 else ""
        figures = [_figure(row, figure) for figure in FIGURES if row.get(figure) is not None]
        shown = ", ".join(figures) or f"not compared ({row['status']})"
        parts.append(f"{name} with {TRUTHS[row['truth']]}{chosen}: {shown}")
    return "; ".join(parts)


def _figure(row: Mapping[str, Any], name: str) -> str:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    between = f" [{low:.3f}, {high:.3f}]" if low is not None and high is not None else ""
    return f"{FIGURES[name]} {row[name]:.3f}{between}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return format(value, _DIGITS) if isinstance(value, float) else str(value)
