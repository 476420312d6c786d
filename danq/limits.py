"""How much a file may ask for: sizes that it declares are compared with limits before anything is read.

Each limit is a variable of the environment, so that whoever needs more can say so (docs/trust.md).
"""

import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from danq.errors import DanqError

_DEFAULTS = {
    "DANQ_MAX_MEMORY": 2 << 30,
    "DANQ_MAX_LINE": 256 << 20,
    "DANQ_MAX_RATIO": 500,
    "DANQ_MAX_PIXELS": 64 << 20,
    "DANQ_MAX_NODES": 100_000,
    "DANQ_MAX_SECONDS": 10,
}
"""Bytes that one file may unfold to in memory, and those of one line of text; how many times its size a
compressed file may unfold to; pixels of an image; values of a configuration, those behind aliases each time
they are used; seconds that a pattern may take for a text."""
_SIZE = re.compile(r"(\d+)([KMGT]?)(?:i?B)?", re.IGNORECASE)
_POWERS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
Limit = Literal[
    "DANQ_MAX_MEMORY",
    "DANQ_MAX_LINE",
    "DANQ_MAX_RATIO",
    "DANQ_MAX_PIXELS",
    "DANQ_MAX_NODES",
    "DANQ_MAX_SECONDS",
]


def limit(name: Limit) -> int:
    """Most that is accepted, by the environment or by default.

    Raises
    ------
    DanqError
        If the environment holds no whole number, alone or with one of the letters K, M, G and T behind it.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return _DEFAULTS[name]
    match = _SIZE.fullmatch(text)
    if match is None:
        raise DanqError(f"{name}: expected a whole number, such as 4 or 4G, received {text!r}")
    return int(match[1]) << _POWERS[match[2].upper()]


def check_limit(name: Limit, where: object, what: str, received: float) -> None:
    """Refuse what a file declares if it is beyond a limit.

    Raises
    ------
    DanqError
        With the limit and the variable that raises it; the message begins with `where`, a file as a rule.
    """
    most = limit(name)
    if received > most:
        raise DanqError(
            f"{where}: expected at most {most:,} {what}, received {received:,.0f}; "
            f"the environment variable {name} raises the limit"
        )


@contextmanager
def within_seconds(what: str, more: float = 0) -> Iterator[None]:
    """Refuse what takes longer than ``DANQ_MAX_SECONDS`` and `more`: patterns that backtrack without end.

    Outside the main thread, and on systems without timers, nothing is refused.

    Raises
    ------
    DanqError
        In the midst of what is done.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    seconds = limit("DANQ_MAX_SECONDS") + more

    def stop(number: int, frame: FrameType | None) -> None:
        raise DanqError(
            f"{what}: expected an end within {seconds:,.0f} s, received none; "
            "the environment variable DANQ_MAX_SECONDS raises the limit"
        )

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_memory(where: object, size: float) -> None:
    """Refuse what would take more than ``DANQ_MAX_MEMORY`` bytes once it is read."""
    check_limit("DANQ_MAX_MEMORY", where, "bytes in memory", size)
