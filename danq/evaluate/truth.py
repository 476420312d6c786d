"""Scores compared with what is known of the variants: labels 0 and 1, or measured effects."""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import rankdata

from danq.errors import DanqError, first_few
from danq.files import atomic
from danq.metrics import SCORED, auprc, auroc, rank
from danq.progress import progress
from danq.score.measures import LOGIT_DIFF, Columns
from danq.score.tables import is_scored, matrix
from danq.score.write import Records
from danq.storage import RowSpool
from danq.variants.text import VariantText

log = logging.getLogger("danq")

COLUMNS = ("score", "target", "n", "positives", "auroc", "auprc", "pearson", "spearman", "status")
"""Columns of ``truth.tsv``."""

_INFO = re.compile(r"##INFO=<(.*)>\s*$")
_NUMBERS = ("A", "R", "1", ".")
_DIGITS = ".6g"
_FEWEST = 3


@dataclass(frozen=True)
class TruthKey:
    """Where the value of each allele stands in a record line.

    Attributes
    ----------
    key : str
        INFO key, or name of the column.
    number : {"A", "R", "1", "."}
        How many values an INFO key has: one an ALT allele, one an allele with REF, one a record, or unsaid.
    column : int
        0-based column of a TSV; -1 for VCF.
    """

    key: str
    number: str
    column: int

    def values(self, text: str, n_alts: int) -> list[float | None]:
        """Read the values of a record line's ALT alleles; None where one is missing or no finite number.

        A single value counts for all alleles where the key's ``Number`` is 1 or not said.
        """
        columns = text.split("\t")
        if self.column >= 0:
            return [_number(columns[self.column]) if self.column < len(columns) else None] * n_alts
        entries = columns[7].split(";") if len(columns) > 7 else []
        entry = next((entry for entry in entries if entry.startswith(f"{self.key}=")), None)
        if entry is None:
            return [None] * n_alts
        numbers = [_number(value) for value in entry[len(self.key) + 1 :].split(",")]
        if self.number == "1" or (self.number == "." and len(numbers) == 1):
            return numbers * n_alts if len(numbers) == 1 else [None] * n_alts
        if self.number == "R" or (self.number == "." and len(numbers) == n_alts + 1):
            numbers = numbers[1:]
        return numbers if len(numbers) == n_alts else [None] * n_alts


def truth_key(variants: VariantText, key: str) -> TruthKey:
    """Find where a file of variants holds the truth: an INFO key of a VCF, or a column of a TSV.

    Raises
    ------
    DanqError
        If there is no such column, the header declares other keys only, or the key holds no numbers.
    """
    if variants.kind == "tsv":
        if key not in variants.columns:
            shown = ", ".join(variants.columns) or "none"
            raise DanqError(f"{variants.path}: --truth {key}: no such column; the file has {shown}")
        return TruthKey(key, "1", 1 + variants.columns.index(key))
    declared = _declared(variants.header)
    if not declared:
        return TruthKey(key, ".", -1)
    if key not in declared:
        shown = first_few(declared, 8)
        raise DanqError(f"{variants.path}: --truth {key}: no such INFO key; the header has {shown}")
    number, kind = declared[key]
    if number not in _NUMBERS or kind == "Flag":
        raise DanqError(
            f"{variants.path}: --truth {key}: expected an INFO key with Number A, R or 1, received "
            f"Number={number}, Type={kind}"
        )
    return TruthKey(key, number, -1)


class Truth:
    """Scores of the alleles whose truth is known, kept in the file `path` until all are there.

    Compared are the scores of `columns` and the logit differences of its chosen targets. The caller removes
    the file.
    """

    def __init__(self, key: TruthKey, columns: Columns, path: Path) -> None:
        self._key, self._columns = key, columns
        self._names = [(score, "") for score in columns.compared]
        self._names += [(LOGIT_DIFF, columns.targets[index]) for index in columns.chosen]
        self._spool = RowSpool(path, np.float32)
        self._spool.append(np.empty((0, len(self._names))))
        self._values: list[NDArray[np.float64]] = []
        self._without = 0

    def add(self, records: Records, batch: pa.RecordBatch) -> None:
        """Add the scored alleles of some records; those without a value are only counted."""
        numbers, scored = batch.column("allele").to_pylist(), is_scored(batch)
        values: list[float | None] = []
        for text, place in records:
            of_alts = self._key.values(text, max(numbers[row] for row in place))
            values += [of_alts[numbers[row] - 1] for row in place if scored[row]]
        of_alleles = [batch.column(name).drop_null().to_numpy() for name in self._columns.compared]
        of_targets = matrix(batch, LOGIT_DIFF, len(self._columns.chosen))
        scores = np.column_stack([*of_alleles, of_targets])
        known = np.array([value is not None for value in values], bool)
        self._without += int(len(values) - known.sum())
        self._values.append(np.array([value for value in values if value is not None], np.float64))
        self._spool.append(scores[known])

    def write(self, path: Path) -> dict[str, Any]:
        """Write ``truth.tsv``: one row a score and target.

        Labels 0 and 1 give AUROC and AUPRC of the allele's scores and each target's absolute and signed logit
        difference; other values give the correlations of Pearson and Spearman with the allele's scores and
        each target's signed logit difference.

        Returns
        -------
        dict
            kind (labels or effects), n, positives (of labels), without_value: scored alleles left out because
            their value is missing or no number.

        Raises
        ------
        DanqError
            If the file cannot be written.
        """
        truth = np.concatenate([np.empty(0), *self._values])
        labels = bool(np.isin(truth, (0, 1)).all())
        compare = partial(_ranking, truth == 1) if labels else partial(_correlation, truth, rankdata(truth))
        with (
            atomic(path) as unfinished,
            unfinished.open("w", encoding="utf-8") as stream,
            progress("comparing with the truth", len(self._names), "scores") as advance,
        ):
            stream.write("\t".join(COLUMNS) + "\n")
            for (score, target), scores in zip(self._names, self._spool.columns(), strict=True):
                rows = {score: scores}
                if labels and score == LOGIT_DIFF:
                    rows = {f"abs_{score}": np.abs(scores), score: scores}
                for name, column in rows.items():
                    row = {"score": name, "target": target, "n": len(truth), **compare(column)}
                    stream.write("\t".join(_text(row.get(title)) for title in COLUMNS) + "\n")
                advance()
        if self._without:
            message = "--truth %s: %d scored alleles have no value and are left out of the comparison with "
            log.warning(message + "%d others", self._key.key, self._without, len(truth))
        counts = {"positives": int(truth.sum())} if labels else {}
        kind = "labels" if labels else "effects"
        return {"kind": kind, "n": len(truth), **counts, "without_value": self._without}


def _ranking(labels: NDArray[np.bool_], scores: NDArray[np.float32]) -> dict[str, Any]:
    ranking = rank(scores, labels)
    row = {"positives": ranking.n_positives, "status": ranking.status}
    return row | {"auroc": auroc(ranking), "auprc": auprc(ranking)} if ranking.status == SCORED else row


def _correlation(
    effects: NDArray[np.float64], ranks: NDArray[np.float64], scores: NDArray[np.float32]
) -> dict[str, Any]:
    if len(effects) < _FEWEST:
        return {"status": "too_few"}
    if np.ptp(effects) == 0 or np.ptp(scores) == 0:
        return {"status": "constant"}
    return {
        "pearson": float(np.corrcoef(effects, scores.astype(np.float64))[0, 1]),
        # Spearman's is Pearson's of the ranks, ties at their mean
        "spearman": float(np.corrcoef(ranks, rankdata(scores))[0, 1]),
        "status": "scored",
    }


def _declared(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """INFO keys of a header → (Number, Type)."""
    declared = {}
    for line in header:
        if match := _INFO.match(line):
            # the description, which may hold anything, is cut off
            entries = dict(re.findall(r"(\w+)=([^,]*)", match[1].partition("Description=")[0]))
            if "ID" in entries:
                declared[entries["ID"]] = (entries.get("Number", "."), entries.get("Type", ""))
    return declared


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    # Python reads 1_000 as a number, which no VCF means
    return value if math.isfinite(value) and "_" not in text else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return format(value, _DIGITS) if isinstance(value, float) else str(value)
