"""What a configuration or a command says of scoring; importable without TensorFlow."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from danq.options import Closed

Strands = Literal["scores", "predictions", "forward"]
"""How the two strands are combined; see `ScoreOptions`."""


class ScoreOptions(Closed):
    """How the alleles of a VCF are read, scored and written."""

    strands: Strands = Field(
        "scores",
        description="how the two strands are combined. scores: scored strand by strand, then averaged "
        "(DeepSEA); predictions: probabilities averaged, then scored; forward: the forward strand alone",
    )
    ref_mismatch: Literal["skip", "error", "swap"] = Field(
        "skip",
        description="an allele whose REF is not what the genome holds. skip: not scored, with the reason; "
        "error: refused; swap: scored and flagged where the genome holds its ALT instead",
    )
    regions: list[str] = Field(
        [],
        description="score only alleles in these contigs or regions `chr7:1,000-2,000` (1-based, inclusive)",
    )
    pass_only: bool = Field(False, description="score only records whose FILTER is PASS or `.`")
    targets: list[str] = Field([], description="targets written; all of the model's where empty")
    annotate: list[str] = Field(
        [], description="targets whose logit difference is also written to the annotated VCF"
    )
    aliases: Path | None = Field(None, description="table of further contig names (name, alias)")
    background: Path | None = Field(
        None, description="directory `danq background` wrote: adds e-values and functional significance"
    )
    truth: str | None = Field(
        None,
        description="INFO key (VCF) or column (TSV) with a label 0/1 or a measured effect of each allele, "
        "which the scores are compared with",
    )
    truth_group: str | None = Field(
        None,
        description="with truth: INFO key (VCF) or column (TSV) by whose values the alleles are compared "
        "group by group as well",
    )
    samples: list[str] = Field(
        [], description="score the alleles on these samples' own phased haplotypes; `all`: every sample"
    )
    unphased: Literal["skip", "alone", "refuse"] = Field(
        "skip",
        description="with samples: an unphased heterozygous genotype of one. skip: not scored, with the "
        "reason; alone: it is scored on the reference haplotype without its neighbours, and flagged; refuse: "
        "an error",
    )
    strict: bool = Field(
        False,
        description="refuse a file with malformed lines or, with samples, with genotypes of theirs that "
        "cannot be used, instead of leaving these out with the reason",
    )
    info_prefix: str = Field("danq_", description="begin of the INFO keys of the annotated VCF")
    batch_size: int | None = Field(
        None, ge=2, description="windows of a forward pass; chosen for the machine where left out"
    )

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.truth_group is not None and self.truth is None:
            raise ValueError("truth_group: expected truth with it, received none")
        if self.unphased != "skip" and not self.samples:
            raise ValueError("unphased: expected samples with it, received none")
        return self
