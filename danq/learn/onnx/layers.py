"""Layers of a network as nodes of ONNX: one function a kind says what it computes in prediction.

All is computed in float32, also where a layer was trained in mixed precision; dropout is gone. Sources:
Keras 3 for what a layer means, https://onnx.ai/onnx/operators for the operators.
"""

from collections.abc import Callable, Sequence

import numpy as np
import onnx

from danq.errors import DanqError
from danq.learn.onnx.call import Call

_ACTIVATIONS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "elu": "Elu",
    "exponential": "Exp",
    "gelu": "Gelu",
    "softplus": "Softplus",
    "selu": "Selu",
    "softsign": "Softsign",
}


def activated(call: Call, name: str) -> str:
    """Apply the layer's activation to a tensor, along the last axis where it is softmax."""
    activation = call.options.get("activation") or "linear"
    if activation == "linear":
        return name
    if activation in ("silu", "swish"):
        return call.graph.add("Mul", name, call.graph.add("Sigmoid", name))
    if activation == "softmax":
        return call.graph.add("Softmax", name, axis=-1)
    known = isinstance(activation, str) and activation in _ACTIVATIONS
    call.expect(known, activation, f"an activation of {', '.join(_ACTIVATIONS)}, linear, silu and softmax")
    return call.graph.add(_ACTIVATIONS[activation], name)


def _same(call: Call) -> str:
    return call.x.name


def _dense(call: Call) -> str:
    kernel, *bias = call.arrays
    name = call.graph.add("MatMul", call.floats(), call.graph.constant(kernel))
    if bias:
        name = call.graph.add("Add", name, call.graph.constant(bias[0]))
    return activated(call, name)


def _pads(call: Call, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> list[int]:
    """Positions to pad before and after, as TensorFlow does: the odd one behind."""
    before, after = [], []
    padding = call.options.get("padding", "valid")
    for size, width, stride, dilation in zip(call.x.shape[1:-1], kernel, strides, dilations, strict=True):
        reach = dilation * (width - 1)
        if padding == "valid":
            total = first = 0
        elif padding == "causal":
            total = first = reach
        else:
            if size is None:
                raise DanqError(f"expected sizes that are known, received {call.x.shape}")
            total = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0)
            first = total // 2
        before.append(first)
        after.append(total - first)
    return before + after


def _channels_first(call: Call, name: str) -> str:
    rank = len(call.x.shape)
    return call.graph.add("Transpose", name, perm=[0, rank - 1, *range(1, rank - 1)])


def _channels_last(call: Call, name: str) -> str:
    rank = len(call.x.shape)
    return call.graph.add("Transpose", name, perm=[0, *range(2, rank), 1])


def _convolution(call: Call) -> str:
    call.only(data_format="channels_last")
    kernel, *bias = call.arrays
    strides, dilations = call.options["strides"], call.options["dilation_rate"]
    size = list(kernel.shape[:-2])
    # (size, in, out) → (out, in, size)
    weights = [np.moveaxis(kernel, (-1, -2), (0, 1)), *bias]
    name = call.graph.add(
        "Conv",
        _channels_first(call, call.floats()),
        *map(call.graph.constant, weights),
        kernel_shape=size,
        strides=strides,
        dilations=dilations,
        group=call.options.get("groups", 1),
        pads=_pads(call, size, strides, dilations),
    )
    return _channels_last(call, activated(call, name))


def _pooling(call: Call) -> str:
    call.only(data_format="channels_last")
    size, strides = call.options["pool_size"], call.options["strides"]
    # what is padded is no part of a mean, in either
    name = call.graph.add(
        "MaxPool" if call.kind.startswith("Max") else "AveragePool",
        _channels_first(call, call.floats()),
        kernel_shape=size,
        strides=strides,
        pads=_pads(call, size, strides, [1] * len(size)),
    )
    return _channels_last(call, name)


def _global_pooling(call: Call) -> str:
    call.only(data_format="channels_last")
    graph, keep = call.graph, int(call.options["keepdims"])
    axes, name = graph.axes(*range(1, len(call.x.shape) - 1)), call.floats()
    mask = call.named.get("mask")
    if call.kind.startswith("GlobalMax"):
        return graph.add("ReduceMax", name, axes, keepdims=keep)
    if mask is None:
        return graph.add("ReduceMean", name, axes, keepdims=keep)
    weights = graph.add("Unsqueeze", call.floats(mask), graph.axes(2))
    total = graph.add("ReduceSum", graph.add("Mul", name, weights), axes, keepdims=keep)
    return graph.add("Div", total, graph.add("ReduceSum", weights, axes, keepdims=keep))


def _cropping(call: Call) -> str:
    call.only(data_format="channels_last")
    cropping = call.options["cropping"]
    pairs = cropping if isinstance(cropping[0], list) else [cropping]
    first = [before for before, _ in pairs]
    last = [-after if after else np.iinfo(np.int64).max for _, after in pairs]
    ends = [call.graph.axes(*each) for each in (first, last, range(1, len(pairs) + 1))]
    return call.graph.add("Slice", call.x.name, *ends)


def _padding(call: Call) -> str:
    call.only(data_format="channels_last")
    padding = call.options["padding"]
    pairs = padding if isinstance(padding[0], list) else [padding]
    pads = [0, *(before for before, _ in pairs), 0, 0, *(after for _, after in pairs), 0]
    return call.graph.add("Pad", call.floats(), call.graph.axes(*pads))


def _flatten(call: Call) -> str:
    call.only(data_format="channels_last")
    return call.graph.add("Flatten", call.x.name, axis=1)


def _reshape(call: Call) -> str:
    # 0: the rows, as many as there are
    return call.graph.add("Reshape", call.x.name, call.graph.axes(0, *call.options["target_shape"]))


def _permute(call: Call) -> str:
    return call.graph.add("Transpose", call.x.name, perm=[0, *call.options["dims"]])


def _merge(call: Call) -> str:
    operator = {"Add": "Sum", "Average": "Mean", "Maximum": "Max", "Minimum": "Min"}.get(call.kind)
    values = call.expect(isinstance(call.inputs[0], list), call.inputs[0], "several tensors")
    names = [call.floats(value) for value in values]
    if operator is not None:
        return call.graph.add(operator, *names)
    name = names[0]
    for other in names[1:]:
        name = call.graph.add("Mul", name, other)
    return name


def _concatenate(call: Call) -> str:
    values = call.expect(isinstance(call.inputs[0], list), call.inputs[0], "several tensors")
    same = len({value.dtype for value in values}) == 1
    names = [value.name if same else call.floats(value) for value in values]
    return call.graph.add("Concat", *names, axis=call.axis(call.options["axis"], len(values[0].shape)))


def _embedding(call: Call) -> str:
    call.only(mask_zero=False)
    numbers = call.graph.add("Cast", call.x.name, to=onnx.TensorProto.INT32)
    return call.graph.add("Gather", call.graph.constant(call.arrays[0]), numbers, axis=0)


def _rescaling(call: Call) -> str:
    scaled = call.graph.add("Mul", call.floats(), call.graph.constant(call.options["scale"]))
    return call.graph.add("Add", scaled, call.graph.constant(call.options["offset"]))


def _batch_normalization(call: Call) -> str:
    axis = call.axis(call.options["axis"])
    call.expect(axis == len(call.x.shape) - 1, call.options["axis"], "normalization along the last axis")
    *affine, mean, variance = (array.astype(np.float64) for array in call.arrays)
    scale = 1 / np.sqrt(variance + call.options["epsilon"])
    scale = scale * affine.pop(0) if call.options["scale"] else scale
    offset = (affine.pop(0) if call.options["center"] else 0) - mean * scale
    scaled = call.graph.add("Mul", call.floats(), call.graph.constant(scale))
    return call.graph.add("Add", scaled, call.graph.constant(offset))


def _layer_normalization(call: Call) -> str:
    axes = call.options["axis"]
    axis = call.axis(axes[0] if isinstance(axes, list) and len(axes) == 1 else axes)
    call.expect(axis == len(call.x.shape) - 1, axes, "normalization along the last axis")
    call.only(scale=True, center=True)
    arrays = map(call.graph.constant, call.arrays)
    return call.graph.add(
        "LayerNormalization", call.floats(), *arrays, axis=-1, epsilon=call.options["epsilon"]
    )


def _relu(call: Call) -> str:
    call.only(max_value=None, negative_slope=0.0, threshold=0.0)
    return call.graph.add("Relu", call.floats())


LAYERS: dict[str, Callable[[Call], str | list[str]]] = {
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout"), _same),
    **dict.fromkeys(("GaussianNoise", "AlphaDropout", "Identity"), _same),
    **dict.fromkeys(("Conv1D", "Conv2D"), _convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), _global_pooling),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), _global_pooling),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _cropping),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _padding),
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply"), _merge),
    "Activation": lambda call: activated(call, call.floats()),
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "LayerNormalization": _layer_normalization,
    "Permute": _permute,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
}
"""Kind of a layer → what writes its nodes and gives the names of its outputs."""
