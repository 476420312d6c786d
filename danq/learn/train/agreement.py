"""What the workers of one training agree on: what they train, from where on, and at which step all stop."""

import logging
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple, NoReturn

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.errors import DanqError, first_line
from danq.learn.train.state import Checkpoint, CheckpointStore, StopRequest, TrainingState
from danq.processes import Stopped

log = logging.getLogger("danq")

_LOST = ("ollective", "NCCL", "oordination", "Socket closed", "eartbeat")
"""Words of TensorFlow's errors when workers do not reach each other."""


def gathered(strategy: tf.distribute.Strategy, values: Sequence[int]) -> NDArray[np.int64]:
    """Bring together what each worker says, at a place where all of them do.

    Returns
    -------
    int64, shape (workers or more, values)
        Workers with several devices are there once for each.
    """
    own = np.asarray([values], np.int64)
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return own

    @tf.function(jit_compile=False)
    def gather(row: tf.Tensor) -> tf.Tensor:
        return strategy.gather(strategy.run(tf.identity, args=(row,)), axis=0)

    # no int32, which TensorFlow keeps beside a GPU rather than on it, where NCCL reads
    return np.asarray(gather(tf.constant(own)))


def any_worker(strategy: tf.distribute.Strategy | None, word: bool) -> bool:
    """Whether any worker says so; each says its own. A model that fits itself has no strategy."""
    return word if strategy is None else bool(gathered(strategy, [word]).any())


def check_same_training(strategy: tf.distribute.Strategy | None, content: str) -> None:
    """Refuse workers that would train different things together, by the digest of what each trains.

    Raises
    ------
    DanqError
        If not all are equal.
    """
    if strategy is not None and len(np.unique(gathered(strategy, [int(content[:7], 16)]))) > 1:
        raise DanqError(
            "expected data, options, code and libraries to be the same for all workers of a training; "
            "received different ones: do they share their files and their environment?"
        )


def check_same_checkpoint(
    strategy: tf.distribute.Strategy, checkpoint: Checkpoint | None, store: CheckpointStore
) -> None:
    """Refuse workers that would go on from different places.

    Raises
    ------
    DanqError
        If some have a checkpoint that others have not, or another one.
    """
    place = [-1, -1] if checkpoint is None else [checkpoint.state["epoch"], checkpoint.state["step"]]
    if len(np.unique(gathered(strategy, place), axis=0)) > 1:
        raise DanqError(
            f"{store.directory}: expected the same checkpoint for all workers, received different ones; they "
            "need a directory that all of them share"
        )


class Words(NamedTuple):
    """What a worker says at a step: that it was asked to stop, and that a checkpoint is due."""

    stop: bool
    due: bool


SILENT = Words(False, False)


class Accord:
    """When a training stops or writes a checkpoint: alone at once, among workers where all know of it.

    If one stopped before, the others would wait for it in their next step. What was said at a step is read
    one call late, while the device works on the next.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._words: tf.Tensor | None = None

    def reached(self, own: Words, words: tf.Tensor) -> Words:
        """Tell what is done now, by one's own words and by how many workers said each here, float32 (2,)."""
        if self._workers == 1:
            return own
        before, self._words = self._words, words
        return SILENT if before is None else Words(*(before.numpy() > 0).tolist())

    def begin_anew(self) -> None:
        """Forget what was said: it is done."""
        self._words = None


def leave(stop: StopRequest, state: TrainingState, store: CheckpointStore) -> NoReturn:
    """End the process where the checkpoint is, as a signal asked it to, or another worker."""
    number = stop.number or signal.SIGTERM
    log.warning(
        f"stopped by {signal.Signals(number).name} in epoch {state.epoch + 1} after step {state.step}; the "
        f"same command goes on from {store.directory}"
    )
    raise Stopped(number, told=True)


@contextmanager
def losing_workers(workers: int, store: CheckpointStore) -> Iterator[None]:
    """End with one line where another worker of the training ended, or cannot be reached any more.

    The workflow starts it again as long as the line, and so the checkpoint, is another one than before.

    Raises
    ------
    SystemExit
        With status 1, after the line.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if workers == 1 or not any(word in str(error) for word in _LOST):
            raise
        why, checkpoint = re.search(r"aborted by: (.*)", str(error)), store.read(writes=False)
        place = f"epoch {{epoch}} after step {{step}}, as {store.directory} has it"
        where = "the start" if checkpoint is None else place.format_map(checkpoint.state)
        # of any worker, also of one that is silent otherwise
        log.setLevel(min(log.level, logging.WARNING))
        log.warning(
            f"stopped by the loss of another worker ({why[1] if why else first_line(error)}); the same "
            f"command goes on from {where}"
        )
        raise SystemExit(1) from None
