"""Batches prepared ahead in a thread, so that the device does not wait for the disk."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

_AHEAD = 4


def prefetched(load: Callable[[int], T], steps: Iterable[int]) -> Iterator[tuple[T, float]]:
    """Load the batches of some steps in order, a few of them ahead of their use.

    Parameters
    ----------
    load : callable
        Makes the batch of a step; called in one other thread, in order.
    steps : iterable of int
        Steps wanted.

    Yields
    ------
    tuple
        The batch, and the seconds that were spent waiting for it.
    """
    remaining = iter(steps)
    pending = deque[Future[T]]()
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as thread:
        try:
            while True:
                while len(pending) < _AHEAD and (step := next(remaining, None)) is not None:
                    pending.append(thread.submit(load, step))
                if not pending:
                    return
                started = time.perf_counter()
                batch = pending.popleft().result()
                yield batch, time.perf_counter() - started
        finally:
            thread.shutdown(wait=True, cancel_futures=True)
