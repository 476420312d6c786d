"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere.

Lines of progress have levels of their own, by which the workflow knows them in its jobs' logs: `PROGRESS` for
one now and then, `DONE` for what is reached, such as an epoch.
"""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from danq.processes import Stopped

log = logging.getLogger("danq")

PROGRESS, DONE = logging.INFO + 1, logging.INFO + 2
logging.addLevelName(PROGRESS, "PROGRESS")
logging.addLevelName(DONE, "DONE")

_LINE_SECONDS = 10.0


class Advance(Protocol):
    """Report of progress."""

    def __call__(self, amount: float = 1, remark: str = "") -> None:
        """Count `amount` more units as done; a remark is short, such as the current loss."""


def duration(seconds: float) -> str:
    """Write a time as a person would say it: ``45 s``, ``9 min``, ``2 h 30 min``, ``3 d 4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{minutes // 60} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


def progress(description: str, total: float | None, unit: str) -> AbstractContextManager[Advance]:
    """Show how far a long job is, its rate and the time left.

    Parameters
    ----------
    description : str
        What is being done, for example ``encoding genome``.
    total : float or None
        Units of the whole job, or None when unknown.
    unit : str
        Name of the unit in the plural, for example ``windows``.
    """
    return (_bar if sys.stderr.isatty() else _lines)(description, total, unit)


@contextmanager
def telling_where_stopped(done: int, parts: int, kept: object) -> Iterator[None]:
    """Say, where the process is asked to stop in the block, how many parts are kept and where, if any are.

    The workflow starts a job with this line once more as long as it gets further.
    """
    try:
        yield
    except Stopped as stop:
        if done:
            log.warning(
                f"stopped by {stop.name} after {done} of {parts} parts; the same command goes on from {kept}"
            )
            stop.told = True
        raise


@contextmanager
def _bar(description: str, total: float | None, unit: str) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rate]} {task.fields[remark]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, rate="", remark="")
        pace = _Pace()

        def advance(amount: float = 1, remark: str = "") -> None:
            pace.add(amount)
            rate = f"{pace.rate:,.0f} {unit}/s" if pace.rate else ""
            bar.update(task, advance=amount, rate=rate, remark=remark)

        yield advance


@contextmanager
def _lines(description: str, total: float | None, unit: str) -> Iterator[Advance]:
    pace, last = _Pace(), 0.0

    def advance(amount: float = 1, remark: str = "") -> None:
        nonlocal last
        pace.add(amount)
        last = last or pace.started
        if not pace.rate or pace.now - last < _LINE_SECONDS:
            return
        last = pace.now
        rate = f"{pace.rate:,.0f}" if pace.rate >= 10 else f"{pace.rate:.2g}"
        left = f", about {duration((total - pace.done) / pace.rate)} left" if total else ""
        of = f" of {total:,.0f}" if total else ""
        log.log(
            PROGRESS,
            f"{description}: {pace.done:,.0f}{of} {unit}, {rate}/s{left}{remark and '; '}{remark}",
        )

    yield advance


class _Pace:
    """Units done, and the rate of those after the first, which may compile and so foretells nothing."""

    def __init__(self) -> None:
        self.done = self._first = self.started = self.now = 0.0

    def add(self, amount: float) -> None:
        """Count what was done until now."""
        self.done += amount
        self.now = time.monotonic()
        if not self.started:
            self._first, self.started = self.done, self.now

    @property
    def rate(self) -> float:
        """Units a second; 0 as long as nothing came after the first."""
        return (self.done - self._first) / max(self.now - self.started, 1e-9)
