"""A scoring with all its inputs opened and checked, before a model is loaded."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from danq.errors import first_few
from danq.files import digest, sha256
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.provenance import verb_digest
from danq.score.background import Background, open_background
from danq.score.measures import Columns
from danq.score.models import Models
from danq.score.options import ScoreOptions
from danq.score.scoring import PART, allele_rules
from danq.score.truth import TruthKey, truth_key
from danq.variants.personal.genotypes import choose_samples
from danq.variants.records import Survey, survey
from danq.variants.text import VariantText, open_variants

log = logging.getLogger("danq")

# what the numbers do not depend on, or not but through what is digested beside them
_NOT_DIGESTED = {"truth", "aliases", "background"}


@dataclass(frozen=True, eq=False)
class Job:
    """A scoring.

    Attributes
    ----------
    models : Models
        What scores.
    genome : Genome
        The genome the variants lie on.
    variants : VariantText
        The input.
    name : str
        What the input is called; of standard input its path would say nothing.
    vcf_digest : str
        SHA-256 of its file.
    options : ScoreOptions
        How it is read and scored.
    survey : Survey
        What it holds.
    columns : Columns
        What is kept of each allele.
    background : Background or None
        Where e-values come from.
    truth : TruthKey or None
        Where the input holds what the scores are compared with.
    """

    models: Models
    genome: Genome
    variants: VariantText
    name: str
    vcf_digest: str
    options: ScoreOptions
    survey: Survey
    columns: Columns
    background: Background | None
    truth: TruthKey | None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything the numbers depend on, the sources of danq included."""
        return digest(
            {
                "vcf": self.vcf_digest,
                "genome": self.genome.digest,
                "bundles": self.models.digests,
                "background": self.background.digest if self.background is not None else None,
                "options": self.options.model_dump(mode="json", exclude=_NOT_DIGESTED),
                "contigs": self.survey.contigs.index,
                "aliases": sha256(self.options.aliases) if self.options.aliases is not None else None,
                "part": PART,
                "code": verb_digest("score", *self.models.names),
            }
        )


def open_job(
    models: Models, genome: Genome, vcf: Path, options: ScoreOptions, name: str | None = None
) -> Job:
    """Check everything that a scoring needs.

    Parameters
    ----------
    models : Models
        The bundles, as from `danq.score.models.read_models`.
    genome : Genome
        The genome the variants lie on.
    vcf : Path
        VCF, BCF or a table of ``chr:pos:ref:alt``; a regular file.
    options : ScoreOptions
        How it is read and scored.
    name : str, optional
        What the input is called in messages and results; its path where left out.

    Raises
    ------
    DanqError
        If the input cannot be read or does not fit the genome, or an option names what is not there.
    """
    columns = Columns(
        targets=models.targets,
        chosen=models.choose(options.targets, "--target") or tuple(range(len(models.targets))),
        annotated=models.choose(options.annotate, "--annotate"),
        ensemble=len(models.bundles) > 1,
        background=options.background is not None,
        samples=bool(options.samples),
    )
    variants = open_variants(vcf)
    name = str(vcf) if name is None else name
    truth = truth_key(variants, options.truth) if options.truth is not None else None
    if options.samples:
        choose_samples(variants, options.samples)
    background = None
    if options.background is not None:
        background = open_background(options.background, models.digests, models.targets, options.strands)
    rules = allele_rules(options, models.window, genome)
    aliases = read_aliases(options.aliases) if options.aliases is not None else None
    found = survey(variants, genome, rules, aliases)
    _remark(name, variants, found)
    return Job(models, genome, variants, name, sha256(vcf), options, found, columns, background, truth)


def _remark(name: str, variants: VariantText, found: Survey) -> None:
    log.info("%s: %s records, %s alleles", name, f"{found.records:,}", f"{found.alleles:,}")
    if not found.records:
        log.warning("%s: no records; the results will be empty", name)
    elif found.reasons.get("malformed") == found.alleles:
        log.warning("%s: no line is a variant record; are the columns separated by tabs?", name)
    if variants.kind == "vcf" and not found.header_contigs:
        log.warning("%s: the header declares no contigs; records are matched by their names", name)
    if found.contigs.renamed:
        renamed = [f"{file} → {own}" for file, own in found.contigs.renamed.items()]
        log.info("%s: contigs renamed: %s", name, first_few(renamed, 8))
    if found.contigs.unknown:
        log.warning("%s: contigs that the genome lacks: %s", name, first_few(found.contigs.unknown, 8))
    if found.mismatched:
        log.warning(
            "%s: REF of %s of %s compared records is not what the genome holds",
            name,
            f"{found.mismatched:,}",
            f"{found.checked:,}",
        )
