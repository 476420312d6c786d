"""A network computed from its description alone: slow, obvious NumPy, which knows no framework.

`compute` is what docs/formats.md promises to be possible.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import erf

from danq.learn.network import Layer, Network

Options = Mapping[str, Any]
Arrays = Sequence[np.ndarray]


def compute(
    network: Network, weights: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Logits, in float64, of the arrays that a model's encoder makes."""
    values = {(name, 0): array for name, array in inputs.items()}

    def value(argument: Any) -> Any:
        if isinstance(argument, list | tuple):
            return [value(item) for item in argument]
        if not isinstance(argument, dict):
            return argument
        if "layer" in argument:
            return values[argument["layer"], argument["output"]]
        return Ellipsis if argument["slice"] == "..." else slice(*argument["slice"])

    for layer in network.layers:
        arrays = [np.asarray(weights[name], np.float64) for name in layer.weights]
        named = {name: value(argument) for name, argument in layer.named_inputs.items()}
        made = _computed(layer, [value(argument) for argument in layer.inputs], named, arrays)
        outputs = made if isinstance(made, list) else [made]
        assert len(outputs) == len(layer.outputs)
        for number, (output, tensor) in enumerate(zip(outputs, layer.outputs, strict=True)):
            assert tensor is not None
            assert list(output.shape[1:]) == list(tensor.shape[1:]), layer.name
            values[layer.name, number] = output
    return values[network.output.layer, network.output.output]


def _computed(layer: Layer, inputs: list[Any], named: dict[str, Any], arrays: Arrays) -> Any:
    if layer.kind.startswith("ops."):
        return OPERATIONS[layer.kind.removeprefix("ops.")](*inputs, **named, **layer.options)
    return LAYERS[layer.kind](*inputs, options=layer.options, arrays=arrays, **named)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "exponential": np.exp,
}


def activated(x: np.ndarray, activation: Any) -> np.ndarray:
    if isinstance(activation, dict):  # a layer as activation
        assert activation["kind"] == "LeakyReLU"
        return np.where(x > 0, x, activation["options"]["negative_slope"] * x)
    return ACTIVATIONS[activation](x)


def dense(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    kernel, *bias = arrays
    return activated(x @ kernel + sum(bias), options["activation"])


def padded(x: np.ndarray, options: Options, sizes: Sequence[int], fill: float) -> np.ndarray:
    """With what ``padding: same`` adds at the ends of the axes between rows and channels."""
    if options["padding"] == "valid":
        return x
    ends = []
    for length, size, stride in zip(x.shape[1:-1], sizes, options["strides"], strict=True):
        missing = max((-(-length // stride) - 1) * stride + size - length, 0)
        ends.append((missing // 2, missing - missing // 2))
    return np.pad(x, [(0, 0), *ends, (0, 0)], constant_values=fill)


def windows(x: np.ndarray, options: Options, sizes: Sequence[int]) -> np.ndarray:
    """Windows of a convolution or pooling: rows, places, channels, and the axes within a window."""
    axes = tuple(range(1, 1 + len(sizes)))
    steps = tuple(slice(None, None, stride) for stride in options["strides"])
    return sliding_window_view(x, tuple(sizes), axis=axes)[(slice(None), *steps)]


def convolution(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    assert set(options["dilation_rate"]) == {1}
    assert (options["groups"], options["data_format"]) == (1, "channels_last")
    kernel, *bias = arrays
    sizes = options["kernel_size"]
    cut = windows(padded(x, options, sizes, 0.0), options, sizes)
    within = list(range(cut.ndim - len(sizes), cut.ndim))
    summed = np.tensordot(cut, kernel, axes=([*within, cut.ndim - len(sizes) - 1], range(len(sizes) + 1)))
    return activated(summed + sum(bias), options["activation"])


def max_pooling(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    sizes = options["pool_size"]
    cut = windows(padded(x, options, sizes, -np.inf), options, sizes)
    return cut.max(axis=tuple(range(-len(sizes), 0)))


def average_pooling(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    assert options["padding"] == "valid"
    sizes = options["pool_size"]
    return windows(x, options, sizes).mean(axis=tuple(range(-len(sizes), 0)))


def global_average(x: np.ndarray, options: Options, arrays: Arrays, mask: Any = None) -> np.ndarray:
    if mask is None:
        return x.mean(axis=tuple(range(1, x.ndim - 1)))
    counted = np.asarray(mask, np.float64)[..., None]
    return (x * counted).sum(axis=1) / counted.sum(axis=1)


def global_maximum(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    return x.max(axis=tuple(range(1, x.ndim - 1)))


def cropping(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    ends = options["cropping"]
    ends = ends if isinstance(ends[0], list) else [ends]
    cut = tuple(slice(first, size - last) for (first, last), size in zip(ends, x.shape[1:], strict=False))
    return x[(slice(None), *cut)]


def lstm_step(x: np.ndarray, states: Arrays, arrays: Arrays, options: Options) -> list[np.ndarray]:
    hidden, cell = states
    kernel, recurrent, *bias = arrays
    into, forget, new, out = np.split(x @ kernel + hidden @ recurrent + sum(bias), 4, axis=1)
    gate = ACTIVATIONS[options["recurrent_activation"]]
    cell = gate(forget) * cell + gate(into) * activated(new, options["activation"])
    return [gate(out) * activated(cell, options["activation"]), cell]


def gru_step(x: np.ndarray, states: Arrays, arrays: Arrays, options: Options) -> list[np.ndarray]:
    (hidden,) = states
    kernel, recurrent, bias = arrays
    assert options["reset_after"]
    gate = ACTIVATIONS[options["recurrent_activation"]]
    of_input = np.split(x @ kernel + bias[0], 3, axis=1)
    of_state = np.split(hidden @ recurrent + bias[1], 3, axis=1)
    update, reset = (gate(one + other) for one, other in zip(of_input[:2], of_state[:2], strict=True))
    new = activated(of_input[2] + reset * of_state[2], options["activation"])
    return [update * hidden + (1 - update) * new]


def simple_step(x: np.ndarray, states: Arrays, arrays: Arrays, options: Options) -> list[np.ndarray]:
    kernel, recurrent, *bias = arrays
    return [activated(x @ kernel + states[0] @ recurrent + sum(bias), options["activation"])]


STEPS = {"LSTM": (lstm_step, 2), "GRU": (gru_step, 1), "SimpleRNN": (simple_step, 1)}


def recurrent(kind: str, x: np.ndarray, options: Options, arrays: Arrays, mask: Any = None) -> np.ndarray:
    """Outputs in the order in which positions are read; where masked, states stay."""
    step, number = STEPS[kind]
    states: Arrays = [np.zeros((len(x), options["units"]))] * number
    order = range(x.shape[1])[::-1] if options["go_backwards"] else range(x.shape[1])
    outputs, output = [], np.zeros((len(x), options["units"]))
    for position in order:
        new = step(x[:, position], states, arrays, options)
        read = np.ones((len(x), 1), bool) if mask is None else np.asarray(mask)[:, position, None]
        output = np.where(read, new[0], 0.0 if options["zero_output_for_mask"] else output)
        states = [np.where(read, one, other) for one, other in zip(new, states, strict=True)]
        outputs.append(output)
    return np.stack(outputs, axis=1) if options["return_sequences"] else output


def bidirectional(x: np.ndarray, options: Options, arrays: Arrays, mask: Any = None) -> Any:
    half = len(arrays) // 2
    parts = zip((options["forward"], options["backward"]), (arrays[:half], arrays[half:]), strict=True)
    one, other = (recurrent(part["kind"], x, part["options"], own, mask) for part, own in parts)
    if options["forward"]["options"]["return_sequences"]:
        other = other[:, ::-1]  # in the order of the positions
    merge = options["merge_mode"]
    merged = {"sum": one + other, "mul": one * other, "ave": (one + other) / 2}
    return (
        [one, other]
        if merge is None
        else np.concatenate([one, other], axis=-1)
        if merge == "concat"
        else merged[merge]
    )


def normalization(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    assert options["center"]
    assert options["scale"]
    assert options["axis"] in (-1, x.ndim - 1)
    gamma, beta, mean, variance = arrays
    return gamma * (x - mean) / np.sqrt(variance + options["epsilon"]) + beta


def time_distributed(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    inner = options["layer"]
    rows = x.reshape(-1, *x.shape[2:])
    made = LAYERS[inner["kind"]](rows, options=inner["options"], arrays=arrays)
    return made.reshape(*x.shape[:2], *made.shape[1:])


def same(x: np.ndarray, options: Options, arrays: Arrays) -> np.ndarray:
    return x


def of_kind(kind: str) -> Any:
    return lambda x, options, arrays, mask=None: recurrent(kind, x, options, arrays, mask)


LAYERS: dict[str, Any] = {
    **{kind: of_kind(kind) for kind in STEPS},
    **dict.fromkeys(("Dropout", "SpatialDropout1D"), same),
    **dict.fromkeys(("Conv1D", "Conv2D"), convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D"), max_pooling),
    "AveragePooling1D": average_pooling,
    **dict.fromkeys(("Cropping1D", "Cropping2D"), cropping),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), global_average),
    "GlobalMaxPooling1D": global_maximum,
    "Bidirectional": bidirectional,
    "TimeDistributed": time_distributed,
    "BatchNormalization": normalization,
    "Dense": dense,
    "Embedding": lambda x, options, arrays: arrays[0][x],
    "Flatten": lambda x, options, arrays: x.reshape(len(x), -1),
    "Reshape": lambda x, options, arrays: x.reshape(len(x), *options["target_shape"]),
    "Permute": lambda x, options, arrays: x.transpose(0, *options["dims"]),
    "Rescaling": lambda x, options, arrays: x * options["scale"] + options["offset"],
    "Concatenate": lambda x, options, arrays: np.concatenate(x, axis=options["axis"]),
    "Average": lambda x, options, arrays: sum(x) / len(x),
}

OPERATIONS: dict[str, Any] = {
    "OneHot": lambda x, num_classes, axis, dtype: (x[..., None] == np.arange(num_classes)).astype(float),
    "Log1p": np.log1p,
    "NotEqual": np.not_equal,
    "ExpandDims": lambda x, axis: np.expand_dims(x, axis),
    "Where": np.where,
    "Max": lambda x, axis, keepdims, initial: x.max(axis=axis, keepdims=keepdims),
    "Take": lambda x, places, axis: np.take(x, places, axis=axis),
    "Reshape": lambda x, newshape: x.reshape(newshape),
    "GetItem": lambda x, places: x[tuple(places)],
    "Multiply": np.multiply,
    "Add": np.add,
    "Concatenate": lambda x, axis: np.concatenate(x, axis=axis),
    "Einsum": lambda *x, subscripts: np.einsum(subscripts, *x),
    "Cast": lambda x, dtype: x.astype(dtype),
}
