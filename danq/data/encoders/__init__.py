"""From raw rows to the arrays a model takes in: pure NumPy, fitted on training rows only."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from importlib import import_module
from typing import Any, ClassVar, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from danq.errors import DanqError
from danq.limits import check_memory

Inputs = dict[str, tuple[tuple[int, ...], str]]
"""Name of an input → (shape of one row, dtype)."""

_CLASSES = {
    "codes": ("danq.data.encoders", "CodesEncoder"),
    "kmer_counts": ("danq.data.encoders.kmers", "KmerCounts"),
    "words": ("danq.data.encoders.words", "Words"),
    "kmer_words": ("danq.data.encoders.kmers", "KmerWords"),
    "fcgr": ("danq.data.encoders.kmers", "Fcgr"),
    "images": ("danq.data.encoders", "Images"),
    "joined": ("danq.data.encoders", "Joined"),
}
"""Name of an encoder → its module, which may import from this one, and its class."""
_BATCH = 128
"""Rows that a model reads at a time, more or less."""


class Encoder(Protocol):
    """Turns raw rows into the dict of arrays that a model takes in; its state is JSON-like.

    Raw rows are what a dataset of the kind holds: of DNA codes uint8 (n, window), of texts a list of n str,
    of images uint8 (n, height, width, channels). The other strand of DNA is read by encoding the reverse
    complement of its codes, whatever the encoder.
    """

    @property
    def name(self) -> str:
        """Which encoder this is, as `load_encoder` knows it."""

    @property
    def inputs(self) -> Inputs:
        """Name of each array → (shape of one row, dtype)."""

    def fit(self, raw: Iterable[Any]) -> "Encoder":
        """Learn what the encoder needs (a vocabulary, say) from blocks of training rows.

        Raises
        ------
        DanqError
            If there are no rows, or none of the kind.
        """

    def encode(self, rows: Any, /) -> dict[str, NDArray[Any]]:
        """Encode a block of rows; a row's result does not depend on the other rows.

        Raises
        ------
        DanqError
            If the rows are not of the kind and size that the encoder was fitted on.
        """

    def state(self) -> dict[str, Any]:
        """Everything `load_encoder` needs to make an equal encoder; holds ``name``."""


class OfWindows:
    """What encoders of DNA, which are dataclasses, have in common: windows of one length, a plain state.

    Their field `window` is the length of a window in bp; 0 until `fit` has seen one.
    """

    name: ClassVar[str]
    window: int

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> Self:
        """Learn the window's length from the first block of rows."""
        fitted: Self = replace(cast("Any", self), window=int(_first_block(raw).shape[1]))
        return fitted

    def state(self) -> dict[str, Any]:
        """Name and fields."""
        return {"name": self.name, **asdict(cast("Any", self))}

    def check(self, codes: NDArray[np.uint8]) -> None:
        """Refuse rows that are no windows of the length the encoder was fitted on."""
        if codes.ndim != 2 or codes.shape[1] != self.window:
            raise DanqError(f"expected windows of {self.window} bp, received an array of shape {codes.shape}")


@dataclass(frozen=True)
class CodesEncoder(OfWindows):
    """Hands windows on as they are; the model itself turns codes into one-hot on the device."""

    window: int = 0
    name = "codes"

    @property
    def inputs(self) -> Inputs:
        """``codes`` uint8 (window,)."""
        return {"codes": ((self.window,), "uint8")}

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the windows, uint8 (n, window), under the model's input name."""
        self.check(codes)
        return {"codes": codes}


@dataclass(frozen=True)
class Images:
    """Hands images on as they are; the model itself scales them on the device.

    `shape` is height, width and channels; empty until `fit` has seen an image.
    """

    shape: tuple[int, ...] = ()
    name = "images"

    def __post_init__(self) -> None:
        # JSON knows no tuples
        object.__setattr__(self, "shape", tuple(self.shape))

    @property
    def inputs(self) -> Inputs:
        """``image`` uint8 (height, width, channels)."""
        return {"image": (self.shape, "uint8")}

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "Images":
        """Learn the images' shape from the first block of rows."""
        images = _first_block(raw)
        if images.ndim != 4:
            raise DanqError(f"expected images (n, height, width, channels), received {images.shape}")
        return Images(tuple(map(int, images.shape[1:])))

    def encode(self, images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the images, uint8 (n, height, width, channels), under the model's input name."""
        if images.shape[1:] != self.shape or images.dtype != np.uint8:
            wanted = " x ".join(map(str, self.shape))
            raise DanqError(f"expected uint8 images of {wanted}, received {images.dtype} {images.shape}")
        return {"image": images}

    def state(self) -> dict[str, Any]:
        """Name and shape."""
        return {"name": self.name, "shape": list(self.shape)}


class Joined:
    """Encoders that read the same rows; input ``x`` of the second one is called ``1_x``.

    Parameters
    ----------
    encoders : sequence of dict
        State of each different encoder.
    """

    name = "joined"

    def __init__(self, encoders: Sequence[dict[str, Any]]) -> None:
        if any(state.get("name") == self.name for state in encoders):
            raise DanqError("encoder joined: expected encoders of single models, received a joined one in it")
        self._encoders: list[Encoder] = [load_encoder(state) for state in encoders]

    @property
    def inputs(self) -> Inputs:
        """Those of all encoders, with the encoder's number before each name."""
        return {
            f"{number}_{name}": entry
            for number, encoder in enumerate(self._encoders)
            for name, entry in encoder.inputs.items()
        }

    def fit(self, raw: Iterable[Any]) -> "Joined":
        """Refuse: the encoders of an ensemble have been fitted with its members."""
        raise DanqError("expected encoders that are fitted already: an ensemble learns nothing itself")

    def encode(self, rows: Any, /) -> dict[str, NDArray[Any]]:
        """Encode a block of rows by each encoder."""
        return {
            f"{number}_{name}": array
            for number, encoder in enumerate(self._encoders)
            for name, array in encoder.encode(rows).items()
        }

    def state(self) -> dict[str, Any]:
        """Name and states."""
        return {"name": self.name, "encoders": [encoder.state() for encoder in self._encoders]}


def load_encoder(state: Mapping[str, Any]) -> Encoder:
    """Make the encoder whose `state` was stored in a bundle.

    Raises
    ------
    DanqError
        If its name is unknown, its values are of other types or do not fit, or rows are of unreasonable size.
    """
    values = dict(state)
    name = values.pop("name", None)
    if not isinstance(name, str) or name not in _CLASSES:
        raise DanqError(f"encoder: expected one of {', '.join(_CLASSES)}; received {name!r}")
    module, kind = _CLASSES[name]
    try:
        encoder = _made(getattr(import_module(module), kind), values)
        _check_inputs(name, encoder.inputs)
        return encoder
    except (TypeError, ValueError, AttributeError, RecursionError):
        raise DanqError(f"encoder {name}: unexpected or missing values in {sorted(values)}") from None


def _made(kind: Any, values: dict[str, Any]) -> Encoder:
    """Make an encoder of values out of JSON, each of the type that its field is declared to have."""
    if not is_dataclass(kind):
        encoder: Encoder = kind(**values)
        return encoder
    if unknown := values.keys() - {field.name for field in fields(kind)}:
        raise ValueError(f"unknown values {sorted(unknown)}")
    made: Encoder = TypeAdapter[Any](kind).validate_json(json.dumps(values), strict=True)
    return made


def _check_inputs(name: str, inputs: Inputs) -> None:
    """Refuse rows of which a batch would take more memory than a file may ask for."""
    sizes = [size for shape, _ in inputs.values() for size in shape]
    if min(sizes, default=0) < 0:
        raise DanqError(f"encoder {name}: expected sizes of inputs, received {min(sizes)}")
    row = sum(math.prod(shape) * np.dtype(dtype).itemsize for shape, dtype in inputs.values())
    check_memory(f"encoder {name}: a batch of {_BATCH} rows", _BATCH * row)


def _first_block(raw: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    for rows in raw:
        return rows
    raise DanqError("expected rows to fit an encoder on, received none")
