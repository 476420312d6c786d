"""Intervals of a genome, 0-based and half-open throughout: unions, centred windows, regions as text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from danq.errors import DanqError, first_few
from danq.genome.contigs import report_contigs, resolve_contigs
from danq.genome.fasta import Genome
from danq.storage import Entry

_REGION = re.compile(r"(.+):([0-9,]+)-([0-9,]*)")

OutOfRange = Literal["clip", "skip", "refuse"]
"""What happens to an interval that begins before its contig or ends past it."""

Stretches = tuple[tuple[int, ...], tuple[int, ...]]
"""First bases and ends of disjoint parts of one contig, ascending; 0-based half-open."""


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
        The start may be negative, and the same as the end.
    summit : int64, shape (n,)
        0-based position of the summit (narrowPeak column 10), or of the midpoint.
    format : str
        What the file was read as.
    summit_outside : bool, shape (n,)
        The file's summit lies outside of the interval, and the midpoint stands for it.
    no_summit : bool, shape (n,)
        Records of a narrowPeak without a summit, for which the midpoint stands, too.
    no_signal : bool, shape (n,)
        Records of a bedGraph with the value 0, which are no regions.
    ragged : bool, shape (n,)
        Records with another number of columns than the first.
    labels : list of n str, or None
        Names in column 4, empty where there is none; None where they were not asked for.
    """

    names: tuple[str, ...]
    contig: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]
    format: str
    summit_outside: NDArray[np.bool_]
    no_summit: NDArray[np.bool_]
    no_signal: NDArray[np.bool_]
    ragged: NDArray[np.bool_]
    labels: list[str] | None = None


class TrackRecords(Entry):
    """What became of the records of a file: ``read`` are those used and all that were left out.

    Attributes
    ----------
    format : str
        What the file was read as: BED, narrowPeak, broadPeak, gappedPeak, bedGraph or GFF.
    left_out, adjusted : dict of str to int
        Records that are not used, by the first reason that applies; used ones that were changed.
    """

    format: str
    read: int
    used: int
    left_out: dict[str, int] = Field(default_factory=dict)
    adjusted: dict[str, int] = Field(default_factory=dict)


IN_WORDS = {
    "contig_left_out": "on contigs that take no part",
    "zero_length": "of zero length",
    "no_signal": "of value 0 or none",
    "out_of_range": "past the ends of contigs (of another build?)",
    "ragged": "with another number of columns than the first",
    "clipped": "clipped at the ends of contigs",
    "reaches_out": "reaching out of their contigs, centred as they stand",
    "summit_outside": "with a summit outside of the interval, for which its midpoint stands",
    "no_summit": "without a summit, for which the midpoint stands",
}
"""What is counted of records, for messages; contigs that the genome lacks are named elsewhere."""
OF_SUMMITS = ("summit_outside", "no_summit")
"""Those that matter only where summits are asked for."""


def in_words(reason: str) -> str:
    """Say in a phrase why records were left out or adjusted."""
    return IN_WORDS.get(reason, reason.replace("_", " "))


@dataclass(frozen=True, eq=False)
class PlacedIntervals:
    """Intervals, as in `Intervals`, that lie on the contigs of a genome, in the order of their file.

    Attributes
    ----------
    contig : int32, shape (n,)
        Index of the genome's contig.
    unknown : dict of str to int
        Contig name that the genome lacks → number of its intervals, which are left out.
    renamed : dict of str to str
        Contig name in the file → its name in the genome, where the two differ.
    records : TrackRecords
        What became of each record of the file.
    """

    contig: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    summit: NDArray[np.int64]
    unknown: dict[str, int]
    renamed: dict[str, str]
    records: TrackRecords

    def within(self, contigs: NDArray[np.bool_]) -> "PlacedIntervals":
        """Take the intervals on some contigs, bool (contigs,); the others are counted as left out."""
        kept = contigs[self.contig]
        if kept.all():
            return self
        arrays = {name: getattr(self, name)[kept] for name in ("contig", "start", "end", "summit")}
        lost = {"contig_left_out": int((~kept).sum())}
        records = {"used": int(kept.sum()), "left_out": self.records.left_out | lost}
        return replace(self, **arrays, records=self.records.model_copy(update=records))


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
    start, bin, window : int, or int64, shape (n,)
        0-based first base of the bin; bp; bp, which may be less than the bin's, for a bin is centred in a
        sequence in the same way.
    """
    return start + bin // 2 - window // 2


def union(
    contig: NDArray[np.int32], start: NDArray[np.int64], end: NDArray[np.int64], touching: bool = True
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Merge intervals that overlap, so that every base stands in one of them at most.

    Parameters
    ----------
    contig, start, end : int32, int64, int64, shape (n,)
        Index of each interval's contig; 0-based half-open, in any order.
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


def read_regions(
    texts: Sequence[str], genome: Genome, source: str = "regions", aliases: Mapping[str, str] | None = None
) -> tuple[Region, ...]:
    """Read contigs and regions such as ``chr7:30,508,751-35,296,850`` (1-based, both ends included).

    `source` is where the texts stand, for messages; `aliases` are as from `danq.genome.contigs.read_aliases`.

    Returns
    -------
    tuple of Region
        With the genome's names and a number for every end.

    Raises
    ------
    DanqError
        If a text is no region, its contig is unknown, or it runs past the contig's end.
    """
    try:
        parsed = [parse_region(text) for text in texts]
    except DanqError as error:
        raise DanqError(f"{source}: {error}") from None
    # all names at once: what a name means depends on its neighbours
    known = resolve_contigs([region.contig for region in parsed], genome.names, source, aliases)
    report_contigs(source, known.renamed, {})
    regions = []
    for (contig, start, end), text in zip(parsed, texts, strict=True):
        index = known.index.get(contig)
        if index is None:
            raise DanqError(
                f"{source}: expected a contig of the genome ({first_few(genome.names)}), received {contig!r}"
            )
        length = int(genome.lengths[index])
        if start >= length or (end or 0) > length:
            raise DanqError(f"{source}: expected a region within {contig} ({length:,} bp), received {text!r}")
        regions.append(Region(genome.names[index], start, length if end is None else end))
    return tuple(regions)


def stretches_of(regions: Sequence[Region], genome: Genome) -> dict[int, Stretches]:
    """Unite regions, as from `read_regions` on this genome, by the index of their contig."""
    indices = np.array([genome.index(region.contig) for region in regions], np.int32)
    starts = np.array([region.start for region in regions], np.int64)
    ends = np.array([region.end for region in regions], np.int64)
    contig, start, end = union(indices, starts, ends)
    return {
        int(index): (tuple(start[contig == index].tolist()), tuple(end[contig == index].tolist()))
        for index in np.unique(contig)
    }
