"""``danq score``: what each allele of a VCF changes in a model's predictions."""

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from danq.cli import scoring_options as options
from danq.errors import DanqError
from danq.score.options import ScoreOptions

_SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


def score(
    model: options.Models,
    genome: options.GenomeOrFasta,
    vcf: options.Variants,
    out: Annotated[Path | None, typer.Option(help="Directory of the results.")] = None,
    strands: options.Strands = "scores",
    ref_mismatch: options.RefMismatch = "skip",
    region: options.Regions = None,
    pass_only: options.PassOnly = False,
    target: options.Targets = None,
    annotate: Annotated[list[str] | None, options.told("annotate", metavar="TARGET")] = None,
    aliases: options.Aliases = None,
    background: Annotated[Path | None, options.told("background")] = None,
    truth: Annotated[str | None, options.told("truth", metavar="KEY")] = None,
    sample: Annotated[
        list[str] | None, options.told("samples", names=("--sample", "--samples"), metavar="SAMPLE")
    ] = None,
    unphased: Annotated[Literal["refuse", "alone"], options.told("unphased")] = "refuse",
    long: Annotated[bool, typer.Option("--long", help="Tidy table: one row an allele and target.")] = False,
    format: options.TableFormat = "parquet",
    info_prefix: Annotated[str, typer.Option(help="Begin of the INFO keys of the annotated VCF.")] = "danq_",
    batch_size: options.BatchSize = None,
    threads: options.Threads = None,
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
    chosen = ScoreOptions(
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
        job = open_job(read_models(model, opened, chosen, threads), opened, file, chosen, name)
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
