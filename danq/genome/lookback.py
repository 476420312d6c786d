"""Where to begin reading a sorted VCF, so that the neighbours of a range of its records are known."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from danq.errors import DanqError
from danq.genome.variant_file import Line, VariantText
from danq.genome.variant_lines import Fields, parse_line


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
    """Records of which each overlaps one before it.

    Attributes
    ----------
    record, position : int
        0-based number and position of the first.
    removed : int
        Bases that the contig's records before it remove at most.
    """

    record: int
    position: int
    removed: int


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
    """Find the record to begin with, so that `length` bp to the left of record `first` are known.

    Which of several overlapping variants a haplotype carries is decided from left to right, so the beginning
    must be a record that no earlier one overlaps. The bases that variants in between may remove are made up
    for by going further left.

    Parameters
    ----------
    variants : VariantText
        The file.
    first : int
        0-based number of the first record whose windows are wanted.
    length : int
        Bases of any haplotype that must be known, bp.

    Raises
    ------
    DanqError
        As `sorted_lines`.
    """
    clusters: deque[_Cluster] = deque()
    contig, reach, removed, origin = "", -1, 0, 0
    for line, fields in sorted_lines(variants, 0, first + 1):
        if fields is None:
            continue
        if fields.contig != contig:
            clusters.clear()
            contig, reach, removed, origin = fields.contig, -1, 0, 0
        if fields.pos > reach:
            clusters.append(_Cluster(line.row - 1, fields.pos - 1, removed))
        while len(clusters) > 1 and _known(clusters[1], fields.pos - 1, removed) >= length:
            clusters.popleft()
            origin = clusters[0].position
        # a swapped allele spans its ALT
        span = max(len(fields.ref), *map(len, fields.alts))
        reach, removed = max(reach, fields.pos + span - 1), removed + span - 1
    return Start(clusters[0].record, origin) if clusters else Start(first, 0)


def _known(cluster: _Cluster, position: int, removed: int) -> int:
    """Fewest bases of a haplotype between a cluster's first base and a position."""
    return position - cluster.position - (removed - cluster.removed)


def _unsorted(variants: VariantText, line: Line, expected: str) -> DanqError:
    return DanqError(
        f"{variants.path}:{line.number}: haplotypes of samples need a sorted file; expected {expected}"
    )
