"""Windows of alleles on the haplotypes that carry them, whose other variants are in place."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import N
from danq.genome.fasta import Bases, Genome
from danq.variants.alleles import Allele
from danq.variants.carriers import Edit, place_from
from danq.variants.haplotypes import Windows
from danq.variants.survey_file import Survey


def personal_windows(genome: Genome, survey: Survey, window: int, part: int) -> Iterator[Windows]:
    """Cut the windows of alleles out of the haplotypes that carry them, one record after the other.

    An allele is compared with REF on the haplotype of a sample: both windows hold the haplotype's other
    variants. These are the alleles of sequence that it carries and whose REF the genome holds, also those
    that are not scored because they are too long or outside the asked-for regions; alleles that a filter
    leaves out are not in place. An allele that overlaps an earlier one of its haplotype has the reason
    ``overlaps``, by the rule of ``bcftools consensus``. An unphased allele that is taken alone stands on the
    genome, with haplotype 0 and the flag ``unphased``, and is not in place for others.

    The first changed base lies at index ``window // 2`` of both windows. It is found as without samples,
    except that an insertion or deletion within a repeat is moved left no further than to the haplotype's
    variant before it, because beyond that it would be another change.

    Where a record is ``swapped``, haplotypes that carry its REF differ from the genome, and do so in the
    windows of their neighbours.

    Parameters
    ----------
    survey : Survey
        A survey with samples.
    part : int
        Number of the part whose records are wanted; of the parts around it no more is read than the windows
        need.

    Yields
    ------
    Windows
        Of one record. Flag ``phase_sets``: variants in the windows belong to different phase sets (PS), so
        that they may lie on different haplotypes.
    """
    neighbours = _Neighbours(survey, part)
    for _, alleles in groupby(survey.alleles_of(part), _ROW):
        yield _record_windows(tuple(alleles), genome, window, neighbours)


_FAR, _ROW = np.iinfo(np.int64).max, attrgetter("row")


class _Neighbours:
    """The edits of all haplotypes on a stretch of one contig, which follows the records and grows on demand.

    `part` is that of the first record.
    """

    def __init__(self, survey: Survey, part: int) -> None:
        self._survey, self._part = survey, part
        self._ahead = survey.edits_from(part)
        self._next = next(self._ahead, None)
        self._contig, self._left = -1, _FAR
        self._edits: dict[tuple[str, int], list[Edit]] = defaultdict(list)

    def cover(self, row: int, contig: int, left: int, right: int) -> None:
        """Make known all edits of a contig that end after `left` and whose records begin before `right`.

        Record `row` lies on the contig.
        """
        if contig != self._contig:
            self._edits.clear()
            # the first contig may have begun in an earlier part; -1: no edit ends at or before it
            self._left = _FAR if self._contig < 0 else -1
            self._contig = contig
        left = max(left, -1)
        if left < self._left:
            # on a haplotype no edit ends before an earlier one: those further left go in front
            older: dict[tuple[str, int], list[Edit]] = defaultdict(list)
            for edit in self._survey.edits_before(self._part, contig, left, self._left):
                older[edit.sample, edit.haplotype].append(edit)
            for haplotype, edits in older.items():
                self._edits[haplotype][:0] = edits
            self._left = left
        while self._next is not None:
            if self._next.contig == contig:
                if self._next.first >= right:
                    return
                self._edits[self._next.sample, self._next.haplotype].append(self._next)
            elif self._next.row > row:
                return
            self._next = next(self._ahead, None)

    def around(self, allele: Allele) -> tuple[list[Edit], list[Edit]]:
        """Edits of the allele's haplotype from records before its own, and from those after it."""
        if not allele.haplotype:
            return [], []
        edits = self._edits[allele.sample, allele.haplotype]
        before = bisect_left(edits, allele.row, key=_ROW)
        return edits[:before], edits[bisect_right(edits, allele.row, key=_ROW) :]

    def forget(self, allele: Allele, length: int) -> None:
        """Drop edits that lie `length` bp of the haplotype or more to the left of what an allele has changed.

        No window to come reaches them: each begins at a later change, at most `length` bp before it.
        """
        edits = self._edits[allele.sample, allele.haplotype]
        at = bisect_left(edits, allele.row, key=_ROW)
        if at == len(edits) or edits[at].row != allele.row:
            return
        while at and (gap := edits[at].start - edits[at - 1].end) < length:
            at -= 1
            length -= gap + len(edits[at].inserted)
        del edits[:at]


def _record_windows(
    alleles: tuple[Allele, ...], genome: Genome, window: int, neighbours: _Neighbours
) -> Windows:
    placed = next((allele for allele in alleles if not allele.reason), None)
    if placed is None:
        return _stacked(alleles, [None] * len(alleles), window)
    bases = genome.contig(placed.index)
    left, right = placed.pos - 1 - window, placed.pos + window
    while True:
        neighbours.cover(placed.row, placed.index, left, right)
        pairs = [
            None if allele.reason else _pair(allele, bases, window, *neighbours.around(allele))
            for allele in alleles
        ]
        # an unphased allele stands on the genome, where it needs no neighbours
        spans = [pair for pair in pairs if pair is not None and pair.allele.haplotype]
        first = min((pair.left for pair in spans), default=left)
        last = max((pair.right for pair in spans), default=right)
        if first >= left and last <= right:
            break
        # deletions and repeats make windows reach further than their length; what lies there may do so again
        left, right = min(left, first - window), max(right, last)
    for allele in alleles:
        if allele.haplotype:
            neighbours.forget(allele, window // 2)
    return _stacked(alleles, pairs, window)


class _Pair(NamedTuple):
    """The windows of one allele: without (reference) and with it; what they span on the genome."""

    allele: Allele
    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]
    left: int
    right: int


def _pair(allele: Allele, bases: Bases, window: int, before: Sequence[Edit], after: Sequence[Edit]) -> _Pair:
    half = window // 2
    start, removed, codes = place_from(allele, bases, before[-1].end if before else 0)
    inserted = np.frombuffer(codes, np.uint8)[: window - half]
    # the left half is common to both windows; to the right each takes what it needs to be full
    left = _left_flank(bases, before, start, half)
    unedited = _right_flank(bases, after, start, window - half)
    edited = _right_flank(bases, after, start + removed, window - half - len(inserted))
    without = np.concatenate((left.codes, unedited.codes))
    with_edit = np.concatenate((left.codes, inserted, edited.codes))
    # a swapped allele is the genome's own base, and the edit leads back to the record's REF
    reference, alternate = (with_edit, without) if allele.swapped else (without, with_edit)
    shown, other = (edited, unedited) if allele.swapped else (unedited, edited)
    padding = left.padding + shown.padding
    many_n = 2 * (np.count_nonzero(reference == N) - padding) > window - padding
    phase_sets = {allele.phase_set, *(e.phase_set for flank in (left, unedited, edited) for e in flank.edits)}
    flags = (
        *allele.flags,
        *(["padded"] if padding or other.padding else []),
        *(["phase_sets"] if len(phase_sets - {None}) > 1 else []),
    )
    allele = replace(allele, flags=flags, reason="many_n" if many_n else "")
    return _Pair(allele, reference, alternate, left.edge, max(unedited.edge, edited.edge))


def _stacked(alleles: tuple[Allele, ...], pairs: Sequence[_Pair | None], window: int) -> Windows:
    references: list[NDArray[np.uint8]] = []
    alternates, group, scored = [], [], []
    for number, pair in enumerate(pairs):
        if pair is None or pair.allele.reason:
            continue
        # haplotypes that carry the same share a reference window, which is then computed once
        if not references or not np.array_equal(references[-1], pair.reference):
            references.append(pair.reference)
        alternates.append(pair.alternate)
        group.append(len(references) - 1)
        scored.append(number)
    return Windows(
        reference=np.array(references, np.uint8).reshape(-1, window),
        alternate=np.array(alternates, np.uint8).reshape(-1, window),
        group=np.array(group, np.int64),
        alleles=tuple(
            allele if pair is None else pair.allele for allele, pair in zip(alleles, pairs, strict=True)
        ),
        scored=np.array(scored, np.int64),
    )


class _Flank(NamedTuple):
    """The haplotype on one side of a place: its bases, and the variants in them.

    Attributes
    ----------
    codes : uint8, shape (length,)
        N past the contig's end.
    edge : int
        0-based border on the reference that was reached; outside the contig where the flank is padded.
    padding : int
        Number of bases past the contig's end.
    """

    codes: NDArray[np.uint8]
    edge: int
    padding: int
    edits: Sequence[Edit]


def _left_flank(bases: Bases, edits: Sequence[Edit], end: int, length: int) -> _Flank:
    """Cut the `length` bp of a haplotype that lead up to the reference position `end` (0-based, not wanted).

    `edits` are the haplotype's variants before `end`, by position. From right to left, the flank takes the
    reference down to the nearest edit, then the edit's own bases, and goes on before it.
    """
    codes, used = np.full(length, N, np.uint8), 0
    while used < len(edits) and end - (edit := edits[-1 - used]).end < length:
        gap = end - edit.end
        codes[length - gap : length] = bases[edit.end : end]
        length -= gap
        taken = min(len(edit.inserted), length)
        codes[length - taken : length] = _codes(edit)[len(edit.inserted) - taken :]
        length, end, used = length - taken, edit.start, used + 1
    inside = min(length, end)
    codes[length - inside : length] = bases[end - inside : end]
    return _Flank(codes, end - length, length - inside, edits[len(edits) - used :])


def _right_flank(bases: Bases, edits: Sequence[Edit], start: int, length: int) -> _Flank:
    """Cut the `length` bp of a haplotype from the reference position `start` on; see `_left_flank`."""
    codes, used, filled = np.full(length, N, np.uint8), 0, 0
    while used < len(edits) and (edit := edits[used]).start - start < length - filled:
        gap = edit.start - start
        codes[filled : filled + gap] = bases[start : edit.start]
        filled += gap
        taken = min(len(edit.inserted), length - filled)
        codes[filled : filled + taken] = _codes(edit)[:taken]
        filled, start, used = filled + taken, edit.end, used + 1
    missing = length - filled
    inside = min(missing, len(bases) - start)
    codes[filled : filled + inside] = bases[start : start + inside]
    return _Flank(codes, start + missing, missing - inside, edits[:used])


def _codes(edit: Edit) -> NDArray[np.uint8]:
    return np.frombuffer(edit.inserted, np.uint8)
