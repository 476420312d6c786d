"""Windows of haplotypes with all of their variants in place, against the genome."""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from operator import attrgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.genome.fasta import Bases, Genome
from danq.genome.intervals import Region, Stretches, stretches_of
from danq.variants.allele_checks import overlaps
from danq.variants.alleles import free_left
from danq.variants.carriers import Edit
from danq.variants.changes import NEAR, Change, changes, cut_long
from danq.variants.neighbours import Neighbours
from danq.variants.personal_windows import Flank, left_flank, mostly_unknown, right_flank
from danq.variants.survey_file import Survey

_ROW, _START, _END = attrgetter("row"), attrgetter("start"), attrgetter("end")
_EVERYWHERE: Stretches = ((0,), (sys.maxsize,))
_FARTHEST = 1_000
"""bp, or a window where that is more, that a variant is looked for to the left of where it is written."""


class CombinedWindow(NamedTuple):
    """One window of a haplotype.

    Attributes
    ----------
    contig : int
        Index of the genome's contig.
    start, end : int
        0-based half-open stretch of the contig from the first change of the window's own to the end of the
        last; the first changed base lies at index ``window // 2`` of both windows.
    edits : tuple of Edit
        The alleles in the alternate window, in their order.
    lacking : int
        Carried alleles that are not in the alternate window but belong there.
    reason : str
        ``many_n``, or "" where it can be scored.
    flags : tuple of str
        ``padded``, ``phase_sets``, ``incomplete``: as the ledger's.
    reference, alternate : uint8, shape (window,)
        The genome, and the haplotype.
    """

    sample: str
    haplotype: int
    contig: int
    start: int
    end: int
    edits: tuple[Edit, ...]
    lacking: int
    reason: str
    flags: tuple[str, ...]
    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]


def combined_windows(
    genome: Genome,
    survey: Survey,
    window: int,
    reach: int,
    samples: Sequence[str],
    part: int,
    regions: Sequence[Region] = (),
) -> Iterator[CombinedWindow]:
    """Cut the windows of haplotypes that differ from the genome at the records of a part.

    What tells a haplotype from the genome is found by `danq.variants.changes.changes`. From left to right, a
    change that no window before it has as its own begins a window of its own, to which all changes that begin
    less than `reach` bp further right belong. Each window shows everything that the haplotype carries in it.

    Parameters
    ----------
    survey : Survey
        A survey with samples.
    reach : int
        bp, at least 1.
    samples : sequence of str
        The samples in their order.
    part : int
        Number of the part. A window belongs to the part of the first record that leads up to it without a
        gap.
    regions : sequence of Region
        Only windows whose own changes reach into one of them; all where empty.

    Yields
    ------
    CombinedWindow
        By contig in the order of the input, position, sample and haplotype.
    """
    order = {sample: number for number, sample in enumerate(samples)}
    last_row = (part + 1) * survey.part
    neighbours = Neighbours(survey, part)
    own: dict[int, list[Edit]] = {}
    for edit in takewhile(lambda edit: edit.row <= last_row, survey.edits_from(part)):
        if edit.in_place:
            own.setdefault(edit.contig, []).append(edit)
    wanted = stretches_of(regions, genome) if regions else dict.fromkeys(own, _EVERYWHERE)
    for contig, edits in own.items():
        if contig not in wanted:
            continue
        cutting = _Cutting(genome.contig(contig), contig, window, reach, edits[0].row, neighbours)
        groups = [
            group for group in cutting.groups(edits) if overlaps(wanted[contig], group.start, group.length)
        ]
        for group in sorted(groups, key=lambda g: (g.start, order[g.first.sample], g.first.haplotype)):
            yield cutting.window(group)


class _Group(NamedTuple):
    """The changes of a window: those `inside` of all those `around`, which edits from first to last make."""

    start: int
    around: Sequence[Change]
    inside: slice
    first: Edit
    last: Edit

    @property
    def length(self) -> int:
        """Bases from the first change of its own to the end of the last, at least 1."""
        return max(self.around[self.inside][-1].end - self.start, 1)


class _Cutting:
    """Cuts the windows of one contig, on which record `row` lies."""

    def __init__(
        self, bases: Bases, contig: int, window: int, reach: int, row: int, neighbours: Neighbours
    ) -> None:
        self._bases, self._contig, self._window, self._reach = bases, contig, window, reach
        self._row, self._neighbours = row, neighbours
        self._apart, self._farthest = max(reach, NEAR), max(window, _FARTHEST)
        self._left = self._right = 0

    def groups(self, own: Sequence[Edit]) -> list[_Group]:
        """Group the changes of all haplotypes; the first edit of what is grouped together is one of `own`."""
        margin = self._apart + self._farthest
        self._cover(min(edit.start for edit in own) - margin, max(edit.end for edit in own) + margin)
        haplotypes = dict.fromkeys((edit.sample, edit.haplotype) for edit in own)
        rows = range(own[0].row, own[-1].row + 1)
        while True:
            stretches = {each: self._stretches(self._neighbours.edits[each], rows) for each in haplotypes}
            last = max((edits[-1].end for each in stretches.values() for edits, *_ in each), default=0)
            if last + margin <= self._right:
                return [
                    group
                    for each in stretches.values()
                    for stretch in each
                    for group in self._grouped(*stretch)
                ]
            self._cover(self._left, last + margin)

    def _cover(self, left: int, right: int) -> None:
        self._neighbours.cover(self._row, self._contig, left, right)
        self._left, self._right = left, right

    def _stretches(self, edits: Sequence[Edit], rows: range) -> list[tuple[list[Edit], int, int]]:
        """Give edits that lie near each other together, with the borders of each stretch.

        Only what begins with one of `rows` is given; what lies far apart is not changed by moving it.
        """
        stretches: list[tuple[list[Edit], int, int]] = []
        end = 0
        for edit in edits:
            if not stretches or self._far(end, edit):
                if stretches:
                    stretches[-1] = (*stretches[-1][:2], edit.start)
                stretches.append(([], end, len(self._bases)))
            stretches[-1][0].append(edit)
            end = edit.end
        return [stretch for stretch in stretches if stretch[0][0].row in rows]

    def _far(self, end: int, edit: Edit) -> bool:
        """Whether an edit stays far from where the one before it ends, however far left it is moved."""
        if edit.start - end < self._apart:
            return False
        if edit.start < edit.end and edit.inserted:
            return True
        inserted = np.frombuffer(edit.inserted, np.uint8)
        unit = inserted if len(inserted) else self._bases[edit.start : edit.end]
        floor = max(end, edit.start - self._farthest)
        return edit.start - free_left(self._bases, edit.start, unit, floor) - end >= self._apart

    def _grouped(self, edits: Sequence[Edit], floor: int, ceiling: int) -> Iterator[_Group]:
        written = [Change(edit.start, edit.end, edit.inserted) for edit in edits]
        tidied = changes(self._bases, written, floor, ceiling)
        around = [piece for change in tidied for piece in cut_long(change, self._reach)]
        first = 0
        for number in range(1, len(around) + 1):
            if number == len(around) or around[number].start >= around[first].start + self._reach:
                yield _Group(around[first].start, around, slice(first, number), edits[0], edits[-1])
                first = number

    def window(self, group: _Group) -> CombinedWindow:
        """Cut the window of a group."""
        sample, haplotype = group.first.sample, group.first.haplotype
        left, right = self._flanks(group)
        nothing: list[Change] = []
        own = (
            left_flank(self._bases, nothing, group.start, self._window // 2),
            right_flank(self._bases, nothing, group.start, self._window - self._window // 2),
        )
        reference = np.concatenate([flank.codes for flank in own])
        padding = sum(flank.padding for flank in own)
        carried = self._carried(group, left, right)
        lacking = self._neighbours.lacking(group.first, left.edge, right.edge)
        flags = {
            "padded": padding or left.padding or right.padding,
            "phase_sets": len({edit.phase_set for edit in carried} - {None}) > 1,
            "incomplete": lacking,
        }
        return CombinedWindow(
            sample,
            haplotype,
            contig=self._contig,
            start=group.start,
            end=group.around[group.inside][-1].end,
            edits=carried,
            lacking=lacking,
            reason="many_n" if mostly_unknown(reference, padding) else "",
            flags=tuple(flag for flag, holds in flags.items() if holds),
            reference=reference,
            alternate=np.concatenate((left.codes, right.codes)),
        )

    def _carried(
        self, group: _Group, left: Flank[Change | Edit], right: Flank[Change | Edit]
    ) -> tuple[Edit, ...]:
        """Find the edits that make what the flanks of a group show.

        Those of the group's own stretch may be written beyond an edge over which their changes were moved:
        then the bases gained up to there differ, until such edits are counted as well.
        """
        edits, around = self._neighbours.edits[group.first.sample, group.first.haplotype], group.around
        rows = group.first.row, group.last.row
        own = edits[bisect_left(edits, rows[0], key=_ROW) : bisect_right(edits, rows[1], key=_ROW)]
        before = [shown for shown in left.edits if isinstance(shown, Edit)]
        after = [shown for shown in right.edits if isinstance(shown, Edit)]
        # both borders rise along the haplotype
        first = bisect_right(own, left.edge, key=lambda edit: max(edit.end, edit.start + 1))
        last = max(bisect_left(own, right.edge, key=_START), first)
        n = group.inside.start - len(left.edits) + len(before)
        while first and _gained(own[:first]) != _gained(around[:n]):
            first -= 1
            n = min(n, bisect_right(around, own[first].start, key=_END))
        n = group.inside.start + len(right.edits) - len(after)
        while last < len(own) and _gained(own[:last]) != _gained(around[:n]):
            last += 1
            n = max(n, bisect_left(around, own[last - 1].end, key=_START))
        if first == last:
            # between edits that were joined, and none of which gains bases by itself
            first, last = max(first - 1, 0), last + 1
        return (*before, *own[first:last], *after)

    def _flanks(self, group: _Group) -> tuple[Flank[Change | Edit], Flank[Change | Edit]]:
        """Cut the haplotype left and right of where a group begins."""
        half = self._window // 2
        while True:
            edits = self._neighbours.edits[group.first.sample, group.first.haplotype]
            first = bisect_left(edits, group.first.row, key=_ROW)
            last = bisect_right(edits, group.last.row, key=_ROW)
            before: list[Change | Edit] = [*edits[:first], *group.around[: group.inside.start]]
            after: list[Change | Edit] = [*group.around[group.inside.start :], *edits[last:]]
            left = left_flank(self._bases, before, group.start, half)
            right = right_flank(self._bases, after, group.start, self._window - half)
            if left.edge >= self._left and right.edge <= self._right:
                return left, right
            # deletions make a window reach further than its length; what lies there may do so again
            self._cover(min(left.edge, self._left), max(right.edge, self._right))


def _gained(changes: Iterable[Change | Edit]) -> int:
    return sum(len(change.inserted) - (change.end - change.start) for change in changes)
