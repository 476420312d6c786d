"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

log = logging.getLogger("danq")

_LINE_SECONDS = 10.0


class Advance(Protocol):
    """Report of progress."""

    def __call__(self, amount: float = 1, remark: str = "") -> None:
        """Count `amount` more units as done; a remark is short, such as the current loss."""


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
        started, done = time.monotonic(), 0.0

        def advance(amount: float = 1, remark: str = "") -> None:
            nonlocal done
            done += amount
            rate = done / max(time.monotonic() - started, 1e-9)
            bar.update(task, advance=amount, rate=f"{rate:,.0f} {unit}/s", remark=remark)

        yield advance


@contextmanager
def _lines(description: str, total: float | None, unit: str) -> Iterator[Advance]:
    started = last = time.monotonic()
    done = 0.0

    def advance(amount: float = 1, remark: str = "") -> None:
        nonlocal done, last
        done += amount
        now = time.monotonic()
        if now - last < _LINE_SECONDS:
            return
        last = now
        rate = done / (now - started)
        left = f", {(total - done) / rate:,.0f} s left" if total and rate else ""
        of = f" of {total:,.0f}" if total else ""
        log.info(f"{description}: {done:,.0f}{of} {unit}, {rate:,.0f}/s{left} {remark}")

    yield advance
