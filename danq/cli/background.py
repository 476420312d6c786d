"""``danq background``: how large a model's effects on common variants are, for e-values."""

from pathlib import Path
from typing import Annotated

import typer

from danq.cli import options
from danq.score.options import ScoreOptions


def background(
    model: options.Models,
    genome: options.GenomeOrFasta,
    vcf: options.Variants,
    out: Annotated[Path, typer.Option(help="Directory of the result: background.npy, background.json.")],
    strands: options.Strands = None,
    ref_mismatch: options.RefMismatch = None,
    region: options.Regions = None,
    pass_only: options.PassOnly = False,
    aliases: options.Aliases = None,
    batch_size: options.BatchSize = None,
    trust_model_code: options.Trusted = None,
    require_signature: options.Signers = None,
    threads: options.Threads = None,
) -> None:
    """Score common variants and keep, for each target, the sorted sizes of their effects.

    `danq score --background` then says of each allele which share of these common alleles has a larger effect
    (DeepSEA's e-value); 10,000 or more are wanted. The background belongs to the very models and strands rule
    it was made with.
    """
    values = options.on_command_line(
        strands=strands,
        ref_mismatch=ref_mismatch,
        regions=region,
        pass_only=pass_only,
        aliases=aliases,
        batch_size=batch_size,
    )

    from danq.score.background import build_background

    scoring, trusted = ScoreOptions(**values), trust_model_code or []
    with options.opened_job(model, genome, vcf, scoring, trusted, trusted, require_signature, threads) as job:
        build_background(job, out)
