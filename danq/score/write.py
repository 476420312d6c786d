"""`danq score` from a surveyed job to its files; what was interrupted goes on where it stopped."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from danq.errors import DanqError
from danq.files import staged
from danq.jobs import sole_writer
from danq.kept import FOLDER, keep
from danq.progress import progress
from danq.provenance import provenance
from danq.score.annotate import Append as AppendLine
from danq.score.annotate import (
    Field,
    check_fields,
    declared_keys,
    header_line,
    index_vcf,
    info_fields,
    info_texts,
    with_contigs,
    writing_annotated,
)
from danq.score.chunks import Work, compute_parts
from danq.score.estimate import LONG, estimate
from danq.score.haplotypes import read_haplotypes
from danq.score.job import Job
from danq.score.manifest import ContigNames, HaplotypeCounts, ScoresManifest, UsedGenome, UsedVariants
from danq.score.measures import EFFECT, Columns
from danq.score.reuse import scores_key, take_over
from danq.score.tables import Counts, writing_ledger, writing_table
from danq.tables import Format

log = logging.getLogger("danq")

ANNOTATED_FILE, LEDGER_FILE, TRUTH_FILE = "annotated.vcf.gz", "ledger.tsv", "truth.tsv"
_HAPLOTYPES = "haplotypes"
_INDEXES = (f"{ANNOTATED_FILE}.tbi", f"{ANNOTATED_FILE}.csi")
_TABLES = tuple(f"{name}.{form}" for name in ("scores", _HAPLOTYPES) for form in ("parquet", "tsv"))
_ALL_FILES = (*_TABLES, "truth.parquet", LEDGER_FILE, TRUTH_FILE, ANNOTATED_FILE, *_INDEXES)

Records = Sequence[tuple[str, Sequence[int]]]
"""Lines of the input, each with the places of its alleles among the rows of a batch."""


class Comparison(Protocol):
    """What scores are compared with while they are written."""

    def add(self, records: Records, batch: pa.RecordBatch) -> None:
        """Take the next records and their rows."""

    def write(self, path: Path) -> dict[str, Any]:
        """Write the comparison of all rows and summarize it."""


@dataclass(frozen=True)
class Files:
    """What is written of the parts: a table, long or wide, and an annotated VCF with INFO `fields`.

    `header` is the line of the VCF that says where the scores come from; `compare` makes of a path for
    waiting rows what the scores are compared with.
    """

    long: bool
    format: Format
    fields: tuple[Field, ...]
    header: str
    compare: Callable[[Path], Comparison] | None


def files_of(
    job: Job,
    long: bool = False,
    form: Format = "parquet",
    compare: Callable[[Path], Comparison] | None = None,
) -> Files:
    """Settle what is written.

    Raises
    ------
    DanqError
        If the prefix makes no INFO key, or one of the keys stands in the input's header already.
    """
    prefix = job.options.info_prefix
    fields = info_fields(job.columns, prefix)
    if job.variants.kind == "vcf":
        check_fields(declared_keys(job.variants.header), fields, f"the header of {job.name}")
    more = {"Background": job.background.digest} if job.background is not None else {}
    if job.options.samples:
        more["Samples"] = "the largest effect on any haplotype that carries the allele"
    header = header_line(job.columns, job.models.digests, job.options.strands, prefix, **more)
    return Files(long, form, fields, header, compare)


def check_records(work: Work, files: Files) -> None:
    """Refuse records that have the new INFO keys, though the header does not declare them.

    Raises
    ------
    DanqError
        The message names all of the keys.
    """
    check_fields(work.survey.info_keys, files.fields, f"records of {work.job.name}")


def write_scores(work: Work, files: Files, out: Path, reuse: bool = False) -> ScoresManifest:
    """Score what is missing of a job, write the results to a directory, and remove the work.

    With `reuse`, finished results of equal content are taken; those written get a second name, as of `keep`.

    Raises
    ------
    DanqError
        If a model cannot be loaded, a part is damaged, a file cannot be written, or the input has changed.
    """
    job, survey = work.job, work.survey
    check_records(work, files)
    with sole_writer(out):
        if reuse and (taken := take_over(work.job, files, out)):
            _remove_others(out, taken)
            work.parts.remove()
            return taken
        _compute(work, files, out)
        work.refuse_changed_input()
        with staged(out) as folder:
            counts, seconds, truth = _gather(work, files, folder)
            haplotypes = _gather_haplotypes(work, files, folder) if job.columns.samples else None
            work.refuse_changed_input()
            index = None
            if job.variants.kind == "vcf":
                index = index_vcf(folder / ANNOTATED_FILE, survey.sorted, survey.longest_end, out)
            manifest = _manifest(work, counts, haplotypes, seconds, truth, index is not None)
            manifest.write(folder)
            if reuse:
                keep(folder, out, scores_key(job, files), out.parent / FOLDER / out.name)
            _remove_others(out, manifest)
    work.parts.remove()
    log.info("%s: %s", out, manifest.counts.describe())
    if manifest.haplotypes is not None:
        log.info("%s: %s", out, manifest.haplotypes.describe())
    return manifest


def _remove_others(out: Path, manifest: ScoresManifest) -> None:
    """Remove what other options once left, which would pass for a part of these results."""
    for name in set(_ALL_FILES) - set(manifest.provenance["outputs"]):
        (out / name).unlink(missing_ok=True)


def _compute(work: Work, files: Files, out: Path) -> None:
    missing = work.parts.left()
    if not missing:
        return
    runners = work.job.models.open()
    if work.survey.records_of(missing) > LONG:
        ahead = estimate(work, runners, files.format == "tsv")
        log.info("%s", ahead.describe())
        ahead.check_room(out, work.path)
    compute_parts(work, missing, runners)


def _gather(work: Work, files: Files, out: Path) -> tuple[Counts, float, dict[str, Any] | None]:
    """Write finished parts in the order of the input, so that memory does not grow with them.

    Returns the counts of alleles, the seconds that scoring took over all parts, and what the comparison says.
    """
    job, counts, total, comparison = work.job, Counts(), 0.0, None
    with ExitStack() as stack:
        table = out / f"scores.{files.format}"
        kind = job.columns, files.long, files.format, _metadata(job)
        appends = [
            stack.enter_context(writing_table(table, *kind)),
            stack.enter_context(writing_ledger(out / LEDGER_FILE, job.columns, counts)),
        ]
        takes: list[Callable[[Records, pa.RecordBatch], None]] = []
        if job.variants.kind == "vcf":
            header = with_contigs(job.variants.header, _contigs(work))
            annotated = writing_annotated(out / ANNOTATED_FILE, header, files.fields, [files.header])
            takes.append(_annotating(stack.enter_context(annotated), job.columns))
        if files.compare is not None:
            waiting = out / "truth.waiting"
            stack.callback(waiting.unlink, missing_ok=True)
            comparison = files.compare(waiting)
            takes.append(comparison.add)
        lines = (line.text for line in job.variants.lines())
        with progress("writing", work.survey.records, "variants") as advance:
            for part in range(work.survey.parts):
                for batch, seconds in work.read(part):
                    total += seconds
                    for append in appends:
                        append(batch)
                    records = list(_records(job.name, lines, batch)) if takes else []
                    for take in takes:
                        take(records, batch)
                advance(work.survey.records_of([part]))
        return counts, total, comparison.write(out / TRUTH_FILE) if comparison is not None else None


def _gather_haplotypes(work: Work, files: Files, out: Path) -> HaplotypeCounts:
    """Write the windows of whole haplotypes, part by part."""
    job, counts = work.job, Counts()
    table = out / f"{_HAPLOTYPES}.{files.format}"
    kind = job.columns, files.long, files.format, _metadata(job)
    with writing_table(table, *kind, haplotypes=True) as append:
        for part in range(work.survey.parts):
            for batch in read_haplotypes(work.path, job, part):
                counts.add(batch)
                append(batch)
    return counts.of_haplotypes()


def _metadata(job: Job) -> dict[str, str]:
    return {"danq.bundles": " ".join(job.models.digests), "danq.strands": job.options.strands}


def _contigs(work: Work) -> dict[str, int | None]:
    """Contigs of the records by their names in the input, in the order of the genome: their lengths."""
    known = sorted((index, name) for name, index in work.survey.contigs.index.items())
    lengths: dict[str, int | None] = {name: int(work.job.genome.lengths[index]) for index, name in known}
    return lengths | dict.fromkeys(work.survey.contigs.unknown)


def _records(name: str, lines: Iterator[str], batch: pa.RecordBatch) -> Iterator[tuple[str, Sequence[int]]]:
    """Read the lines of a batch's alleles: each record of the input has at least one."""
    rows = batch.column("row").to_pylist()
    for _, places in groupby(range(len(rows)), rows.__getitem__):
        text = next(lines, None)
        if text is None:
            raise DanqError(f"{name}: changed while it was scored; score it again")
        yield text, list(places)


def _annotating(append: AppendLine, columns: Columns) -> Callable[[Records, pa.RecordBatch], None]:
    nothing = (".",) * len(columns.info)

    def take(records: Records, batch: pa.RecordBatch) -> None:
        texts = info_texts(batch, columns)
        numbers = batch.column("allele").to_pylist()
        sizes = batch.column(EFFECT).to_pylist()
        reasons = batch.column("reason").to_pylist()
        for text, place in records:
            if reasons[place[0]] == "malformed":
                # would make the file unreadable; it stands in the ledger
                continue
            alts = max(numbers[row] for row in place)
            values, largest = [nothing] * alts, [-1.0] * alts
            for row in place:
                number = numbers[row] - 1
                # on samples' haplotypes an allele may have several rows: the largest effect is shown
                if sizes[row] is not None and sizes[row] > largest[number]:
                    values[number], largest[number] = texts[row], sizes[row]
            append(text, values)

    return take


def _manifest(
    work: Work,
    counts: Counts,
    haplotypes: HaplotypeCounts | None,
    seconds: float,
    truth: dict[str, Any] | None,
    indexed: bool,
) -> ScoresManifest:
    job, survey, summary = work.job, work.survey, counts.of(work.survey.records)
    options = job.options.model_dump(mode="json")
    inputs = {job.name: job.vcf_digest, str(job.genome.path): job.genome.digest}
    inputs |= {bundle.path: bundle.digest for bundle in job.models.bundles}
    return ScoresManifest(
        vcf=UsedVariants(name=job.name, sha256=job.vcf_digest),
        genome=UsedGenome(path=str(job.genome.path), digest=job.genome.digest),
        bundles=job.models.bundles,
        background=job.background.digest if job.background is not None else None,
        targets=tuple(job.columns.targets[index] for index in job.columns.chosen),
        target_index=job.columns.chosen,
        task=job.models.task,
        window=job.models.window,
        options=options,
        counts=summary,
        haplotypes=haplotypes,
        contigs=ContigNames(renamed=survey.contigs.renamed, unknown=survey.contigs.unknown),
        sorted=survey.sorted,
        indexed=indexed,
        truth=truth,
        seconds=round(seconds, 3),
        variants_per_second=round(summary.scored / seconds, 1) if seconds and summary.scored else None,
        digest=job.digest,
        provenance=provenance(inputs, options),
    )
