"""Which parts of a genome are mutated: regions as text, of a BED, or around the alleles of a VCF."""

import logging
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.intervals import parse_region, read_regions, union
from danq.genome.tracks import place_intervals, report_placed
from danq.remnants import scratch

log = logging.getLogger("danq")


@dataclass(frozen=True, eq=False)
class Regions:
    """Parts of a genome, in its order; none shares a base with another.

    Attributes
    ----------
    contig : int32, shape (n,)
        Index of the genome's contig.
    start, end : int64, shape (n,)
        0-based half-open positions in bp.
    before_merging : int
        Regions before those that overlap were merged.
    left_out : mapping of str to int
        What has no place on the genome: reason → number.
    renamed : dict of str to str
        Contig name in the input → its name in the genome, where the two differ.
    """

    genome: Genome
    contig: NDArray[np.int32]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    before_merging: int
    left_out: Mapping[str, int]
    renamed: dict[str, str]

    def __len__(self) -> int:
        return len(self.start)

    @property
    def bases(self) -> int:
        """Length of all of them together in bp."""
        return int((self.end - self.start).sum())

    def place(self, index: int) -> tuple[int, int, int]:
        """Index of the contig, start and end of one of them."""
        return int(self.contig[index]), int(self.start[index]), int(self.end[index])

    def text(self, index: int) -> str:
        """One of them as ``chr7:1001-2000``: 1-based, both ends included."""
        return f"{self.genome.names[self.contig[index]]}:{self.start[index] + 1}-{self.end[index]}"


def regions_of_texts(texts: Sequence[str], genome: Genome, aliases: Path | None = None) -> Regions:
    """Read regions such as ``chr7:1,001-2,000`` (1-based, both ends included) or ``chr7``.

    Raises
    ------
    DanqError
        If a text is no region, is on an unknown contig, or reaches past its contig's end.
    """
    placed = read_regions(texts, genome, "--region", read_aliases(aliases) if aliases else None)
    places = [(genome.index(region.contig), region.start, region.end) for region in placed]
    names = zip(
        (parse_region(text).contig for text in texts), (region.contig for region in placed), strict=True
    )
    renamed = {received: own for received, own in names if received != own}
    contigs, starts, ends = np.array(places, np.int64).reshape(-1, 3).T
    return _merged(genome, contigs, starts, ends, {}, renamed)


def regions_of_bed(bed: Path, genome: Genome, aliases: Path | None = None) -> Regions:
    """Read the intervals of a BED or narrowPeak file; those without a place are counted and left out.

    An interval that reaches out of its contig is clipped there.

    Raises
    ------
    DanqError
        If the file cannot be read, or no interval has a place.
    """
    placed = place_intervals(bed, genome, read_aliases(aliases) if aliases else None)
    if not len(placed.start):
        raise DanqError(f"{bed}: expected at least one region on a contig of {genome.path}, found none")
    report_placed(bed, placed)
    return _merged(genome, placed.contig, placed.start, placed.end, placed.records.left_out, placed.renamed)


def regions_of_variants(
    vcf: Path, genome: Genome, window: int, flank: int, aliases: Path | None = None
) -> Regions:
    """Take the surroundings of the alleles of a VCF, BCF or TSV, each at its placed position.

    They reach `flank` bp before the first and after the last base that an allele changes; `window` is that
    of the model.

    Raises
    ------
    DanqError
        If the file cannot be read, most of its REF are not those of the genome, or no allele has a place.
    """
    from danq.variants.allele_checks import AlleleRules
    from danq.variants.builds import warn_of_other_build
    from danq.variants.survey import survey
    from danq.variants.text import open_variants

    variants, table = open_variants(vcf), read_aliases(aliases) if aliases else None
    warn_of_other_build(str(vcf), variants, genome, table)
    places = array("q")
    left_out: Counter[str] = Counter()
    with scratch() as folder:
        surveyed = survey(folder, variants, genome, AlleleRules(window), table)
        for allele in chain.from_iterable(map(surveyed.alleles_of, range(surveyed.parts))):
            if allele.reason:
                left_out[allele.reason] += 1
                continue
            # an insertion replaces no base: the one that follows it stands for its position
            end = allele.start + max(allele.removed, 1) + flank
            end = min(end, int(genome.lengths[allele.index]))
            places.extend((allele.index, max(allele.start - flank, 0), end))
    if left_out:
        reasons = ", ".join(f"{reason} {count}" for reason, count in left_out.items())
        log.warning("%s: %d alleles have no place on the genome (%s)", vcf, left_out.total(), reasons)
    if not places:
        raise DanqError(f"{vcf}: expected at least one allele with a place on {genome.path}, found none")
    contigs, starts, ends = np.array(places, np.int64).reshape(-1, 3).T
    return _merged(genome, contigs, starts, ends, left_out, surveyed.contigs.renamed)


def _merged(
    genome: Genome,
    contig: NDArray[np.int32] | NDArray[np.int64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    left_out: Mapping[str, int],
    renamed: dict[str, str],
) -> Regions:
    """Merge what overlaps, so that each base is mutated once; regions that only touch stay apart."""
    before = len(start)
    index, start, end = union(contig.astype(np.int32), start, end, touching=False)
    if len(start) < before:
        log.info("%d regions overlap: merged into %d, so that each base is mutated once", before, len(start))
    return Regions(genome, index, start, end, before, left_out, renamed)
