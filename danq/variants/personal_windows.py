"""Windows of alleles on the haplotypes that carry them, whose other variants are in place."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import N
from danq.genome.fasta import Bases, Genome
from danq.variants.alleles import Allele, repeated_before
from danq.variants.carriers import Edit, place_from
from danq.variants.changes import Change
from danq.variants.haplotypes import Windows
from danq.variants.neighbours import Neighbours
from danq.variants.survey_file import Survey


def personal_windows(genome: Genome, survey: Survey, window: int, part: int) -> Iterator[Windows]:
    """Cut the windows of alleles out of the haplotypes that carry them, one record after the other.

    An allele is compared with REF on the haplotype of a sample: both windows hold the haplotype's other
    variants. These are the alleles of sequence that it carries and whose REF the genome holds, also those
    that are not scored because they are too long or outside the asked-for regions; alleles that a filter
    leaves out are not in place. An allele that overlaps an earlier one of its haplotype has the reason
    ``overlaps``, by the rule of ``bcftools consensus``. An unphased allele that is taken alone stands on the
    genome, with haplotype 0 and the flag ``unphased``, and is not in place for others.

    The first changed base lies at index ``window // 2`` of both windows. It is found as without samples, but
    on the haplotype: the allele is trimmed and moved left among the haplotype's other variants, so that the
    windows depend on the two sequences, with and without it, and not on how its neighbours are written.

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
        that they may lie on different haplotypes. Flag ``incomplete``: the windows lack another allele that
        the haplotype carries, or may carry.
    """
    neighbours = Neighbours(survey, part)
    for _, alleles in groupby(survey.alleles_of(part), attrgetter("row")):
        yield _record_windows(tuple(alleles), genome, window, neighbours)


_FIRST_STRETCH = 64
_Edit = TypeVar("_Edit", bound=Change | Edit)


def _record_windows(
    alleles: tuple[Allele, ...], genome: Genome, window: int, neighbours: Neighbours
) -> Windows:
    placed = next((allele for allele in alleles if not allele.reason), None)
    if placed is None:
        return _stacked(alleles, [None] * len(alleles), window)
    bases = genome.contig(placed.index)
    left, right = placed.pos - 1 - window, placed.pos + window
    while True:
        neighbours.cover(placed.row, placed.index, left, right)
        pairs = [None if allele.reason else _pair(allele, bases, window, neighbours) for allele in alleles]
        # an unphased allele stands on the genome, where it needs no neighbours
        spans = [pair for pair in pairs if pair is not None and pair.allele.haplotype]
        first = min((pair.left for pair in spans), default=left)
        last = max((pair.right for pair in spans), default=right)
        if first >= left and last <= right:
            break
        # deletions and repeats make windows reach further than their length; what lies there may do so again
        left, right = min(left, first - window), max(right, last)
    return _stacked(alleles, pairs, window)


class _Pair(NamedTuple):
    """The windows of one allele: without (reference) and with it; what they span on the genome."""

    allele: Allele
    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]
    left: int
    right: int


def _pair(allele: Allele, bases: Bases, window: int, neighbours: Neighbours) -> _Pair:
    half = window // 2
    before, after = neighbours.around(allele)
    start, removed, inserted = place_from(allele, bases, before[-1].end if before else 0)
    moved = _free_left(bases, before, start, inserted, removed)
    # the left half is common to both windows; to the right each takes what it needs to be full
    left = left_flank(bases, before, start, half + moved)
    room = max(window - half - moved, 0)
    unedited = right_flank(bases, after, start, room)
    edited = right_flank(bases, after, start + removed, max(room - len(inserted), 0))
    without = np.concatenate((left.codes, unedited.codes))[:window]
    own = np.frombuffer(inserted, np.uint8)
    with_edit = np.concatenate((left.codes, own, edited.codes))[:window]
    # a swapped allele is the genome's own base, and the edit leads back to the record's REF
    reference, alternate = (with_edit, without) if allele.swapped else (without, with_edit)
    shown, other = (edited, unedited) if allele.swapped else (unedited, edited)
    padding = left.padding + shown.padding
    right = max(unedited.edge, edited.edge)
    phase_sets = {allele.phase_set, *(e.phase_set for flank in (left, unedited, edited) for e in flank.edits)}
    flags = {
        "padded": padding or other.padding,
        "phase_sets": len(phase_sets - {None}) > 1,
        "incomplete": neighbours.lacking(allele, left.edge, right),
    }
    remarks = (*allele.flags, *(flag for flag, holds in flags.items() if holds))
    allele = replace(allele, flags=remarks, reason="many_n" if mostly_unknown(reference, padding) else "")
    return _Pair(allele, reference, alternate, left.edge, right)


def _free_left(bases: Bases, before: Sequence[Edit], start: int, inserted: bytes, removed: int) -> int:
    """How far an insertion or deletion at `start` can move left on its haplotype without changing it.

    There are the haplotype's other variants, and not the genome: so it comes to stand at one place however
    these are written, also within or beyond one of them.
    """
    if (removed and inserted) or not (before and before[-1].end == start):
        return 0
    unit = np.frombuffer(inserted, np.uint8) if inserted else bases[start : start + removed]
    length = _FIRST_STRETCH
    while True:
        # nothing moves past the contig's end, where the flank holds N
        repeated = repeated_before(left_flank(bases, before, start, length).codes, unit)
        if repeated < length:
            return repeated
        length *= 4


def mostly_unknown(window: NDArray[np.uint8], padding: int) -> bool:
    """Whether more than half of a window's bases are N, those past the contig's ends left aside."""
    return bool(2 * (np.count_nonzero(window == N) - padding) > len(window) - padding)


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


class Flank(NamedTuple, Generic[_Edit]):
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
    edits: Sequence[_Edit]


def left_flank(bases: Bases, edits: Sequence[_Edit], end: int, length: int) -> Flank[_Edit]:
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
    return Flank(codes, end - length, length - inside, edits[len(edits) - used :])


def right_flank(bases: Bases, edits: Sequence[_Edit], start: int, length: int) -> Flank[_Edit]:
    """Cut the `length` bp of a haplotype from the reference position `start` on; see `left_flank`."""
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
    return Flank(codes, start + missing, missing - inside, edits[:used])


def _codes(edit: Change | Edit) -> NDArray[np.uint8]:
    return np.frombuffer(edit.inserted, np.uint8)
