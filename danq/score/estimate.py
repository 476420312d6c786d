"""How long a scoring will take and how much room it needs, measured on a few of its alleles."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from danq.score.job import Job
from danq.score.parts import Work, open_work
from danq.score.runner import Runner
from danq.score.scoring import score_windows, window_blocks
from danq.variants.haplotypes import Windows

log = logging.getLogger("danq")

LONG = 5_000
"""Alleles from which on a run is worth an estimate."""

_TIMED = 256
_TEXT_BYTES, _PARQUET_BYTES = 11, 4
_BYTES_OF_A_ROW = 100
_GB = 1e9


@dataclass(frozen=True)
class Estimate:
    """What is ahead of a scoring.

    Attributes
    ----------
    alleles : int
        Alleles to score, on all haplotypes.
    rate : float or None
        Alleles a second; None where no window could be timed.
    result_bytes, work_bytes : int
        Room for the results, and for unfinished work until these are written.
    """

    alleles: int
    rate: float | None
    result_bytes: int
    work_bytes: int

    def describe(self) -> str:
        """Say it in one line."""
        took = "an unknown time (no allele could be timed)"
        if self.rate is not None:
            left = timedelta(seconds=round(self.alleles / self.rate))
            took = f"about {left} (h:mm:ss) at {self.rate:,.0f} alleles/s"
        return (
            f"{self.alleles:,} alleles to score: {took}; {self.result_bytes / _GB:,.3g} GB of results, "
            f"and {self.work_bytes / _GB:,.3g} GB of unfinished work until they are written"
        )

    def check_room(self, results: Path, work: Path) -> None:
        """Warn where the disk is too small."""
        for path, needed in ((results, self.result_bytes), (work, self.work_bytes)):
            there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
            free = shutil.disk_usage(there).free
            if needed > free:
                log.warning("%s: about %.3g GB are needed, %.3g GB are free", path, needed / _GB, free / _GB)


def estimate_job(job: Job, directory: Path | None, text: bool) -> Estimate:
    """Load the models and estimate what is left of a job, with nothing done yet where `directory` is None."""
    work = open_work(directory or Path(), job.digest, job.survey.records)
    parts = range(work.parts)
    return estimate(
        job, work, list(parts) if directory is None else work.missing(parts), job.models.open(), text
    )


def estimate(
    job: Job, work: Work, missing: Sequence[int], runners: Sequence[Runner], text: bool = False
) -> Estimate:
    """Time the models on some windows and work out what the missing parts will need.

    Parameters
    ----------
    job : Job
        What is scored.
    work : Work
        Where its parts go.
    missing : sequence of int
        Parts that are not finished.
    runners : sequence of Runner
        The loaded models.
    text : bool
        Whether the table is written as text.
    """
    windows, share = _some_windows(job)
    timed = _first(windows, _TIMED)
    rate = None
    if len(timed.alternate):
        # the first call compiles
        score_windows(runners, timed, job.options)
        started = time.perf_counter()
        score_windows(runners, timed, job.options)
        rate = len(timed.alternate) / (time.perf_counter() - started)
    records = sum(work.records_of(part) for part in missing)
    whole = share * work.records
    numbers = sum(len(targets) for _, targets in job.columns.lists.values())
    row = _BYTES_OF_A_ROW + numbers * (_TEXT_BYTES if text else _PARQUET_BYTES)
    return Estimate(
        alleles=round(share * records),
        rate=rate,
        result_bytes=round(whole * row) + job.variants.path.stat().st_size,
        work_bytes=round(whole * (_BYTES_OF_A_ROW + _PARQUET_BYTES * numbers)),
    )


def _some_windows(job: Job) -> tuple[Windows, float]:
    """Windows of the first block that has any, and scored alleles for each record."""
    windows = None
    records = scored = 0
    for block, windows in window_blocks(
        len(job.models.targets), job.models.window, job.variants, job.genome, job.options, job.survey.contigs
    ):
        records, scored = records + len(block), scored + len(windows.scored)
        if scored:
            break
    if not job.options.samples:
        # better known than from one block: all but those with too many N
        scored, records = job.survey.reasons.get("", 0), job.survey.records
    if windows is None:
        none = np.empty((0, job.models.window), np.uint8)
        windows = Windows(none, none, np.empty(0, np.int64), (), np.empty(0, np.int64))
    return windows, scored / max(records, 1)


def _first(windows: Windows, count: int) -> Windows:
    group = windows.group[:count]
    last = int(group[-1]) + 1 if len(group) else 0
    return Windows(
        windows.reference[:last], windows.alternate[:count], group, windows.alleles, windows.scored[:count]
    )
