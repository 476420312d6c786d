"""Which haplotypes carry the alleles of a record, and what stays in place on them for its neighbours."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, NamedTuple

from danq.errors import DanqError
from danq.genome.contigs import ContigMap
from danq.genome.fasta import Genome
from danq.variants.allele_checks import AlleleRules, Judge
from danq.variants.alleles import Allele
from danq.variants.personal.genotypes import UNPHASED, Call, read_calls
from danq.variants.personal.neighbours import Haplotype, Written, written
from danq.variants.text import Line, VariantText

# reasons not to score an allele that is on the haplotype all the same
_IN_PLACE = frozenset({"too_long", "outside_regions"})


class Row(NamedTuple):
    """An allele on a haplotype, or on the genome itself (None); it is scored if it has no reason."""

    allele: Allele
    haplotype: Haplotype | None = None
    phase_set: str | None = None


@dataclass(slots=True)
class Site:
    """A record as the chosen samples carry it.

    Attributes
    ----------
    line : Line
        The record.
    rows : list of Row
        One for each ALT, sample and haplotype that carries it; one for an ALT that none carries.
    changed : list of Haplotype
        Haplotypes with an edit of this record.
    reach : int
        0-based position on the reference up to which the windows may need neighbours.
    """

    line: Line
    rows: list[Row]
    changed: list[Haplotype]
    reach: int


@dataclass(frozen=True, eq=False)
class Carriers:
    """Reads one record after the other and keeps the haplotypes of the chosen samples up to date.

    Attributes
    ----------
    variants, genome, rules, contigs
        As for `danq.variants.records.read_alleles`.
    columns : mapping of str to int
        The samples, from `danq.variants.personal.genotypes.choose_samples`.
    unphased : {"refuse", "alone"}
        What to do with the alleles of a heterozygous genotype that is not phased.
    haplotypes : dict of (str, int) to Haplotype
        By sample and haplotype, for the current contig; the caller clears it before the next.
    """

    variants: VariantText
    genome: Genome
    rules: AlleleRules
    contigs: ContigMap
    columns: Mapping[str, int]
    unphased: Literal["refuse", "alone"]
    haplotypes: dict[tuple[str, int], Haplotype] = field(default_factory=lambda: defaultdict(Haplotype))

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self.variants, self.genome, self.rules, self.contigs)

    @cached_property
    def _judge_of_neighbours(self) -> Judge:
        rules = replace(self.rules, regions=(), window=sys.maxsize)
        return Judge(self.variants, self.genome, rules, self.contigs)

    def site(self, line: Line) -> Site:
        """Read the next record, put its alleles in place, and say which haplotypes carry them.

        Raises
        ------
        DanqError
            If a genotype cannot be used or, where that is refused, is not phased.
        """
        judged = placed = self._judge.alleles(line)
        if any(allele.reason in _IN_PLACE for allele in judged):
            placed = self._judge_of_neighbours.alleles(line)
        site = Site(line, [], [], -1)
        swapped = any(allele.swapped for allele in placed)
        calls: dict[int, list[Call]] = defaultdict(list)
        if judged[0].reason != "malformed":
            alts = 0 if judged[0].alt == "." else len(judged)
            for call in read_calls(self.variants, line, self.columns, alts, swapped):
                calls[call.allele].append(call)
        for allele, place in zip(judged, placed, strict=True):
            self._add(site, allele, place, calls[allele.allele], calls[0])
        return site

    def _add(self, site: Site, allele: Allele, place: Allele, calls: list[Call], of_ref: list[Call]) -> None:
        if not calls:
            site.rows.append(Row(replace(allele, reason=allele.reason or "not_carried")))
        found = None if place.reason else written(place, self.genome.contig(place.index))
        if found and not allele.reason:
            site.reach = max(site.reach, found.edit.end + self.rules.window - self.rules.window // 2)
        for call in calls:
            if call.haplotype == UNPHASED and self.unphased == "refuse" and found:
                raise _not_phased(self.variants, site.line, call)
            own = replace(allele, sample=call.sample, haplotype=call.haplotype)
            if found is None:
                site.rows.append(Row(own))
            elif call.haplotype == UNPHASED:
                site.rows.append(Row(replace(own, flags=(*own.flags, "unphased"))))
            elif haplotype := self._admitted(site, found, call, not place.swapped):
                site.rows.append(Row(own, haplotype, call.phase_set))
            else:
                site.rows.append(Row(replace(own, reason=own.reason or "overlaps")))
        if found and place.swapped:
            for call in of_ref:
                self._admitted(site, found, call, True)

    def _admitted(self, site: Site, found: Written, call: Call, changes: bool) -> Haplotype | None:
        """Haplotype of a call, with the allele in place if it `changes` the genome; None if it overlaps."""
        haplotype = self.haplotypes[call.sample, call.haplotype]
        if not haplotype.admits(found):
            return None
        haplotype.occupy(found)
        if changes:
            haplotype.edits.append(found.edit._replace(phase_set=call.phase_set))
            site.changed.append(haplotype)
        return haplotype


def _not_phased(variants: VariantText, line: Line, call: Call) -> DanqError:
    return DanqError(
        f"{variants.path}:{line.number}: expected phased genotypes such as 0|1, received {call.genotype!r} "
        f"of sample {call.sample!r} (`unphased: alone` scores such alleles on the genome itself)"
    )
