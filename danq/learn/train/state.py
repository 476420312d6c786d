"""What changes during a training beside the variables, the checkpoint that keeps it all, requests to stop."""

import json
import logging
import math
import shutil
import signal
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.files import atomic
from danq.learn.options import TrainOptions
from danq.learn.train.monitor import ValidationMetrics
from danq.npz import NpzArrays
from danq.threads import threads

log = logging.getLogger("danq")

_FILE = "state.npz"
_HEAD = "head"


class DivergenceError(Exception):
    """A training cannot go on; says what is no finite number, and where."""


@dataclass
class TrainingState:
    """Counters, early stopping and history; JSON-like, so that a checkpoint holds all of it.

    Attributes
    ----------
    epoch, step : int
        0-based epoch under way and its next step.
    loss_sum, loss_weight, samples : float, float, int
        Of this epoch: sum of the losses, of rows counted as the share of their labels that is known, the sum
        of these shares, and the samples.
    timed, training_seconds, waited : int, float, float
        Of all epochs: samples, seconds of training, and seconds thereof spent waiting for input; without
        the first step of a process, which compiles.
    epoch_timed, epoch_training_seconds, epoch_seconds : int, float, float
        Of this epoch: the same, and seconds with validation.
    best_score, stale : float, int
        Best value of the monitor (larger is better), and epochs since.
    lowest_loss, plateau, reductions : float, int, int
        Lowest validation loss, epochs since it or since the last reduction, reductions of the learning rate.
    history : list of dict
        One row an epoch, with the columns of ``history.tsv``.
    resumed : int
        How often the training went on from a checkpoint.
    threads, devices : int, int
        Threads, and devices of all workers, that it began with.
    diverged : str
        What was no finite number and where, of a training that ended with it.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_weight: float = 0.0
    samples: int = 0
    timed: int = 0
    training_seconds: float = 0.0
    waited: float = 0.0
    epoch_timed: int = 0
    epoch_training_seconds: float = 0.0
    epoch_seconds: float = 0.0
    best_score: float = -math.inf
    stale: int = 0
    lowest_loss: float = math.inf
    plateau: int = 0
    reductions: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    resumed: int = 0
    threads: int = field(default_factory=threads)
    devices: int = 1
    diverged: str = ""

    def over(self, options: TrainOptions, passes: float) -> bool:
        """Whether all epochs, of so many `passes` each, are done or nothing got better for too long."""
        # passes such as .1 do not add up to whole ones exactly
        stale = self.stale * passes * (1 + 1e-9)
        return bool(self.diverged) or self.epoch >= options.epochs or stale >= options.stops_after

    def ended(self, options: TrainOptions) -> str:
        """Why a training that is over ended."""
        if self.diverged:
            return "diverged"
        return "epochs" if self.epoch >= options.epochs else "patience"

    @property
    def train_loss(self) -> float:
        """Mean loss of this epoch so far, over the labels that are known."""
        return self.loss_sum / (self.loss_weight or 1.0)

    def count(self, loss: float, samples: int, weight: float, step: int) -> None:
        """Add the loss of one step, the mean over so many rows, counted as `loss_weight` says.

        Raises
        ------
        DivergenceError
            If it is no finite number.
        """
        if not math.isfinite(loss):
            raise DivergenceError(f"the loss is {loss} in epoch {self.epoch + 1}, step {step + 1}")
        self.loss_sum += float(loss) * weight
        self.loss_weight += weight
        self.samples += samples

    def time(self, samples: int, seconds: float, waited: float) -> None:
        """Add the time of one step."""
        self.timed += samples
        self.epoch_timed += samples
        self.training_seconds += seconds
        self.epoch_training_seconds += seconds
        self.waited += waited

    @property
    def samples_per_second(self) -> float | None:
        """Training speed over all epochs; None where nothing was timed."""
        return self.timed / self.training_seconds if self.timed else None

    @property
    def wait_share(self) -> float | None:
        """Part of the training time spent waiting for input."""
        return self.waited / self.training_seconds if self.timed else None

    def close_epoch(self, metrics: ValidationMetrics, options: TrainOptions, rate: float) -> bool:
        """Note the epoch that ended, with the learning rate of its last step, and turn to the next.

        Returns
        -------
        bool
            Whether it is the best epoch so far.

        Raises
        ------
        DivergenceError
            If the validation loss is no finite number.
        """
        if not math.isfinite(metrics.loss):
            raise DivergenceError(f"the validation loss is {metrics.loss} after epoch {self.epoch + 1}")
        speed = self.epoch_timed / self.epoch_training_seconds if self.epoch_timed else None
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "train_loss": self.train_loss,
                "valid_loss": metrics.loss,
                "valid_auroc": metrics.auroc,
                "valid_auprc": metrics.auprc,
                "valid_f1": metrics.f1,
                "learning_rate": rate,
                "samples_per_second": speed,
                "seconds": self.epoch_seconds,
            }
        )
        self.plateau = 0 if metrics.loss < self.lowest_loss else self.plateau + 1
        self.lowest_loss = min(self.lowest_loss, metrics.loss)
        if self.plateau >= options.schedule.patience:
            self.plateau, self.reductions = 0, self.reductions + 1
        score = {"loss": -metrics.loss, "auroc": metrics.auroc, "auprc": metrics.auprc}[options.monitor]
        self.epoch, self.step = self.epoch + 1, 0
        self.loss_sum, self.loss_weight, self.samples = 0.0, 0.0, 0
        self.epoch_timed, self.epoch_training_seconds, self.epoch_seconds = 0, 0.0, 0.0
        if score is None or score <= self.best_score:
            self.stale += 1
            return False
        self.best_score, self.stale = score, 0
        return True


class Checkpoint(NamedTuple):
    """What is needed to go on.

    Attributes
    ----------
    arrays : dict of str to array
        Weights, optimizer variables, states of random generators, best weights.
    state : dict
        The rest, JSON-like: epoch, step, sums, early stopping, history.
    """

    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]


@dataclass(frozen=True)
class CheckpointStore:
    """Where one training keeps its checkpoint.

    Attributes
    ----------
    directory : Path
        Holds one file, which is replaced as a whole.
    digest : str
        Of dataset, model, options and code; a checkpoint of another digest is not used.
    """

    directory: Path
    digest: str

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint.

        Raises
        ------
        DanqError
            If it cannot be written.
        """
        head = json.dumps({"digest": self.digest, "state": checkpoint.state})
        arrays: Mapping[str, Any] = {_HEAD: np.array(head), **checkpoint.arrays}
        with atomic(self.directory / _FILE) as path:
            np.savez(path, **arrays)

    def read(self, writes: bool = True) -> Checkpoint | None:
        """Read the checkpoint; one that is damaged or of another training is discarded, and said so.

        Of several workers only the one that `writes` removes it.
        """
        path = self.directory / _FILE
        if not path.is_file():
            return None
        try:
            with zipfile.ZipFile(path) as archive:
                stored = NpzArrays(path, archive)
                head = json.loads(str(stored[_HEAD]))
                if head["digest"] == self.digest:
                    arrays = {name: stored[name] for name in stored if name != _HEAD}
                    return Checkpoint(arrays, head["state"])
            reason = "it belongs to other data, options, code or libraries"
        except (
            *(OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError),
            zipfile.BadZipFile,
            zlib.error,
        ):
            reason = "it is damaged"
        log.warning("%s: checkpoint discarded, %s; training starts anew", path, reason)
        if writes:
            self.remove()
        return None

    def remove(self) -> None:
        """Remove the checkpoint, if there is one."""
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class StopRequest:
    """The signal that asked to stop; 0 as long as none did."""

    number: int = 0


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Note SIGTERM, SIGINT and SIGHUP, for a look between two steps, instead of dying; a second one kills.

    A hang-up that is ignored, as ``nohup`` has it, stays so. Outside the main thread, where Python cannot
    handle signals, nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: FrameType | None) -> None:
        request.number = number
        signal.signal(number, before[number])

    heard = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    before = {int(number): signal.getsignal(number) for number in heard}
    for number in before:
        signal.signal(number, note)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
