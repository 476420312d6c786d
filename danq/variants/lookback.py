"""Where to begin reading a sorted VCF, so that the neighbours of a range of its records are known."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from danq.errors import DanqError
from danq.variants.lines import Fields, parse_line
from danq.variants.text import Line, VariantText


class Start(NamedTuple):
    """Where to begin.

    Attributes
    ----------
    record : int
        0-based number of the first record to read.
    origin : int
        0-based position from which on no record of its contig is missing; 0 if it is the contig's first.
    """

    record: int
    origin: int


class _Cluster(NamedTuple):
    """Records of which each overlaps one before it: 0-based number and position of the first."""

    record: int
    position: int


def sorted_lines(
    variants: VariantText, first: int = 0, last: int | None = None
) -> Iterator[tuple[Line, Fields | None]]:
    """Read records in order, with their fields (None where malformed).

    Raises
    ------
    DanqError
        If the records of a contig do not stand together with ascending positions; the message names the line.
    """
    seen: set[str] = set()
    contig, position = "", -1
    for line in variants.lines(first, last):
        fields = parse_line(line.text, variants.kind, variants.tabs)
        if fields is not None:
            if fields.contig != contig:
                if fields.contig in seen:
                    raise _unsorted(variants, line, f"all records of {fields.contig!r} together")
                contig, position = fields.contig, -1
                seen.add(contig)
            if fields.pos < position:
                raise _unsorted(variants, line, f"a position of {position} or more, received {fields.pos}")
            position = fields.pos
        yield line, fields


def start_of(variants: VariantText, first: int, length: int) -> Start:
    """Find the record to begin with, so that all is known from `length` bp before record `first` on.

    Which of several overlapping variants a haplotype carries is decided from left to right, so the beginning
    must be a record that no earlier one overlaps.

    Parameters
    ----------
    variants : VariantText
        The file.
    first : int
        0-based number of the first record whose windows are wanted.
    length : int
        Length in bp.

    Raises
    ------
    DanqError
        As `sorted_lines`.
    """
    clusters: deque[_Cluster] = deque()
    contig, reach, origin = "", -1, 0
    for line, fields in sorted_lines(variants, 0, first + 1):
        if fields is None:
            continue
        if fields.contig != contig:
            clusters.clear()
            contig, reach, origin = fields.contig, -1, 0
        if fields.pos > reach:
            clusters.append(_Cluster(line.row - 1, fields.pos - 1))
        while len(clusters) > 1 and fields.pos - 1 - clusters[1].position >= length:
            clusters.popleft()
            origin = clusters[0].position
        # a swapped allele spans its ALT
        reach = max(reach, fields.pos + max(len(fields.ref), *map(len, fields.alts)) - 1)
    return Start(clusters[0].record, origin) if clusters else Start(first, 0)


def _unsorted(variants: VariantText, line: Line, expected: str) -> DanqError:
    return DanqError(
        f"{variants.path}:{line.number}: haplotypes of samples need a sorted file; expected {expected}"
    )
