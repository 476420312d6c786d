"""Which format a file of intervals is of: by its name, its track line, or the shape of its first records.

Ten columns alone say nothing: they may be a narrowPeak, whose tenth is the summit, or a BED of nine with a
count behind it.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from danq.errors import DanqError

GFF_SUFFIXES = frozenset({".gff", ".gff3", ".gtf"})
HEADERS = ("track", "browser")
INTEGER = re.compile(r" *[+-]?[0-9]{1,18} *")

_NUMBER = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|nan)|na", re.IGNORECASE
)
_BLOCKS = re.compile(r"[0-9]+(?:,[0-9]+)*,?")
_TYPE = re.compile(r"\btype=[\"']?(\w+)")
_STRANDS = frozenset({"+", "-", ".", "*"})
_NO_THICK = ["0", "0", "0"]
"""Thick part and colour of a BED that has none."""
_MACS = ["chr", "start", "end", "length"]
_LOOKED_AT = 100  # records whose shape decides
_HEAD_BYTES = 1 << 18


class TrackFormat(NamedTuple):
    """What the columns of a file mean beyond contig, start and end; further columns are not looked at.

    Attributes
    ----------
    name : str
        As it is called in manifests and messages.
    fewest : int
        Columns of a record at least.
    summit : bool
        Column 10 is the summit: bp behind the start, or -1.
    signal : bool
        Column 4 is a value, and records of 0 are no regions.
    """

    name: str
    fewest: int = 3
    summit: bool = False
    signal: bool = False


BED = TrackFormat("BED")
NARROW_PEAK = TrackFormat("narrowPeak", 10, summit=True)
GFF = TrackFormat("GFF", 8)
_NAMED = (
    BED,
    NARROW_PEAK,
    TrackFormat("broadPeak", 9),
    TrackFormat("gappedPeak", 15),
    TrackFormat("bedGraph", 4, signal=True),
)
_BY_TYPE = {form.name.lower(): form for form in _NAMED}
_BY_SUFFIX = {f".{name}": form for name, form in _BY_TYPE.items() if form is not BED} | {
    ".bdg": _BY_TYPE["bedgraph"],
    ".bg": _BY_TYPE["bedgraph"],
}


def suffix_of(path: Path) -> str:
    """Suffix in lower case without that of the compression, for example ``.narrowpeak``."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz").removesuffix(".bgz")).suffix


def format_of(path: Path, data: bytes) -> TrackFormat:
    """Tell the format of a file of intervals from its name, else its ``track`` line, else its first records.

    A name counts unless most of the first 100 records have fewer columns than the format, as after
    ``cut -f 1-6``. A file is a narrowPeak by its shape if most of them have ten columns or more, of which
    the sixth is a strand, the next three are numbers and the tenth an offset within the interval, unless
    they are a BED's thick part, colour and blocks, or another interval that bedtools joined to a BED of six.

    Parameters
    ----------
    data : bytes
        The text of the file, or its first quarter of a megabyte.

    Raises
    ------
    DanqError
        If it is the table that MACS writes with the suffix .xls, whose positions are 1-based.
    """
    if (suffix := suffix_of(path)) in GFF_SUFFIXES:
        return GFF
    records, kinds = _head(data)
    if records and [field.lower() for field in records[0][:4]] == _MACS:
        raise DanqError(
            f"{path}: expected BED, narrowPeak, broadPeak or GFF, received a table of MACS, whose positions "
            "are 1-based; the narrowPeak or broadPeak beside it holds the same peaks"
        )
    named = _BY_SUFFIX.get(suffix) or (_BY_TYPE.get(kinds[0]) if kinds else None)
    if named is not None:
        cut = sum(BED.fewest <= len(fields) < named.fewest for fields in records)
        return BED if 2 * cut > len(records) else named
    narrow = sum(map(_is_narrow_peak, records))
    return NARROW_PEAK if 2 * narrow > len(records) else BED


def _head(data: bytes) -> tuple[list[list[str]], list[str]]:
    """Fields of the first records, and the types that track lines before them name, in lower case."""
    head = data[:_HEAD_BYTES]
    # a line that the cut goes through is none
    lines = (head if len(head) == len(data) else head.rpartition(b"\n")[0]).decode(errors="replace")
    records: list[list[str]] = []
    kinds: list[str] = []
    for line in lines.replace("\r", "").split("\n"):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if words[0] in HEADERS:
            kinds += [match[1].lower() for match in _TYPE.finditer(line)] if not records else []
            continue
        records.append(line.split("\t") if "\t" in line else words)
        if len(records) == _LOOKED_AT:
            break
    return records, kinds


def _is_narrow_peak(fields: Sequence[str]) -> bool:
    if len(fields) < NARROW_PEAK.fewest or fields[5].strip() not in _STRANDS:
        return False
    places = (fields[1], fields[2], fields[9])
    if not all(map(INTEGER.fullmatch, places)) or not all(map(_NUMBER.fullmatch, fields[6:9])):
        return False
    start, end, offset = map(int, places)
    if not -1 <= offset < max(end - start, 1):
        return False
    whole = all(map(INTEGER.fullmatch, fields[6:8]))
    thick = whole and (start <= int(fields[6]) <= int(fields[7]) <= end or fields[6:9] == _NO_THICK)
    # contig, start and end of another interval; q values of peaks are never above their p values
    other = whole and fields[6] == fields[0] and bool(INTEGER.fullmatch(fields[8]))
    joined = other and int(fields[7]) < int(fields[8])
    blocks = len(fields) > 11 and all(
        _BLOCKS.fullmatch(text) and len(text.rstrip(",").split(",")) == offset for text in fields[10:12]
    )
    return not (thick or blocks or joined)
