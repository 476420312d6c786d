"""Tables written as their rows come: Parquet in row groups of 10,000, tab-separated text, Arrow for work."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.errors import DanqError
from danq.files import atomic

Format = Literal["parquet", "tsv"]
Append = Callable[[pa.Table], None]
"""Add the next rows to a table."""
ROW_GROUP = 10_000
"""Rows of one Parquet row group, whatever the blocks they came in."""
_DIGEST = b"danq.digest"


def writing_rows(
    path: Path, schema: pa.Schema, form: Format, words: Sequence[str] = ("contig",)
) -> AbstractContextManager[Append]:
    """Write a table block by block; memory does not grow with its rows, nor do bytes depend on the blocks.

    Parameters
    ----------
    path : Path
        File to write; present only when it is whole.
    schema : pyarrow.Schema
        Its columns, and metadata to keep in a Parquet file.
    words : sequence of str
        Columns of few different texts, which a Parquet file keeps in a dictionary.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    return _writing_tsv(path, schema) if form == "tsv" else _writing_parquet(path, schema, words)


@contextmanager
def _writing_parquet(path: Path, schema: pa.Schema, words: Sequence[str]) -> Iterator[Append]:
    dictionaries = [name for name in words if name in schema.names]
    with (
        atomic(path) as partial,
        pq.ParquetWriter(partial, schema, compression="zstd", use_dictionary=dictionaries) as writer,
    ):
        waiting: list[pa.Table] = []

        def write(rows: pa.Table) -> None:
            writer.write_table(rows.combine_chunks(), row_group_size=ROW_GROUP)

        def append(rows: pa.Table) -> None:
            waiting.append(rows.replace_schema_metadata(schema.metadata))
            if sum(map(len, waiting)) >= ROW_GROUP:
                joined = pa.concat_tables(waiting)
                whole = len(joined) - len(joined) % ROW_GROUP
                for first in range(0, whole, ROW_GROUP):
                    write(joined.slice(first, ROW_GROUP))
                # a copy, so that what is written is not held by its rest
                waiting[:] = [joined.slice(whole).combine_chunks()]

        yield append
        if sum(map(len, waiting)):
            write(pa.concat_tables(waiting))


@contextmanager
def _writing_tsv(path: Path, schema: pa.Schema) -> Iterator[Append]:
    with atomic(path) as partial, partial.open("wb") as stream:

        def append(rows: pa.Table) -> None:
            frame = pl.DataFrame(pl.from_arrow(rows))
            # as text first: written by polars itself, a full disk would lack the system's reason
            text = frame.write_csv(separator="\t", include_header=stream.tell() == 0, quote_style="never")
            stream.write(text.encode())

        append(schema.empty_table())
        yield append


@contextmanager
def writing_batches(path: Path, schema: pa.Schema, digest: str) -> Iterator[pa.RecordBatchFileWriter]:
    """Write unfinished work as an Arrow file that holds the digest of its inputs; present only when whole.

    Raises
    ------
    DanqError
        If the directory cannot be written to or the disk is full.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with (
        atomic(path) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, schema.with_metadata({_DIGEST: digest}), options=options) as writer,
    ):
        yield writer


@contextmanager
def reading_batches(path: Path, digest: str) -> Iterator[pa.RecordBatchFileReader]:
    """Open a file of `writing_batches`.

    Raises
    ------
    DanqError
        If it is missing, damaged or belongs to other inputs.
    """
    try:
        with pa.OSFile(str(path), "rb") as source, pa.ipc.open_file(source) as reader:
            if (reader.schema.metadata or {}).get(_DIGEST) != digest.encode():
                raise DanqError(f"{path}: belongs to another scoring; remove it and score again")
            yield reader
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise DanqError(f"{path}: damaged ({error}); remove it and score again") from None
