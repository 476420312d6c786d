"""A scoring: its inputs opened and checked before a model is loaded, its alleles scored block by block."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from danq.errors import DanqError, counted, first_few
from danq.files import digest, sha256
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.intervals import read_regions
from danq.learn.manifest import target_indices
from danq.provenance import verb_digest
from danq.score.background import Background, open_background
from danq.score.effects import Effects, score_windows
from danq.score.measures import MEASURES, Columns
from danq.score.models import Models
from danq.score.options import ScoreOptions
from danq.score.runner import Runner
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.builds import warn_of_other_build
from danq.variants.genotypes import choose_samples
from danq.variants.haplotypes import Windows, haplotype_windows
from danq.variants.personal_windows import personal_windows
from danq.variants.survey import PART, survey
from danq.variants.survey_file import Survey
from danq.variants.text import VariantText, open_variants

log = logging.getLogger("danq")

_MOST_ALLELES, _FEWEST_ALLELES, _MOST_VALUES = 1_000, 50, 1_000_000
# what the numbers do not depend on, or not but through what is digested beside them
_INFO_MARKS = tuple(measure.name for measure in MEASURES if measure.info)
_NOT_DIGESTED = {"truth", "truth_group", "aliases", "background", "info_prefix"}


class ScoredBlock(NamedTuple):
    """The alleles of some records in a row, and the effects of those that have windows, in that order."""

    records: int
    windows: Windows
    effects: Effects


@dataclass(frozen=True, eq=False)
class Job:
    """A scoring.

    Attributes
    ----------
    name : str
        What the input is called; of standard input its path would say nothing.
    vcf_digest : str
        SHA-256 of its file.
    aliases : mapping of str to str, or None
        Further contig names.
    """

    models: Models
    genome: Genome
    variants: VariantText
    name: str
    vcf_digest: str
    options: ScoreOptions
    rules: AlleleRules
    aliases: Mapping[str, str] | None
    columns: Columns
    background: Background | None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the numbers depend on, the sources of danq included."""
        return digest(
            {
                "vcf": self.vcf_digest,
                "genome": self.genome.digest,
                "ambiguity": self.genome.ambiguity and self.genome.ambiguity.digest,
                "bundles": self.models.digests,
                "background": self.background.digest if self.background is not None else None,
                "options": self.options.model_dump(mode="json", exclude=_NOT_DIGESTED),
                "aliases": sha256(self.options.aliases) if self.options.aliases is not None else None,
                "part": PART,
                "code": verb_digest("score", *self.models.names),
            }
        )

    def survey(self, folder: Path) -> Survey:
        """Read and check the input to its end, or open the survey of it that lies in a folder.

        Raises
        ------
        DanqError
            If the input is damaged or does not fit the genome; see `danq.variants.survey.survey`.
        """
        chosen = self.options
        inputs = self.variants, self.genome, self.rules, self.aliases
        warn_of_other_build(self.name, self.variants, self.genome, self.aliases)
        how = chosen.samples, chosen.unphased, chosen.strict
        result = survey(folder, *inputs, *how, digest=self.digest, marks=_INFO_MARKS)
        _remark(self.name, self.variants, self.genome, result)
        return result

    def refuse_changed_input(self) -> None:
        """Refuse an input that is no longer what it was when it was opened."""
        if sha256(self.variants.path) != self.vcf_digest:
            raise DanqError(f"{self.name}: changed while it was scored; score it again")

    def scored_blocks(
        self, survey: Survey, runners: Sequence[Runner], parts: Iterable[int]
    ) -> Iterator[ScoredBlock]:
        """Score the alleles of parts, block by block; runs of several models are an ensemble.

        Raises
        ------
        DanqError
            If a model gives no numbers, or the survey is damaged.
        """
        for records, windows in window_blocks(self, survey, parts):
            yield ScoredBlock(records, windows, self.effects(runners, windows))

    def effects(self, runners: Sequence[Runner], windows: Windows) -> Effects:
        """Compute what the alternates of windows change, with the e-values of the background.

        Raises
        ------
        DanqError
            If a model gives no numbers.
        """
        effects = score_windows(runners, windows, self.options.strands)
        if self.background is not None:
            effects = replace(effects, evalue=self.background.evalues(effects.statistic()))
        return effects

    @property
    def most_alleles(self) -> int:
        """Alleles of one block: the fewer, the more targets the models have."""
        return min(_MOST_ALLELES, max(_FEWEST_ALLELES, _MOST_VALUES // len(self.models.targets)))


def open_job(
    models: Models, genome: Genome, vcf: Path, options: ScoreOptions, name: str | None = None
) -> Job:
    """Check everything that a scoring needs but the records of its input.

    Parameters
    ----------
    vcf : Path
        VCF, BCF or a table of ``chr:pos:ref:alt``; a regular file.
    name : str, optional
        What the input is called in messages and results; its path where left out.

    Raises
    ------
    DanqError
        If the input's header cannot be read, or an option names what is not there.
    """
    columns = Columns(
        targets=models.targets,
        chosen=target_indices(options.targets, models.targets, "--target")
        or tuple(range(len(models.targets))),
        annotated=target_indices(options.annotate, models.targets, "--annotate"),
        ensemble=len(models.bundles) > 1,
        background=options.background is not None,
        samples=bool(options.samples),
    )
    variants = open_variants(vcf)
    if options.samples:
        choose_samples(variants, options.samples)
    background = None
    if options.background is not None:
        background = open_background(options.background, models.digests, models.targets, options.strands)
    aliases = read_aliases(options.aliases) if options.aliases is not None else None
    regions = read_regions(options.regions, genome, "--region", aliases)
    return Job(
        models=models,
        genome=genome,
        variants=variants,
        name=name or str(vcf),
        vcf_digest=sha256(vcf),
        options=options,
        rules=AlleleRules(models.window, options.ref_mismatch, regions, options.pass_only),
        aliases=aliases,
        columns=columns,
        background=background,
    )


def window_blocks(job: Job, survey: Survey, parts: Iterable[int]) -> Iterator[tuple[int, Windows]]:
    """Cut the windows of the alleles of parts, with the number of their records, in blocks of bounded memory.

    How the blocks are cut depends on the part alone, and none reaches across the border of two parts. The
    more targets the models have, the smaller are the blocks.
    """
    most, window = job.most_alleles, job.models.window
    for part in parts:
        if job.options.samples:
            pieces = personal_windows(job.genome, survey, window, part)
            for of_records in _blocks(pieces, lambda piece: len(piece.alleles), most):
                yield len(of_records), _joined(of_records)
        else:
            records = (tuple(alleles) for _, alleles in groupby(survey.alleles_of(part), attrgetter("row")))
            for block in _blocks(records, len, most):
                yield len(block), haplotype_windows(job.genome, tuple(chain.from_iterable(block)), window)


_OfRecord = TypeVar("_OfRecord", Windows, tuple[Allele, ...])


def _blocks(
    records: Iterable[_OfRecord], alleles_of: Callable[[_OfRecord], int], most: int
) -> Iterator[list[_OfRecord]]:
    """Put records together until there are `most` alleles."""
    block: list[_OfRecord] = []
    alleles = 0
    for record in records:
        block.append(record)
        alleles += alleles_of(record)
        if alleles >= most:
            yield block
            block, alleles = [], 0
    if block:
        yield block


def _joined(pieces: Sequence[Windows]) -> Windows:
    groups = np.cumsum([0, *(len(piece.reference) for piece in pieces)])
    alleles = np.cumsum([0, *(len(piece.alleles) for piece in pieces)])
    return Windows(
        reference=np.concatenate([piece.reference for piece in pieces]),
        alternate=np.concatenate([piece.alternate for piece in pieces]),
        group=np.concatenate([piece.group + first for piece, first in zip(pieces, groups, strict=False)]),
        alleles=tuple(allele for piece in pieces for allele in piece.alleles),
        scored=np.concatenate([piece.scored + first for piece, first in zip(pieces, alleles, strict=False)]),
    )


def _remark(name: str, variants: VariantText, genome: Genome, survey: Survey) -> None:
    log.info("%s: %s, %s", name, counted(survey.records, "record"), counted(survey.alleles, "allele"))
    if not survey.records:
        log.warning("%s: no records; the results will be empty", name)
    elif not any(survey.scorable):
        log.warning("%s: no allele can be scored; the ledger says why", name)
    if variants.kind == "vcf" and not survey.header_contigs:
        log.warning("%s: the header declares no contigs; records are matched by their names", name)
    if survey.contigs.renamed:
        renamed = [f"{file} → {own}" for file, own in survey.contigs.renamed.items()]
        log.info("%s: contigs renamed: %s", name, first_few(renamed, 8))
    if survey.contigs.unknown:
        log.warning("%s: contigs that the genome lacks: %s", name, first_few(survey.contigs.unknown, 8))
    if survey.first_malformed is not None:
        number, (line, fault) = f"{survey.reasons['malformed']:,}", survey.first_malformed
        log.warning(
            "%s: lines that are no variant records: %s; the first is %d: %s", name, number, line, fault
        )
    if survey.first_genotype is not None:
        counts = ", ".join(f"{reason} {count:,}" for reason, count in survey.genotypes.items())
        skipped = "genotypes that cannot be used, whose alleles are skipped"
        log.warning("%s: %s: %s; the first is in line %d: %s", name, skipped, counts, *survey.first_genotype)
    if survey.mismatched:
        numbers = f"{survey.mismatched:,}", f"{survey.checked:,}"
        log.warning("%s: REF of %s of %s compared records is not what the genome holds", name, *numbers)
        if genome.ambiguity is None:
            log.warning(
                "%s: encoded without its ambiguity letters, so a REF that was reduced from one mismatches; "
                "`danq genome` encodes it anew",
                genome.path,
            )
