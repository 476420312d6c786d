"""The work directory of a scoring: its survey, parts that outlive an interruption, what is still ahead."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from danq.errors import DanqError
from danq.parts import Parts, Receipt, Shard, opened_work
from danq.parts import compute_shard as compute_missing
from danq.progress import progress
from danq.score.haplotypes import compute_haplotypes
from danq.score.job import Job
from danq.score.runner import Runner
from danq.score.tables import rows, rows_schema
from danq.tables import reading_batches, writing_batches
from danq.variants.survey_file import Survey

log = logging.getLogger("danq")

_SECONDS = b"danq.seconds"


@dataclass(frozen=True, eq=False)
class Work:
    """A job with what has been done of it: one Arrow file a part, beside the survey of its input.

    The job's digest is part of the directory's name and of each file.
    """

    job: Job
    path: Path
    survey: Survey

    @cached_property
    def parts(self) -> Parts:
        """The parts of the survey, and which of them are finished."""
        return Parts(self.path, self.job.digest, self.survey.parts)

    def read(self, part: int) -> Iterator[tuple[pa.RecordBatch, float]]:
        """Read the batches of a finished part, one at a time, each with the seconds that it took.

        Raises
        ------
        DanqError
            If it is damaged or of other work.
        """
        with reading_batches(self.parts.file(part), self.parts.key(part)) as reader:
            for number in range(len(reader)):
                batch, metadata = reader.with_metadata(number)
                yield batch, float(metadata[_SECONDS])

    def refuse_changed_input(self) -> None:
        """Refuse an input that is no longer what was surveyed, and remove what has been done of it."""
        try:
            self.job.refuse_changed_input()
        except DanqError:
            self.parts.remove()
            raise


@contextmanager
def opened_scoring(
    job: Job,
    directory: Path | None,
    shared: bool = False,
    dry: bool = False,
    shard: Shard | None = None,
) -> Iterator[Work]:
    """Survey the input of a job, or go on with what has been done of it; see `danq.parts.opened_work`.

    Raises
    ------
    DanqError
        As `Job.survey`, if the directory cannot be written to, and if the same work is being done already.
    """
    with opened_work(job.digest, directory, shared, dry, shard) as path:
        yield Work(job, path, job.survey(path))


def compute_parts(work: Work, parts: Sequence[int], runners: Sequence[Runner]) -> None:
    """Score the records of parts; each part is kept as soon as it is finished.

    Raises
    ------
    DanqError
        As `Job.scored_blocks`, and if the disk is full.
    """
    with progress("scoring", work.survey.records_of(parts), "variants") as advance:

        def write(part: int) -> None:
            if work.job.columns.samples:
                # first, because a part is finished when its own file is there
                compute_haplotypes(work.path, work.job, work.survey, runners, part)
            _compute_part(work, part, runners, advance)

        work.parts.compute(parts, write)


def _compute_part(
    work: Work, part: int, runners: Sequence[Runner], advance: Callable[[float], object]
) -> None:
    columns, began = work.job.columns, time.perf_counter()
    with writing_batches(work.parts.file(part), rows_schema(columns), work.parts.key(part)) as writer:
        for block in work.job.scored_blocks(work.survey, runners, [part]):
            batch = rows(block.windows, block.effects, columns)
            now = time.perf_counter()
            writer.write_batch(batch, {_SECONDS: repr(now - began)})
            began = now
            advance(block.records)


def compute_shard(work: Work, shard: Shard, receipt: Path | None, done: bool = False) -> None:
    """Compute what is missing of the parts of one shard; see `danq.parts.compute_shard`.

    Raises
    ------
    DanqError
        If a model cannot be loaded, or as `compute_parts`.
    """

    def compute(missing: Sequence[int]) -> None:
        if missing:
            compute_parts(work, missing, work.job.models.open())

    inputs, options = {work.job.name: work.job.vcf_digest}, work.job.options.model_dump(mode="json")
    about = Receipt(receipt, "score", inputs, options)
    rows = work.survey.records_of
    compute_missing(work.parts, shard, compute, rows, ("record", "scored"), about, done)
