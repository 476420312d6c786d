"""``danq background``: how large a model's effects on common variants are, for e-values."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from danq.processor import choose_matrix_kernels

choose_matrix_kernels()  # before NumPy is loaded


def background(
    model: Annotated[
        list[Path],
        typer.Option(
            help="Model bundle: the directory `danq train` wrote. May be repeated: the background of an "
            "ensemble serves that ensemble only."
        ),
    ],
    genome: Annotated[
        Path, typer.Option(help="Encoded genome, the directory `danq genome` wrote; or a FASTA.")
    ],
    vcf: Annotated[
        Path,
        typer.Option(
            help="Common variants, 10,000 or more: VCF (plain, gzip, bgzip), BCF, or a TSV that starts with "
            "chr:pos:ref:alt; `-` reads standard input."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Directory of the result: background.npy, background.json.")],
    strands: Annotated[
        Literal["scores", "predictions", "forward"],
        typer.Option(help="How the two strands are combined, as in the scoring that will use it."),
    ] = "scores",
    ref_mismatch: Annotated[
        Literal["skip", "error", "swap"],
        typer.Option(
            help="An allele whose REF is not what the genome holds. skip: left out; error: refused; swap: "
            "scored where the genome holds its ALT instead."
        ),
    ] = "skip",
    region: Annotated[
        list[str] | None,
        typer.Option(help="Take only alleles in this contig or region `chr7:1,000-2,000`; may be repeated."),
    ] = None,
    pass_only: Annotated[
        bool, typer.Option("--pass-only", help="Take only records whose FILTER is PASS or `.`.")
    ] = False,
    aliases: Annotated[Path | None, typer.Option(help="Table of further contig names (name, alias).")] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Windows of a forward pass.  [default: chosen for the machine]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of a forward pass.  [default: all cores]")
    ] = None,
) -> None:
    """Score common variants and keep, for each target, the sorted sizes of their effects.

    `danq score --background` then says of each allele which share of these common alleles has a larger effect
    (DeepSEA's e-value). The background belongs to the very models and strands rule it was made with.
    """
    from danq.score.options import ScoreOptions

    options = ScoreOptions(
        strands=strands,
        ref_mismatch=ref_mismatch,
        regions=region or [],
        pass_only=pass_only,
        aliases=aliases,
        batch_size=batch_size,
    )

    from danq.score.build_background import build_background
    from danq.score.inputs import opened_genome, regular_file
    from danq.score.job import open_job
    from danq.score.models import read_models

    with opened_genome(genome) as opened, regular_file(vcf) as (file, name):
        job = open_job(read_models(model, opened, options, threads), opened, file, options, name)
        build_background(job, out)
