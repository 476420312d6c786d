"""The work directory of a scoring: its survey, parts that outlive an interruption, what is still ahead."""

import logging
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from danq.errors import DanqError, counted
from danq.files import published, sha256, write_json
from danq.jobs import check_claim, made, refuse_claimed, sole_writer
from danq.progress import progress, telling_where_stopped
from danq.provenance import provenance
from danq.remnants import scratch
from danq.score.haplotypes import compute_haplotypes
from danq.score.job import Job
from danq.score.runner import Runner
from danq.score.tables import rows, rows_schema
from danq.tables import reading_batches, writing_batches
from danq.variants.survey_file import Survey

log = logging.getLogger("danq")

_PREFIX, _LETTERS = ".work-", 12
_SECONDS = b"danq.seconds"


@dataclass(frozen=True, eq=False)
class Work:
    """A job with what has been done of it: one Arrow file a part, present only when whole.

    The job's digest is part of the directory's name and of each file.
    """

    job: Job
    path: Path
    survey: Survey

    def share(self, shard: int, shards: int) -> range:
        """Parts of one shard: shard 1 to `shards` have consecutive parts, as equal in number as can be."""
        parts = self.survey.parts
        return range(parts * (shard - 1) // shards, parts * shard // shards)

    def missing(self, parts: Iterable[int]) -> list[int]:
        """Those of some parts that are not finished."""
        return [part for part in parts if not self.file(part).is_file()]

    def read(self, part: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Read the batches of a finished part, one at a time, each with the seconds that it took.

        Raises
        ------
        DanqError
            If it is damaged or of other work.
        """
        with reading_batches(self.file(part), self.job.digest) as reader:
            for number in range(len(reader)):
                batch, metadata = reader.with_metadata(number)
                yield batch, float(metadata[_SECONDS])

    def refuse_changed_input(self) -> None:
        """Refuse an input that is no longer what was surveyed, and remove what has been done of it."""
        if sha256(self.job.variants.path) != self.job.vcf_digest:
            self.remove()
            raise DanqError(f"{self.job.name}: changed while it was scored; score it again")

    def remove(self) -> None:
        """Remove the directory, and the one it lies in where that is then empty."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            self.path.parent.rmdir()

    def file(self, part: int) -> Path:
        """Where a finished part lies."""
        return self.path / f"part-{part:06d}.arrow"


@contextmanager
def opened_work(
    job: Job,
    directory: Path | None,
    shared: bool = False,
    dry: bool = False,
    shard: tuple[int, int] | None = None,
) -> Iterator[Work]:
    """Survey the input of a job, or go on with what has been done of it.

    Parameters
    ----------
    directory : Path or None
        Each digest has a directory of its own in it: parts of other inputs or options are never mixed in.
        None: a temporary one.
    shared : bool
        Other jobs may be at work there: the survey stays, even if no part has been finished.
    dry : bool
        Only look at what has been done in `directory`, and leave nothing there.
    shard : (int, int), optional
        Which of how many shards works there, beside the others; None: the job that puts all together.

    Raises
    ------
    DanqError
        As `Job.survey`, if the directory cannot be written to, and if the same work is being done already.
    """
    path = directory / f"{_PREFIX}{job.digest[:_LETTERS]}" if directory is not None else None
    if directory is None or path is None or dry:
        with scratch() as folder:
            at = path if path is not None and path.is_dir() else folder
            yield Work(job, at, job.survey(at))
        return
    for other in sorted(directory.glob(f"{_PREFIX}*")):
        if other != path and other.is_dir():
            log.warning("%s: unfinished scoring of other inputs or options; not used, may be removed", other)
    with made(directory):
        try:
            with _claimed(path, shard):
                try:
                    yield Work(job, path, job.survey(path))
                finally:
                    # finished parts are kept for the next attempt; without any, nothing is left behind
                    if not shared and not any(path.glob("part-*")):
                        shutil.rmtree(path, ignore_errors=True)
        finally:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _claimed(path: Path, shard: tuple[int, int] | None) -> Iterator[None]:
    """Do one's part of the work in a directory as the only job: a shard, or all that is left of it."""
    if shard is None:
        with sole_writer(path):
            for lock in path.glob(".shard-*"):
                refuse_claimed(lock, path)
            yield
        return
    with sole_writer(path / f"shard-{shard[0]}-of-{shard[1]}", folder=False):
        check_claim(path, folder=True)
        yield


def compute_parts(work: Work, parts: Sequence[int], runners: Sequence[Runner]) -> None:
    """Score the records of parts; each part is kept as soon as it is finished.

    Raises
    ------
    DanqError
        As `Job.scored_blocks`, and if the disk is full.
    """
    columns = work.job.columns
    with progress("scoring", work.survey.records_of(parts), "variants") as advance:
        for number, part in enumerate(parts):
            with telling_where_stopped(number, len(parts), work.path):
                if columns.samples:
                    # first, because a part is finished when its own file is there
                    compute_haplotypes(work.path, work.job, work.survey, runners, part)
                _compute_part(work, part, runners, advance)


def _compute_part(
    work: Work, part: int, runners: Sequence[Runner], advance: Callable[[float], object]
) -> None:
    columns, began = work.job.columns, time.perf_counter()
    with writing_batches(work.file(part), rows_schema(columns), work.job.digest) as writer:
        for block in work.job.scored_blocks(work.survey, runners, [part]):
            batch = rows(block.windows, block.effects, columns)
            now = time.perf_counter()
            writer.write_batch(batch, {_SECONDS: repr(now - began)})
            began = now
            advance(block.records)


def compute_shard(work: Work, shard: int, shards: int, receipt: Path | None, done: bool = False) -> None:
    """Compute what is missing of the parts of one shard, numbered from 1, in a directory that all share.

    When all of its parts are there, `receipt` becomes a JSON file that says so; also where the whole is
    `done` elsewhere.

    Raises
    ------
    DanqError
        If a model cannot be loaded, or as `compute_parts`.
    """
    started = time.monotonic()
    job, parts = work.job, work.share(shard, shards)
    missing = [] if done else work.missing(parts)
    if missing:
        compute_parts(work, missing, job.models.open())
    seconds = time.monotonic() - started
    records, scored = work.survey.records_of(parts), work.survey.records_of(missing)
    if receipt is not None:
        with published(receipt) as partial:
            write_json(
                partial,
                {
                    "kind": "score-receipt",
                    "format_version": 1,
                    "shard": shard,
                    "shards": shards,
                    "parts": [parts.start, parts.stop],
                    "records": records,
                    "records_scored_now": scored,
                    "digest": job.digest,
                    "seconds": round(seconds, 3),
                    "variants_per_second": round(scored / seconds, 1),
                    "provenance": provenance({job.name: job.vcf_digest}, job.options.model_dump(mode="json")),
                },
            )
    log.info("shard %d of %d: %s, %s scored now", shard, shards, counted(records, "record"), f"{scored:,}")
