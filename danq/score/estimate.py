"""What is ahead of a scoring: alleles, time, and room on the disk."""

import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path

import numpy as np

from danq.errors import counted
from danq.score.chunks import Work
from danq.score.effects import score_windows
from danq.score.job import window_blocks
from danq.score.runner import Runner
from danq.variants.haplotypes import Windows

log = logging.getLogger("danq")

LONG = 5_000
"""Alleles from which on a run is worth an estimate."""

_TIMED = 256
_SAMPLED, _BLOCKS = 16, 2
"""Parts of the file that are looked at before a run, and blocks of each."""
_BYTES_OF_A_ROW, _TEXT_BYTES, _PARQUET_BYTES = 100, 11, 4
_GB = 1e9


@dataclass(frozen=True)
class Estimate:
    """What is ahead of a scoring: alleles on all haplotypes, room for results and for unfinished work.

    `rate` is in alleles a second; None where no window could be timed. With `haplotypes`, windows of whole
    haplotypes come on top, which are no more than alleles: time and room are enough for as many.
    """

    alleles: int
    rate: float | None
    result_bytes: int
    work_bytes: int
    haplotypes: bool = False

    def describe(self) -> str:
        """Say it in one line."""
        took = "an unknown time (no allele could be timed)"
        if self.rate is not None:
            left = timedelta(seconds=round(self.alleles * (1 + self.haplotypes) / self.rate))
            most = "at most " if self.haplotypes else ""
            took = f"{most}about {left} (h:mm:ss) at {self.rate:,.0f} alleles/s"
        more = ", and at most as many windows of whole haplotypes" if self.haplotypes else ""
        return (
            f"{counted(self.alleles, 'allele')} to score{more}: {took}; "
            f"{self.result_bytes / _GB:,.3g} GB of results, and {self.work_bytes / _GB:,.3g} GB of unfinished"
            " work until they are written"
        )

    def check_room(self, results: Path, work: Path) -> None:
        """Warn where the disk is too small."""
        for path, needed in ((results, self.result_bytes), (work, self.work_bytes)):
            there = next(folder for folder in (path, *path.absolute().parents) if folder.is_dir())
            free = shutil.disk_usage(there).free
            if needed > free:
                log.warning("%s: about %.3g GB are needed, %.3g GB are free", path, needed / _GB, free / _GB)


def estimate(work: Work, runners: Sequence[Runner], text: bool = False) -> Estimate:
    """Time the models on some windows and reckon what the missing parts need; `text`: for a table as TSV."""
    job, survey = work.job, work.survey
    timed, usable = _some_windows(work)
    rate = None
    if len(timed.alternate):
        # the first call compiles
        score_windows(runners, timed, job.options.strands)
        started = time.perf_counter()
        score_windows(runners, timed, job.options.strands)
        rate = len(timed.alternate) / (time.perf_counter() - started)
    haplotypes = job.columns.samples
    whole = usable * sum(survey.scorable) * (1 + haplotypes)
    numbers = sum(len(targets) for _, targets in job.columns.lists.values())
    row = _BYTES_OF_A_ROW + numbers * (_TEXT_BYTES if text else _PARQUET_BYTES)
    return Estimate(
        alleles=round(
            usable * sum(survey.scorable[part] for part in work.parts.missing(range(survey.parts)))
        ),
        rate=rate,
        result_bytes=round(whole * row) + job.variants.path.stat().st_size,
        work_bytes=round(whole * (_BYTES_OF_A_ROW + _PARQUET_BYTES * numbers)),
        haplotypes=haplotypes,
    )


def _some_windows(work: Work) -> tuple[Windows, float]:
    """Take the windows of a block, and the share of placed alleles whose windows do not hold too many N.

    The survey has counted the placed alleles; N are looked for in blocks spread over the whole file.
    """
    none = np.empty((0, work.job.models.window), np.uint8)
    windows = Windows(none, none, np.empty(0, np.int64), (), np.empty(0, np.int64))
    parts = [(part, alleles) for part, alleles in enumerate(work.survey.scorable) if alleles]
    placed, usable = 0, 0.0
    for part, alleles in parts[:: -(-len(parts) // _SAMPLED) or 1]:
        scored = unknown = 0
        for _, block in islice(window_blocks(work.job, work.survey, [part]), _BLOCKS):
            scored += len(block.scored)
            unknown += sum(allele.reason == "many_n" for allele in block.alleles)
            windows = max(windows, block, key=lambda block: len(block.scored))
        if scored + unknown:
            placed, usable = placed + alleles, usable + alleles * scored / (scored + unknown)
    group = windows.group[:_TIMED]
    first = replace(
        windows,
        reference=windows.reference[: int(group[-1]) + 1 if len(group) else 0],
        alternate=windows.alternate[:_TIMED],
        group=group,
        scored=windows.scored[:_TIMED],
    )
    return first, usable / placed if placed else 1.0
