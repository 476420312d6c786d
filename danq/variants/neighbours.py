"""The variants of haplotypes around the records of a part, read as far as they are asked for."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import attrgetter

import numpy as np

from danq.variants.alleles import Allele
from danq.variants.carriers import Edit
from danq.variants.genotypes import UNPHASED
from danq.variants.survey_file import Survey

_FAR, _ROW = np.iinfo(np.int64).max, attrgetter("row")

Haplotype = tuple[str, int]
"""A sample, and which of its haplotypes."""


class Neighbours:
    """The edits of all haplotypes on a stretch of one contig, which follows the records and grows on demand.

    `part` is that of the first record.

    Attributes
    ----------
    edits : dict of (str, int) to list of Edit
        By haplotype, those in place that are known, in their order along it.
    """

    def __init__(self, survey: Survey, part: int) -> None:
        self._survey, self._part = survey, part
        self._ahead = survey.edits_from(part)
        self._next = next(self._ahead, None)
        self._contig, self._left = -1, _FAR
        self.edits: dict[Haplotype, list[Edit]] = defaultdict(list)
        self._lacking: dict[Haplotype, list[Edit]] = defaultdict(list)

    def cover(self, row: int, contig: int, left: int, right: int) -> None:
        """Make known all edits of a contig that end after `left` and whose records begin before `right`.

        Record `row` lies on the contig.
        """
        if contig != self._contig:
            self.edits.clear()
            self._lacking.clear()
            # the first contig may have begun in an earlier part; -1: no edit ends at or before it
            self._left = _FAR if self._contig < 0 else -1
            self._contig = contig
        left = max(left, -1)
        if left < self._left:
            # on a haplotype no edit ends before an earlier one: those further left go in front
            older: dict[Haplotype, list[Edit]] = defaultdict(list)
            for edit in self._survey.edits_before(self._part, contig, left, self._left):
                if edit.in_place:
                    older[edit.sample, edit.haplotype].append(edit)
                else:
                    self._lacking[edit.sample, edit.haplotype].append(edit)
            for haplotype, edits in older.items():
                self.edits[haplotype][:0] = edits
            self._left = left
        while self._next is not None:
            if self._next.contig == contig:
                if self._next.first >= right:
                    return
                kept = self.edits if self._next.in_place else self._lacking
                kept[self._next.sample, self._next.haplotype].append(self._next)
            elif self._next.row > row:
                return
            self._next = next(self._ahead, None)

    def around(self, allele: Allele) -> tuple[list[Edit], list[Edit]]:
        """Edits of the allele's haplotype from records before its own, and from those after it."""
        if not allele.haplotype:
            return [], []
        edits = self.edits[allele.sample, allele.haplotype]
        before = bisect_left(edits, allele.row, key=_ROW)
        return edits[:before], edits[bisect_right(edits, allele.row, key=_ROW) :]

    def lacking(self, carrier: Allele | Edit, left: int, right: int) -> int:
        """Count what the haplotype of an allele carries in [left, right), or may, and what is not in place.

        An allele of a genotype that tells no haplotype stands on the genome, which lacks nothing.
        """
        if carrier.haplotype == UNPHASED:
            return 0
        edits = [
            *self._lacking[carrier.sample, carrier.haplotype],
            *self._lacking[carrier.sample, UNPHASED],
        ]
        return len({(edit.row, edit.allele) for edit in edits if within(edit, left, right)})


def within(edit: Edit, left: int, right: int) -> bool:
    """Whether an edit reaches into [left, right), 0-based."""
    return edit.start < right and max(edit.end, edit.start + 1) > left
