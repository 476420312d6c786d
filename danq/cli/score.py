"""``danq score``: what each allele of a VCF changes in a model's predictions."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from danq.errors import DanqError
from danq.processor import choose_matrix_kernels

choose_matrix_kernels()  # before NumPy is loaded

_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def score(
    model: Annotated[
        list[Path],
        typer.Option(
            help="Model bundle: the directory `danq train` wrote; may be repeated: several models score as "
            "an ensemble, with its spread."
        ),
    ],
    genome: Annotated[
        Path, typer.Option(help="Encoded genome, the directory `danq genome` wrote; or a FASTA.")
    ],
    vcf: Annotated[
        Path,
        typer.Option(
            help="Variants: VCF (plain, gzip, bgzip), BCF, or a TSV that starts with chr:pos:ref:alt; "
            "`-` reads standard input."
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Directory of the results.")] = None,
    strands: Annotated[
        Literal["scores", "predictions", "forward"],
        typer.Option(
            help="How the two strands are combined. scores: each is scored, then the mean (DeepSEA); "
            "predictions: probabilities averaged, then scored; forward: the forward strand alone."
        ),
    ] = "scores",
    ref_mismatch: Annotated[
        Literal["skip", "error", "swap"],
        typer.Option(
            help="An allele whose REF is not what the genome holds. skip: not scored, with the reason; "
            "error: refused; swap: scored and flagged where the genome holds its ALT instead."
        ),
    ] = "skip",
    region: Annotated[
        list[str] | None,
        typer.Option(
            "--region",
            "--regions",
            help="Score only alleles in this contig or region `chr7:1,000-2,000`; may be repeated.",
        ),
    ] = None,
    pass_only: Annotated[
        bool, typer.Option("--pass-only", help="Score only records whose FILTER is PASS or `.`.")
    ] = False,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target", "--targets", help="Write this target only; may be repeated.  [default: all]"
        ),
    ] = None,
    annotate: Annotated[
        list[str] | None,
        typer.Option(
            help="Also write this target's logit difference into the annotated VCF; may be repeated."
        ),
    ] = None,
    aliases: Annotated[Path | None, typer.Option(help="Table of further contig names (name, alias).")] = None,
    background: Annotated[
        Path | None,
        typer.Option(
            help="Directory `danq background` wrote with these models: adds e-values and functional "
            "significance."
        ),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(
            help="INFO key (VCF) or column (TSV) with a label 0/1 or a measured effect of each allele, which "
            "the scores are compared with."
        ),
    ] = None,
    sample: Annotated[
        list[str] | None,
        typer.Option(
            "--sample",
            "--samples",
            help="Score alleles on this sample's own phased haplotypes; may be repeated; `all`: every one.",
        ),
    ] = None,
    unphased: Annotated[
        Literal["refuse", "alone"],
        typer.Option(
            help="An unphased heterozygous genotype of a sample. refuse: an error; alone: scored on the "
            "reference haplotype without its neighbours, and flagged."
        ),
    ] = "refuse",
    long: Annotated[bool, typer.Option("--long", help="Tidy table: one row an allele and target.")] = False,
    format: Annotated[
        Literal["parquet", "tsv"], typer.Option(help="Format of the table: scores.parquet or scores.tsv.")
    ] = "parquet",
    info_prefix: Annotated[str, typer.Option(help="Begin of the INFO keys of the annotated VCF.")] = "danq_",
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Windows of a forward pass.  [default: chosen for the machine]"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of a forward pass.  [default: all cores]")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Directory for unfinished work, from which an interrupted scoring goes on; shards share it."
            "  [default: hidden in --out]"
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Compute only the I-th of N shards of the work; the same command without --shard then puts "
            "all together.",
        ),
    ] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="JSON file to write when the work of --shard is done.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how long it would take and the room it needs, no more.")
    ] = False,
) -> None:
    """Score every allele of a VCF: scores.parquet, annotated.vcf.gz with its index, ledger.tsv.

    Every allele of the input has a row in the ledger: scored, or the reason why not. All differences
    are ALT minus REF; docs/scores.md says what each number means.
    """
    from danq.score.options import ScoreOptions

    options = ScoreOptions(
        strands=strands,
        ref_mismatch=ref_mismatch,
        regions=region or [],
        pass_only=pass_only,
        targets=target or [],
        annotate=annotate or [],
        aliases=aliases,
        background=background,
        truth=truth,
        samples=sample or [],
        unphased=unphased,
        batch_size=batch_size,
    )
    part = _shard(shard)
    _check_options(out, work, part, receipt, dry_run)

    from danq.score.compute import compute_shard
    from danq.score.estimate import estimate_job
    from danq.score.inputs import opened_genome, regular_file
    from danq.score.job import open_job
    from danq.score.models import read_models
    from danq.score.results import files_of, score_variants_file

    with opened_genome(genome) as opened, regular_file(vcf) as (file, name):
        job = open_job(read_models(model, opened, options, threads), opened, file, options, name)
        files = files_of(job, long, format, info_prefix)
        if dry_run:
            typer.echo(estimate_job(job, work or out, format == "tsv").describe())
        elif part is not None:
            compute_shard(job, work or out or Path(), *part, receipt)
        else:
            score_variants_file(job, files, out or Path(), work)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = _SHARD.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise DanqError(f"--shard: expected I/N with I from 1 to N, such as 2/8; received {text!r}")
    return int(match[1]), int(match[2])


def _check_options(
    out: Path | None, work: Path | None, shard: tuple[int, int] | None, receipt: Path | None, dry_run: bool
) -> None:
    rules = (
        (out is None and shard is None and not dry_run, "--out: expected a directory, received nothing"),
        (shard is not None and work is None and out is None, "--shard: expected --work DIR with it"),
        (receipt is not None and shard is None, "--receipt: belongs to --shard"),
        (dry_run and shard is not None, "--dry-run: expected no --shard with it"),
    )
    for broken, message in rules:
        if broken:
            raise DanqError(message)
