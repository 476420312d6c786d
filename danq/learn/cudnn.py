"""Both directions of an LSTM in one call of cuDNN, and whether a layer's kernel is cuDNN's.

Keras asks its backend for such a call (``bidirectional_lstm``), which TensorFlow's has not: it runs the two
directions one after the other. cuDNN runs them side by side, and a small batch leaves room for that on a GPU.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from danq.models.layers import Rnn, recurrent

_UNITS, _POSITIONS, _ROWS = 320, 75, 128
_CELLS = keras.layers.LSTMCell | keras.layers.GRUCell


def use_both_directions() -> None:
    """Give Keras the call that it asks for; where Keras does not ask, nothing changes."""
    from keras.src import backend

    if hasattr(backend, "bidirectional_lstm"):
        backend.bidirectional_lstm = bidirectional_lstm


def recur_in_float32(model: keras.Model) -> None:
    """Let the recurrent layers of a model of bfloat16 compute in float32, to be called before it is compiled.

    The gradients of TensorFlow's cuDNN kernels are wrong in bfloat16 (LSTM: 1e19 times too large, then NaN).
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional | _CELLS):
            layer.dtype_policy = "float32"


def bidirectional_lstm(
    sequences: tf.Tensor,
    fwd_h0: tf.Tensor,
    fwd_c0: tf.Tensor,
    bwd_h0: tf.Tensor,
    bwd_c0: tf.Tensor,
    *,
    fwd_kernel: Any,
    fwd_recurrent_kernel: Any,
    fwd_bias: Any,
    bwd_kernel: Any,
    bwd_recurrent_kernel: Any,
    bwd_bias: Any,
    activation: Any,
    recurrent_activation: Any,
    return_sequences: bool,
    unroll: bool,
    mask: Any = None,
) -> tuple[tuple[Any, Any, list[Any]], tuple[Any, Any, list[Any]]]:
    """Run both directions over sequences without a mask; arguments and results are those Keras names.

    Parameters
    ----------
    sequences : float tensor, shape (batch, positions, features)
        What is read.
    fwd_h0, fwd_c0, bwd_h0, bwd_c0 : float tensors, shape (batch, units)
        States before the first position that each direction reads.

    Returns
    -------
    tuple of two (last, outputs, [h, c])
        Forward and backward; outputs (batch, positions, units) stand in the order of the input.

    Raises
    ------
    NotImplementedError
        Where cuDNN does not compute this layer; Keras then takes its two separate calls.
    """
    from keras.src.backend.tensorflow.rnn import cudnn_ok

    if mask is not None or not cudnn_ok(activation, recurrent_activation, unroll, use_bias=True):
        raise NotImplementedError
    dtype = sequences.dtype
    directions = ((fwd_kernel, fwd_recurrent_kernel, fwd_bias), (bwd_kernel, bwd_recurrent_kernel, bwd_bias))
    states = (tf.stack([fwd_h0, bwd_h0]), tf.stack([fwd_c0, bwd_c0]))
    h, c = (tf.cast(state, dtype) for state in states)
    outputs, h, c = _run(sequences, h, c, _parameters(directions, dtype))
    both = tf.split(outputs, 2, axis=2)
    parts = []
    for number, part in enumerate(both):
        ended = h[number]
        outputs = part if return_sequences else tf.expand_dims(ended, 1)
        parts.append((ended, outputs, [ended, c[number]]))
    return parts[0], parts[1]


def _run(
    sequences: tf.Tensor, h: tf.Tensor, c: tf.Tensor, parameters: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Give outputs (batch, positions, 2 * units) and last states (2, batch, units) of both directions."""
    # TensorFlow's calls without lengths of the rows (V1, V2) find no algorithm in cuDNN 9
    outputs, h, c, _, _ = tf.raw_ops.CudnnRNNV3(
        input=sequences,
        input_h=tf.transpose(h, (1, 0, 2)),
        input_c=tf.transpose(c, (1, 0, 2)),
        params=parameters,
        sequence_lengths=tf.fill([tf.shape(sequences)[0]], tf.shape(sequences)[1]),
        rnn_mode="lstm",
        direction="bidirectional",
        is_training=True,
        time_major=False,
    )
    return outputs, tf.transpose(h, (1, 0, 2)), tf.transpose(c, (1, 0, 2))


def _parameters(directions: Sequence[tuple[Any, Any, Any]], dtype: tf.DType) -> tf.Tensor:
    """Kernels, recurrent kernels and biases of each direction in cuDNN's order: all matrices, all biases."""
    matrices, biases = [], []
    for kernel, recurrent_kernel, bias in directions:
        for matrix in (kernel, recurrent_kernel):
            value = tf.cast(tf.convert_to_tensor(matrix), dtype)
            # cuDNN wants each gate's matrix as (units, inputs); its order of gates is Keras's
            matrices += [tf.reshape(tf.transpose(gate), [-1]) for gate in tf.split(value, 4, axis=1)]
        value = tf.cast(tf.convert_to_tensor(bias), dtype)
        # cuDNN adds a bias to the inputs and one to the state: the first is none
        biases += [tf.zeros_like(value), value]
    return tf.concat([*matrices, *biases], axis=0)


class KernelTimes(NamedTuple):
    """Milliseconds of a bidirectional layer's forward pass: as danq builds it, and by the generic kernel."""

    taken: float
    generic: float


def kernel_times(kind: Rnn) -> KernelTimes:
    """Time the forward pass of an LSTM or GRU of DanQ's size, 128 rows of 75 positions."""
    layer = recurrent(kind, _UNITS, sequences=True, bidirectional=True, merge="concat", name="timed")
    cells = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
    generic = [
        cells[kind](_UNITS, return_sequences=True, go_backwards=back, use_cudnn=False)
        for back in (False, True)
    ]

    def both(inputs: tf.Tensor) -> tf.Tensor:
        return tf.concat([generic[0](inputs), tf.reverse(generic[1](inputs), [1])], axis=-1)

    return KernelTimes(_milliseconds(layer), _milliseconds(both))


def _milliseconds(layer: Callable[[tf.Tensor], tf.Tensor]) -> float:
    # the sum is fetched alone: the outputs' way to the host would take longer than their making
    call = tf.function(lambda inputs: tf.reduce_sum(layer(inputs)), jit_compile=False)
    inputs = tf.random.stateless_normal((_ROWS, _POSITIONS, _UNITS), seed=(1, 2))
    call(inputs).numpy()
    times = []
    for _ in range(5):
        started = time.perf_counter()
        call(inputs).numpy()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)
