"""What ``network.json`` says: a network layer by layer, of which nothing else is needed to compute it."""

import math
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from danq.learn.keras_layers import references
from danq.learn.manifest import NETWORK_FILE
from danq.storage import Entry, Manifest

_MOST_AXES, _MOST_LAYERS = 16, 10_000
Axes = Annotated[tuple[Annotated[int, Field(ge=0)] | None, ...], Field(max_length=_MOST_AXES)]
"""A shape; None is the axis of rows."""


class Tensor(Entry):
    """Shape, with None for the rows, and dtype of what a layer gives."""

    shape: Axes
    dtype: str


class Input(Tensor):
    """An array that the network takes in."""

    name: str


class Reference(Entry):
    """Output `output` of the layer `layer`, or the input of that name."""

    layer: str
    output: Annotated[int, Field(ge=0)] = 0


DTYPES = {
    "float64": ("F64", 8),
    "float32": ("F32", 4),
    "float16": ("F16", 2),
    "bfloat16": ("BF16", 2),
    "int64": ("I64", 8),
    "int32": ("I32", 4),
    "int16": ("I16", 2),
    "int8": ("I8", 1),
    "uint64": ("U64", 8),
    "uint32": ("U32", 4),
    "uint16": ("U16", 2),
    "uint8": ("U8", 1),
    "bool": ("BOOL", 1),
}
"""Types of arrays → their names in ``weights.safetensors``, and bytes of a number."""


def _known(dtype: str) -> str:
    if dtype not in DTYPES:
        raise ValueError(f"expected one of {', '.join(DTYPES)}")
    return dtype


DType = Annotated[str, AfterValidator(_known)]


class Array(Entry):
    """An array of ``weights.safetensors``."""

    name: str
    shape: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(max_length=_MOST_AXES)]
    dtype: DType

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return math.prod(self.shape) * DTYPES[self.dtype][1]


class Layer(Entry):
    """One use of one layer.

    Attributes
    ----------
    name : str
        Further uses of the same layer are ``name@2`` and so on, with the same weights.
    kind : str
        Class of Keras 3, ``ops.`` before that of an operation of ``keras.ops``; ``unknown layer …`` where the
        description makes no claim.
    options : dict
        Arguments of the class that its arithmetic depends on, all of them, layers inside it as ``kind`` and
        ``options``. `dtype` is a policy of Keras: ``mixed_bfloat16`` computes in bfloat16.
    inputs : tuple
        What it is called with: a reference (``layer``, ``output``), a constant, a list of them, ``slice`` as
        start, stop and step or ``...``, or ``array`` with its ``dtype``.
    named_inputs : dict
        As `inputs`, by keyword, such as ``mask``.
    weights : tuple of str
        Names of its arrays in the order of Keras.
    outputs : tuple of Tensor or None
        What it gives; two where a Bidirectional has no merge. None where nobody reads it and it is not known.
    """

    name: str
    kind: str
    options: dict[str, Any]
    inputs: tuple[Any, ...]
    named_inputs: dict[str, Any]
    weights: tuple[str, ...]
    outputs: Annotated[tuple[Tensor | None, ...], Field(min_length=1)]

    @property
    def references(self) -> list[Reference]:
        """All that it reads, in order."""
        values = references([list(self.inputs), dict(self.named_inputs)])
        return [Reference.model_validate(value, strict=True) for value in values]


class Network(Manifest):
    """``network.json``: what a model computes, layer by layer, without the names of any framework's files.

    Attributes
    ----------
    inputs : tuple of Input
        Arrays that the encoder makes; none where the network is one unknown layer.
    layers : tuple of Layer
        In topological order.
    output : Reference
        Logits.
    weights : tuple of Array
        In the order of the bundle's digest.
    """

    KIND, FILE = "network", NETWORK_FILE

    inputs: tuple[Input, ...]
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=_MOST_LAYERS)]
    output: Reference
    weights: tuple[Array, ...]

    @model_validator(mode="after")
    def _connected(self) -> Self:
        arrays = [array.name for array in self.weights]
        made = {input_.name: 1 for input_ in self.inputs}
        for layer in self.layers:
            for read in layer.references:
                _refuse(read.output >= made.get(read.layer, 0), "an earlier layer", read.layer)
            _refuse(layer.name in made, "layers with names of their own", layer.name)
            made[layer.name] = len(layer.outputs)
            for name in layer.weights:
                _refuse(name not in arrays, "one of the weights", name)
        _refuse(self.output.output >= made.get(self.output.layer, 0), "a layer as output", self.output.layer)
        _refuse(len(set(arrays)) < len(arrays), "each array once", "one twice")
        return self

    @property
    def unknown(self) -> list[str]:
        """Kinds that nothing is claimed of; where there are any, the network cannot be computed from here."""
        return [layer.kind for layer in self.layers if layer.kind.startswith("unknown")]


def _refuse(wrong: bool, expected: str, received: str) -> None:
    if wrong:
        raise ValueError(f"expected {expected}, received {received[:60]!r}")
