"""Where an allele changes the genome: the one place that all its equivalent descriptions share.

An allele is trimmed to what differs and moved as far left as it will go, which makes the description unique
(Tan, Abecasis & Kang 2015, Unified representation of genetic variants, doi 10.1093/bioinformatics/btv112);
the anchor base that VCF puts before insertions and deletions is then left out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import CODES, N
from danq.genome.fasta import Bases

_FIRST_STRETCH, _LONGEST_STRETCH = 64, 1 << 20
_CODES = CODES.tobytes()


class Place(NamedTuple):
    """An edit of one contig: `inserted` (codes) replaces the bases [start, start + removed), 0-based."""

    start: int
    removed: int
    inserted: bytes


def place(contig: Bases, start: int, old: bytes, new: bytes) -> Place:
    """Trim an allele and move it left.

    Parameters
    ----------
    contig : Bases
        Bases of the contig as 0..4.
    start : int
        0-based position of `old`.
    old, new : bytes
        Upper-case letters: what the contig holds at `start`, and what replaces it. Letters are compared, not
        codes, because two different ambiguity letters are no shared base.

    Returns
    -------
    Place
        Both `removed` and `inserted` are empty if `old` and `new` are equal.
    """
    shared = common_start(old[::-1], new[::-1])
    old, new = old[: len(old) - shared], new[: len(new) - shared]
    shared = common_start(old, new)
    start, removed, inserted = start + shared, len(old) - shared, new[shared:].translate(_CODES)
    if removed and not inserted:
        return Place(start - _free_left(contig, start, contig[start : start + removed]), removed, b"")
    if inserted and not removed:
        moved = _free_left(contig, start, np.frombuffer(inserted, np.uint8))
        turn = len(inserted) - moved % len(inserted)
        return Place(start - moved, 0, inserted[turn:] + inserted[:turn])
    return Place(start, removed, inserted)


def common_start(one: bytes, other: bytes) -> int:
    """Length of the longest common prefix, found by halving: whole stretches are compared at once."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _free_left(contig: Bases, start: int, unit: NDArray[np.uint8]) -> int:
    """How far an inserted or removed `unit` at `start` can move left without changing the haplotype.

    It moves over a base that equals its last one, which then comes to stand first: so the bases before
    `start`, read to the left, must repeat the unit.
    """
    moved, stretch = 0, _FIRST_STRETCH
    while moved < start:
        stretch = min(stretch, start - moved)
        before = contig[start - moved - stretch : start - moved]
        turned = np.arange(-moved - stretch, -moved) % len(unit)
        # an unknown base is not known to equal another one
        different = np.flatnonzero((before != unit[turned]) | (before == N))
        if len(different):
            return moved + stretch - 1 - int(different[-1])
        moved, stretch = moved + stretch, min(4 * stretch, _LONGEST_STRETCH)
    return moved
