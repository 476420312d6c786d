"""Cross-entropies from logits, one value a row, with weights of positive labels."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.errors import DanqError
from danq.learn.options import TrainOptions

RowLoss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""(labels uint8 (b, k) or (b, steps, k), logits of that shape) → loss float32 (b,)."""


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
    prevalence = np.clip(dataset.counts("train"), 1, max(rows - 1, 1)) / max(rows, 2)
    entropy = -(prevalence * np.log(prevalence) + (1 - prevalence) * np.log1p(-prevalence))
    weights = 1 / np.sqrt(entropy)
    return (weights / weights.mean()).astype(np.float32)


def row_loss(
    task: str,
    weights: NDArray[np.float32] | None,
    shares: NDArray[np.float32] | None = None,
) -> RowLoss:
    """Make the loss of a task.

    Parameters
    ----------
    task : {'multilabel', 'multiclass'}
        Sigmoid cross-entropy, mean over the targets; or softmax cross-entropy of the one class. Either is
        the mean over a row's steps, if it has some.
    weights : float32, shape (k,), or None
        Weight of positive labels, or of the rows of a class.
    shares : float32, shape (k,), or None
        Weight of each target's loss (multilabel).
    """
    factors = None if weights is None else tf.constant(weights)

    def sigmoid(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        if factors is None:
            each = tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)
        else:
            each = tf.nn.weighted_cross_entropy_with_logits(labels, logits, factors)
        return tf.reduce_mean(each if shares is None else each * shares, axis=list(range(1, each.shape.rank)))

    def softmax(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        labels, logits = tf.cast(labels, tf.float32), tf.cast(logits, tf.float32)
        each = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
        if factors is not None:
            each *= tf.reduce_sum(labels * factors, axis=-1)
        return tf.reduce_mean(each, axis=1) if each.shape.rank > 1 else each

    return softmax if task == "multiclass" else sigmoid
