"""Building blocks that models share, and what the fast recurrent path of a GPU asks of a layer."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import keras

from danq.models.options import MergeMode, Rnn, SubBins

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

    Returns
    -------
    tuple
        ``codes`` uint8 (batch, window) and its one-hot float (batch, window, 4) in the order A, C, G, T;
        an N is all zeros.
    """
    codes = keras.Input((window,), dtype="uint8", name="codes")
    return codes, keras.ops.one_hot(codes, 4)


def recurrent(
    kind: Rnn, units: int, *, sequences: bool, bidirectional: bool, merge: MergeMode, name: str
) -> keras.layers.Layer:
    """Recurrent layer whose arguments let a GPU take the cuDNN path (not for ``simple``, which has none).

    It returns every position (batch, positions, features), or without `sequences` the last state (batch,
    features): of the forward direction at the last position, of the backward direction at position 0. With
    `merge` ``none`` two directions are two tensors. `units` are those of a direction.
    """
    if not bidirectional:
        return _RNN[kind](units, return_sequences=sequences, name=name)
    return keras.layers.Bidirectional(
        _RNN[kind](units, return_sequences=sequences),
        merge_mode=None if merge == "none" else merge,
        name=name,
    )


def recurrent_layers(
    inputs: Any, options: Any, units: Sequence[int], *, sequences: bool, mask: Any = None
) -> list[Any]:
    """Apply recurrent layers, one on the other, each followed by dropout.

    Parameters
    ----------
    inputs : float tensor, shape (batch, positions, features)
        What is read.
    options : a model's options
        `rnn`, `bidirectional`, `merge_mode` and `rnn_dropout` are read. With `merge_mode: none` the two
        directions of the top layer stay apart, and those of deeper ones are concatenated.
    units : sequence of int
        Units a direction of each layer.
    sequences : bool
        Whether the top layer returns every position.
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
            options.rnn,
            width,
            sequences=sequences or not top,
            bidirectional=options.bidirectional,
            merge=options.merge_mode if top or options.merge_mode != "none" else "concat",
            name=f"rnn{suffix}",
        )
        outputs = keras.tree.flatten(layer(inputs) if mask is None else layer(inputs, mask=mask))
        if mask is not None and (sequences or not top):
            # zeros past the end of a row, whatever the kernel; an operation does not hand the mask on
            outputs = [keras.ops.where(keras.ops.expand_dims(mask, -1), output, 0.0) for output in outputs]
        names = (suffix,) if len(outputs) == 1 else (f"_forward{suffix}", f"_backward{suffix}")
        directions = [
            keras.layers.Dropout(options.rnn_dropout, name=f"rnn_dropout{name}")(output)
            for output, name in zip(outputs, names, strict=True)
        ]
        inputs = directions[0]
    return directions


def mean_logits(directions: Sequence[Any], head: Callable[[Any, str], Any]) -> Any:
    """Logits of one head, or the mean logit of a head for each direction.

    `head` turns a direction, one of those that `recurrent_layers` returns, and the end of its layers' names
    into logits; the end is "" for one direction, "_forward" and "_backward" for two.
    """
    if len(directions) == 1:
        return head(directions[0], "")
    ends = ("_forward", "_backward")
    parts = [head(direction, end) for direction, end in zip(directions, ends, strict=True)]
    return keras.layers.Average(name="logits", dtype="float32")(parts)


def dense_logits(features: Any, dense: int, n_targets: int, end: str) -> Any:
    """Logits by a dense layer of `dense` units with ReLU, left out where 0, and the output layer.

    Each vector along the last axis of the features is classified; `end` is the end of the layers' names.
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
    """Reasons, a phrase each, why a GPU would not run a recurrent layer by the fused kernel of cuDNN."""
    if isinstance(layer, keras.layers.Bidirectional):
        directions = (("forward", layer.forward_layer), ("backward", layer.backward_layer))
        return [f"{name}: {reason}" for name, direction in directions for reason in cudnn_ready(direction)]
    if not isinstance(layer, keras.layers.LSTM | keras.layers.GRU):
        return [f"{type(layer).__name__} has no cuDNN kernel"]
    activation, recurrent_activation = (
        str(getattr(function, "__name__", function))
        for function in (layer.activation, layer.recurrent_activation)
    )
    unmet = {
        f"activation is {activation}, not tanh": activation != "tanh",
        f"recurrent activation is {recurrent_activation}, not sigmoid": recurrent_activation != "sigmoid",
        "it has no bias": not layer.use_bias,
        "it is unrolled": bool(layer.unroll),
        "it has recurrent dropout": layer.recurrent_dropout > 0,
        "use_cudnn is off": layer.use_cudnn is False,
        "reset_after is off": isinstance(layer, keras.layers.GRU) and not layer.reset_after,
    }
    return [reason for reason, holds in unmet.items() if holds]
