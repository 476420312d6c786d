"""Alleles and their measures as rows, and what is written of these: the tables of scores and the ledger."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from danq.score.effects import Effects
from danq.score.manifest import HaplotypeCounts, ScoreCounts
from danq.score.measures import Columns, column_of
from danq.tables import Format, writing_rows
from danq.variants.alleles import REASONS
from danq.variants.haplotypes import Windows
from danq.variants.survey_file import CARRIED_ALLELES

_PLACE = ("row", "allele", "contig", "pos", "id", "ref", "alt")
_SAMPLE = ("sample", "haplotype")
_LEDGER = (*_PLACE, "status", "reason", "flags")
_OF_ALLELE = [CARRIED_ALLELES.field(name) for name in (*_PLACE, *_SAMPLE, "reason")]
OF_HAPLOTYPE = [
    *(CARRIED_ALLELES.field("sample"), CARRIED_ALLELES.field("haplotype"), pa.field("contig", pa.string())),
    *(pa.field("start", pa.int64()), pa.field("end", pa.int64()), pa.field("n", pa.int32())),
    *(pa.field("alleles", pa.string()), pa.field("ids", pa.string()), pa.field("lacking", pa.int32())),
    *(pa.field("reason", pa.string()), pa.field("flags", pa.string())),
]
"""Columns of a haplotype's window before its measures; `reason` is empty where it has measures."""
_DTYPES = {"float32": pa.float32(), "target": pa.int32()}


def rows_schema(columns: Columns, haplotypes: bool = False) -> pa.Schema:
    """Give the schema of `rows`: without a score an allele's measures are null and its lists empty.

    With `haplotypes`, rows are the windows of haplotypes.
    """
    measures = [(measure.name, _DTYPES[measure.dtype]) for measure in columns.of("allele")]
    lists = [(name, pa.list_(pa.float32())) for name in columns.lists]
    place = OF_HAPLOTYPE if haplotypes else [*_OF_ALLELE, ("flags", pa.string())]
    return pa.schema([*place, *measures, *lists])


def rows(windows: Windows, effects: Effects, columns: Columns) -> pa.RecordBatch:
    """Put n alleles, of which m have windows and effects, into n rows with the schema `rows_schema`."""
    alleles = windows.alleles
    present = np.zeros(len(alleles), bool)
    present[windows.scored] = True
    arrays = [pa.array(list(map(attrgetter(each.name), alleles)), each.type) for each in _OF_ALLELE]
    arrays.append(pa.array([",".join(allele.flags) for allele in alleles], pa.string()))
    arrays += measured(present, effects, columns)
    return pa.record_batch(arrays, schema=rows_schema(columns))


def measured(present: NDArray[np.bool_], effects: Effects, columns: Columns) -> list[pa.Array]:
    """Make the columns of the measures of n rows, of which the m that are `present` have effects."""
    arrays = []
    for measure in columns.of("allele"):
        dtype = _DTYPES[measure.dtype]
        values = np.zeros(len(present), dtype.to_pandas_dtype())
        values[present] = measure.formula(effects)
        arrays.append(pa.array(values, mask=~present))
    for measure, targets in columns.lists.values():
        values = measure.formula(effects)[:, np.array(targets, np.int64)]
        arrays.append(_lists(values.astype(np.float32), present))
    return arrays


def no_rows(columns: Columns, haplotypes: bool = False) -> pa.RecordBatch:
    """Make a batch like those of `rows` that holds nothing."""
    return pa.RecordBatch.from_pylist([], rows_schema(columns, haplotypes))


def is_scored(batch: pa.RecordBatch) -> NDArray[np.bool_]:
    """Tell which rows have a score: bool, shape (n,)."""
    scored: NDArray[np.bool_] = pc.equal(batch.column("reason"), "").to_numpy(zero_copy_only=False)
    return scored


def matrix(batch: pa.RecordBatch, name: str, width: int) -> NDArray[np.float32]:
    """Take a list over targets of the m scored alleles back as an array: float32, shape (m, width)."""
    values: NDArray[np.float32] = batch.column(name).flatten().to_numpy()
    return values.reshape(int(is_scored(batch).sum()), width)


def wide_table(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """One row for each scored one of `rows`: its place, its measures, those of each chosen target."""
    scored = batch.filter(pa.array(is_scored(batch)))
    table = {name: scored.column(name) for name in _place(scored, columns)}
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
    """One row for each scored one of `rows` and chosen target: place, index and name of it, measures."""
    scored = batch.filter(pa.array(is_scored(batch)))
    k = len(columns.chosen)
    allele = pa.array(np.repeat(np.arange(len(scored)), k))
    table = {name: scored.column(name).take(allele) for name in _place(scored, columns)}
    table["target_index"] = pa.array(np.tile(np.array(columns.chosen, np.int32), len(scored)))
    table["target"] = pa.array(columns.targets, pa.string()).take(table["target_index"])
    for measure in columns.of("target"):
        table[measure.name] = pa.array(matrix(scored, measure.name, k).ravel())
    return pa.table(table)


@contextmanager
def writing_table(
    path: Path,
    columns: Columns,
    long: bool,
    form: Format,
    metadata: Mapping[str, str],
    haplotypes: bool = False,
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write `long_table` or `wide_table` of batches of `rows`, as `danq.tables.writing_rows` does."""
    table = long_table if long else wide_table
    schema = table(no_rows(columns, haplotypes), columns).schema.with_metadata(dict(metadata))
    names = [measure.name for measure in columns.of("allele") if measure.dtype == "target"]
    with writing_rows(path, schema, form, ("contig", "sample", "target", *names)) as append:
        yield lambda batch: append(table(batch, columns))


@dataclass
class Counts:
    """Alleles, or windows of haplotypes, by reason, "" where they were scored, and by flag."""

    reasons: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Count rows by their columns `reason` and `flags`."""
        self.reasons.update(table.column("reason").to_pylist())
        self.flags.update(
            flag for text in table.column("flags").to_pylist() if text for flag in text.split(",")
        )

    def of(self, records: int) -> ScoreCounts:
        """Give the counts for the manifest; reasons in the order of `danq.variants.alleles.REASONS`."""
        scored, alleles = self.reasons[""], self.reasons.total()
        return ScoreCounts(
            records=records,
            alleles=alleles,
            scored=scored,
            skipped=alleles - scored,
            reasons={reason: self.reasons[reason] for reason in REASONS if self.reasons[reason]},
            flags=dict(sorted(self.flags.items())),
        )

    def of_haplotypes(self) -> HaplotypeCounts:
        """Give the counts of windows of haplotypes for the manifest."""
        return HaplotypeCounts(
            windows=self.reasons.total(),
            scored=self.reasons[""],
            many_n=self.reasons["many_n"],
            flags=dict(sorted(self.flags.items())),
        )


def ledger_table(batch: pa.RecordBatch, samples: bool) -> pa.Table:
    """One row for each allele of the ledger, of samples with the columns `sample` and `haplotype`."""
    status = pc.if_else(pa.array(is_scored(batch)), "scored", "skipped")
    names = _LEDGER + (_SAMPLE if samples else ())
    return pa.table({name: status if name == "status" else batch.column(name) for name in names})


@contextmanager
def writing_ledger(
    path: Path, columns: Columns, counts: Counts
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Write ``ledger.tsv`` batch by batch of `rows`, and add to the counts."""
    empty = ledger_table(no_rows(columns), columns.samples)
    with writing_rows(path, empty.schema, "tsv") as write:

        def append(batch: pa.RecordBatch) -> None:
            counts.add(batch)
            write(ledger_table(batch, columns.samples))

        yield append


def _place(batch: pa.RecordBatch, columns: Columns) -> tuple[str, ...]:
    """Columns of a table before the measures."""
    if "lacking" in batch.schema.names:
        return tuple(field.name for field in OF_HAPLOTYPE if field.name != "reason")
    return (*_PLACE, *(_SAMPLE if columns.samples else ()))


def _lists(values: NDArray[np.float32], present: NDArray[np.bool_]) -> pa.Array:
    """Put values, shape (m, targets), into lists of n rows, empty where `present` is False."""
    ends = np.cumsum(present, dtype=np.int32) * np.int32(values.shape[1])
    offsets = np.concatenate([np.zeros(1, np.int32), ends]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(values).ravel()))
