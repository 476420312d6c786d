"""How long a scoring will take and how much room it needs, measured on a few of its alleles."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from danq.score.chunks import Work
from danq.score.effects import score_windows
from danq.score.job import window_blocks
from danq.score.runner import Runner
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


def estimate(work: Work, runners: Sequence[Runner], text: bool = False) -> Estimate:
    """Time the models on some windows and work out what the missing parts will need.

    Parameters
    ----------
    work : Work
        What is scored.
    runners : sequence of Runner
        The loaded models.
    text : bool
        Whether the table is written as text.
    """
    job, survey = work.job, work.survey
    windows, share = _some_windows(work)
    timed = _first(windows, _TIMED)
    rate = None
    if len(timed.alternate):
        # the first call compiles
        score_windows(runners, timed, job.options.strands)
        started = time.perf_counter()
        score_windows(runners, timed, job.options.strands)
        rate = len(timed.alternate) / (time.perf_counter() - started)
    whole = share * survey.records
    numbers = sum(len(targets) for _, targets in job.columns.lists.values())
    row = _BYTES_OF_A_ROW + numbers * (_TEXT_BYTES if text else _PARQUET_BYTES)
    return Estimate(
        alleles=round(share * work.records_of(work.missing(range(survey.parts)))),
        rate=rate,
        result_bytes=round(whole * row) + job.variants.path.stat().st_size,
        work_bytes=round(whole * (_BYTES_OF_A_ROW + _PARQUET_BYTES * numbers)),
    )


def _some_windows(work: Work) -> tuple[Windows, float]:
    """Windows of the first block that has any, and scored alleles for each record."""
    window, survey = work.job.models.window, work.survey
    none = np.empty((0, window), np.uint8)
    windows = Windows(none, none, np.empty(0, np.int64), (), np.empty(0, np.int64))
    records = scored = 0
    for of_block, windows in window_blocks(work.job, survey, range(survey.parts)):
        records, scored = records + of_block, scored + len(windows.scored)
        if scored:
            break
    if not work.job.options.samples:
        # better known than from one block: all but those with too many N
        scored, records = survey.reasons.get("", 0), survey.records
    return windows, scored / max(records, 1)


def _first(windows: Windows, count: int) -> Windows:
    group = windows.group[:count]
    last = int(group[-1]) + 1 if len(group) else 0
    return Windows(
        windows.reference[:last], windows.alternate[:count], group, windows.alleles, windows.scored[:count]
    )
