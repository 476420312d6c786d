"""Layers of a network as nodes of ONNX: one function a kind says what it computes in prediction.

All is computed in float32, also where a layer was trained in mixed precision; dropout is gone. Sources:
Keras 3 for what a layer means, https://onnx.ai/onnx/operators for the operators.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.learn.onnx.call import Call

_ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "elu": ("Elu", {}),
    "exponential": ("Exp", {}),
    "softplus": ("Softplus", {}),
    "selu": ("Selu", {}),
    "softsign": ("Softsign", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.2}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "mish": ("Mish", {}),
    "softmax": ("Softmax", {"axis": -1}),
    "log_softmax": ("LogSoftmax", {"axis": -1}),
}


def activated(call: Call, name: str, activation: Any = None) -> str:
    """Apply an activation, that of the layer where left out, to a tensor; softmax along the last axis."""
    activation, graph = activation or call.options.get("activation") or "linear", call.graph
    if isinstance(activation, dict):  # a layer
        inner = replace(call, kind=activation["kind"], options=activation["options"], arrays=())
        call.expect(inner.kind in _RECTIFIERS, inner.kind, f"a layer of {', '.join(_RECTIFIERS)}")
        return _RECTIFIERS[inner.kind](inner, name)
    if activation == "linear":
        return name
    if activation in ("silu", "swish"):
        return graph.add("Mul", name, graph.add("Sigmoid", name))
    if activation == "gelu":  # an operator of its own from opset 20 on only
        part = graph.add("Erf", graph.add("Mul", name, graph.constant(np.sqrt(0.5))))
        half = graph.add("Mul", name, graph.constant(0.5))
        return graph.add("Mul", half, graph.add("Add", part, graph.constant(1)))
    if activation == "relu6":
        return graph.add("Min", graph.add("Relu", name), graph.constant(6))
    known = ", ".join((*_ACTIVATIONS, "gelu", "linear", "relu6", "silu"))
    call.expect(activation in _ACTIVATIONS, activation, f"an activation of {known}")
    operator, attributes = _ACTIVATIONS[activation]
    return graph.add(operator, name, **attributes)


def _same(call: Call) -> str:
    return call.x.name


def _dense(call: Call) -> str:
    return _product(call, call.floats(), call.arrays)


def _product(call: Call, name: str, arrays: Sequence[NDArray[Any]]) -> str:
    kernel, *bias = arrays
    call.expect(len(bias) < 2, len(arrays), "a kernel and a bias")
    name = call.graph.add("MatMul", name, call.graph.constant(kernel))
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
    kernel, *more = call.arrays
    strides, dilations = call.options["strides"], call.options["dilation_rate"]
    size, groups = list(kernel.shape[:-2]), call.options.get("groups", 1)
    # (size, in, out) → (out, in, size)
    weights = [np.moveaxis(kernel, (-1, -2), (0, 1))]
    separable = call.kind.startswith("Separable")
    if separable or call.kind.startswith("Depthwise"):
        groups = kernel.shape[-2]
        weights = [np.moveaxis(kernel.reshape(*size, 1, -1), (-1, -2), (0, 1))]
    name = call.graph.add(
        "Conv",
        _channels_first(call, call.floats()),
        *map(call.graph.constant, weights if separable else [*weights, *more]),
        kernel_shape=size,
        strides=strides,
        dilations=dilations,
        group=groups,
        pads=_pads(call, size, strides, dilations),
    )
    if separable:  # by a dense layer at each position, to which bias and activation belong
        kernel, *bias = more
        return _product(call, _channels_last(call, name), [kernel.reshape(kernel.shape[-2:]), *bias])
    if "softmax" in str(call.options["activation"]):
        return activated(call, _channels_last(call, name))
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
    pairwise = {"Multiply": "Mul", "Subtract": "Sub"}
    values = call.expect(isinstance(call.inputs[0], list), call.inputs[0], "several tensors")
    names = [call.floats(value) for value in values]
    if operator is not None:
        return call.graph.add(operator, *names)
    name = names[0]
    for other in names[1:]:
        name = call.graph.add(pairwise[call.kind], name, other)
    return name


def concatenated(call: Call) -> str:
    """Put tensors one behind the other along an axis."""
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
    axes = axes if isinstance(axes, list) else [axes]
    call.expect(
        list(map(call.axis, axes)) == [len(call.x.shape) - 1], axes, "normalization along the last axis"
    )
    given = list(call.arrays)
    scale = given.pop(0) if call.options["scale"] else np.ones(call.x.shape[-1] or 0)
    arrays = map(call.graph.constant, [scale, *given])
    return call.graph.add(
        "LayerNormalization", call.floats(), *arrays, axis=-1, epsilon=call.options["epsilon"]
    )


def _einsum_dense(call: Call) -> str:
    kernel, *bias = map(call.graph.constant, call.arrays)
    name = call.graph.add("Einsum", call.floats(), kernel, equation=call.options["equation"])
    return activated(call, call.graph.add("Add", name, *bias) if bias else name)


def _attention(call: Call) -> str:
    """Attention of several heads over the positions of (rows, positions, features)."""
    graph, add = call.graph, call.graph.add
    call.only(use_gate=False, sliding_window=None, attention_axes=[1])
    call.expect(len(call.inputs[0].shape) == 3, call.inputs[0].shape, "one axis of positions")
    query, value = call.inputs[:2]
    key = call.inputs[2] if len(call.inputs) > 2 else value
    arrays, bias = list(map(graph.constant, call.arrays)), call.options["use_bias"]

    def projected(name: str, equation: str) -> str:
        name = add("Einsum", name, arrays.pop(0), equation=equation)
        return add("Add", name, arrays.pop(0)) if bias else name

    heads = [projected(call.floats(each), "rpf,fhd->rphd") for each in (query, key, value)]
    scale = graph.constant(call.options["key_dim"] ** -0.5)
    scores = add("Einsum", add("Mul", heads[0], scale), heads[1], equation="rqhd,rphd->rhqp")
    read = add("Einsum", add("Softmax", scores, axis=-1), heads[2], equation="rhqp,rphd->rqhd")
    return projected(read, "rqhd,hdf->rqf")


def _rms_normalization(call: Call) -> str:
    call.expect(call.options["axis"] in (-1, [-1]), call.options["axis"], "normalization along the last axis")
    graph, name = call.graph, call.floats()
    square = graph.add("ReduceMean", graph.add("Mul", name, name), graph.axes(-1), keepdims=1)
    root = graph.add("Sqrt", graph.add("Add", square, graph.constant(call.options["epsilon"])))
    return graph.add("Mul", graph.add("Div", name, root), graph.constant(call.arrays[0]))


def _relu(call: Call, name: str) -> str:
    call.only(threshold=0.0)
    most, slope = call.options["max_value"], call.options["negative_slope"]
    name = call.graph.add("LeakyRelu", name, alpha=slope) if slope else call.graph.add("Relu", name)
    return name if most is None else call.graph.add("Min", name, call.graph.constant(most))


_RECTIFIERS: dict[str, Callable[[Call, str], str]] = {
    "ELU": lambda call, name: call.graph.add("Elu", name, alpha=call.options["alpha"]),
    "LeakyReLU": lambda call, name: call.graph.add("LeakyRelu", name, alpha=call.options["negative_slope"]),
    "PReLU": lambda call, name: call.graph.add("PRelu", name, call.graph.constant(call.arrays[0])),
    "ReLU": _relu,
    "Softmax": lambda call, name: call.graph.add("Softmax", name, axis=call.options["axis"]),
}
"""Layers that are activations, which a layer may have for its own, too."""


def _rectified(call: Call) -> str:
    return _RECTIFIERS[call.kind](call, call.floats())


def _for_each_position(call: Call) -> str:
    layer = call.options["layer"]
    call.expect(layer["kind"] == "Dense", layer["kind"], "a layer Dense")
    return _dense(replace(call, options=layer["options"]))


LAYERS: dict[str, Callable[[Call], str | list[str]]] = {
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout"), _same),
    **dict.fromkeys(("GaussianNoise", "AlphaDropout", "Identity"), _same),
    **dict.fromkeys(("Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D"), _convolution),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), _global_pooling),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), _global_pooling),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _cropping),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _padding),
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), _merge),
    "Activation": lambda call: activated(call, call.floats()),
    "BatchNormalization": _batch_normalization,
    "Concatenate": concatenated,
    "Dense": _dense,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "LayerNormalization": _layer_normalization,
    "MultiHeadAttention": _attention,
    "Permute": _permute,
    "RMSNormalization": _rms_normalization,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "TimeDistributed": _for_each_position,
    **dict.fromkeys(_RECTIFIERS, _rectified),
}
"""Kind of a layer → what writes its nodes and gives the names of its outputs."""
