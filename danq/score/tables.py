"""The tables of scores: one row an allele, or one row an allele and target; Parquet or text."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.files import atomic
from danq.learn.predict.tables import ROW_GROUP, grouped
from danq.score.rows import Columns, matrix

Format = Literal["parquet", "tsv"]
Append = Callable[[pa.RecordBatch], None]
"""Add a batch of `danq.score.rows.rows` to a table."""

_PLACE = ("row", "allele", "contig", "pos", "id", "ref", "alt")
_SAMPLE = ("sample", "haplotype")
_WORDS = ("contig", "max_target", "sample", "target")


def wide_table(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """One row for each scored allele, with columns ``<index>_<target>__<measure>`` for each chosen target.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
        Rows of `danq.score.rows.rows`; alleles that were not scored are left out.
    columns : Columns
        What the rows hold.
    """
    scored = _scored(batch)
    table = {name: scored.column(name) for name in _place(columns)}
    for name in columns.summaries:
        table[name] = scored.column(name)
    names = pa.array(columns.targets, pa.string())
    table["max_target"] = names.take(table["max_target"])
    numbers = {name: _by_target(scored, name, columns) for name in columns.measures}
    for place, index in enumerate(columns.chosen):
        for name, values in numbers.items():
            table[f"{index}_{columns.targets[index]}__{name}"] = pa.array(values[place])
    return pa.table(table)


def long_table(batch: pa.RecordBatch, columns: Columns) -> pa.Table:
    """One row for each scored allele and chosen target: its place, `target_index`, `target`, the measures.

    Parameters
    ----------
    batch, columns
        As for `wide_table`.
    """
    scored = _scored(batch)
    k = len(columns.chosen)
    allele = pa.array(np.repeat(np.arange(len(scored)), k))
    index = np.tile(np.array(columns.chosen, np.int32), len(scored))
    table = {name: scored.column(name).take(allele) for name in _place(columns)}
    table["target_index"] = pa.array(index)
    table["target"] = pa.array(columns.targets, pa.string()).take(table["target_index"])
    for name in columns.measures:
        table[name] = pa.array(matrix(scored, name, k).ravel())
    return pa.table(table)


def writing_table(
    path: Path, columns: Columns, long: bool, form: Format, metadata: Mapping[str, str]
) -> AbstractContextManager[Append]:
    """Write a table of scores; memory does not grow with the rows, and bytes do not depend on the batches.

    Parameters
    ----------
    path : Path
        File to write.
    columns : Columns
        What the rows hold.
    long : bool
        One row an allele and target instead of one row an allele.
    form : {"parquet", "tsv"}
        Row groups of 10,000, or tab-separated text with a header line.
    metadata : mapping of str to str
        Kept in the Parquet file.

    Returns
    -------
    context manager of Append

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    table = partial(long_table if long else wide_table, columns=columns)
    return _writing_batches(path, table, table(_no_rows(columns)), form, metadata)


@contextmanager
def _writing_batches(
    path: Path,
    table: Callable[[pa.RecordBatch], pa.Table],
    empty: pa.Table,
    form: Format,
    metadata: Mapping[str, str],
) -> Iterator[Append]:
    with writing_rows(path, empty, form, metadata) as append:
        yield lambda batch: append(table(batch))


def writing_rows(
    path: Path, empty: pa.Table, form: Format, metadata: Mapping[str, str]
) -> AbstractContextManager[Callable[[pa.Table], None]]:
    """Write a table as its rows come; memory does not grow with them, and bytes do not depend on the blocks.

    Parameters
    ----------
    path : Path
        File to write.
    empty : pyarrow.Table
        The table without any row.
    form, metadata
        As for `writing_table`.

    Returns
    -------
    context manager of callable
        Call it with the next rows.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    return _writing_tsv(path, empty) if form == "tsv" else _writing_parquet(path, empty, metadata)


@contextmanager
def _writing_parquet(
    path: Path, empty: pa.Table, metadata: Mapping[str, str]
) -> Iterator[Callable[[pa.Table], None]]:
    schema = empty.schema.with_metadata(dict(metadata))
    words = [name for name in _WORDS if name in schema.names]
    with (
        atomic(path) as unfinished,
        pq.ParquetWriter(unfinished, schema, compression="zstd", use_dictionary=words) as writer,
    ):

        def write(group: pa.Table) -> None:
            whole = group.replace_schema_metadata(schema.metadata).combine_chunks()
            writer.write_table(whole, row_group_size=ROW_GROUP)

        with grouped(write, pa.concat_tables, _cut) as append:
            yield append


@contextmanager
def _writing_tsv(path: Path, empty: pa.Table) -> Iterator[Callable[[pa.Table], None]]:
    with atomic(path) as unfinished, unfinished.open("wb") as stream:

        def append(rows: pa.Table) -> None:
            frame = pl.DataFrame(pl.from_arrow(rows))
            # as text first: written by polars itself, a full disk would lack the system's reason
            text = frame.write_csv(separator="\t", include_header=stream.tell() == 0, quote_style="never")
            stream.write(text.encode())

        append(empty)
        yield append


def _place(columns: Columns) -> tuple[str, ...]:
    return (*_PLACE, *(_SAMPLE if columns.samples else ()))


def _scored(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.filter(batch.column("l2_logit_diff").is_valid())


def _by_target(scored: pa.RecordBatch, name: str, columns: Columns) -> np.ndarray:
    return np.ascontiguousarray(matrix(scored, name, len(columns.chosen)).T)


def _no_rows(columns: Columns) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], columns.schema)


def _cut(table: pa.Table, first: int, last: int) -> pa.Table:
    return table.slice(first, last - first)
