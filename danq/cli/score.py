"""``danq score``: what each allele of a VCF changes in a model's predictions."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer

from danq.cli import options
from danq.errors import DanqError
from danq.files import check_writable
from danq.parts import Shard, read_shard
from danq.score.options import ScoreOptions


def score(
    config: Annotated[
        Path | None, typer.Option(help="Configuration, YAML or JSON, with --callset.", metavar="FILE")
    ] = None,
    callset: Annotated[
        str | None,
        typer.Option(
            help="Name of a callset of the configuration, which says what is scored, by what and how.",
            metavar="NAME",
        ),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            help="With --callset: where runs/ and genomes/ lie; `results` where left out.", metavar="DIR"
        ),
    ] = None,
    model: Annotated[list[Path] | None, options.MODEL] = None,
    genome: Annotated[Path | None, options.GENOME] = None,
    vcf: Annotated[Path | None, options.VCF] = None,
    trust_model_code: options.Trusted = None,
    require_signature: options.Signers = None,
    out: Annotated[Path | None, typer.Option(help="Directory of the results.")] = None,
    strands: options.Strands = None,
    ref_mismatch: options.RefMismatch = None,
    region: options.Regions = None,
    pass_only: options.PassOnly = False,
    target: options.Targets = None,
    annotate: Annotated[list[str] | None, options.option_of("annotate", metavar="TARGET")] = None,
    aliases: options.Aliases = None,
    background: Annotated[Path | None, options.option_of("background")] = None,
    truth: Annotated[str | None, options.option_of("truth", metavar="KEY")] = None,
    truth_group: Annotated[str | None, options.option_of("truth_group", metavar="KEY")] = None,
    sample: Annotated[list[str] | None, options.option_of("samples", "--sample", metavar="SAMPLE")] = None,
    unphased: Annotated[Literal["skip", "alone", "refuse"] | None, options.option_of("unphased")] = None,
    strict: Annotated[bool, options.option_of("strict", "--strict")] = False,
    long: Annotated[bool, typer.Option("--long", help="Tidy table: one row an allele and target.")] = False,
    format: options.TableFormat = "parquet",
    info_prefix: Annotated[str | None, options.option_of("info_prefix")] = None,
    batch_size: options.BatchSize = None,
    threads: options.Threads = None,
    work: Annotated[Path | None, options.work_option("hidden in --out")] = None,
    shard: options.ShardText = None,
    receipt: options.Receipt = None,
    reuse: Annotated[
        bool,
        typer.Option(
            "--reuse",
            help="Take finished scores of equal content beside --out, or with --shard beside the directory "
            "that holds --work, in place of new ones.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how long it would take and the room it needs, no more.")
    ] = False,
) -> None:
    """Score every allele of a VCF: scores.parquet, annotated.vcf.gz with its index, ledger.tsv.

    What is scored is said by --model, --genome and --vcf with the options below, or by a callset of the
    configuration. Every allele of the input has a row in the ledger: scored, or the reason why not. All
    differences are ALT minus REF; docs/scores.md says what each number means.
    """
    inputs, trusted = options.on_command_line(model=model, genome=genome, vcf=vcf), trust_model_code or []
    values = options.on_command_line(
        strands=strands,
        ref_mismatch=ref_mismatch,
        regions=region,
        pass_only=pass_only,
        targets=target,
        annotate=annotate,
        aliases=aliases,
        background=background,
        truth=truth,
        truth_group=truth_group,
        samples=sample,
        unphased=unphased,
        strict=strict,
        info_prefix=info_prefix,
        batch_size=batch_size,
    )
    scored = _scored(config, callset, results, inputs, values, trusted)
    part = _checked_shard(out, work, shard, receipt, dry_run)

    from danq.jobs import sole_writer
    from danq.score.chunks import compute_shard, opened_scoring
    from danq.score.estimate import estimate
    from danq.score.reuse import kept_scores
    from danq.score.write import check_records, files_of, write_scores

    alone = nullcontext() if out is None or dry_run or part else sole_writer(out)
    with alone, options.opened_job(*scored, trusted, require_signature, threads) as job:
        files = files_of(job, long, format, compare=_comparison(job))
        with opened_scoring(job, work or out, work is not None or part is not None, dry_run, part) as parts:
            check_records(parts, files)
            if dry_run:
                typer.echo(estimate(parts, job.models.open(), format == "tsv").describe())
            elif part is not None:
                done = reuse and work is not None and kept_scores(job, files, work.parent) is not None
                compute_shard(parts, part, receipt, done)
            elif out is not None:
                write_scores(parts, files, out, reuse)


class _Scored(NamedTuple):
    """What is scored, by what and how."""

    models: list[Path]
    genome: Path
    vcf: Path
    options: ScoreOptions
    trusted: list[Path]


def _scored(
    config: Path | None,
    callset: str | None,
    results: Path | None,
    inputs: dict[str, Any],
    values: dict[str, Any],
    trusted: list[Path],
) -> _Scored:
    if config is None and callset is None:
        if results is not None:
            raise DanqError("--results: belongs to --callset")
        if len(inputs) < 3:
            received = ", ".join(f"--{name}" for name in inputs) or "none of them"
            wanted = "--model, --genome and --vcf, or --config and --callset"
            raise DanqError(f"expected {wanted}; received {received}")
        if "truth_group" in values and "truth" not in values:
            raise DanqError("--truth-group: belongs to --truth")
        if values.get("unphased", "skip") != "skip" and "samples" not in values:
            raise DanqError("--unphased: belongs to --sample")
        return _Scored(inputs["model"], inputs["genome"], inputs["vcf"], ScoreOptions(**values), trusted)
    if config is None or callset is None:
        raise DanqError("expected --config and --callset together, received one of them")
    # how much is computed at once depends on the machine, and names of keys on nothing that is scored
    free = {name: values.pop(name) for name in ("batch_size", "info_prefix") if name in values}
    if trusted:
        raise DanqError(f"--trust-model-code: --callset {callset} trusts what the configuration names")
    if inputs or values:
        names = ", ".join(inputs | values)
        raise DanqError(f"--callset {callset}: the configuration says {names}; expected no option for it")

    from danq.config import entry, load_config, own_models

    results = results or Path("results")
    settings = load_config(config)
    section = entry(settings.callsets, callset, "--callset", config)
    return _Scored(
        models=[results / "runs" / run for run in section.runs],
        genome=results / "genomes" / settings.genome_of_callset(callset),
        vcf=section.vcf,
        options=ScoreOptions(**{name: getattr(section, name) for name in ScoreOptions.model_fields} | free),
        # the user's own configuration names the file
        trusted=own_models(settings, section.runs),
    )


def _comparison(job: Any) -> Any:
    """Find what the scores of a job are compared with, if anything: see `danq.score.write.Files`."""
    key, group = job.options.truth, job.options.truth_group
    if key is None:
        return None
    from danq.evaluate.truth import Truth
    from danq.evaluate.truth_keys import truth_key

    by = None if group is None else truth_key(job.variants, group, "--truth-group")
    return partial(Truth, truth_key(job.variants, key), job.columns, group=by)


def _checked_shard(
    out: Path | None, work: Path | None, text: str | None, receipt: Path | None, dry_run: bool
) -> Shard | None:
    """Read --shard, and refuse options that do not go with each other."""
    shard = read_shard(text, receipt, work or out)
    if out is None and shard is None and not dry_run:
        raise DanqError("--out: expected a directory, received nothing")
    if dry_run and shard is not None:
        raise DanqError("--dry-run: expected no --shard with it")
    if out is not None and not dry_run:
        # before the survey of a long file, not after it
        check_writable(out)
    return shard
