"""The variants that one haplotype carries, and the sequence on either side of a place on it."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import CODES, N
from danq.genome.fasta import Bases
from danq.variants.alleles import Allele


class Edit(NamedTuple):
    """An allele on a haplotype, no further left than its record has it.

    On the reference alone, an insertion or deletion within a repeat is the same wherever it stands. With
    other variants in the repeat it is not: what a haplotype carries is the change that the record writes.

    Attributes
    ----------
    row : int
        Number of the record.
    start, end : int
        0-based half-open stretch of the contig that is replaced.
    inserted : bytes
        Codes of the bases in its place.
    phase_set : str or None
        As in `danq.variants.personal.genotypes.Call`.
    """

    row: int
    start: int
    end: int
    inserted: bytes
    phase_set: str | None = None


class Written(NamedTuple):
    """An edit, and what of its record decides whether it overlaps others.

    Attributes
    ----------
    edit : Edit
        The edit.
    first, last : int
        0-based first and last base of REF (of ALT where swapped).
    anchored : bool
        Whether it is a mere insertion or deletion and the first base of REF stays.
    longer : bool
        Whether the haplotype gains bases.
    """

    edit: Edit
    first: int
    last: int
    anchored: bool
    longer: bool


def written(allele: Allele, bases: Bases) -> Written:
    """Take a placed allele back to where its record has it.

    Parameters
    ----------
    allele : Allele
        An allele without a reason.
    bases : Bases
        Its contig.
    """
    first = allele.pos - 1
    removed, inserted = (allele.alt, allele.ref) if allele.swapped else (allele.ref, allele.alt)
    moves = not (allele.removed and allele.inserted)
    anchored = moves and bool(CODES[ord(allele.ref[0])] == CODES[ord(allele.alt[0])])
    edit = edit_from(allele, bases, first + anchored)
    return Written(edit, first, first + len(removed) - 1, anchored, len(inserted) > len(removed))


def edit_from(allele: Allele, bases: Bases, leftmost: int, phase_set: str | None = None) -> Edit:
    """Place an allele as far left as it will go, but not before `leftmost`.

    Parameters
    ----------
    allele : Allele
        An allele without a reason, whose record's change lies at or after `leftmost`.
    bases : Bases
        Its contig.
    leftmost : int
        0-based position.
    phase_set : str, optional
        Phase set of the edit.
    """
    start = max(allele.start, leftmost)
    passed = bases[allele.start : start].tobytes()
    kept = (allele.inserted + passed)[len(passed) :]
    return Edit(allele.row, start, start + allele.removed, kept, phase_set)


@dataclass(slots=True)
class Haplotype:
    """What is known of one haplotype of one sample on one contig.

    Attributes
    ----------
    edits : list of Edit
        The variants in place, by position; those too far left for any window to come are dropped.
    last : int
        0-based last base of REF of the latest variant in place.
    after_insertion : bool
        Whether the latest variant made the haplotype longer.
    """

    edits: list[Edit] = field(default_factory=list)
    last: int = -1
    after_insertion: bool = False

    def admits(self, allele: Written) -> bool:
        """Whether an allele overlaps no earlier one, by the rule of ``bcftools consensus``.

        An allele overlaps if its REF starts at or before the last base of an earlier REF. A mere insertion
        or deletion after an anchor base may share that one base, but not with an earlier insertion. An
        allele that overlaps is not put in place, so that it is no hindrance to those after it.
        """
        shares = allele.first == self.last and allele.anchored and not self.after_insertion
        return allele.first > self.last or shares

    def occupy(self, allele: Written) -> None:
        """Note an allele that was admitted."""
        self.last, self.after_insertion = allele.last, allele.longer

    def before(self, row: int) -> list[Edit]:
        """Variants in place from records before `row`."""
        return self.edits[: bisect_left(self.edits, row, key=_row)]

    def after(self, row: int) -> list[Edit]:
        """Variants in place from records after `row`."""
        return self.edits[bisect_right(self.edits, row, key=_row) :]

    def forget(self, row: int, length: int) -> None:
        """Drop variants that lie `length` bp of the haplotype or more to the left of record `row`."""
        edits, reach = self.edits, length
        at = bisect_left(edits, row, key=_row)
        while at and (gap := edits[at].start - edits[at - 1].end) < reach:
            at -= 1
            reach -= gap + len(edits[at].inserted)
        del edits[:at]


def _row(edit: Edit) -> int:
    return edit.row


class Flank(NamedTuple):
    """The haplotype on one side of a place.

    Attributes
    ----------
    codes : uint8, shape (length,)
        Its bases; N past the contig's end.
    edge : int
        0-based border on the reference that was reached; outside the contig where the flank is padded.
    padding : int
        Number of bases past the contig's end.
    edits : sequence of Edit
        The variants in it.
    """

    codes: NDArray[np.uint8]
    edge: int
    padding: int
    edits: Sequence[Edit]


def left_flank(bases: Bases, edits: Sequence[Edit], end: int, length: int) -> Flank:
    """Cut the `length` bp of a haplotype that lead up to the reference position `end`.

    Parameters
    ----------
    bases : Bases
        The reference.
    edits : sequence of Edit
        The haplotype's variants before `end`, by position.
    end : int
        0-based first base that is not wanted.
    length : int
        Length in bp.
    """
    codes, used = np.full(length, N, np.uint8), 0
    while used < len(edits) and end - (edit := edits[-1 - used]).end < length:
        gap = end - edit.end
        codes[length - gap : length] = bases[edit.end : end]
        length -= gap
        taken = min(len(edit.inserted), length)
        codes[length - taken : length] = _codes(edit.inserted)[len(edit.inserted) - taken :]
        length, end, used = length - taken, edit.start, used + 1
    inside = min(length, end)
    codes[length - inside : length] = bases[end - inside : end]
    return Flank(codes, end - length, length - inside, edits[len(edits) - used :])


def right_flank(bases: Bases, edits: Sequence[Edit], start: int, length: int) -> Flank:
    """Cut the `length` bp of a haplotype from the reference position `start` on; see `left_flank`."""
    codes, used, filled = np.full(length, N, np.uint8), 0, 0
    while used < len(edits) and (edit := edits[used]).start - start < length - filled:
        gap = edit.start - start
        codes[filled : filled + gap] = bases[start : edit.start]
        filled += gap
        taken = min(len(edit.inserted), length - filled)
        codes[filled : filled + taken] = _codes(edit.inserted)[:taken]
        filled, start, used = filled + taken, edit.end, used + 1
    missing = length - filled
    inside = min(missing, len(bases) - start)
    codes[filled : filled + inside] = bases[start : start + inside]
    return Flank(codes, start + missing, missing - inside, edits[:used])


def _codes(inserted: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(inserted, np.uint8)
