"""Records of BED and its relatives, and of GFF3 and GTF: a fast reader, and a plain one that names lines.

The plain reader defines what is accepted. The fast one reads what is regular (tabs, equal numbers of columns,
sound numbers) and gives up at anything else, so that the plain one either copes or says which line is wrong.
Neither looks at the genome: zero lengths and positions before a contig or past its end are for others.
"""

import io
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import polars as pl

from danq.errors import DanqError
from danq.files import read_lines, text_lines
from danq.genome.track_formats import GFF, HEADERS, INTEGER, TrackFormat
from danq.text_checks import separated

NO_SUMMIT = -1
_SUMMIT, _SIGNAL, _NAME = 9, 3, 3  # 0-based columns of narrowPeak, bedGraph, BED
_HEAD = re.compile(rb"(?:(?:#|(?:track|browser)(?=[ \t\r\n]))[^\n]*\n|[ \t\r]*\n)*")
_SEQUENCE = ("##FASTA", ">")
_POWER = re.compile(r"[0-9](?:\.[0-9]{1,15})?[eE]\+?[0-9]{1,2}")
_NO_VALUE = frozenset({".", "NA", "N/A", ""})
RECORD = {
    "line": pl.Int64,
    "contig": pl.String,
    "start": pl.Int64,
    "end": pl.Int64,
    "offset": pl.Int64,
    "value": pl.Float64,
    "name": pl.String,
    "ragged": pl.Boolean,
}
"""Columns of a table of `Record`."""


class Record(NamedTuple):
    """One record of a file.

    Attributes
    ----------
    line : int
        1-based.
    contig, start, end : str, int, int
        0-based half-open, in bp; the start may be negative, and the same as the end.
    offset : int
        bp from the start to the summit, or `NO_SUMMIT`.
    value : float
        Of a bedGraph; 1 for all others.
    name : str
        Column 4 of a BED that has it, else empty.
    ragged : bool
        It has another number of columns than the first record.
    """

    line: int
    contig: str
    start: int
    end: int
    offset: int = NO_SUMMIT
    value: float = 1.0
    name: str = ""
    ragged: bool = False


def bed_frame(data: bytes, form: TrackFormat, names: bool = False) -> pl.DataFrame | None:
    """Read BED or a relative fast, from text with LF line ends.

    Gives contig (String), start, end and offset (Int64), of a bedGraph value (Float64), and on request name
    (String), or None if anything is out of the ordinary.
    """
    head = _HEAD.match(data)
    data = data[head.end() :].rstrip() if head else data
    count = data.partition(b"\n")[0].count(b"\t") + 1
    if count < form.fewest:
        return None
    wanted = {0: "contig", 1: "start", 2: "end"}
    if form.summit:
        wanted[_SUMMIT] = "offset"
    if form.signal:
        wanted[_SIGNAL] = "value"
    elif names and count > _NAME:
        wanted[_NAME] = "name"
    frame = _columns(data, count, wanted)
    if frame is None or (frame["start"] > frame["end"]).any() or frame["contig"].is_in(HEADERS).any():
        return None
    more = {} if form.summit else {"offset": pl.lit(NO_SUMMIT, pl.Int64)}
    if names and "name" not in frame.columns:
        more["name"] = pl.lit("")
    return frame.with_columns(**more)


def gff_frame(data: bytes, feature: str) -> pl.DataFrame | None:
    """Read features of one type of GFF as `bed_frame` does; None also if there is no such feature."""
    for mark in _SEQUENCE:
        # with a line end of its own the first line is looked at too
        data = (b"\n" + data).partition(f"\n{mark}".encode())[0]
    data = data.strip(b"\n")
    columns = next((line.count(b"\t") + 1 for line in data.split(b"\n", 100) if line[:1] != b"#"), 0)
    if columns < GFF.fewest:
        return None
    frame = _columns(data, columns, {0: "contig", 2: "type", 3: "start", 4: "end"})
    if frame is None:
        return None
    frame = frame.filter(pl.col("type") == feature)
    if frame.is_empty() or frame["contig"].str.contains("%", literal=True).any():
        return None
    if (frame["start"] > frame["end"] + 1).any():
        return None
    offset = pl.lit(NO_SUMMIT, pl.Int64)
    return frame.select("contig", pl.col("start") - 1, "end", offset=offset)


def _columns(data: bytes, count: int, wanted: dict[int, str]) -> pl.DataFrame | None:
    """Read columns, named by their 0-based number, of text of exactly `count` tab-separated ones.

    None if a line has another number of columns or a field is empty or no number.
    """
    # polars accepts names of its own making only where there is no header line
    kinds = [RECORD.get(wanted.get(index, ""), pl.String) for index in range(count)]
    kept = sorted({*wanted, count - 1})
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator="\t",
            quote_char=None,
            comment_prefix="#" if b"\n#" in data or data.startswith(b"#") else None,
            schema={f"column_{number}": kind for number, kind in enumerate(kinds, 1)},
            columns=kept,
        )
    except pl.exceptions.PolarsError:
        return None
    # a line that is too short shows as an empty last column
    if any(column.null_count() for column in frame):
        return None
    return frame.select(pl.col(f"column_{i + 1}").alias(wanted[i]) for i in kept if i in wanted)


def bed_records(path: Path, form: TrackFormat, data: bytes) -> Iterator[Record]:
    """Read BED or a relative line by line, as exact about what is wrong as can be.

    A position that R wrote as ``1e+05`` is read, too. A summit that is no integer (``.``, NA) is none.

    Parameters
    ----------
    path : Path
        The file, for messages.
    data : bytes
        Its text.

    Raises
    ------
    DanqError
        If columns are too few, a position is no integer, or an interval ends before its start; the message
        names the line.
    """
    columns = 0
    for number, line in text_lines(path, io.BufferedReader(io.BytesIO(data))):
        words = line.split()
        if not words or line.startswith("#") or words[0] in HEADERS:
            continue
        fields = line.split("\t") if "\t" in line else words
        where = f"{path}:{number}"
        if len(fields) < form.fewest:
            raise DanqError(
                f"{where}: expected at least {form.fewest} columns ({form.name}), received {len(fields)}"
                f"{separated(line, form.fewest)}"
            )
        columns = columns or len(fields)
        start, end = _positions(where, fields[0], fields[1], fields[2])
        if start > end:
            raise DanqError(f"{where}: expected start <= end, received {start} and {end}")
        offset = _offset(fields[_SUMMIT]) if form.summit else NO_SUMMIT
        value = _value(where, fields[_SIGNAL]) if form.signal else 1.0
        name = fields[_NAME] if len(fields) > _NAME and not form.signal else ""
        yield Record(number, fields[0], start, end, offset, value, name, len(fields) != columns)


def gff_records(path: Path, feature: str) -> Iterator[Record]:
    """Read the features of one type line by line.

    Raises
    ------
    DanqError
        If a line has too few columns, a feature of this type no sound positions, or the file no feature of
        this type; the message lists the types it has.
    """
    types: set[str] = set()
    for where, number, fields in _gff_lines(path):
        types.add(fields[2])
        if fields[2] != feature:
            continue
        start, end = _positions(where, fields[0], fields[3], fields[4])
        # a place between two bases is written as its left one behind its right one
        if start > end + 1:
            raise DanqError(f"{where}: expected start <= end, received {start} and {end}")
        yield Record(number, unquote(fields[0]), start - 1, end)
    if feature not in types:
        shown = ", ".join(sorted(types)) or "no features at all"
        raise DanqError(f"{path}: expected features of type {feature!r}, received {shown}")


def gff_types(path: Path) -> set[str]:
    """Types of the features of a file."""
    return {fields[2] for _, _, fields in _gff_lines(path)}


def _gff_lines(path: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Split the line of every feature, with its place for messages; a ``##FASTA`` section ends the file."""
    for number, line in read_lines(path):
        if line.startswith(_SEQUENCE):
            break
        if line.startswith("#") or not line.strip():
            continue
        fields, where = line.split("\t"), f"{path}:{number}"
        if len(fields) < GFF.fewest:
            raise DanqError(
                f"{where}: expected at least {GFF.fewest} tab-separated columns, received {len(fields)}"
                f"{separated(line, GFF.fewest)}"
            )
        yield where, number, fields


def _positions(where: str, contig: str, start: str, end: str) -> tuple[int, int]:
    if not contig:
        raise DanqError(f"{where}: expected a contig in column 1, received nothing")
    return _integer(where, "start", start), _integer(where, "end", end)


def _integer(where: str, what: str, text: str) -> int:
    # longer numbers than that are no positions, and would not fit into int64
    if INTEGER.fullmatch(text):
        return int(text)
    if _POWER.fullmatch(text) and (number := Decimal(text)) == int(number):
        return int(number)
    head = " (a line of column names begins with #)" if text.replace("_", "").isalpha() else ""
    raise DanqError(f"{where}: expected an integer {what}, received {text!r}{head}")


def _offset(text: str) -> int:
    return int(text) if INTEGER.fullmatch(text) else NO_SUMMIT


def _value(where: str, text: str) -> float:
    if text.strip() in _NO_VALUE:
        return math.nan
    try:
        return float(text)
    except ValueError:
        raise DanqError(f"{where}: expected a number in column 4, received {text!r}") from None
