"""GFF3 (and GTF) features as columns: 1-based inclusive positions become 0-based half-open ones."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from danq.errors import DanqError
from danq.files import read_lines
from danq.genome.bed import Record, integer, read_columns

_COLUMNS = 9
_SEQUENCE = (b"##FASTA", b">")


def gff_frame(data: bytes, feature: str) -> pl.DataFrame | None:
    """Read one type of feature from the text of a regular file, fast.

    Parameters
    ----------
    data : bytes
        Decompressed text with LF line ends.
    feature : str
        Type (column 3) of the wanted features.

    Returns
    -------
    polars.DataFrame or None
        Columns contig (String), start, end, summit (Int64); None if anything is out of the ordinary or there
        is no such feature.
    """
    if data.startswith(_SEQUENCE):
        return None
    for mark in _SEQUENCE:
        data = data.partition(b"\n" + mark)[0]
    frame = read_columns(data.strip(b"\n"), _COLUMNS, {0: "contig", 2: "type", 3: "start", 4: "end"})
    if frame is None or (frame["start"] < 1).any() or (frame["start"] > frame["end"]).any():
        return None
    frame = frame.filter(pl.col("type") == feature)
    if frame.is_empty() or frame["contig"].str.contains("%", literal=True).any():
        return None
    start = pl.col("start") - 1
    return frame.select("contig", start, "end", summit=(start + pl.col("end")) // 2)


def gff_records(path: Path, feature: str | None) -> Iterator[Record]:
    """Read one type of feature, or all features, line by line.

    Comments, directives and blank lines are skipped; a ``##FASTA`` section ends the file.

    Raises
    ------
    DanqError
        If a line is malformed, or the file has no feature of this type; the message lists the types it has.
    """
    types: dict[str, None] = {}
    for number, line in read_lines(path):
        if line.startswith(("##FASTA", ">")):
            break
        if line.startswith("#") or not line.strip():
            continue
        fields, where = line.split("\t"), f"{path}:{number}"
        if len(fields) != _COLUMNS:
            raise DanqError(f"{where}: expected {_COLUMNS} tab-separated columns, received {len(fields)}")
        if not fields[0]:
            raise DanqError(f"{where}: expected a contig in column 1, received nothing")
        start, end = integer(where, "start", fields[3]), integer(where, "end", fields[4])
        if start < 1:
            raise DanqError(f"{where}: expected a 1-based start of at least 1, received {start}")
        if start > end:
            raise DanqError(f"{where}: expected start <= end, received {start} and {end}")
        types[fields[2]] = None
        if feature in (None, fields[2]):
            yield Record(number, unquote(fields[0]), start - 1, end, (start - 1 + end) // 2)
    if feature is not None and feature not in types:
        shown = ", ".join(sorted(types)) or "no features at all"
        raise DanqError(f"{path}: expected features of type {feature!r}, received {shown}")


def gff_types(path: Path) -> list[str]:
    """Types of the features in a file, sorted."""
    lines = (line for _, line in read_lines(path))
    body = takewhile(lambda line: not line.startswith(("##FASTA", ">")), lines)
    return sorted({line.split("\t")[2] for line in body if not line.startswith("#") and line.count("\t") > 1})
