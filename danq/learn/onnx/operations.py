"""Operations of ``keras.ops`` as nodes of ONNX, those that models use between their layers."""

from collections.abc import Callable

import numpy as np
import onnx

from danq.learn.onnx.call import Call, Value

_ONE = {"Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh"}
_TWO = {"Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div"}
_REDUCE = {"Max": "ReduceMax", "Mean": "ReduceMean", "Sum": "ReduceSum", "Min": "ReduceMin"}
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


def _one(call: Call) -> str:
    return call.graph.add(_ONE[_operation(call)], call.floats())


def _log1p(call: Call) -> str:
    return call.graph.add("Log", call.graph.add("Add", call.floats(), call.graph.constant(1)))


def _two(call: Call) -> str:
    return call.graph.add(_TWO[_operation(call)], call.operand(0, "float32"), call.operand(1, "float32"))


def _equal(call: Call) -> str:
    dtype = next(value.dtype for value in call.inputs if isinstance(value, Value))
    name = call.graph.add("Equal", call.operand(0, dtype), call.operand(1, dtype))
    return call.graph.add("Not", name) if _operation(call) == "NotEqual" else name


def _where(call: Call) -> str:
    return call.graph.add("Where", call.x.name, call.operand(1, "float32"), call.operand(2, "float32"))


def _expand(call: Call) -> str:
    axes = call.options["axis"]
    return call.graph.add(
        "Unsqueeze", call.x.name, call.graph.axes(*(axes if isinstance(axes, list) else [axes]))
    )


def _take(call: Call) -> str:
    axis = call.options["axis"]
    call.expect(isinstance(axis, int), axis, "an axis")
    return call.graph.add("Gather", call.x.name, call.operand(1, "int64"), axis=call.axis(axis))


def _reshape(call: Call) -> str:
    return call.graph.add("Reshape", call.x.name, call.graph.axes(*call.options["newshape"]))


def _reduce(call: Call) -> str:
    axis = call.options["axis"]
    axes = range(len(call.x.shape)) if axis is None else axis if isinstance(axis, list) else [axis]
    call.only(initial=None)
    keep = int(call.options["keepdims"])
    return call.graph.add(
        _REDUCE[_operation(call)], call.floats(), call.graph.axes(*map(call.axis, axes)), keepdims=keep
    )


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
    **dict.fromkeys(("ops.Equal", "ops.NotEqual"), _equal),
    "ops.Cast": _cast,
    "ops.ExpandDims": _expand,
    "ops.Log1p": _log1p,
    "ops.OneHot": _one_hot,
    "ops.Reshape": _reshape,
    "ops.Take": _take,
    "ops.Where": _where,
}
"""As `danq.learn.onnx.layers.LAYERS`."""
