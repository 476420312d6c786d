"""Parquet tables that come from others, read whole: what they declare is compared with limits first."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.errors import DanqError, first_line, remedy
from danq.limits import check_memory
from danq.parquet_footer import read_chunks

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_VIEW = 16
"""Bytes of a text or of binary data in memory besides its own."""
_UNREADABLE = (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError)
_DAMAGED_FOOTER = (ValueError, LookupError, RecursionError)
DAMAGED = (pl.exceptions.PolarsError, pl.exceptions.PanicException, *_UNREADABLE)
"""What readers of Parquet raise over a damaged file."""


@contextmanager
def refusing_damage(path: Path, what: str) -> Iterator[None]:
    """Make what the reader of a damaged table, Parquet or text, raises a refusal of that file."""
    try:
        yield
    except DAMAGED as error:
        raise DanqError(f"{path}: expected a {what} ({first_line(error)}){remedy(path)}") from None


def check_parquet(path: Path, columns: Collection[str] | None = None, *, by_group: bool = False) -> None:
    """Refuse a Parquet table that would take more memory than a file may, or whose data lie in other files.

    A file that is no such table passes: its reader says what is wrong.

    Parameters
    ----------
    columns : collection of str, optional
        Columns that will be read; all where left out.
    by_group : bool
        Whether no more than a row group is read at a time.

    Raises
    ------
    DanqError
        With the limit, and how to raise it.
    """
    try:
        with pq.ParquetFile(path):
            pass
    except _UNREADABLE:
        return
    try:
        sizes = _group_sizes(path, columns)
    except _DAMAGED_FOOTER as error:
        raise DanqError(
            f"{path}: expected a whole Parquet table, received a damaged footer ({error}); "
            "remove it and make it again"
        ) from None
    check_memory(path, max(sizes, default=0) if by_group else sum(sizes))


def _group_sizes(path: Path, columns: Collection[str] | None) -> list[int]:
    """Bytes in memory of each row group, at least what it declares."""
    names = None if columns is None else {name.encode() for name in columns}
    sizes = []
    for chunks in read_chunks(path):
        size = 0
        for chunk in chunks:
            if chunk.elsewhere:
                raise DanqError(f"{path}: expected data in the file itself, received a reference to another")
            if names is None or chunk.column in names:
                # few different values stand there once: their number, not the bytes, says what they unfold to
                size += max(chunk.values * _WIDTHS.get(chunk.kind, _VIEW), chunk.nbytes, 0)
        sizes.append(size)
    return sizes


def read_parquet(path: Path, columns: list[str] | None = None, *, checked: bool = False) -> pl.DataFrame:
    """Read a Parquet table of reasonable size; damage is for the caller, as one of `DAMAGED`.

    With `checked` pages are compared with their CRC-32, where they have one.

    Raises
    ------
    DanqError
        As `check_parquet`, or if texts that stand in the file once would take too much for all rows.
    """
    check_parquet(path, columns)
    if checked:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = pl.DataFrame(pl.from_arrow(file.read(columns)))
    else:
        table = pl.read_parquet(path, columns=columns)
    check_memory(path, sum(_text_bytes(column) for column in table))
    return table


def _text_bytes(column: pl.Series) -> int:
    """Bytes that the texts of a column take as rows, at most."""
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        return int(column.cat.len_bytes().cast(pl.Int64).sum())
    if column.dtype == pl.String:
        return int(column.str.len_bytes().cast(pl.Int64).sum())
    if column.dtype == pl.Binary:
        return int(column.bin.size().cast(pl.Int64).sum())
    return 0
