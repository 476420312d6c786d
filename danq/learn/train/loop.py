"""The training loop: epochs of steps, validation, early stopping, checkpoints that resume exactly."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.batches import Batch, TrainingBatches, ordered_batches
from danq.data.encoders import Encoder
from danq.errors import TrainingFailedError
from danq.learn.bundle import model_weights
from danq.learn.options import TrainOptions
from danq.learn.train.agreement import Accord, Words, check_same_checkpoint, leave
from danq.learn.train.monitor import Monitor, ValidationMetrics
from danq.learn.train.optimization import learning_rate
from danq.learn.train.outlook import best_so_far, outlook
from danq.learn.train.state import (
    Checkpoint,
    CheckpointStore,
    DivergenceError,
    StopRequest,
    TrainingState,
    stop_requests,
)
from danq.learn.train.step import Arrays, Loaded, Steps, prefetched
from danq.processes import finish_undisturbed
from danq.progress import DONE, Advance, progress
from danq.threads import threads

log = logging.getLogger("danq")

_VARIABLE, _BEST = "variable", "best"
_CALMER = "try a lower train.learning_rate, train.clip_norm: 1 or train.precision: float32"


@dataclass(frozen=True)
class TrainingData:
    """Training batches, the fitted encoder of their rows, and the rows that validate, int64 (n,)."""

    batches: TrainingBatches
    encoder: Encoder
    valid: NDArray[np.int64]

    def training(self, epoch: int, step: int) -> tuple[Arrays, Batch]:
        """Load and encode the batch of a training step."""
        batch = self.batches.load(epoch, step)
        return self.encoder.encode(batch.raw), batch

    def validation(self, step: int) -> tuple[Arrays, Batch]:
        """Load and encode the padded batch of a step of validation."""
        size = self.batches.batch_size
        rows = self.valid[step * size : (step + 1) * size]
        batch = next(ordered_batches(self.batches.dataset, rows, size))
        return self.encoder.encode(batch.raw), batch

    @property
    def validation_steps(self) -> int:
        """Steps of one validation."""
        return -(-len(self.valid) // self.batches.batch_size)


class _Losses(NamedTuple):
    """Losses of a call's steps, not read yet; what was loaded for them, and the first one's number."""

    losses: tf.Tensor
    loaded: Loaded
    first: int


class Training:
    """One training from its start, or its checkpoint, to the best weights.

    Parameters
    ----------
    store : CheckpointStore
        Where the checkpoint is.
    events : callable
        Takes each row of the history.
    writes : bool
        Whether this process writes checkpoints; of several workers one does.
    """

    def __init__(
        self,
        steps: Steps,
        data: TrainingData,
        options: TrainOptions,
        store: CheckpointStore,
        events: Callable[[Mapping[str, Any]], None],
        writes: bool = True,
    ) -> None:
        self.state = TrainingState(devices=int(steps.strategy.num_replicas_in_sync))
        self._steps, self._data, self._options = steps, data, options
        self._store, self._events, self._writes = store, events, writes
        self._variables = [*steps.model.variables, *steps.optimizer.variables]
        self._best: list[NDArray[Any]] = []
        self._accord = Accord(steps.workers)
        self._compiled = False
        self._saved = self._mark = time.monotonic()

    def run(self, name: str, until: int | None = None) -> TrainingState:
        """Train until the epochs are over or nothing got better for `patience` passes; messages name the run.

        The model is left with the weights of its best epoch, also where a later one diverged. Where the
        training is to pause, after `until` epochs at the latest, a checkpoint is left to go on from.

        Raises
        ------
        TrainingFailedError
            If the loss is no finite number before any epoch was whole.
        SystemExit
            With 128 + the signal's number, after a checkpoint, when the process was asked to stop.
        """
        last = min(until or self._options.epochs, self._options.epochs)
        self._resume(last)
        state = self.state
        ahead = (last - state.epoch) * self._data.batches.samples - state.samples
        with stop_requests() as stop, progress(f"training {name}", ahead, "samples") as advance:
            while state.epoch < last and not state.over(self._options, self._data.batches.passes):
                try:
                    self._run_epoch(stop, advance)
                except DivergenceError as error:
                    if not self._best:
                        raise TrainingFailedError(f"training diverged: {error}; {_CALMER}") from None
                    state.diverged = str(error)
        # what remains takes seconds, and would be lost
        finish_undisturbed()
        if until is not None and not state.diverged:
            self._save()
        _assign(self._steps.model.weights, self._best)
        return state

    def _run_epoch(self, stop: StopRequest, advance: Advance) -> None:
        """Train and validate one epoch, and keep its weights where it is the best so far."""
        self._train_epoch(stop, advance)
        with self._steps.averaged():
            metrics = self._validate(stop)
            if metrics is not None:
                self._lap()
                rate = self._rate(self._data.batches.steps - 1)
                if self.state.close_epoch(metrics, self._options, rate):
                    self._best = model_weights(self._steps.model)
        if metrics is None:
            self._save()
            self._end(stop)
        else:
            self._report(metrics)

    def rows_that_fit(self) -> int:
        """Rows of a batch that a GPU's memory takes, after a training that it ended; weights are spoilt."""
        return self._steps.rows_that_fit(*self._data.training(0, 0))

    @cached_property
    def _steps_of_call(self) -> int:
        inputs, batch = self._data.training(0, 0)
        arrays = (*inputs.values(), batch.labels, batch.weight)
        return self._steps.steps_of_call(sum(array.nbytes for array in arrays))

    def _train_epoch(self, stop: StopRequest, advance: Advance) -> None:
        state, last = self.state, self._data.batches.steps
        epoch, at_once, started = state.epoch, self._steps_of_call, time.perf_counter()
        behind: _Losses | None = None

        def load(first: int) -> Loaded:
            steps = range(first, min(first + at_once, last))
            return self._steps.load([self._data.training(epoch, step) for step in steps])

        for loaded, waited in prefetched(load, range(state.step, last, at_once)):
            rates = [self._rate(state.step + number) for number in range(len(loaded.samples))]
            losses, words = self._steps.train(loaded, rates, self._words(stop))
            # losses are read one call late, while the device works on the next
            self._count(behind, advance)
            behind = _Losses(losses, loaded, state.step)
            state.step += len(loaded.samples)
            now = self._accord.reached(self._words(stop), words)
            if now.stop or now.due:
                self._count(behind, advance)
                behind = None
                self._save()
            if now.stop:
                self._end(stop)
            ended = time.perf_counter()
            if self._compiled:
                state.time(sum(loaded.samples), ended - started, waited)
            self._compiled, started = True, ended
        self._count(behind, advance)

    def _count(self, behind: _Losses | None, advance: Advance) -> None:
        if behind is None:
            return
        samples, weights = behind.loaded.samples, behind.loaded.weights
        for number, step in enumerate(zip(behind.losses.numpy(), samples, weights, strict=True)):
            self.state.count(*step, behind.first + number)
        remarks = [
            f"epoch {self.state.epoch + 1}/{self._options.epochs}",
            f"loss {self.state.train_loss:.4f}",
            best_so_far(self.state, self._options),
        ]
        advance(sum(samples), ", ".join(filter(None, remarks)))

    def _rate(self, step: int) -> float:
        steps, epochs = self._data.batches.steps, self._options.epochs
        step += self.state.epoch * steps
        return learning_rate(self._options, step, epochs * steps, self.state.reductions)

    def _validate(self, stop: StopRequest) -> ValidationMetrics | None:
        """Measure the validation rows; None where the process was asked to stop."""
        dataset = self._data.batches.dataset
        labels = len(self._data.valid) * max(dataset.sub_bins, 1)
        monitor = Monitor(labels, len(dataset.targets), dataset.task)
        behind: list[tuple[tf.Tensor, tf.Tensor, Batch]] = []
        for (inputs, batch), _ in prefetched(self._data.validation, range(self._data.validation_steps)):
            logits, losses, words = self._steps.forward(inputs, batch.labels, self._words(stop))
            behind.append((logits, losses, batch))
            # read one batch late, while the device works on the next
            _measure(monitor, behind[:-1])
            del behind[:-1]
            if self._accord.reached(self._words(stop), words).stop:
                return None
        _measure(monitor, behind)
        return monitor.metrics()

    def _report(self, metrics: ValidationMetrics) -> None:
        row = self.state.history[-1]
        self._events(row)
        shown = {
            "loss": row["train_loss"],
            "validation loss": metrics.loss,
            "AUROC": metrics.auroc,
            "AUPRC": metrics.auprc,
            "F1": metrics.f1,
        }
        values = ", ".join(f"{name} {value:.4f}" for name, value in shown.items() if value is not None)
        best = best_so_far(self.state, self._options)
        ahead = outlook(self.state, self._options, self._data.batches.passes)
        line = "; ".join(filter(None, (values, best, ahead)))
        log.log(DONE, "epoch %d/%d: %s", row["epoch"], self._options.epochs, line)

    def _words(self, stop: StopRequest) -> Words:
        due = time.monotonic() - self._saved > 60 * self._options.checkpoint_minutes
        return Words(bool(stop.number), due)

    def _lap(self) -> None:
        now = time.monotonic()
        self.state.epoch_seconds += now - self._mark
        self._mark = now

    def _save(self) -> None:
        self._lap()
        if self._writes:
            arrays = _numbered(_VARIABLE, (variable.numpy() for variable in self._variables))
            arrays |= _numbered(_BEST, self._best)
            self._store.write(Checkpoint(arrays, asdict(self.state)))
        self._saved = time.monotonic()
        self._accord.begin_anew()

    def _end(self, stop: StopRequest) -> None:
        # a cluster ends all workers when the first has ended, so none does before the checkpoint is there
        self._steps.wait()
        leave(stop, self.state, self._store)

    def _resume(self, last: int) -> None:
        """Go on from the checkpoint, if there is one."""
        checkpoint = self._store.read(self._writes)
        check_same_checkpoint(self._steps.strategy, checkpoint, self._store)
        # one from beyond where the training is to pause knows too much
        if checkpoint is None or checkpoint.state["epoch"] > last:
            return
        self.state = TrainingState(**checkpoint.state)
        self.state.resumed += 1
        _assign(self._variables, [checkpoint.arrays[name] for name in _numbered(_VARIABLE, self._variables)])
        self._best = [array for name, array in checkpoint.arrays.items() if name.startswith(_BEST)]
        log.info("going on in epoch %d after step %d", self.state.epoch + 1, self.state.step)
        message = "%d %s, %d when it began: the weights will differ in rounding from any other training"
        for what, now in ("threads", threads()), ("devices", int(self._steps.strategy.num_replicas_in_sync)):
            if now != (then := getattr(self.state, what)):
                log.warning(message, now, what, then)


def _measure(monitor: Monitor, batches: Sequence[tuple[tf.Tensor, tf.Tensor, Batch]]) -> None:
    for logits, losses, batch in batches:
        monitor.add(logits.numpy(), batch.labels, losses.numpy(), batch.weight)


def _numbered(kind: str, values: Iterable[Any]) -> dict[str, Any]:
    return {f"{kind}_{number}": value for number, value in enumerate(values)}


def _assign(variables: Sequence[Any], values: Sequence[NDArray[Any]]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
