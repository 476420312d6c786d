"""Building blocks that models share, and what the fast recurrent path of a GPU asks of a layer."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras

from danq.models.positions import SubBins

Rnn = Literal["lstm", "gru", "simple"]
Merge = Literal["concat", "sum", "mul", "ave", "none"]

Summary = Literal["flatten", "last", "pools", "max"]

_BELOW_ALL = -1e4
"""Less than any output of a recurrent layer, within the range of every floating-point type."""

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

    Without `sequences` the result is the last state: of the forward direction at the last position, of the
    backward direction at position 0.

    Parameters
    ----------
    kind : {'lstm', 'gru', 'simple'}
        Cell.
    units : int
        Units a direction.
    sequences : bool
        Return every position (batch, positions, features) rather than the last state (batch, features).
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


def recurrent_layers(
    inputs: Any,
    *,
    kind: Rnn,
    units: Sequence[int],
    sequences: bool,
    bidirectional: bool,
    merge: Merge,
    dropout: float,
    mask: Any = None,
) -> list[Any]:
    """Apply recurrent layers, one on the other, each followed by dropout.

    Parameters
    ----------
    inputs : float tensor, shape (batch, positions, features)
        What is read.
    kind : {'lstm', 'gru', 'simple'}
        Cell.
    units : sequence of int
        Units a direction of each layer.
    sequences : bool
        Whether the top layer returns every position.
    bidirectional : bool
        Read both ways.
    merge : {'concat', 'sum', 'mul', 'ave', 'none'}
        How two directions become one; with ``none`` the top layer's stay apart and the deeper ones are
        concatenated.
    dropout : float
        Dropped part of each layer's output.
    mask : bool tensor, shape (batch, positions), or None
        Positions that are read; padded on the right, with at least one in each row.

    Returns
    -------
    list of float tensors
        One, or forward and backward.
    """
    for number, width in enumerate(units, 1):
        top = number == len(units)
        suffix = "" if number == 1 else f"_{number}"
        layer = recurrent(
            kind,
            width,
            sequences=sequences or not top,
            bidirectional=bidirectional,
            merge=merge if top or merge != "none" else "concat",
            name=f"rnn{suffix}",
        )
        outputs = keras.tree.flatten(layer(inputs) if mask is None else layer(inputs, mask=mask))
        if mask is not None and (sequences or not top):
            # zeros past the end of a row, whatever the kernel; an operation does not hand the mask on
            outputs = [keras.ops.where(keras.ops.expand_dims(mask, -1), output, 0.0) for output in outputs]
        names = (suffix,) if len(outputs) == 1 else (f"_forward{suffix}", f"_backward{suffix}")
        directions = [
            keras.layers.Dropout(dropout, name=f"rnn_dropout{name}")(output)
            for output, name in zip(outputs, names, strict=True)
        ]
        inputs = directions[0]
    return directions


def mean_logits(directions: Sequence[Any], head: Callable[[Any, str], Any]) -> Any:
    """Logits of one head, or the mean logit of a head for each direction.

    Parameters
    ----------
    directions : sequence of one or two float tensors
        As `recurrent_layers` returns them.
    head : callable
        From a direction and the end of its layers' names to logits; called with "" for one direction, with
        "_forward" and "_backward" for two.
    """
    if len(directions) == 1:
        return head(directions[0], "")
    ends = ("_forward", "_backward")
    parts = [head(direction, end) for direction, end in zip(directions, ends, strict=True)]
    return keras.layers.Average(name="logits", dtype="float32")(parts)


def dense_logits(features: Any, dense: int, n_targets: int, end: str) -> Any:
    """Logits by a dense layer of `dense` units with ReLU, left out where 0, and the output layer.

    Parameters
    ----------
    features : float tensor, shape (..., features)
        Each vector along the last axis is classified.
    dense, n_targets : int
        Units of the two layers.
    end : str
        End of the layers' names.
    """
    if dense:
        features = keras.layers.Dense(dense, activation="relu", name=f"dense{end}")(features)
    # float32 also under mixed precision: losses and scores are computed from logits
    return keras.layers.Dense(n_targets, name=f"logits{end}", dtype="float32")(features)


def summarised(
    kind: Summary, states: Any, sub_bins: SubBins | None = None, end: str = "", mask: Any = None
) -> Any:
    """Features of a whole sequence, or of each sub-bin from its positions alone.

    Parameters
    ----------
    kind : {'flatten', 'last', 'pools', 'max'}
        All positions side by side; a last state as it is (not of sub-bins); average and maximum over the
        positions; maximum alone.
    states : float tensor, shape (batch, positions, features), or (batch, features) for ``last``
        Output of a recurrent layer.
    sub_bins : SubBins, optional
        Which positions belong to which sub-bin.
    end : str
        End of the layers' names.
    mask : bool tensor, shape (batch, positions), or None
        Positions that average and maximum of a whole sequence are over.

    Returns
    -------
    float tensor, shape (batch, features) or (batch, sub-bins, features)
    """
    if sub_bins is not None:
        return _summarised_sub_bins(kind, states, sub_bins, end)
    if kind == "last":
        return states
    if kind == "flatten":
        return keras.layers.Flatten(name=f"flatten{end}")(states)
    read = states
    if mask is not None:
        read = keras.ops.where(keras.ops.expand_dims(mask, -1), states, _BELOW_ALL)
    maximum = keras.layers.GlobalMaxPooling1D(name=f"maximum{end}")(read)
    if kind == "max":
        return maximum
    average = keras.layers.GlobalAveragePooling1D(name=f"average{end}")
    joined = (average(states) if mask is None else average(states, mask=mask), maximum)
    return keras.layers.Concatenate(name=f"pools{end}")(joined)


def _summarised_sub_bins(kind: Summary, states: Any, sub_bins: SubBins, end: str) -> Any:
    layers, each = keras.layers, sub_bins.each
    rest = states.shape[1] - sub_bins.first - each * sub_bins.number
    if sub_bins.first or rest:
        states = layers.Cropping1D((sub_bins.first, rest), name=f"labelled{end}")(states)
    if each == 1:
        return states
    if kind == "flatten":
        return layers.Reshape((sub_bins.number, each * states.shape[-1]), name=f"flatten{end}")(states)
    maximum = layers.MaxPooling1D(each, name=f"maximum{end}")(states)
    if kind == "max":
        return maximum
    average = layers.AveragePooling1D(each, name=f"average{end}")(states)
    return layers.Concatenate(name=f"pools{end}")((average, maximum))


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
        return [f"{name}: {reason}" for name, direction in directions for reason in cudnn_ready(direction)]
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
