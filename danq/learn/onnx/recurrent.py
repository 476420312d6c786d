"""Recurrent layers as nodes of ONNX, one direction or both.

In ONNX positions come first, the rows second; directions are an axis of their own; a mask is how many
positions of a row are read. What lies behind those is 0, where Keras repeats the last state.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from danq.learn.onnx.call import Call, Value

_CELLS = {"LSTM": ("LSTM", (0, 3, 1, 2)), "GRU": ("GRU", (0, 1, 2)), "SimpleRNN": ("RNN", (0,))}
"""Kind of a layer → operator, and its gates by their places in Keras's order."""


def _recurrent(call: Call) -> str:
    direction = "reverse" if call.options["go_backwards"] else "forward"
    call.expect(
        direction == "forward" or not call.options["return_sequences"],
        "positions from the last one on",
        "a reversed layer inside Bidirectional",
    )
    return _directions(call, call.kind, [call.options], direction)[0]


def _bidirectional(call: Call) -> str | list[str]:
    forward, backward = (call.options[name] for name in ("forward", "backward"))
    options = [forward["options"], backward["options"]]
    call.expect(forward["kind"] == backward["kind"], backward["kind"], "directions of one kind")
    call.expect(not options[0]["go_backwards"] and options[1]["go_backwards"], options, "two directions")
    ends = _directions(call, forward["kind"], options, "bidirectional")
    merge = call.options["merge_mode"]
    if merge is None:
        return ends
    if merge == "concat":
        return call.graph.add("Concat", *ends, axis=-1)
    operator = {"sum": "Sum", "ave": "Mean", "mul": "Mul"}
    call.expect(merge in operator, merge, f"merge_mode concat or {', '.join(operator)}")
    return call.graph.add(operator[merge], *ends)


def _directions(call: Call, kind: str, options: Sequence[Mapping[str, Any]], direction: str) -> list[str]:
    """States of each direction: (rows, positions, units), or the last ones, (rows, units)."""
    graph, first = call.graph, options[0]
    call.expect(kind in _CELLS, kind, f"a layer of {', '.join(_CELLS)}")
    call.expect(not first.get("stateful"), "one that is stateful", "a layer that begins anew")
    operator, _ = _CELLS[kind]
    each = len(call.arrays) // len(options)
    parts = [_arrays(call, kind, option, call.arrays[each * n :][:each]) for n, option in enumerate(options)]
    weights = [graph.constant(np.stack(arrays)) for arrays in zip(*parts, strict=True)]
    mask = call.named.get("mask")
    inputs = [graph.add("Transpose", call.floats(), perm=[1, 0, 2]), *weights]
    if mask is not None:
        lengths = graph.add("Cast", mask.name, to=onnx.TensorProto.INT32)
        inputs.append(graph.add("ReduceSum", lengths, graph.axes(1), keepdims=0))
    attributes = {"linear_before_reset": int(first["reset_after"])} if kind == "GRU" else {}
    states = graph.add(
        operator, *inputs, outputs=2, hidden_size=first["units"], direction=direction, **attributes
    )
    names = []
    for number in range(len(options)):
        place = graph.constant(number, np.int64)
        last = graph.add("Gather", f"{states}:1", place, axis=0)
        if first["return_sequences"]:
            along = graph.add("Gather", states, place, axis=1)
            along = graph.add("Transpose", along, perm=[1, 0, 2])
            names.append(_repeated(call, mask, along, last, backward=number == 1, option=first))
        else:
            names.append(last)
    return names


def _repeated(
    call: Call, mask: Value | None, along: str, last: str, backward: bool, option: Mapping[str, Any]
) -> str:
    """Repeat the last state past a row's end, as Keras does where it goes forward."""
    if mask is None or backward or option.get("zero_output_for_mask"):
        return along
    axes = call.graph.axes
    read = call.graph.add("Unsqueeze", mask.name, axes(2))
    return call.graph.add("Where", read, along, call.graph.add("Unsqueeze", last, axes(1)))


def _arrays(
    call: Call, kind: str, options: Mapping[str, Any], arrays: Sequence[NDArray[Any]]
) -> list[NDArray[np.float32]]:
    """Kernel, recurrent kernel and bias of one direction, gates along the first axis in ONNX's order."""
    expected = {"activation": "tanh", "recurrent_activation": "sigmoid"}
    for name, value in expected.items():
        received = options.get(name, value)
        call.expect(received == value, received, f"{name} {value} in a recurrent layer")
    kernel, recurrent, *bias = arrays
    _, order = _CELLS[kind]

    def gates(array: NDArray[Any]) -> NDArray[np.float32]:
        parts = np.split(array, len(order), axis=-1)
        return np.concatenate([parts[gate].T for gate in order]).astype(np.float32)

    zeros = np.zeros(kernel.shape[1], np.float32)
    of_input, of_state = zeros, zeros
    if bias:
        # GRU with reset_after has two
        of_input, of_state = bias[0] if bias[0].ndim == 2 else (bias[0], zeros)
    return [gates(kernel), gates(recurrent), np.concatenate([gates(of_input), gates(of_state)])]


RECURRENT: dict[str, Callable[[Call], str | list[str]]] = {
    "Bidirectional": _bidirectional,
    **dict.fromkeys(_CELLS, _recurrent),
}
"""As `danq.learn.onnx.layers.LAYERS`."""
