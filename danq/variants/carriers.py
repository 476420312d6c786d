"""Which haplotypes of samples carry the alleles of a record, and what each of these does to its haplotype."""

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from danq.genome.alphabet import CODES
from danq.genome.fasta import Bases
from danq.variants.allele_checks import AlleleChecks
from danq.variants.alleles import Allele, Place
from danq.variants.genotypes import UNPHASED, Call, read_calls
from danq.variants.symbolic import extent_of
from danq.variants.text import Fields, Line

# reasons not to score an allele that is on the haplotype all the same
_IN_PLACE = frozenset({"too_long", "outside_regions"})
# those of alleles that a haplotype does not lack: there is nothing to it, or the user left it out
_NOT_LACKING = frozenset({"star", "missing", "same_as_ref", "filtered", "unknown_contig"})
_EXPECTED = {
    "malformed_genotype": "a genotype such as 0|1 of alleles that the record has",
    "unphased": "a phased genotype such as 0|1",
    "half_missing": "a phased or a whole genotype such as 0|1",
}
"""Reasons of genotypes, and what was expected instead."""


class Edit(NamedTuple):
    """An allele on a haplotype, no further left than its record has it.

    On the reference alone, an insertion or deletion within a repeat is the same wherever it stands. With
    other variants in the repeat it is not: what a haplotype carries is the change that the record writes.

    Attributes
    ----------
    row, allele : int
        Number of the record, and of the allele in it; 0 for its REF, where the genome holds an ALT.
    id : str
        Of the record.
    first : int
        0-based position of the record.
    contig : int
        Index of the genome's contig.
    start, end : int
        0-based half-open stretch of the contig that is replaced.
    inserted : bytes
        Codes of the bases in its place.
    phase_set : str or None
        As in `danq.variants.genotypes.Call`.
    in_place : bool
        False for an allele that the haplotype carries, or may carry where `haplotype` is 0, and that is not
        put into its sequence: it overlaps another, say, or has none. Then `start` and `end` are those of the
        record.
    """

    row: int
    allele: int
    id: str
    first: int
    contig: int
    sample: str
    haplotype: int
    start: int
    end: int
    inserted: bytes
    phase_set: str | None
    in_place: bool = True


class _Written(NamedTuple):
    """An allele where its record has it, and what decides whether it overlaps others.

    Attributes
    ----------
    first, last : int
        0-based first and last base of REF (of ALT where swapped; of what a symbolic ALT changes).
    anchored : bool
        Whether it is a mere insertion or deletion and the first base of REF stays.
    longer : bool
        Whether the haplotype gains bases.
    """

    place: Place
    first: int
    last: int
    anchored: bool
    longer: bool


class Carriers:
    """Reads the genotypes of one record after the other; the records of a contig come sorted and together.

    `columns` are the samples', from `danq.variants.genotypes.choose_samples`. With `unphased` ``alone``, the
    alleles of genotypes that are not phased have a row without a reason, flagged ``unphased``.

    Attributes
    ----------
    skipped : Counter of str
        Genotypes whose alleles could be scored but for the genotype itself, by reason.
    first_skipped : dict of str to (int, str)
        By reason, the line of the first of them, and what was expected there and what received.
    reach : tuple of (int, int)
        Contig of the last edit so far, and the largest end of its edits; -1 and -1 before the first.
    """

    def __init__(
        self, checks: AlleleChecks, columns: Mapping[str, int], unphased: Literal["skip", "alone", "refuse"]
    ) -> None:
        self._genome = checks.genome
        self._columns, self._unphased = columns, unphased
        rules = replace(checks.rules, regions=(), window=sys.maxsize)
        self._checks_of_neighbours = AlleleChecks(checks.variants, checks.genome, rules, checks.contigs)
        self._contig = ""
        self.reach = -1, -1
        self.skipped: Counter[str] = Counter()
        self.first_skipped: dict[str, tuple[int, str]] = {}
        # last base of REF of the latest variant in place on a haplotype, and whether it made that longer; of
        # the current contig alone, so that memory does not grow with the file
        self._latest: dict[tuple[str, int], tuple[int, bool]] = {}

    def rows(
        self, line: Line, fields: Fields | None, checked: Sequence[Allele]
    ) -> tuple[list[Allele], list[Edit]]:
        """Say which haplotypes carry the alleles of the next record, from `AlleleChecks.alleles`.

        Returns
        -------
        list of Allele
            One for each ALT, sample (in the given order) and haplotype that carries it; one for an ALT that
            none carries. Those on a haplotype and without a reason have its other variants in their windows.
        list of Edit
            What the record changes on haplotypes.
        """
        if fields is None:
            return [replace(allele, reason=allele.reason or "not_carried") for allele in checked], []
        if fields.contig != self._contig:
            self._contig = fields.contig
            self._latest.clear()
        placed = checked
        if any(allele.reason in _IN_PLACE for allele in checked):
            placed = self._checks_of_neighbours.alleles(line, fields)
        swapped = any(allele.swapped for allele in placed)
        calls: dict[int, list[Call]] = defaultdict(list)
        alts = 0 if checked[0].alt == "." else len(checked)
        for call in read_calls(line, self._columns, alts, swapped):
            calls[call.allele].append(call)
        rows: list[Allele] = []
        edits: list[Edit] = []
        for allele, in_place in zip(checked, placed, strict=True):
            extent = extent_of(allele.alt, fields.pos, len(fields.ref), fields.info)
            own = self._carried(allele, in_place, calls[allele.allele], edits, extent)
            rows += own or [replace(allele, reason=allele.reason or "not_carried")]
            if in_place.swapped:
                # the genome holds ALT: it is the haplotypes with REF that differ from it
                written = _written(in_place, self._genome.contig(in_place.index))
                for call in calls[0]:
                    if not self._admit(in_place, written, call, edits):
                        self._lack(in_place, call, edits, extent)
        self._count(line, rows, calls)
        return rows, edits

    def _count(self, line: Line, rows: Sequence[Allele], calls: Mapping[int, Sequence[Call]]) -> None:
        """Count the genotypes for which alleles are skipped."""
        skipped = {row.sample: row for row in rows if row.sample and row.reason in _EXPECTED}
        self.skipped.update(row.reason for row in skipped.values())
        for sample, row in skipped.items():
            if row.reason not in self.first_skipped:
                text = next(call.genotype for call in calls[row.allele] if call.sample == sample)
                fault = f"expected {_EXPECTED[row.reason]}, received {text[:40]!r} of sample {sample!r}"
                self.first_skipped[row.reason] = line.number, fault

    def _carried(
        self,
        allele: Allele,
        in_place: Allele,
        calls: list[Call],
        edits: list[Edit],
        extent: tuple[int, int],
    ) -> list[Allele]:
        written = None if in_place.reason else _written(in_place, self._genome.contig(in_place.index))
        rows = []
        for call in calls:
            own, admitted = replace(allele, sample=call.sample, haplotype=call.haplotype), False
            if call.reason == "malformed_genotype" or (call.reason and self._unphased != "alone"):
                own = replace(own, reason=own.reason or call.reason)
            elif written is not None:
                if call.haplotype == UNPHASED:
                    own = replace(own, flags=(*own.flags, "unphased"))
                elif self._admit(in_place, written, call, None if in_place.swapped else edits):
                    own, admitted = replace(own, phase_set=call.phase_set), True
                else:
                    own = replace(own, reason=own.reason or "overlaps")
            rows.append(own)
            if not admitted and in_place.reason not in _NOT_LACKING:
                self._lack(in_place, call, edits, extent)
        return rows

    def _admit(self, allele: Allele, written: _Written, call: Call, edits: list[Edit] | None) -> bool:
        """Put an allele in place unless it overlaps an earlier one, by the rule of ``bcftools consensus``.

        An allele overlaps if its REF starts at or before the last base of an earlier REF. A mere insertion
        or deletion after an anchor base may share that one base, but not with an earlier insertion. An
        allele that overlaps is not put in place, so that it is no hindrance to those after it. An allele that
        the genome holds is in place without `edits`: it changes nothing.
        """
        haplotype = call.sample, call.haplotype
        last, after_insertion = self._latest.get(haplotype, (-1, False))
        shares = written.first == last and written.anchored and not after_insertion
        if not (written.first > last or shares):
            return False
        self._latest[haplotype] = written.last, written.longer
        if edits is not None:
            start, removed, inserted = written.place
            own = allele.row, call.allele, allele.id, written.first, allele.index, *haplotype
            self._add(Edit(*own, start, start + removed, inserted, call.phase_set), edits)
        return True

    def _lack(self, allele: Allele, call: Call, edits: list[Edit], extent: tuple[int, int]) -> None:
        """Say where a haplotype lacks an allele that it carries."""
        contig = self._checks_of_neighbours.contigs.index[allele.contig]
        start, end = extent
        own = allele.row, call.allele, allele.id, allele.pos - 1, contig, call.sample, call.haplotype
        self._add(Edit(*own, start, end, b"", call.phase_set, in_place=False), edits)

    def _add(self, edit: Edit, edits: list[Edit]) -> None:
        edits.append(edit)
        contig, farthest = self.reach
        self.reach = edit.contig, max(edit.end, farthest if contig == edit.contig else -1)


def place_from(allele: Allele, bases: Bases, leftmost: int) -> Place:
    """Take a placed allele of a contig to where it stands if it may not move left beyond `leftmost`, 0-based.

    The change that its record writes lies at or after `leftmost`.
    """
    start = max(allele.start, leftmost)
    # an insertion or deletion that moves right over bases takes them from its end to its front
    passed = bases[allele.start : start].tobytes()
    return Place(start, allele.removed, (allele.inserted + passed)[len(passed) :])


def _written(allele: Allele, bases: Bases) -> _Written:
    """Take a placed allele back to where its record has it."""
    first = allele.pos - 1
    moves = not (allele.removed and allele.inserted)
    if allele.alt.startswith("<"):
        # the stretch that a symbolic allele names begins after the base at POS, which stays
        place = place_from(allele, bases, first + 1)
        # an inversion whose ends are their own reverse complement is trimmed by as much at either end
        trimmed = place.start - (first + 1)
        last = place.start + place.removed - 1 + trimmed
        return _Written(place, first if moves else first + 1, last, moves, not allele.removed)
    removed, inserted = (allele.alt, allele.ref) if allele.swapped else (allele.ref, allele.alt)
    anchored = moves and bool(CODES[ord(allele.ref[0])] == CODES[ord(allele.alt[0])])
    place = place_from(allele, bases, first + anchored)
    return _Written(place, first, first + len(removed) - 1, anchored, len(inserted) > len(removed))
