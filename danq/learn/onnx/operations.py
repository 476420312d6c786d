"""Operations of ``keras.ops`` as nodes of ONNX, those that models use between their layers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx

from danq.learn.onnx.activations import activated
from danq.learn.onnx.call import Call
from danq.learn.onnx.layers import concatenated

_ONE = {"Absolute": "Abs", "Negative": "Neg", "Erf": "Erf", "Relu": "Relu", "Sigmoid": "Sigmoid"}
_ONE |= {name: name for name in ("Exp", "Log", "Sqrt", "Tanh", "Sign", "Floor", "Ceil")}
_TWO = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div"}
_TWO |= {"Maximum": "Max", "Minimum": "Min", "Power": "Pow", "Matmul": "MatMul"}
_COMPARED = {"Equal": "Equal", "NotEqual": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual"}
_COMPARED |= {"Less": "Less", "LessEqual": "LessOrEqual"}
_ACTIVATED = {"Elu": "elu", "Gelu": "gelu", "HardSigmoid": "hard_sigmoid", "LeakyRelu": "leaky_relu"}
_ACTIVATED |= {"Mish": "mish", "Relu6": "relu6", "Selu": "selu", "Silu": "silu", "Softplus": "softplus"}
_REDUCE = {"Max": "ReduceMax", "Mean": "ReduceMean", "Sum": "ReduceSum", "Min": "ReduceMin"}
_REDUCE |= {"Logsumexp": "ReduceLogSumExp"}
_WHOLE = {"int32": onnx.TensorProto.INT32, "int64": onnx.TensorProto.INT64, "bool": onnx.TensorProto.BOOL}


def _operation(call: Call) -> str:
    return call.kind.removeprefix("ops.")


def _one_hot(call: Call) -> str:
    graph, axis = call.graph, call.options["axis"]
    call.expect(axis in (-1, len(call.x.shape)), axis, "classes along the last axis")
    # a number that is no class is zeros, as in Keras
    numbers = graph.add("Cast", call.x.name, to=onnx.TensorProto.INT32)
    numbers = graph.add("Unsqueeze", numbers, graph.axes(-1))
    classes = graph.constant(np.arange(call.options["num_classes"]), np.int32)
    return graph.add("Cast", graph.add("Equal", numbers, classes), to=onnx.TensorProto.FLOAT)


def _declared(call: Call, name: str) -> str:
    """Turn what was computed in float32 into whole numbers where Keras computes in them."""
    if "float" in call.dtype:
        return name
    call.expect(call.dtype in _WHOLE, call.dtype, f"numbers of {', '.join(_WHOLE)}, or floating-point ones")
    return call.graph.add("Cast", name, to=_WHOLE[call.dtype])


def _one(call: Call) -> str:
    return _declared(call, call.graph.add(_ONE[_operation(call)], call.floats()))


def _square(call: Call) -> str:
    return _declared(call, call.graph.add("Mul", call.floats(), call.floats()))


def _activated(call: Call) -> str:
    activation = _ACTIVATED[_operation(call)]
    call.only(approximate=False, alpha=1.0, negative_slope=0.2)
    return activated(call, call.floats(), activation)


def _log1p(call: Call) -> str:
    return call.graph.add("Log", call.graph.add("Add", call.floats(), call.graph.constant(1)))


def _two(call: Call) -> str:
    names = [call.operand(place, "float32") for place in range(2)]
    return _declared(call, call.graph.add(_TWO[_operation(call)], *names))


def _compared(call: Call) -> str:
    operator = _COMPARED[_operation(call)]
    name = call.graph.add(operator, call.operand(0, "float32"), call.operand(1, "float32"))
    return call.graph.add("Not", name) if _operation(call) == "NotEqual" else name


def _where(call: Call) -> str:
    condition = call.graph.add("Cast", call.x.name, to=onnx.TensorProto.BOOL)
    names = [call.operand(place, "float32") for place in (1, 2)]
    return _declared(call, call.graph.add("Where", condition, *names))


def _expand(call: Call) -> str:
    operator = {"ExpandDims": "Unsqueeze", "Squeeze": "Squeeze"}[_operation(call)]
    return call.graph.add(operator, call.x.name, call.graph.axes(*_axes(call)))


def _axes(call: Call) -> list[int]:
    axes = call.options["axis"]
    call.expect(axes is not None, axes, "an axis")
    return axes if isinstance(axes, list) else [axes]


def _transpose(call: Call) -> str:
    axes = call.options["axes"] or range(len(call.x.shape))[::-1]
    return call.graph.add("Transpose", call.x.name, perm=list(map(call.axis, axes)))


def _flip(call: Call) -> str:
    return _sliced(call, call.x.name, {call.axis(axis): (None, None, -1) for axis in _axes(call)})


def _sliced(call: Call, name: str, ranges: dict[int, Any]) -> str:
    """Slice axes from, to and by what Python says."""
    starts, ends, axes, steps = [], [], [], []
    for axis, (start, stop, step) in ranges.items():
        most = np.iinfo(np.int64).max if (step or 1) > 0 else -np.iinfo(np.int64).max
        starts.append((0 if most > 0 else -1) if start is None else start)
        ends.append(most if stop is None else stop)
        axes.append(axis)
        steps.append(step or 1)
    call.expect(0 not in axes, 0, "no axis of rows")
    return call.graph.add("Slice", name, *(call.graph.axes(*each) for each in (starts, ends, axes, steps)))


def _item(call: Call) -> str:
    key = call.inputs[1]
    key = list(key) if isinstance(key, list) else [key]
    if (rest := {"slice": "..."}) in key:
        place = key.index(rest)
        whole = [{"slice": [None, None, None]}] * (len(call.x.shape) - len(key) + 1)
        key[place : place + 1] = whole
    ranges, single = dict[int, Any](), list[int]()
    for axis, part in enumerate(key):
        if isinstance(part, int):
            single.append(axis)
            ranges[axis] = (part, None if part == -1 else part + 1, 1)
            continue
        call.expect(isinstance(part, dict) and "slice" in part, part, "slices and numbers")
        if part["slice"] != [None, None, None]:
            ranges[axis] = part["slice"]
    name = _sliced(call, call.x.name, ranges) if ranges else call.x.name
    return call.graph.add("Squeeze", name, call.graph.axes(*single)) if single else name


def _clip(call: Call) -> str:
    ends = (call.graph.constant(call.options[name]) for name in ("x_min", "x_max"))
    return _declared(call, call.graph.add("Clip", call.floats(), *ends))


def _stack(call: Call) -> str:
    axis = call.axis(call.options["axis"], len(call.inputs[0][0].shape) + 1)
    names = [
        call.graph.add("Unsqueeze", call.floats(value), call.graph.axes(axis)) for value in call.inputs[0]
    ]
    return _declared(call, call.graph.add("Concat", *names, axis=axis))


def _softmax(call: Call) -> str:
    return call.graph.add("Softmax", call.floats(), axis=call.options["axis"])


def _take(call: Call) -> str:
    axis = call.options["axis"]
    call.expect(isinstance(axis, int), axis, "an axis")
    return call.graph.add("Gather", call.x.name, call.operand(1, "int64"), axis=call.axis(axis))


def _reshape(call: Call) -> str:
    return call.graph.add("Reshape", call.x.name, call.graph.axes(*call.options["newshape"]))


def _reduce(call: Call) -> str:
    call.only(initial=None)
    axes = call.graph.axes(*map(call.axis, _axes(call)))
    keep = int(call.options["keepdims"])
    name = call.graph.add(_REDUCE[_operation(call)], call.floats(), axes, keepdims=keep)
    return _declared(call, name)


def _cast(call: Call) -> str:
    dtype = str(call.options["dtype"])
    if dtype.startswith(("float", "bfloat")):
        return call.floats()
    call.expect(dtype in _WHOLE, dtype, f"a type of {', '.join(_WHOLE)} or floating-point numbers")
    return call.graph.add("Cast", call.x.name, to=_WHOLE[dtype])


OPERATIONS: dict[str, Callable[[Call], str | list[str]]] = {
    **dict.fromkeys((f"ops.{name}" for name in _ONE), _one),
    **dict.fromkeys((f"ops.{name}" for name in _TWO), _two),
    **dict.fromkeys((f"ops.{name}" for name in _REDUCE), _reduce),
    **dict.fromkeys((f"ops.{name}" for name in _ACTIVATED), _activated),
    **dict.fromkeys((f"ops.{name}" for name in _COMPARED), _compared),
    **dict.fromkeys(("ops.ExpandDims", "ops.Squeeze"), _expand),
    "ops.Cast": _cast,
    "ops.Clip": _clip,
    "ops.Concatenate": concatenated,
    "ops.Flip": _flip,
    "ops.GetItem": _item,
    "ops.Log1p": _log1p,
    "ops.OneHot": _one_hot,
    "ops.Reshape": _reshape,
    "ops.Softmax": _softmax,
    "ops.Square": _square,
    "ops.Stack": _stack,
    "ops.Transpose": _transpose,
    "ops.Take": _take,
    "ops.Where": _where,
}
"""As `danq.learn.onnx.layers.LAYERS`."""
