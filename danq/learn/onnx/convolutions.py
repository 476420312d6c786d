"""Convolutions, pools, and what crops or pads, as nodes of ONNX, where channels come first."""

from collections.abc import Callable, Sequence

import numpy as np

from danq.errors import DanqError
from danq.learn.onnx.activations import activated, product
from danq.learn.onnx.call import Call


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
        return product(call, _channels_last(call, name), [kernel.reshape(kernel.shape[-2:]), *bias])
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


CONVOLUTIONS: dict[str, Callable[[Call], str | list[str]]] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "DepthwiseConv1D", "DepthwiseConv2D"), _convolution),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    **dict.fromkeys(("GlobalMaxPooling1D", "GlobalMaxPooling2D"), _global_pooling),
    **dict.fromkeys(("GlobalAveragePooling1D", "GlobalAveragePooling2D"), _global_pooling),
    **dict.fromkeys(("Cropping1D", "Cropping2D"), _cropping),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D"), _padding),
}
"""As `danq.learn.onnx.layers.LAYERS`."""
