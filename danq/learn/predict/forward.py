"""The compiled forward pass of a bundle, for batches of one fixed shape."""

import math
from typing import Any

import keras
import tensorflow as tf

from danq.learn.bundle import Bundle


def compile_forward(bundle: Bundle, rows: int, both_strands: bool) -> Any:
    """Compile the forward pass for exactly `rows` rows, or twice as many where both strands are read.

    Parameters
    ----------
    bundle : Bundle
        The trained model.
    rows : int
        Rows of a batch, whole blocks of 16.
    both_strands : bool
        The second half of a batch holds the reverse complements of the first; results are averaged, of steps
        each with the step at the same place of the genome.

    Returns
    -------
    callable
        Dict of arrays → logits and probabilities float32, shape (rows, k) or (rows, steps, k).
    """
    batch = 2 * rows if both_strands else rows
    multiclass = bundle.task == "multiclass"

    def mean(values: tf.Tensor) -> tf.Tensor:
        opposite = values[rows:]
        return (values[:rows] + (opposite[:, ::-1] if values.shape.rank > 2 else opposite)) / 2

    def forward(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        logits = tf.cast(bundle.model(inputs, training=False), tf.float32)
        probabilities = tf.nn.softmax(logits) if multiclass else tf.sigmoid(logits)
        return (mean(logits), mean(probabilities)) if both_strands else (logits, probabilities)

    signature = {
        name: tf.TensorSpec((batch, *shape), dtype) for name, (shape, dtype) in bundle.encoder.inputs.items()
    }
    return tf.function(forward, input_signature=[signature], jit_compile=False)


def compile_strands(bundle: Bundle, both: bool) -> Any:
    """Compile the forward pass of a model of codes for any number of windows, strands made on the device.

    Parameters
    ----------
    bundle : Bundle
        The trained model; its encoder must be a `CodesEncoder`.
    both : bool
        Read the reverse complements, too.

    Returns
    -------
    callable
        uint8 (n, window) → logits float32, shape (strands, n, k).
    """

    def forward(codes: tf.Tensor) -> tf.Tensor:
        strands = [codes]
        if both:
            # A, C, G, T are 0..3, and N is 4 on either strand
            strands.append(tf.where(codes < 4, 3 - codes, codes)[:, ::-1])
        logits = tf.cast(bundle.model({"codes": tf.concat(strands, axis=0)}, training=False), tf.float32)
        return tf.reshape(logits, (len(strands), -1, logits.shape[-1]))

    signature = [tf.TensorSpec((None, bundle.window), tf.uint8)]
    return tf.function(forward, input_signature=signature, jit_compile=False)


def rows_by_memory(bundle: Bundle, limit: int, most: int) -> int:
    """Windows of a forward pass that surely fit into a device's memory: from the sizes of all outputs.

    Parameters
    ----------
    bundle : Bundle
        The trained model.
    limit : int
        Bytes of memory.
    most : int
        Windows beyond which larger batches are no faster.
    """
    numbers = 0
    for layer in bundle.model.layers:
        for output in keras.tree.flatten(layer.output):
            numbers += math.prod(int(size) for size in output.shape[1:])
    weights = 4 * bundle.model.count_params()
    # three times: kernels keep copies in other layouts, and work space
    fit = (limit // 2 - weights) // (3 * 4 * max(numbers, 1))
    return max(min(fit, most), 1)
