"""Alleles and their measures as rows, and what is written of these: the tables of scores and the ledger."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danq.score.background import Background
from danq.score.effects import Effects
from danq.score.manifest import ScoreCounts
from danq.score.measures import Columns, column_of
from danq.tables import Format, writing_rows
from danq.variants.alleles import REASONS, Allele
from danq.variants.haplotypes import Windows

_PLACE = ("row", "allele", "contig", "pos", "id", "ref", "alt")
_SAMPLE = ("sample", "haplotype")
LEDGER_COLUMNS = (*_PLACE, "status", "reason", "flags")
"""Columns of ``ledger.tsv``; two more where samples are scored."""
_ALLELE_COLUMNS: dict[str, tuple[pa.DataType, Callable[[Allele], int | str]]] = {
    "row": (pa.int64(), lambda allele: allele.row),
    "allele": (pa.int32(), lambda allele: allele.allele),
    "contig": (pa.string(), lambda allele: allele.contig),
    "pos": (pa.int64(), lambda allele: allele.pos),
    "id": (pa.string(), lambda allele: allele.id),
    "ref": (pa.string(), lambda allele: allele.ref),
    "alt": (pa.string(), lambda allele: allele.alt),
    "sample": (pa.string(), lambda allele: allele.sample),
    "haplotype": (pa.int8(), lambda allele: allele.haplotype),
    "reason": (pa.string(), lambda allele: allele.reason),
    "flags": (pa.string(), lambda allele: ",".join(allele.flags)),
}
_DTYPES = {"float32": (np.float32, pa.float32()), "target": (np.int32, pa.int32())}


def rows_schema(columns: Columns) -> pa.Schema:
    """Give the schema of `rows`: without a score an allele's measures are null and its lists empty."""
    fields = [(name, dtype) for name, (dtype, _) in _ALLELE_COLUMNS.items()]
    fields += [(measure.name, _DTYPES[measure.dtype][1]) for measure in columns.of("allele")]
    fields += [(name, pa.list_(pa.float32())) for name in columns.lists]
    return pa.schema(fields)


def rows(
    windows: Windows, effects: Effects, columns: Columns, background: Background | None = None
) -> pa.RecordBatch:
    """Put alleles into rows, one each in the order of the input.

    Parameters
    ----------
    windows : Windows
        n alleles, of which m are scored.
    effects : Effects
        Of the m alleles.
    columns : Columns
        What is kept.
    background : Background, optional
        Gives the e-values; needed where `columns` has them.

    Returns
    -------
    pyarrow.RecordBatch
        n rows with the schema `rows_schema`.
    """
    alleles = windows.alleles
    if background is not None:
        effects = replace(effects, evalue=background.evalues(effects.statistic()))
    present = np.zeros(len(alleles), bool)
    present[windows.scored] = True
    arrays = _allele_columns(alleles)
    for measure in columns.of("allele"):
        values = np.zeros(len(alleles), _DTYPES[measure.dtype][0])
        values[present] = measure.formula(effects)
        arrays.append(pa.array(values, mask=~present))
    for measure, targets in columns.lists.values():
        values = measure.formula(effects)[:, np.array(targets, np.int64)]
        arrays.append(_lists(values.astype(np.float32), present))
    return pa.record_batch(arrays, schema=rows_schema(columns))


def no_rows(columns: Columns) -> pa.RecordBatch:
    """Make a batch like those of `rows` that holds no allele."""
    return pa.RecordBatch.from_pylist([], rows_schema(columns))


def is_scored(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Tell which rows have a score: bool, shape (n,)."""
    scored: NDArray[np.bool_] = pc.equal(batch.column("reason"), "").to_numpy(zero_copy_only=False)
    return scored


def matrix(batch: pa.RecordBatch, name: str, width: int) -> NDArray[np.float32]:
    """Take a list over targets of the m scored alleles back as an array: float32, shape (m, width)."""
    values: NDArray[np.float32] = batch.column(name).flatten().to_numpy()
    return values.reshape(int(is_scored(batch).sum()), width)


def wide_table(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """One row for each scored allele of `rows`: its place, its measures, those of each chosen target."""
    scored = batch.filter(pa.array(is_scored(batch)))
    table = {name: scored.column(name) for name in _place(columns)}
    names = pa.array(columns.targets, pa.string())
    for measure in columns.of("allele"):
        values = scored.column(measure.name)
        table[measure.name] = names.take(values) if measure.dtype == "target" else values
    k = len(columns.chosen)
    by_target = {
        measure.name: np.ascontiguousarray(matrix(scored, measure.name, k).T)
        for measure in columns.of("target")
    }
    for place, index in enumerate(columns.chosen):
        for name, values in by_target.items():
            table[column_of(index, columns.targets[index], name)] = pa.array(values[place])
    return pa.table(table)


def long_table(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """One row for each scored allele of `rows` and chosen target: place, index and name of it, measures."""
    scored = batch.filter(pa.array(is_scored(batch)))
    k = len(columns.chosen)
    allele = pa.array(np.repeat(np.arange(len(scored)), k))
    table = {name: scored.column(name).take(allele) for name in _place(columns)}
    table["target_index"] = pa.array(np.tile(np.array(columns.chosen, np.int32), len(scored)))
    table["target"] = pa.array(columns.targets, pa.string()).take(table["target_index"])
    for measure in columns.of("target"):
        table[measure.name] = pa.array(matrix(scored, measure.name, k).ravel())
    return pa.table(table)


@contextmanager
def writing_table(
    path: Path, columns: Columns, long: bool, form: Format, metadata: Mapping[str, str]
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write `long_table` or `wide_table` of batches of `rows`, as `danq.tables.writing_rows` does.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    table = long_table if long else wide_table
    schema = table(no_rows(columns), columns).schema.with_metadata(dict(metadata))
    names = [measure.name for measure in columns.of("allele") if measure.dtype == "target"]
    with writing_rows(path, schema, form, ("contig", "sample", "target", *names)) as append:
        yield lambda batch: append(table(batch, columns))


@dataclass
class Counts:
    """Alleles by what became of them.

    Attributes
    ----------
    reasons : Counter of str
        Alleles that were not scored, by reason.
    flags : Counter of str
        Alleles by flag; one allele may have several.
    scored : int
        Alleles that were scored.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    scored: int = 0

    @property
    def skipped(self) -> int:
        """Alleles that were not scored."""
        return self.reasons.total()

    @property
    def alleles(self) -> int:
        """All alleles."""
        return self.scored + self.skipped

    def add(self, reasons: list[str], flags: list[str]) -> None:
        """Count alleles by their columns `reason` and `flags`."""
        of_reasons = Counter(reasons)
        self.scored += of_reasons.pop("", 0)
        self.reasons.update(of_reasons)
        self.flags.update(flag for text in flags if text for flag in text.split(","))

    def of(self, records: int) -> ScoreCounts:
        """Give the counts for the manifest; reasons in the order of `danq.variants.alleles.REASONS`."""
        return ScoreCounts(
            records=records,
            alleles=self.alleles,
            scored=self.scored,
            skipped=self.skipped,
            reasons={reason: self.reasons[reason] for reason in REASONS if self.reasons[reason]},
            flags=dict(sorted(self.flags.items())),
        )

    def describe(self) -> str:
        """Say the counts in one line: `5 alleles: 3 scored, 2 skipped (star 1, ref_mismatch 1)`."""
        reasons = ", ".join(
            f"{reason} {self.reasons[reason]:,}" for reason in REASONS if self.reasons[reason]
        )
        why = f" ({reasons})" if reasons else ""
        return f"{self.alleles:,} alleles: {self.scored:,} scored, {self.skipped:,} skipped{why}"


def ledger_table(batch: pa.RecordBatch, samples: bool) -> pa.Table:
    """One row for each allele of the ledger, of samples with the columns `sample` and `haplotype`."""
    status = pc.if_else(pa.array(is_scored(batch)), "scored", "skipped")
    names = LEDGER_COLUMNS + (_SAMPLE if samples else ())
    return pa.table({name: status if name == "status" else batch.column(name) for name in names})


@contextmanager
def writing_ledger(
    path: Path, columns: Columns, counts: Counts
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write ``ledger.tsv`` batch by batch of `rows`, and add to the counts.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    empty = ledger_table(no_rows(columns), columns.samples)
    with writing_rows(path, empty.schema, "tsv") as write:

        def append(batch: pa.RecordBatch) -> None:
            counts.add(batch.column("reason").to_pylist(), batch.column("flags").to_pylist())
            write(ledger_table(batch, columns.samples))

        yield append


def _place(columns: Columns) -> tuple[str, ...]:
    return (*_PLACE, *(_SAMPLE if columns.samples else ()))


def _allele_columns(alleles: Sequence[Allele]) -> list[pa.Array]:
    return [pa.array([value(each) for each in alleles], dtype) for dtype, value in _ALLELE_COLUMNS.values()]


def _lists(values: NDArray[np.float32], present: NDArray[np.bool_]) -> pa.Array:
    """Put values, shape (m, targets), into lists of n rows, empty where `present` is False."""
    ends = np.cumsum(present, dtype=np.int32) * np.int32(values.shape[1])
    offsets = np.concatenate([np.zeros(1, np.int32), ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).ravel()))
