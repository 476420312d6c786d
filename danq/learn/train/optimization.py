"""What a training minimises, cross-entropies from logits, and how: optimizers and learning-rate schedules."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.errors import DanqError
from danq.learn.options import TrainOptions

RowLoss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(labels int8 (b, k) or (b, sub-bins, k), logits of that shape) → loss float32 (b,)."""


def positive_weights(options: TrainOptions, dataset: Dataset) -> NDArray[np.float32] | None:
    """Weight of each target's positive labels in the loss, float32 (k,); None where all weigh the same.

    ``balanced`` is negatives per positive of a target among the training rows, and for classes the number of
    rows over k times the rows of the class; a target without positives there has weight 1.

    Raises
    ------
    DanqError
        If one number is given for classes, where it would change nothing but the scale.
    """
    if options.positive_weight == "none":
        return None
    k = len(dataset.targets)
    if not isinstance(options.positive_weight, str):
        if dataset.task == "multiclass":
            raise DanqError(
                "train.positive_weight: expected none or balanced for a dataset of classes, "
                f"received {options.positive_weight}"
            )
        return np.full(k, options.positive_weight, np.float32)
    positives = dataset.counts("train")
    rows = dataset.labelled("train")
    # of classes, a row that has one has all
    above = rows / k if dataset.task == "multiclass" else rows - positives
    return np.where(positives > 0, above / np.maximum(positives, 1), 1).astype(np.float32)


def target_weights(options: TrainOptions, dataset: Dataset) -> NDArray[np.float32] | None:
    """Weight of each target's loss, float32 (k,) with a mean of 1; None where all weigh the same.

    ``rare`` is 1/sqrt(h), h being the entropy of a target's training labels: the loss of a model that knows
    its prevalence and nothing else. Without it the gradient of a rare target drowns in those of common
    ones; unlike weights of positive labels it leaves the best probabilities where they are.

    Raises
    ------
    DanqError
        If asked for in a dataset of classes, which share one loss.
    """
    if options.target_weight == "none":
        return None
    if dataset.task == "multiclass":
        raise DanqError("train.target_weight: expected none for a dataset of classes, received 'rare'")
    rows = dataset.labelled("train")
    # within one label of both ends, where the entropy would be 0
    prevalence = np.clip(dataset.counts("train"), 1, np.maximum(rows - 1, 1)) / np.maximum(rows, 2)
    entropy = -(prevalence * np.log(prevalence) + (1 - prevalence) * np.log1p(-prevalence))
    weights = 1 / np.sqrt(entropy)
    return (weights / weights.mean()).astype(np.float32)


def row_loss(
    task: str,
    weights: NDArray[np.float32] | None,
    shares: NDArray[np.float32] | None = None,
    unknown: bool = False,
) -> RowLoss:
    """Make the loss of a task.

    Parameters
    ----------
    task : {'multilabel', 'multiclass'}
        Sigmoid cross-entropy, mean over the targets; or softmax cross-entropy of the one class. Either is
        the mean over a row's sub-bins, if it has some.
    weights : float32, shape (k,), or None
        Weight of positive labels, or of the rows of a class.
    shares : float32, shape (k,), or None
        Weight of each target's loss (multilabel).
    unknown : bool
        Whether labels may be unknown, -1: these add 0. The loss of a batch is then the sum over its rows
        divided by that of their `danq.metrics.known_shares`, so that every known label weighs the same.
    """
    factors = None if weights is None else tf.constant(weights)

    def sigmoid(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        known = tf.cast(labels >= 0, tf.float32) if unknown else None
        if factors is None:
            each = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
        else:
            each = tf.nn.weighted_cross_entropy_with_logits(labels, logits, factors)
        each = each if known is None else each * known
        return tf.reduce_mean(each if shares is None else each * shares, axis=list(range(1, each.shape.rank)))

    def softmax(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        # without a class there is nothing to lose
        labels = tf.maximum(labels, 0.0) if unknown else labels
        each = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        if factors is not None:
            each *= tf.reduce_sum(labels * factors, axis=-1)
        return tf.reduce_mean(each, axis=1) if each.shape.rank > 1 else each

    return softmax if task == "multiclass" else sigmoid


class FusedRMSprop(keras.optimizers.RMSprop):
    """RMSprop whose step is one kernel a variable instead of about ten passes over its memory."""

    def build(self, variables: Any) -> None:
        """Make the slots, one more than Keras makes: the kernel keeps a momentum, which is 0."""
        if not self.built:
            super().build(variables)
            self._momentums: list[Any] = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change a variable: ``v = rho v + (1 - rho) g**2; x -= rate g / sqrt(v + epsilon)``."""
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,  # Keras hands on the variable of TensorFlow inside its own
            ms=self._velocities[index].value.handle,
            mom=self._momentums[index].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            rho=tf.constant(self.rho, variable.dtype),
            momentum=tf.constant(0, variable.dtype),
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


def make_optimizer(options: TrainOptions, replicas: int = 1) -> keras.optimizers.Optimizer:
    """Make the optimizer of a training, with loss scaling around it where the precision is mixed_float16.

    Parameters
    ----------
    replicas : int
        Devices that share a batch. Each clips the mean over devices of the gradient, of which Keras then
        takes the sum, so the norm allowed is divided among them.
    """
    rate = options.learning_rate
    common: dict[str, Any] = {
        "global_clipnorm": None if options.clip_norm is None else options.clip_norm / replicas,
        "use_ema": options.average > 0,
        "ema_momentum": options.average,
    }
    if options.optimizer == "adamw":
        # Keras takes 0.004 by default; 0 must mean none
        optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay, **common)
    else:
        kinds = {
            "rmsprop": FusedRMSprop,
            "adam": keras.optimizers.Adam,
            "adadelta": keras.optimizers.Adadelta,
        }
        optimizer = kinds[options.optimizer](rate, **common)
    if options.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate(options: TrainOptions, step: int, total_steps: int, reductions: int = 0) -> float:
    """Learning rate of a step: a pure function, so that a resumed training goes on exactly.

    Parameters
    ----------
    step, total_steps : int
        0-based step since the start of the training; steps of all epochs.
    reductions : int
        How often a plateau of the validation loss was met (schedule ``plateau`` only).
    """
    schedule = options.schedule
    warmup = schedule.warmup_steps
    if step < warmup:
        return options.learning_rate * (step + 1) / (warmup + 1)
    done = min((step - warmup) / max(total_steps - 1 - warmup, 1), 1.0)
    factor = {
        "constant": 1.0,
        "cosine": schedule.decay + (1 - schedule.decay) * (1 + math.cos(math.pi * done)) / 2,
        "exponential": schedule.decay**done,
        "plateau": schedule.decay**reductions,
    }[schedule.kind]
    return options.learning_rate * factor
