"""One alternate allele of a record: what the file says, and the one place where it changes the genome.

All equivalent descriptions of an allele share its place: it is trimmed to what differs and moved as far left
as it will go, which makes the description unique (Tan, Abecasis & Kang 2015, Unified representation of
genetic variants, doi 10.1093/bioinformatics/btv112); the anchor base that VCF puts before insertions and
deletions is then left out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import CODES, N
from danq.genome.fasta import Bases

_FIRST_STRETCH, _LONGEST_STRETCH = 64, 1 << 20
_CODES = CODES.tobytes()

REASONS = {
    "ref_mismatch": "REF is not what the genome holds at POS",
    "star": "ALT is `*`: deleted by another record",
    "missing": "ALT is `.`: the record has no alternate allele",
    "symbolic": "ALT is symbolic and does not say which sequence it means",
    "breakend": "ALT is a breakend",
    "same_as_ref": "ALT is the same sequence as REF",
    "ambiguous": "ALT holds a letter other than A, C, G, T",
    "unknown_contig": "the genome has no such contig",
    "outside_contig": "the record reaches past an end of its contig",
    "many_n": "more than half of the window's genomic bases are N",
    "too_long": "inserted or removed bases outnumber the model's window",
    "outside_regions": "outside the asked-for regions",
    "filtered": "FILTER is neither PASS nor `.`",
    "malformed": "the line is no variant record",
    "not_carried": "no chosen sample carries the allele",
    "malformed_genotype": "the sample's genotype cannot be read, or names an allele that the record lacks",
    "unphased": "the sample's genotype is heterozygous and not phased",
    "half_missing": "the sample's genotype is not phased, and some of its alleles are missing",
    "overlaps": "overlaps an earlier variant of the same haplotype",
}
"""Why an allele is not scored: the closed list of the ledger's column `reason`."""


@dataclass(frozen=True, slots=True)
class Allele:
    """An alternate allele as the input has it and, unless `reason` says why not, its place on the genome.

    Attributes
    ----------
    row, allele : int
        Number of the record in the input and of the allele among its ALT, both from 1.
    contig, pos, id, ref, alt : str, int, str, str, str
        The record's text; `pos` is 1-based. Of a malformed line what could be read, else "" and 0.
    reason : str
        A key of `REASONS`, or "" where the allele can be scored.
    flags : tuple of str
        Remarks, for example ``swapped``.
    index : int
        Contig of the genome; -1 where not scored.
    start, removed, inserted : int, int, bytes
        The edit of this contig, as in `Place`.
    swapped : bool
        The genome holds the record's ALT: the edit leads from ALT to REF.
    sample, haplotype : str, int
        Whose haplotype carries the allele, and which, from 1; 0 of a genotype that does not say; "" and 0
        where alleles are not scored on samples' haplotypes.
    phase_set : str or None
        As in `danq.variants.genotypes.Call`.
    """

    row: int
    allele: int
    contig: str
    pos: int
    id: str
    ref: str
    alt: str
    reason: str = ""
    flags: tuple[str, ...] = ()
    index: int = -1
    start: int = -1
    removed: int = 0
    inserted: bytes = b""
    swapped: bool = False
    sample: str = ""
    haplotype: int = 0
    phase_set: str | None = None


class Place(NamedTuple):
    """An edit of one contig, trimmed and moved left: `inserted` (codes) replaces [start, start + removed)."""

    start: int
    removed: int
    inserted: bytes


def place(contig: Bases, start: int, old: bytes, new: bytes) -> Place:
    """Trim an allele and move it left; where `old` and `new` are equal, nothing is removed or inserted.

    Parameters
    ----------
    start : int
        0-based position of `old`.
    old, new : bytes
        Upper-case letters: what the contig holds at `start`, and what replaces it. Letters are compared, not
        codes, because two different ambiguity letters are no shared base.
    """
    start, old, new = trimmed(start, old, new)
    return moved_left(contig, Place(start, len(old), new.translate(_CODES)))


def trimmed(start: int, old: bytes, new: bytes) -> tuple[int, bytes, bytes]:
    """Leave out what `old`, at `start`, and `new` share, at their right ends first."""
    shared = _common_start(old[::-1], new[::-1])
    old, new = old[: len(old) - shared], new[: len(new) - shared]
    shared = _common_start(old, new)
    return start + shared, old[shared:], new[shared:]


def moved_left(contig: Bases, place: Place, floor: int = 0) -> Place:
    """Move what is trimmed as far left as it will go, but not beyond `floor`, 0-based."""
    start, removed, inserted = place
    if bool(removed) == bool(inserted):
        return place
    unit = np.frombuffer(inserted, np.uint8) if inserted else contig[start : start + removed]
    moved = free_left(contig, start, unit, floor)
    turn = len(inserted) - moved % len(unit)
    return Place(start - moved, removed, inserted[turn:] + inserted[:turn])


def _common_start(one: bytes, other: bytes) -> int:
    """Length of the longest common prefix, found by halving: whole stretches are compared at once."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def free_left(contig: Bases, start: int, unit: NDArray[np.uint8], floor: int = 0) -> int:
    """How far an inserted or removed `unit` at `start` can move left without changing the haplotype.

    It moves over a base that equals its last one, which then comes to stand first: so the bases before
    `start`, read to the left down to `floor`, must repeat the unit.
    """
    moved, stretch = 0, _FIRST_STRETCH
    while moved < start - floor:
        stretch = min(stretch, start - moved - floor)
        before = contig[start - moved - stretch : start - moved]
        repeated = repeated_before(before, np.roll(unit, moved))
        if repeated < stretch:
            return moved + repeated
        moved, stretch = moved + stretch, min(4 * stretch, _LONGEST_STRETCH)
    return moved


def repeated_before(before: NDArray[np.uint8], unit: NDArray[np.uint8]) -> int:
    """How many of the bases that lead up to a place go on, to the left, what `unit` would begin there."""
    turned = np.arange(-len(before), 0) % len(unit)
    # an unknown base is not known to equal another one
    different = np.flatnonzero((before != unit[turned]) | (before == N))
    return len(before) - 1 - int(different[-1]) if len(different) else len(before)
