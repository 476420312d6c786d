"""`danq score` from a checked job to its files; what was interrupted goes on where it stopped."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from danq.errors import DanqError
from danq.files import check_writable, staged
from danq.provenance import provenance
from danq.score.annotate import PREFIX, check_fields, header_line, index_vcf, info_fields
from danq.score.compute import compute_parts
from danq.score.estimate import LONG, estimate
from danq.score.gather import ANNOTATED_FILE, LEDGER_FILE, TRUTH_FILE, Files, Gathered, gather
from danq.score.job import Job
from danq.score.manifest import ContigNames, ScoresManifest, UsedGenome, UsedVariants
from danq.score.parts import Work, open_work
from danq.tables import Format

log = logging.getLogger("danq")

_INDEXES = (f"{ANNOTATED_FILE}.tbi", f"{ANNOTATED_FILE}.csi")
_ALL_FILES = ("scores.parquet", "scores.tsv", LEDGER_FILE, TRUTH_FILE, ANNOTATED_FILE, *_INDEXES)


def files_of(job: Job, long: bool = False, form: Format = "parquet", prefix: str = PREFIX) -> Files:
    """Settle what is written.

    Parameters
    ----------
    job : Job
        What is scored.
    long : bool
        Tidy rows, one an allele and target, instead of one an allele.
    form : {"parquet", "tsv"}
        Format of the table of scores.
    prefix : str
        Begin of the INFO keys of the annotated VCF.

    Raises
    ------
    DanqError
        If the prefix makes no INFO key, or one of the keys stands in the input's header already.
    """
    fields = info_fields(job.columns, prefix)
    more = {"Background": job.background.digest} if job.background is not None else {}
    if job.options.samples:
        more["Samples"] = "the largest effect on any haplotype that carries the allele"
    if job.variants.kind == "vcf":
        check_fields(job.variants.header, fields)
    digests = job.models.digests
    return Files(
        long=long,
        format=form,
        metadata={"danq.bundles": " ".join(digests), "danq.strands": job.options.strands},
        fields=fields,
        header=(header_line(job.columns, digests, job.options.strands, prefix, **more),),
        truth=job.truth,
    )


def score_variants_file(job: Job, files: Files, out: Path, work: Path | None = None) -> ScoresManifest:
    """Score a file of variants and write the results.

    Parameters
    ----------
    job : Job
        What is scored.
    files : Files
        What is written.
    out : Path
        Directory of the results.
    work : Path, optional
        Directory for unfinished work, as shards share it; hidden in `out` where left out.

    Returns
    -------
    ScoresManifest
        As in ``scores.json``.

    Raises
    ------
    DanqError
        If a model cannot be loaded or a file cannot be written.
    """
    check_writable(out)
    directory = out if work is None else work
    with _without_rest(out), _without_rest(directory):
        opened = open_work(directory, job.digest, job.survey.records)
        try:
            _compute(job, opened, files, out)
        finally:
            # finished parts are kept for the next attempt
            opened.tidy()
        with staged(out) as partial:
            gathered = gather(opened, job.variants, job.columns, files, partial)
            if not job.options.samples and gathered.counts.alleles != job.survey.alleles:
                opened.remove()
                raise DanqError(f"{job.name}: changed while it was scored; score it again")
            index = None
            if job.variants.kind == "vcf":
                index = index_vcf(partial / ANNOTATED_FILE, job.survey.sorted, job.survey.longest_end)
            manifest = _manifest(job, gathered, index is not None)
            manifest.write(partial)
            for name in _ALL_FILES:
                # what other options once left here would pass for a part of these results
                if not (partial / name).exists():
                    (out / name).unlink(missing_ok=True)
        opened.remove()
    log.info("%s: %s", out, gathered.counts.describe())
    if gathered.truth is not None and gathered.truth["without_value"]:
        log.warning(
            "--truth %s: %d scored alleles have no value and are left out of the comparison with %d others",
            job.options.truth,
            gathered.truth["without_value"],
            gathered.truth["n"],
        )
    return manifest


@contextmanager
def _without_rest(directory: Path) -> Iterator[None]:
    """Leave no empty directory behind where there was none."""
    existed = directory.exists()
    try:
        yield
    finally:
        if not existed:
            with suppress(OSError):
                directory.rmdir()


def _compute(job: Job, work: Work, files: Files, out: Path) -> None:
    missing = work.missing(range(work.parts))
    if len(missing) < work.parts:
        log.info("%d of %d parts are there already", work.parts - len(missing), work.parts)
    if not missing:
        return
    runners = job.models.open()
    if sum(work.records_of(part) for part in missing) > LONG:
        ahead = estimate(job, work, missing, runners, files.format == "tsv")
        log.info("%s", ahead.describe())
        ahead.check_room(out, work.path)
    try:
        compute_parts(job, work, missing, runners)
    except DanqError as error:
        if not isinstance(error.__cause__, OSError):
            # not the disk but the input was refused: its finished parts are of no use
            work.remove()
        raise


def _manifest(job: Job, gathered: Gathered, indexed: bool) -> ScoresManifest:
    options = job.options.model_dump(mode="json")
    inputs = {job.name: job.vcf_digest, str(job.genome.path): job.genome.digest}
    inputs |= {bundle.path: bundle.digest for bundle in job.models.bundles}
    counts, seconds = gathered.counts, gathered.seconds
    return ScoresManifest(
        vcf=UsedVariants(name=job.name, sha256=job.vcf_digest),
        genome=UsedGenome(path=str(job.genome.path), digest=job.genome.digest),
        bundles=job.models.bundles,
        background=job.background.digest if job.background is not None else None,
        targets=tuple(job.columns.targets[index] for index in job.columns.chosen),
        target_index=tuple(job.columns.chosen),
        task=job.models.task,
        window=job.models.window,
        options=options,
        counts=counts.of(job.survey.records),
        contigs=ContigNames(renamed=job.survey.contigs.renamed, unknown=tuple(job.survey.contigs.unknown)),
        sorted=job.survey.sorted,
        indexed=indexed,
        truth=gathered.truth,
        seconds=round(seconds, 3),
        variants_per_second=round(counts.scored / seconds, 1) if seconds and counts.scored else None,
        digest=job.digest,
        provenance=provenance(inputs, options),
    )
