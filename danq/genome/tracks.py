"""Intervals from BED, narrowPeak, broadPeak, GFF3 and GTF: a fast reader, and a plain one that names lines.

The plain reader defines what is accepted. The fast one reads what is regular (tabs, equal numbers of columns,
sound numbers) and gives up at anything else, so that the plain one either copes or says which line is wrong.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import numpy as np
import polars as pl

from danq.errors import DanqError, check_name
from danq.files import open_binary, read_lines, read_whole
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import Intervals, PlacedIntervals

_SUMMIT_COLUMN = 10  # narrowPeak's; the BED standard itself has no form of ten columns
_GFF = frozenset({".gff", ".gff3", ".gtf"})
_GFF_COLUMNS = 9
_HEADERS = ("track", "browser")
_HEAD = re.compile(rb"(?:(?:#|(?:track|browser)(?=[ \t\r\n]))[^\n]*\n|[ \t\r]*\n)*")
_SEQUENCE = ("##FASTA", ">")
_INTEGER = re.compile(r" *[+-]?[0-9]{1,18} *")
_RECORD = {"line": pl.Int64, "contig": pl.String, "start": pl.Int64, "end": pl.Int64, "summit": pl.Int64}


class Record(NamedTuple):
    """One interval of a file: its 1-based line; 0-based half-open positions in bp; the summit's position."""

    line: int
    contig: str
    start: int
    end: int
    summit: int


def read_intervals(path: Path, feature: str | None = None) -> Intervals:
    """Read the intervals of a file, plain or gzip; its name tells the format.

    Header lines (``#``, ``track``, ``browser``), blank lines and CRLF are accepted. BED columns are separated
    by tabs, or by runs of spaces in a line without tabs. A file without any interval gives empty arrays.

    Parameters
    ----------
    path : Path
        ``.gff``, ``.gff3`` and ``.gtf`` are GFF, ``.narrowPeak`` and ``.broadPeak`` have 10 and 9 columns,
        all other names are BED; a BED of ten columns is read as narrowPeak.
    feature : str, optional
        Type of the wanted features; needed for GFF and refused for the others.

    Raises
    ------
    DanqError
        If the file cannot be read or a line is malformed; the message names the line.
    """
    if (gff := _suffix(path) in _GFF) and feature is None:
        types = ", ".join(sorted({kind for kind, _ in _features(path)})) or "none"
        raise DanqError(
            f"{path}: a GFF file needs `feature`, the type of the wanted features; it has {types}"
        )
    if feature is not None and not gff:
        raise DanqError(f"{path}: `feature` {feature!r} is for GFF files; expected .gff, .gff3 or .gtf")
    with open_binary(path) as stream:
        data = read_whole(path, stream)
    data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    frame = None
    if b"\r" not in data:
        frame = bed_frame(data, _columns_of(path)) if feature is None else gff_frame(data, feature)
    if frame is None:
        records = bed_records(path) if feature is None else gff_records(path, feature)
        frame = pl.DataFrame(list(records), schema=_RECORD, orient="row")
    names = frame["contig"].unique(maintain_order=True)
    for name in names:
        check_name(name, path, "a contig")
    contig = frame["contig"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int32)
    start, end, summit = (frame[column].to_numpy() for column in ("start", "end", "summit"))
    return Intervals(tuple(names), contig, start, end, summit)


def place_intervals(
    path: Path, genome: Genome, aliases: Mapping[str, str] | None = None, feature: str | None = None
) -> PlacedIntervals:
    """Read the intervals of a file onto the contigs of a genome; those on unknown contigs are only counted.

    `aliases` are as from `danq.genome.contigs.read_aliases`, `feature` is as for `read_intervals`.

    Raises
    ------
    DanqError
        As `read_intervals`, and if a contig name is ambiguous, or an interval ends beyond its contig; the
        message names the line.
    """
    intervals = read_intervals(path, feature)
    resolved = resolve_contigs(intervals.names, genome.names, str(path), aliases)
    indices = np.array([resolved.index.get(name, -1) for name in intervals.names], np.int32)
    contig = indices[intervals.contig] if len(indices) else intervals.contig
    known = contig >= 0
    beyond = np.flatnonzero(known & (intervals.end > genome.lengths[contig]))
    if len(beyond):
        raise _beyond(path, intervals, int(beyond[0]), genome, int(contig[beyond[0]]))
    counts = np.bincount(intervals.contig, minlength=len(intervals.names))
    return PlacedIntervals(
        contig=contig[known],
        start=intervals.start[known],
        end=intervals.end[known],
        summit=intervals.summit[known],
        unknown={name: int(counts[intervals.names.index(name)]) for name in resolved.unknown},
        renamed=resolved.renamed,
    )


def _beyond(path: Path, intervals: Intervals, row: int, genome: Genome, contig: int) -> DanqError:
    place = intervals.names[intervals.contig[row]], intervals.start[row], intervals.end[row]
    features = (record for _, record in _features(path))
    records = features if _suffix(path) in _GFF else bed_records(path)
    line = next(record.line for record in records if record[1:4] == place)
    return DanqError(
        f"{path}:{line}: expected an interval within {genome.names[contig]!r} of "
        f"{genome.lengths[contig]:,} bp, received one that ends at {place[2]:,}"
    )


def _suffix(path: Path) -> str:
    """Suffix in lower case without that of the compression, for example ``.narrowpeak``."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz").removesuffix(".bgz")).suffix


def _columns_of(path: Path) -> tuple[int, int]:
    """Fewest and most columns of a BED, by its name."""
    return {".narrowpeak": (10, 10), ".broadpeak": (9, 9)}.get(_suffix(path), (3, 12))


def bed_frame(data: bytes, columns: tuple[int, int]) -> pl.DataFrame | None:
    """Read BED of so many columns (fewest, most) fast, from text with LF line ends.

    Gives contig (String), start, end and summit (Int64), or None if anything is out of the ordinary.
    """
    head = _HEAD.match(data)
    data = data[head.end() :].rstrip() if head else data
    count = data.partition(b"\n")[0].count(b"\t") + 1
    if not columns[0] <= count <= columns[1]:
        return None
    wanted = {0: "contig", 1: "start", 2: "end"}
    if count == _SUMMIT_COLUMN:
        wanted[_SUMMIT_COLUMN - 1] = "offset"
    frame = _columns(data, count, wanted)
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


def gff_frame(data: bytes, feature: str) -> pl.DataFrame | None:
    """Read features of one type of GFF as `bed_frame` does; None also if there is no such feature."""
    for mark in _SEQUENCE:
        # with a line end of its own the first line is looked at too
        data = (b"\n" + data).partition(f"\n{mark}".encode())[0]
    frame = _columns(data.strip(b"\n"), _GFF_COLUMNS, {0: "contig", 2: "type", 3: "start", 4: "end"})
    if frame is None or (frame["start"] < 1).any() or (frame["start"] > frame["end"]).any():
        return None
    frame = frame.filter(pl.col("type") == feature)
    if frame.is_empty() or frame["contig"].str.contains("%", literal=True).any():
        return None
    start = pl.col("start") - 1
    return frame.select("contig", start, "end", summit=(start + pl.col("end")) // 2)


def _columns(data: bytes, count: int, wanted: dict[int, str]) -> pl.DataFrame | None:
    """Read columns, named by their 0-based number, of text of exactly `count` tab-separated ones.

    None if a line has another number of columns or a field is empty or no number.
    """
    # polars accepts names of its own making only where there is no header line
    names = [wanted.get(index) for index in range(count)]
    types = (pl.Int64 if name in ("start", "end", "offset") else pl.String for name in names)
    kept = sorted({*wanted, count - 1})
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            separator="\t",
            quote_char=None,
            comment_prefix="#" if b"\n#" in data or data.startswith(b"#") else None,
            schema={f"column_{number}": type_ for number, type_ in enumerate(types, 1)},
            columns=kept,
        )
    except pl.exceptions.PolarsError:
        return None
    # a line that is too short shows as an empty last column
    if any(column.null_count() for column in frame):
        return None
    return frame.select(pl.col(f"column_{i + 1}").alias(wanted[i]) for i in kept if i in wanted)


def bed_records(path: Path) -> Iterator[Record]:
    """Read BED line by line, as exact about what is wrong as can be.

    Raises
    ------
    DanqError
        If the number of columns is wrong or changes, a position is no integer, an interval is negative or
        empty, or a summit lies outside of its interval; the message names the line.
    """
    fewest, most = _columns_of(path)
    first: tuple[int, int] | None = None
    for number, line in read_lines(path):
        words = line.split()
        if not words or line.startswith("#") or words[0] in _HEADERS:
            continue
        fields = line.split("\t") if "\t" in line else words
        where = f"{path}:{number}"
        if not fewest <= len(fields) <= most:
            expected = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            raise DanqError(f"{where}: expected {expected} columns, received {len(fields)}")
        first = first or (number, len(fields))
        if len(fields) != first[1]:
            raise DanqError(
                f"{where}: expected {first[1]} columns as in line {first[0]}, received {len(fields)}"
            )
        start, end = _positions(where, fields[0], fields[1], fields[2], based=0)
        if start >= end:
            raise DanqError(f"{where}: expected start < end, received {start} and {end}")
        summit = (start + end) // 2
        if len(fields) == _SUMMIT_COLUMN:
            offset = _integer(where, "summit in column 10", fields[_SUMMIT_COLUMN - 1])
            if not -1 <= offset < end - start:
                raise DanqError(
                    f"{where}: expected a summit at 0 to {end - start - 1} bp or -1, received {offset}"
                )
            summit = summit if offset < 0 else start + offset
        yield Record(number, fields[0], start, end, summit)


def gff_records(path: Path, feature: str) -> Iterator[Record]:
    """Read the features of one type line by line.

    Raises
    ------
    DanqError
        If a line is malformed, or the file has no feature of this type; the message lists the types it has.
    """
    types: set[str] = set()
    for kind, record in _features(path):
        types.add(kind)
        if kind == feature:
            yield record
    if feature not in types:
        shown = ", ".join(sorted(types)) or "no features at all"
        raise DanqError(f"{path}: expected features of type {feature!r}, received {shown}")


def _features(path: Path) -> Iterator[tuple[str, Record]]:
    """Read the type and place of every feature; a ``##FASTA`` section ends the file."""
    for number, line in read_lines(path):
        if line.startswith(_SEQUENCE):
            break
        if line.startswith("#") or not line.strip():
            continue
        fields, where = line.split("\t"), f"{path}:{number}"
        if len(fields) != _GFF_COLUMNS:
            raise DanqError(f"{where}: expected {_GFF_COLUMNS} tab-separated columns, received {len(fields)}")
        start, end = _positions(where, fields[0], fields[3], fields[4], based=1)
        if start > end:
            raise DanqError(f"{where}: expected start <= end, received {start} and {end}")
        yield fields[2], Record(number, unquote(fields[0]), start - 1, end, (start - 1 + end) // 2)


def _positions(where: str, contig: str, start: str, end: str, based: int) -> tuple[int, int]:
    if not contig:
        raise DanqError(f"{where}: expected a contig in column 1, received nothing")
    first, last = _integer(where, "start", start), _integer(where, "end", end)
    if first < based:
        raise DanqError(f"{where}: expected a {based}-based start of at least {based}, received {first}")
    return first, last


def _integer(where: str, what: str, text: str) -> int:
    # longer numbers than that are no positions, and would not fit into int64
    if not _INTEGER.fullmatch(text):
        raise DanqError(f"{where}: expected an integer {what}, received {text!r}")
    return int(text)
