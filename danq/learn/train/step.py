"""One training step and one forward pass, compiled once for a fixed batch shape, on one or many devices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.learn.train.losses import RowLoss

Arrays = dict[str, NDArray[Any]]


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
    loss : RowLoss
        Loss of each row.
    clips : bool
        Whether the optimizer clips gradients, which then are averaged over the devices before.
    """

    strategy: tf.distribute.Strategy
    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    loss: RowLoss
    clips: bool = False

    def train(self, inputs: Arrays, labels: NDArray[np.uint8], weight: NDArray[np.float32]) -> tf.Tensor:
        """Change the weights by one step and return the batch's loss before it.

        Parameters
        ----------
        inputs : dict of arrays, each of shape (b, ...)
            What the encoder makes.
        labels : uint8, shape (b, k), or (b, steps, k)
            0 or 1.
        weight : float32, shape (b,)
            1, and 0 for padding rows.

        Returns
        -------
        float32 scalar tensor
            Weighted mean over the rows of the whole batch; reading it waits for the device.
        """
        total = tf.constant(weight.sum(dtype=np.float32))
        return self._train(self._share(inputs), self._share(labels), self._share(weight), total)

    def forward(
        self, inputs: Arrays, labels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (b, k), or (b, steps, k), and losses (b,) of the rows of a batch, without dropout."""
        logits, losses = self._forward(self._share(inputs), self._share(labels))
        return logits.numpy(), losses.numpy()

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

    @cached_property
    def _train(self) -> Any:
        def on_device(inputs: Any, labels: tf.Tensor, weight: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
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

        @tf.function(jit_compile=False)
        def train(*batch: Any) -> tf.Tensor:
            losses = self.strategy.run(on_device, args=batch)
            return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

        return train

    @cached_property
    def _forward(self) -> Any:
        def on_device(inputs: Any, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            logits = tf.cast(self.model(inputs, training=False), tf.float32)
            return logits, self.loss(labels, logits)

        @tf.function(jit_compile=False)
        def forward(*batch: Any) -> tuple[tf.Tensor, ...]:
            parts = self.strategy.run(on_device, args=batch)
            # one by one: of a tuple, gather returns the first device's part without a word
            return tuple(self.strategy.gather(part, axis=0) for part in parts)

        return forward
