"""A graph of ONNX as it is built, and one use of a layer as what writes its nodes sees it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from danq.errors import DanqError

Shape = tuple[int | None, ...]


class Value(NamedTuple):
    """A tensor of the graph: its name, its shape with None for the rows, and its dtype."""

    name: str
    shape: Shape
    dtype: str


@dataclass
class Graph:
    """Nodes and constants as they are added; every name begins with `prefix`."""

    prefix: str = ""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Add a node; give the name of its first output, the others of which end in ``:1`` and so on."""
        name = f"{self.prefix}{operator}_{len(self.nodes)}"
        made = [name, *(f"{name}:{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(operator, inputs, made, name=name, **attributes))
        return name

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """Add an array that does not change."""
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, dtype, order="C"), name))
        return name

    def axes(self, *axes: int) -> str:
        """Add axes or sizes, as operators read them."""
        return self.constant(axes, np.int64)


@dataclass(frozen=True)
class Call:
    """One use of a layer.

    Attributes
    ----------
    options : mapping
        Those of the layer, as `danq.learn.network.Layer` has them.
    inputs : sequence
        A `Value`, a list of them, or a constant as in JSON.
    named : mapping
        The same by keyword.
    arrays : sequence of arrays
        Weights, float32, in the order of Keras.
    dtype : str
        Of what it gives.
    """

    graph: Graph
    kind: str
    options: Mapping[str, Any]
    inputs: Sequence[Any]
    named: Mapping[str, Any]
    arrays: Sequence[NDArray[Any]]
    dtype: str

    @property
    def x(self) -> Value:
        """Its first input."""
        value = self.inputs[0]
        return self.expect(isinstance(value, Value), value, "one tensor as input")

    def floats(self, value: Value | None = None) -> str:
        """Name of an input as float32."""
        value = self.x if value is None else value
        if value.dtype == "float32":
            return value.name
        return self.graph.add("Cast", value.name, to=onnx.TensorProto.FLOAT)

    def operand(self, place: int, dtype: str) -> str:
        """Name of an input of that dtype, which may be a constant."""
        value = self.inputs[place]
        if isinstance(value, Value):
            return self.floats(value) if dtype == "float32" else value.name
        value = value["array"] if isinstance(value, dict) else value
        return self.graph.constant(value, dtype)

    def expect(self, holds: bool, value: Any, what: str) -> Any:
        """Give the value back where it is as expected.

        Raises
        ------
        DanqError
            If it is not.
        """
        if not holds:
            raise DanqError(f"expected {what}, received {str(value)[:60]}")
        return value

    def only(self, **options: Any) -> None:
        """Refuse options with another value than the one that is written here."""
        for name, value in options.items():
            received = self.options.get(name, value)
            self.expect(received == value, received, f"{name} {value}")

    def axis(self, value: int, rank: int | None = None) -> int:
        """Count an axis from the front."""
        rank = len(self.x.shape) if rank is None else rank
        return value + rank if value < 0 else value
