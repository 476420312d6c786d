"""Tables written as their rows come: Parquet in row groups of 10,000, tab-separated text, Arrow for work."""

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.errors import DanqError, first_line
from danq.files import atomic, sha256

Format = Literal["parquet", "tsv"]
Append = Callable[[pa.Table], None]
"""Add the next rows to a table."""
ROW_GROUP = 10_000
"""Rows of one Parquet row group, whatever the blocks they came in."""
_DIGEST, _SHA256_BYTES = b"danq.digest", 32


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a table that is in memory, tab-separated where the file is called ``.tsv``, else as Parquet.

    Written by polars itself, a full disk would lack the system's reason, and pass for a fault of danq.
    """
    buffer = io.BytesIO()
    if path.suffix == ".tsv":
        frame.write_csv(buffer, separator="\t")
    else:
        frame.write_parquet(buffer)
    path.write_bytes(buffer.getbuffer())


def writing_rows(
    path: Path, schema: pa.Schema, form: Format, words: Sequence[str] = ("contig",)
) -> AbstractContextManager[Append]:
    """Write a table block by block; memory does not grow with its rows, nor do bytes depend on the blocks.

    Pages of a Parquet file have CRC-32 checksums.

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
        pq.ParquetWriter(
            partial, schema, compression="zstd", use_dictionary=dictionaries, write_page_checksum=True
        ) as writer,
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

    The file ends with the SHA-256 of what stands before it.

    Raises
    ------
    DanqError
        If the directory cannot be written to or the disk is full.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with atomic(path) as partial:
        with (
            pa.OSFile(str(partial), "wb") as sink,
            pa.ipc.new_file(sink, schema.with_metadata({_DIGEST: digest}), options=options) as writer,
        ):
            yield writer
        own = bytes.fromhex(sha256(partial))
        with partial.open("ab") as stream:
            stream.write(own)


class Batches:
    """The batches of an Arrow file, each checked: Arrow itself follows offsets wherever they lead."""

    def __init__(self, reader: pa.RecordBatchFileReader) -> None:
        self._reader = reader

    def __len__(self) -> int:
        """Count the batches."""
        return int(self._reader.num_record_batches)

    def __getitem__(self, number: int) -> pa.RecordBatch:
        """Read a batch."""
        return self.with_metadata(number)[0]

    def with_metadata(self, number: int) -> tuple[pa.RecordBatch, Any]:
        """Read a batch, and what was written beside it."""
        batch, metadata = self._reader.get_batch_with_custom_metadata(number)
        batch.validate(full=True)
        return batch, metadata


@contextmanager
def reading_batches(path: Path, digest: str, check: bool = True) -> Iterator[Batches]:
    """Open a file of `writing_batches`; without `check` its bytes were compared with their digest before.

    Raises
    ------
    DanqError
        If it is missing, damaged or belongs to other inputs.
    """
    try:
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
            arrow = content.slice(0, max(len(content) - _SHA256_BYTES, 0))
            # before anything is decoded: Arrow trusts what it reads, and would crash or read something else
            if check and hashlib.sha256(arrow).digest() != content.slice(len(arrow)).to_pybytes():
                raise DanqError(f"{path}: damaged; remove {path.parent} and start again")
            with pa.ipc.open_file(pa.BufferReader(arrow)) as reader:
                if (reader.schema.metadata or {}).get(_DIGEST) != digest.encode():
                    raise DanqError(f"{path}: of other work; remove {path.parent} and start again")
                yield Batches(reader)
    except FileNotFoundError:
        raise DanqError(f"{path}: gone; another job with the same work may have ended meanwhile") from None
    except (pa.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        # Arrow takes what a file declares for what it has to allocate
        raise DanqError(
            f"{path}: damaged ({first_line(error)}); remove {path.parent} and start again"
        ) from None
