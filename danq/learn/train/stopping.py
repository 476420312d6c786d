"""Requests to stop from outside: a cluster's time limit, or Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class StopRequest:
    """The signal that asked to stop; 0 as long as none did."""

    number: int = 0

    @property
    def name(self) -> str:
        """For example ``SIGTERM``."""
        return signal.Signals(self.number).name if self.number else ""


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note SIGTERM and SIGINT instead of dying of them, until the block ends; a second one kills.

    Outside the main thread, where Python cannot handle signals, nothing changes.

    Yields
    ------
    StopRequest
        To be looked at between two steps.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: FrameType | None) -> None:
        request.number = number
        signal.signal(number, before[number])

    before = {int(number): signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
