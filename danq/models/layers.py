"""Building blocks that models share, and what the fast recurrent path of a GPU asks of a layer."""

from typing import Literal

import keras

Rnn = Literal["lstm", "gru", "simple"]
Merge = Literal["concat", "sum", "mul", "ave", "none"]

_RNN: dict[str, type[keras.layers.Layer]] = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "simple": keras.layers.SimpleRNN,
}


def codes_input(window: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Input of integer codes and its one-hot encoding on the device.

    Parameters
    ----------
    window : int
        Length of a window in bp.

    Returns
    -------
    tuple
        ``codes`` uint8 (batch, window) and its one-hot float (batch, window, 4) in the order A, C, G, T;
        an N is all zeros.
    """
    codes = keras.Input((window,), dtype="uint8", name="codes")
    return codes, keras.ops.one_hot(codes, 4)


def recurrent(
    kind: Rnn, units: int, *, sequences: bool, bidirectional: bool, merge: Merge, name: str
) -> keras.layers.Layer:
    """Recurrent layer whose arguments let a GPU take the cuDNN path (not for ``simple``, which has none).

    Without `sequences` the result is the last state: of the forward direction at the last step, of the
    backward direction at step 0.

    Parameters
    ----------
    kind : {'lstm', 'gru', 'simple'}
        Cell.
    units : int
        Units a direction.
    sequences : bool
        Return every step (batch, steps, features) rather than the last state (batch, features).
    bidirectional : bool
        Read both ways.
    merge : {'concat', 'sum', 'mul', 'ave', 'none'}
        How the two directions become one; ``none`` returns two tensors.
    name : str
        Name of the layer.
    """
    if not bidirectional:
        return _RNN[kind](units, return_sequences=sequences, name=name)
    return keras.layers.Bidirectional(
        _RNN[kind](units, return_sequences=sequences),
        merge_mode=None if merge == "none" else merge,
        name=name,
    )


def cudnn_ready(layer: keras.layers.Layer) -> list[str]:
    """Reasons why a GPU would not run a recurrent layer by cuDNN's fused kernel; empty if it would.

    Parameters
    ----------
    layer : keras.layers.Layer
        LSTM, GRU, SimpleRNN, or Bidirectional of one of them.

    Returns
    -------
    list of str
        One phrase a condition that is not met.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        directions = (("forward", layer.forward_layer), ("backward", layer.backward_layer))
        return [f"{direction}: {reason}" for direction, one in directions for reason in cudnn_ready(one)]
    if not isinstance(layer, keras.layers.LSTM | keras.layers.GRU):
        return [f"{type(layer).__name__} has no cuDNN kernel"]
    unmet = {
        f"activation is {_activation(layer.activation)}, not tanh": _activation(layer.activation) != "tanh",
        f"recurrent activation is {_activation(layer.recurrent_activation)}, not sigmoid": (
            _activation(layer.recurrent_activation) != "sigmoid"
        ),
        "it has no bias": not layer.use_bias,
        "it is unrolled": bool(layer.unroll),
        "it has recurrent dropout": layer.recurrent_dropout > 0,
        "use_cudnn is off": layer.use_cudnn is False,
        "reset_after is off": isinstance(layer, keras.layers.GRU) and not layer.reset_after,
    }
    return [reason for reason, holds in unmet.items() if holds]


def _activation(function: object) -> str:
    return str(getattr(function, "__name__", function))
