"""One training step and one forward pass, compiled once for a fixed batch shape, on one or many devices.

Their batches are prepared ahead in a thread, so that the device does not wait for the disk.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.batches import Batch
from danq.learn.gpu import memory_limit, peak_memory, rows_that_fit
from danq.learn.train.agreement import SILENT, gathered
from danq.learn.train.optimization import RowLoss
from danq.metrics import known_shares

Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")

_MOST_STEPS, _MOST_BYTES = 16, 2**25
_AHEAD = 4


class Loaded(NamedTuple):
    """Batches on their devices: the arguments of a call, and each step's samples and weight of its loss."""

    arrays: tuple[Any, ...]
    samples: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Steps:
    """What the devices do with one batch; every batch has the same padded shape.

    Attributes
    ----------
    strategy : tf.distribute.Strategy
        Devices; each takes an equal share of the rows.
    model : keras.Model
        Made, like the optimizer's variables, in the strategy's scope.
    optimizer : keras.optimizers.Optimizer
        Built.
    clips : bool
        Whether the optimizer clips gradients, which then are averaged over the devices before.
    workers : int
        Processes that share each batch.
    """

    strategy: tf.distribute.Strategy
    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    loss: RowLoss
    clips: bool = False
    workers: int = 1

    def steps_of_call(self, batch_bytes: int) -> int:
        """Training steps of one call: on one GPU several, so that it need not wait for the next call.

        `batch_bytes` are those of the inputs and labels of a step.
        """
        return max(min(_MOST_STEPS, _MOST_BYTES // max(batch_bytes, 1)), 1) if self._on_one_gpu else 1

    def load(self, batches: Sequence[tuple[Arrays, Batch]]) -> Loaded:
        """Bring the batches of a call to the devices; may run in another thread than the training.

        Parameters
        ----------
        batches : sequence of tuples
            Arrays of the encoder, each of shape (b, ...), and the batch they are from: as many as
            `steps_of_call` says, or fewer.
        """
        samples = tuple(int(batch.weight.sum()) for _, batch in batches)
        weights = tuple(_known(batch) for _, batch in batches)
        # without any known label the loss is 0
        totals = [np.float32(weight or 1) for weight in weights]
        if not self._on_one_gpu:
            ((inputs, batch),) = batches
            total = tf.constant(totals[0])
            return Loaded((*map(self._share, (inputs, batch.labels, batch.weight)), total), samples, weights)
        arrays = [(inputs, batch.labels, batch.weight) for inputs, batch in batches]
        # one transfer for all steps
        stacked = tf.nest.map_structure(lambda *parts: tf.constant(np.stack(parts)), *arrays)
        return Loaded((*stacked, tf.constant(totals)), samples, weights)

    def train(
        self, loaded: Loaded, rates: Sequence[float], words: Sequence[bool] = SILENT
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Change the weights by the steps of a call, each with its learning rate.

        Returns
        -------
        losses : float32 tensor, shape (steps,)
            Each batch's loss before its step, the weighted mean over its rows; reading it waits for the
            device.
        words : float32 tensor, shape (2,)
            How many workers said each of their `words`.
        """
        if self._on_one_gpu:
            losses = self._train_several(*loaded.arrays, tf.constant(rates, tf.float32))
            return losses, tf.constant(words, tf.float32)
        (self.optimizer.learning_rate,) = rates
        both = self._train(tf.constant(words, tf.float32), *loaded.arrays)
        return both[:1], both[1:]

    def forward(
        self, inputs: Arrays, labels: NDArray[np.int8], words: Sequence[bool] = SILENT
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits (b, k), or (b, sub-bins, k), and losses (b,) of the rows of a batch, without dropout.

        The third are the words, as of `train`.
        """
        shares = self._share(inputs), self._share(labels)
        logits, losses, all_words = self._forward(tf.constant([words], tf.float32), *shares)
        return logits, losses, tf.reduce_sum(all_words, axis=0)

    def wait(self) -> None:
        """Wait until all workers are here."""
        gathered(self.strategy, [0])

    def rows_that_fit(self, inputs: Arrays, batch: Batch) -> int:
        """Estimate from any batch the largest one that a GPU's memory takes; changes the weights."""

        def run(rows: int) -> None:
            cut = tf.nest.map_structure(
                lambda array: np.resize(array, (rows, *array.shape[1:])), (inputs, batch.labels, batch.weight)
            )
            arrays = tf.nest.map_structure(tf.constant, cut)
            self._train(tf.constant(SILENT, tf.float32), *arrays, tf.constant(float(rows))).numpy()

        return rows_that_fit(run, memory_limit(), peak_memory, 16)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Give the model the optimizer's running mean of its weights, if it keeps one, for a while."""
        inner = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        if not inner.use_ema or not inner.iterations.numpy():  # half precision may have skipped every step
            yield
            return
        variables = self.model.trainable_variables
        trained = [variable.numpy() for variable in variables]
        inner.finalize_variable_values(variables)
        yield
        for variable, value in zip(variables, trained, strict=True):
            variable.assign(value)

    @cached_property
    def _on_one_gpu(self) -> bool:
        return self._replicas == 1 and bool(tf.config.list_logical_devices("GPU"))

    @property
    def _replicas(self) -> int:
        return int(self.strategy.num_replicas_in_sync)

    def _share(self, arrays: Any) -> Any:
        """Hand each device of this machine its rows."""
        if self._replicas == 1:
            return tf.nest.map_structure(tf.constant, arrays)

        def rows_of(context: tf.distribute.experimental.ValueContext) -> Any:
            def cut(array: NDArray[Any]) -> tf.Tensor:
                size = len(array) // self._replicas
                first = context.replica_id_in_sync_group * size
                return tf.constant(array[first : first + size])

            return tf.nest.map_structure(cut, arrays)

        return self.strategy.experimental_distribute_values_from_function(rows_of)

    def _step(self, inputs: Any, labels: tf.Tensor, weight: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
        """Change the weights by the share of a batch that one device has, and return its part of the loss."""
        variables = self.model.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            loss = tf.reduce_sum(self.loss(labels, logits) * weight) / total
            # each device adds its part of the penalties, for the gradients are summed
            penalties = [tf.cast(penalty, loss.dtype) / self._replicas for penalty in self.model.losses]
            objective = self.optimizer.scale_loss(tf.add_n([loss, *penalties]))
        gradients = tape.gradient(objective, variables)
        if self.clips and self._replicas > 1:
            context = tf.distribute.get_replica_context()
            gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        self.optimizer.apply(gradients, variables)
        return loss

    @cached_property
    def _train(self) -> Any:
        def on_device(words: tf.Tensor, *batch: Any) -> tf.Tensor:
            return tf.concat([self._step(*batch)[None], words], axis=0)

        @tf.function(jit_compile=False)
        def train(*arguments: Any) -> tf.Tensor:
            both = self.strategy.run(on_device, args=arguments)
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, both, axis=None)

        return train

    @cached_property
    def _train_several(self) -> Any:
        """A loop of steps on one device, of any number: the last call of an epoch may hold fewer."""

        def train(inputs: Any, labels: tf.Tensor, weight: tf.Tensor, total: Any, rates: Any) -> tf.Tensor:
            def step(number: tf.Tensor, losses: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
                batch = tf.nest.map_structure(lambda array: array[number], (inputs, labels, weight, total))
                self.optimizer.learning_rate = rates[number]
                return number + 1, losses.write(number, self._step(*batch))

            steps = tf.shape(rates)[0]
            losses = tf.TensorArray(tf.float32, size=steps, element_shape=())
            loop = (tf.constant(0), losses)
            _, losses = tf.while_loop(lambda number, _: number < steps, step, loop, parallel_iterations=1)
            return losses.stack()

        return tf.function(train, jit_compile=False, reduce_retracing=True)

    @cached_property
    def _forward(self) -> Any:
        def on_device(words: tf.Tensor, inputs: Any, labels: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits = tf.cast(self.model(inputs, training=False), tf.float32)
            return logits, self.loss(labels, logits), words

        @tf.function(jit_compile=False)
        def forward(*batch: Any) -> tuple[tf.Tensor, ...]:
            parts = self.strategy.run(on_device, args=batch)
            # one by one: of a tuple, gather returns the first device's part without a word
            return tuple(self.strategy.gather(part, axis=0) for part in parts)

        return forward


def _known(batch: Batch) -> float:
    """Rows of a batch, each counted as the share of its labels that is known: what the loss is divided by."""
    return float((batch.weight * known_shares(batch.labels)).sum())


def prefetched(load: Callable[[int], T], steps: Iterable[int]) -> Iterator[tuple[T, float]]:
    """Load the batches of some steps in order in one other thread, a few of them ahead of their use.

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
