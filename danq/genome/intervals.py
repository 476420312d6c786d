"""Intervals of a genome, 0-based and half-open throughout: from files, from text, placed on contigs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import open_binary
from danq.genome.bed import Record, bed_frame, bed_records, columns_of, suffix_of
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.gff import gff_frame, gff_records, gff_types

_GFF = frozenset({".gff", ".gff3", ".gtf"})
_REGION = re.compile(r"(.+):([0-9,]+)-([0-9,]*)")


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals as a file gives them.

    Attributes
    ----------
    names : tuple of str
        Contig names of the file, in order of appearance.
    contig : int32, shape (n,)
        Index into `names`.
    start, end : int64, shape (n,)
        0-based half-open positions in bp.
    summit : int64, shape (n,)
        0-based position of the summit (narrowPeak column 10), or of the midpoint.
    """

    names: tuple[str, ...]
    contig: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PlacedIntervals:
    """Intervals that lie on the contigs of a genome, in the order of their file.

    Attributes
    ----------
    contig : int32, shape (n,)
        Index of the genome's contig.
    start, end, summit : int64, shape (n,)
        As in `Intervals`.
    unknown : dict of str to int
        Contig name that the genome lacks → number of its intervals, which are left out.
    renamed : dict of str to str
        Contig name in the file → its name in the genome, where the two differ.
    """

    contig: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]
    unknown: dict[str, int]
    renamed: dict[str, str]


@overload
def window_start(start: int, bin: int, window: int) -> int: ...
@overload
def window_start(start: int, bin: NDArray[np.int64], window: int) -> NDArray[np.int64]: ...
@overload
def window_start(
    start: NDArray[np.int64], bin: NDArray[np.int64] | int, window: int
) -> NDArray[np.int64]: ...
def window_start(start: Any, bin: Any, window: Any) -> Any:
    """0-based first base of the window centred on a bin; negative where it begins before its contig.

    Parameters
    ----------
    start : int, or int64, shape (n,)
        0-based first base of the bin.
    bin : int, or int64, shape (n,)
        bp.
    window : int
        bp; may be less than the bin, for a bin is centred in a sequence in the same way.
    """
    return start + bin // 2 - window // 2


def union(
    contig: NDArray[np.int32], start: NDArray[np.int64], end: NDArray[np.int64], touching: bool = True
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Merge intervals that overlap, so that every base stands in one of them at most.

    Parameters
    ----------
    contig : int32, shape (n,)
        Index of each interval's contig.
    start, end : int64, shape (n,)
        0-based half-open, in any order.
    touching : bool
        Merge also those of which one begins where the other ends.

    Returns
    -------
    contig, start, end : int32, int64, int64, shape (m,)
        Disjoint and sorted.
    """
    order = np.lexsort((start, contig))
    contig, start, end = contig[order], start[order], end[order]
    if not len(start):
        return contig, start, end
    # contigs laid end to end, so that one running maximum serves all of them
    offset = contig.astype(np.int64) * (int(end.max()) + 1)
    reach = np.maximum.accumulate(end + offset)
    gap = start[1:] + offset[1:] - reach[:-1]
    first = np.flatnonzero(np.append(True, gap > 0 if touching else gap >= 0))
    last = np.append(first[1:], len(start)) - 1
    return contig[first], start[first], reach[last] - offset[last]


class Region(NamedTuple):
    """A stretch of a contig, 0-based half-open in bp; `end` is None for the contig's end."""

    contig: str
    start: int
    end: int | None


def parse_region(text: str) -> Region:
    """Read ``chr7``, ``chr7:30,508,751-35,296,850`` or ``chr7:30,508,751-`` (1-based, both ends included).

    Raises
    ------
    DanqError
        If the text is none of these, or its last base lies before its first.
    """
    if text and ":" not in text:
        return Region(text, 0, None)
    match = _REGION.fullmatch(text)
    first, last = (part.replace(",", "") for part in match.groups()[1:]) if match else ("", "")
    if not match or not first or int(first) < 1 or (last and int(last) < int(first)):
        raise DanqError(
            f"expected a contig or a region such as `chr7:30,508,751-35,296,850` (1-based), received {text!r}"
        )
    return Region(match[1], int(first) - 1, int(last) if last else None)


def read_intervals(path: Path, feature: str | None = None) -> Intervals:
    """Read BED3 to BED12, narrowPeak, broadPeak or GFF3 (GTF), plain or gzip; the name tells the format.

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
    gff = _is_gff(path)
    if gff and feature is None:
        types = ", ".join(gff_types(path)) or "none"
        raise DanqError(
            f"{path}: a GFF file needs `feature`, the type of the wanted features; it has {types}"
        )
    if feature is not None and not gff:
        raise DanqError(f"{path}: `feature` {feature!r} is for GFF files; expected .gff, .gff3 or .gtf")
    with open_binary(path) as stream:
        data = stream.read()
    data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    frame = None
    if b"\r" not in data:
        frame = gff_frame(data, feature) if feature is not None else bed_frame(data, columns_of(path))
    if frame is None:
        schema = {
            "line": pl.Int64,
            "contig": pl.String,
            "start": pl.Int64,
            "end": pl.Int64,
            "summit": pl.Int64,
        }
        frame = pl.DataFrame(list(_records(path, feature)), schema=schema, orient="row")
    names = frame["contig"].unique(maintain_order=True)
    return Intervals(
        names=tuple(names),
        contig=frame["contig"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int32),
        start=frame["start"].to_numpy(),
        end=frame["end"].to_numpy(),
        summit=frame["summit"].to_numpy(),
    )


def place(
    intervals: Intervals, genome: Genome, source: Path, aliases: Mapping[str, str] | None = None
) -> PlacedIntervals:
    """Put the intervals of a file on the contigs of a genome; those on unknown contigs are only counted.

    Parameters
    ----------
    intervals : Intervals
        What was read from `source`.
    genome : Genome
        The genome they refer to.
    source : Path
        The file, for messages.
    aliases : mapping of str to str, optional
        Alias → genome name, as from `danq.genome.contigs.read_aliases`.

    Raises
    ------
    DanqError
        If a contig name is ambiguous, or an interval ends beyond its contig; the message names the line.
    """
    resolved = resolve_contigs(intervals.names, genome.names, str(source), aliases)
    indices = np.array([resolved.index.get(name, -1) for name in intervals.names], np.int32)
    contig = indices[intervals.contig] if len(indices) else intervals.contig
    known = contig >= 0
    beyond = np.flatnonzero(known & (intervals.end > genome.lengths[contig]))
    if len(beyond):
        raise _beyond(intervals, int(beyond[0]), genome, int(contig[beyond[0]]), source)
    counts = np.bincount(intervals.contig, minlength=len(intervals.names))
    return PlacedIntervals(
        contig=contig[known],
        start=intervals.start[known],
        end=intervals.end[known],
        summit=intervals.summit[known],
        unknown={name: int(counts[intervals.names.index(name)]) for name in resolved.unknown},
        renamed=resolved.renamed,
    )


def _beyond(intervals: Intervals, row: int, genome: Genome, contig: int, source: Path) -> DanqError:
    name = intervals.names[intervals.contig[row]]
    start, end = intervals.start[row], intervals.end[row]
    records = _records(source, None) if source.is_file() else iter(())
    lines = (r.line for r in records if (r.contig, r.start, r.end) == (name, start, end))
    where = next((f"{source}:{line}" for line in lines), f"{source}")
    return DanqError(
        f"{where}: expected an interval within {genome.names[contig]!r} of {genome.lengths[contig]:,} bp, "
        f"received one that ends at {end:,}"
    )


def _is_gff(path: Path) -> bool:
    return suffix_of(path) in _GFF


def _records(path: Path, feature: str | None) -> Iterator[Record]:
    return gff_records(path, feature) if _is_gff(path) else bed_records(path)
