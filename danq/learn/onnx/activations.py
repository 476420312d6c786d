"""Activations as nodes of ONNX, by their names and as layers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        call.expect(inner.kind in RECTIFIERS, inner.kind, f"a layer of {', '.join(RECTIFIERS)}")
        return RECTIFIERS[inner.kind](inner, name)
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


def product(call: Call, name: str, arrays: Sequence[NDArray[Any]]) -> str:
    """Multiply features by a kernel, add a bias if there is one, and apply the layer's activation."""
    kernel, *bias = arrays
    call.expect(len(bias) < 2, len(arrays), "a kernel and a bias")
    name = call.graph.add("MatMul", name, call.graph.constant(kernel))
    if bias:
        name = call.graph.add("Add", name, call.graph.constant(bias[0]))
    return activated(call, name)


def _relu(call: Call, name: str) -> str:
    call.only(threshold=0.0)
    most, slope = call.options["max_value"], call.options["negative_slope"]
    name = call.graph.add("LeakyRelu", name, alpha=slope) if slope else call.graph.add("Relu", name)
    return name if most is None else call.graph.add("Min", name, call.graph.constant(most))


RECTIFIERS: dict[str, Callable[[Call, str], str]] = {
    "ELU": lambda call, name: call.graph.add("Elu", name, alpha=call.options["alpha"]),
    "LeakyReLU": lambda call, name: call.graph.add("LeakyRelu", name, alpha=call.options["negative_slope"]),
    "PReLU": lambda call, name: call.graph.add("PRelu", name, call.graph.constant(call.arrays[0])),
    "ReLU": _relu,
    "Softmax": lambda call, name: call.graph.add("Softmax", name, axis=call.options["axis"]),
}
"""Layers that are activations, which a layer may have for its own, too."""
