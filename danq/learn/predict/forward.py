"""The compiled forward pass of a bundle, for batches of one fixed shape."""

from typing import Any

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
