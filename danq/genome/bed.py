"""BED3 to BED12, narrowPeak and broadPeak as columns: a fast reader, and a plain one that names lines.

The plain reader defines what is accepted. The fast one reads what is regular (tabs, equal numbers of columns,
sound numbers) and gives up at anything else, so that the plain one either copes or says which line is wrong.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polars as pl

from danq.errors import DanqError
from danq.files import read_lines

SUMMIT_COLUMN = 10
"""A tenth column is narrowPeak's summit; the BED standard itself has no ten-column form."""

_COLUMNS = {".narrowpeak": (10, 10), ".broadpeak": (9, 9)}
_HEAD = re.compile(rb"(?:(?:#|(?:track|browser)(?=[ \t\r\n]))[^\n]*\n|[ \t\r]*\n)*")
_HEADERS = ("track", "browser")
_TYPES = {"start": pl.Int64, "end": pl.Int64, "offset": pl.Int64}
_INTEGER = re.compile(r" *[+-]?[0-9]{1,18} *")


class Record(NamedTuple):
    """One interval of a file: its 1-based line; 0-based half-open positions in bp; the summit's position."""

    line: int
    contig: str
    start: int
    end: int
    summit: int


def columns_of(path: Path) -> tuple[int, int]:
    """Fewest and most columns of a file, by its name."""
    return _COLUMNS.get(suffix_of(path), (3, 12))


def suffix_of(path: Path) -> str:
    """Suffix in lower case of a file name without ``.gz`` or ``.bgz``, for example ``.narrowpeak``."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz").removesuffix(".bgz")).suffix


def bed_frame(data: bytes, columns: tuple[int, int]) -> pl.DataFrame | None:
    """Read the text of a regular file, fast.

    Parameters
    ----------
    data : bytes
        Decompressed text with LF line ends.
    columns : tuple of int
        Fewest and most columns, as from `columns_of`.

    Returns
    -------
    polars.DataFrame or None
        Columns contig (String), start, end, summit (Int64); None if anything is out of the ordinary.
    """
    head = _HEAD.match(data)
    data = data[head.end() :].rstrip() if head else data
    count = data.partition(b"\n")[0].count(b"\t") + 1
    if not columns[0] <= count <= columns[1]:
        return None
    wanted = {0: "contig", 1: "start", 2: "end"}
    if count == SUMMIT_COLUMN:
        wanted[SUMMIT_COLUMN - 1] = "offset"
    frame = read_columns(data, count, wanted)
    if frame is None or (frame["start"] < 0).any() or (frame["start"] >= frame["end"]).any():
        return None
    if frame["contig"].is_in(_HEADERS).any():
        return None
    middle = (pl.col("start") + pl.col("end")) // 2
    if "offset" not in frame.columns:
        return frame.with_columns(summit=middle)
    length = frame["end"] - frame["start"]
    if ((frame["offset"] < -1) | (frame["offset"] >= length)).any():
        return None
    summit = pl.when(pl.col("offset") < 0).then(middle).otherwise(pl.col("start") + pl.col("offset"))
    return frame.select("contig", "start", "end", summit=summit)


def read_columns(data: bytes, count: int, wanted: dict[int, str]) -> pl.DataFrame | None:
    """Read some columns of tab-separated text of exactly `count` columns without a header.

    Parameters
    ----------
    data : bytes
        Text with LF line ends; lines that start with ``#`` are skipped.
    count : int
        Columns of every line.
    wanted : dict of int to str
        0-based column → its name; start, end and offset are Int64, all others text.

    Returns
    -------
    polars.DataFrame or None
        None if a line has another number of columns or a field is empty or no number.
    """
    # polars accepts names of its own making only where there is no header line
    schema = {f"column_{index + 1}": _TYPES.get(wanted.get(index, ""), pl.String) for index in range(count)}
    kept = sorted({*wanted, count - 1})
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator="\t",
            quote_char=None,
            comment_prefix="#" if b"\n#" in data or data.startswith(b"#") else None,
            schema=schema,
            columns=kept,
        )
    except pl.exceptions.PolarsError:
        return None
    # a line that is too short shows as an empty last column
    if any(column.null_count() for column in frame):
        return None
    return frame.select(pl.col(f"column_{i + 1}").alias(wanted[i]) for i in kept if i in wanted)


def bed_records(path: Path) -> Iterator[Record]:
    """Read a file line by line, as exact about what is wrong as can be.

    Header lines (``#``, ``track``, ``browser``) and blank lines are skipped. A line with a tab is split at
    tabs, any other at runs of spaces.

    Raises
    ------
    DanqError
        If the number of columns is wrong or changes, a position is no integer, an interval is negative or
        empty, or a summit lies outside of its interval; the message names the line.
    """
    fewest, most = columns_of(path)
    first: tuple[int, int] | None = None
    for number, line in read_lines(path):
        words = line.split()
        if not words or line.startswith("#") or words[0] in _HEADERS:
            continue
        fields = line.split("\t") if "\t" in line else words
        where = f"{path}:{number}"
        if not fewest <= len(fields) <= most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise DanqError(f"{where}: expected {wanted} columns, received {len(fields)}")
        first = first or (number, len(fields))
        if len(fields) != first[1]:
            raise DanqError(
                f"{where}: expected {first[1]} columns as in line {first[0]}, received {len(fields)}"
            )
        yield _record(where, number, fields)


def _record(where: str, number: int, fields: list[str]) -> Record:
    if not fields[0]:
        raise DanqError(f"{where}: expected a contig in column 1, received nothing")
    start, end = integer(where, "start", fields[1]), integer(where, "end", fields[2])
    if start < 0:
        raise DanqError(f"{where}: expected a 0-based start of at least 0, received {start}")
    if start >= end:
        raise DanqError(f"{where}: expected start < end, received {start} and {end}")
    summit = (start + end) // 2
    if len(fields) == SUMMIT_COLUMN:
        offset = integer(where, "summit in column 10", fields[SUMMIT_COLUMN - 1])
        if not -1 <= offset < end - start:
            raise DanqError(
                f"{where}: expected a summit at 0 to {end - start - 1} bp or -1, received {offset}"
            )
        summit = summit if offset < 0 else start + offset
    return Record(number, fields[0], start, end, summit)


def integer(where: str, what: str, text: str) -> int:
    """Read an integer field.

    Raises
    ------
    DanqError
        If the text is none, or longer than any contig.
    """
    if not _INTEGER.fullmatch(text):
        raise DanqError(f"{where}: expected an integer {what}, received {text!r}")
    return int(text)
