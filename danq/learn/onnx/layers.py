"""Layers of a network as nodes of ONNX: one function a kind says what it computes in prediction.

All is computed in float32, also where a layer was trained in mixed precision; dropout is gone. Sources:
Keras 3 for what a layer means, https://onnx.ai/onnx/operators for the operators.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx

from danq.learn.onnx.activations import RECTIFIERS, activated, product
from danq.learn.onnx.call import Call


def _same(call: Call) -> str:
    return call.x.name


def _dense(call: Call) -> str:
    return product(call, call.floats(), call.arrays)


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
    weights = list(call.arrays)
    scale = weights.pop(0) if call.options["scale"] else np.ones(call.x.shape[-1] or 0)
    arrays = map(call.graph.constant, [scale, *weights])
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


def _rectified(call: Call) -> str:
    return RECTIFIERS[call.kind](call, call.floats())


def _for_each_position(call: Call) -> str:
    layer = call.options["layer"]
    call.expect(layer["kind"] == "Dense", layer["kind"], "a layer Dense")
    return _dense(replace(call, options=layer["options"]))


LAYERS: dict[str, Callable[[Call], str | list[str]]] = {
    **dict.fromkeys(("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout"), _same),
    **dict.fromkeys(("GaussianNoise", "AlphaDropout", "Identity"), _same),
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
    **dict.fromkeys(RECTIFIERS, _rectified),
}
"""Kind of a layer → what writes its nodes and gives the names of its outputs."""
