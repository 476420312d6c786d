"""From raw rows to the arrays a model takes in: pure NumPy, fitted on training rows only."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.alphabet import kmer_numbers, reverse_complement

Inputs = dict[str, tuple[tuple[int, ...], str]]
"""Name of an input → (shape of one row, dtype)."""

COUNTED_AT_ONCE = 4_000_000
"""Positions, or counts, of a block of rows: bounds the memory of counting at some 100 MB."""


_MODULES = {
    "Words": "danq.data.encoders.words",
    "KmerWords": "danq.data.encoders.kmer_words",
    "Fcgr": "danq.data.encoders.fcgr",
    "Images": "danq.data.encoders.images",
}
"""Encoders in files of their own, which import from this one."""


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
        """Learn what the encoder needs (a vocabulary, say) from blocks of training rows."""

    def encode(self, rows: Any, /) -> dict[str, NDArray[Any]]:
        """Encode a block of rows; a row's result does not depend on the other rows."""

    def state(self) -> dict[str, Any]:
        """Everything `load_encoder` needs to make an equal encoder; holds ``name``."""


@dataclass(frozen=True)
class CodesEncoder:
    """Hands windows on as they are; the model itself turns codes into one-hot on the device.

    Parameters
    ----------
    window : int
        Length of a window in bp; 0 until `fit` has seen one.
    """

    window: int = 0
    name = "codes"

    @property
    def inputs(self) -> Inputs:
        """``codes`` uint8 (window,)."""
        return {"codes": ((self.window,), "uint8")}

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "CodesEncoder":
        """Learn the window's length from the first block of rows."""
        return CodesEncoder(first_window(raw))

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Return the windows under the model's input name.

        Parameters
        ----------
        codes : uint8, shape (n, window)
            Bases as 0..4 for A, C, G, T, N.

        Returns
        -------
        dict with ``codes`` uint8 (n, window)

        Raises
        ------
        DanqError
            If the windows have another length.
        """
        check_window(codes, self.window)
        return {"codes": codes}

    def state(self) -> dict[str, Any]:
        """Name and window."""
        return {"name": self.name, "window": self.window}


@dataclass(frozen=True)
class KmerCounts:
    """Counts the k-mers of both strands: a k-mer and its reverse complement are one column.

    A position counts once, for the smaller of the two words; k-mers that hold an N do not count.

    Parameters
    ----------
    k : int
        Length of a word in bp, 1 to 8.
    window : int
        Length of a window in bp; 0 until `fit` has seen one.
    """

    k: int
    window: int = 0
    name = "kmer_counts"

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 8:
            raise DanqError(f"k: expected 1 to 8, received {self.k}")
        if self.window and self.window < self.k:
            raise DanqError(f"window: expected at least k = {self.k} bp, received {self.window}")

    @property
    def size(self) -> int:
        """Number of columns: (4^k + number of words that are their own reverse complement) / 2."""
        return (4**self.k + (4 ** (self.k // 2) if self.k % 2 == 0 else 0)) // 2

    @property
    def inputs(self) -> Inputs:
        """``counts`` float32 (size,)."""
        return {"counts": ((self.size,), "float32")}

    @cached_property
    def _columns(self) -> NDArray[np.int32]:
        """Number of a k-mer → column; shape (4^k,)."""
        words = np.arange(4**self.k)
        bases = np.stack(np.unravel_index(words, (4,) * self.k), axis=1).astype(np.uint8)
        opposite = kmer_numbers(reverse_complement(bases), self.k)[0][:, 0]
        columns = np.unique(np.minimum(words, opposite), return_inverse=True)[1]
        return columns.astype(np.int32)

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "KmerCounts":
        """Learn the window's length from the first block of rows."""
        return KmerCounts(self.k, first_window(raw))

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Count the k-mers of each window.

        Parameters
        ----------
        codes : uint8, shape (n, window)
            Bases as 0..4 for A, C, G, T, N.

        Returns
        -------
        dict with ``counts`` float32 (n, size)

        Raises
        ------
        DanqError
            If the windows have another length.
        """
        check_window(codes, self.window)
        counts = np.empty((len(codes), self.size), np.float32)
        block = max(1, COUNTED_AT_ONCE // max(self.window, self.size))
        for first in range(0, len(codes), block):
            counts[first : first + block] = self._count(codes[first : first + block])
        return {"counts": counts}

    def _count(self, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
        words, known = kmer_numbers(codes, self.k)
        columns = self._columns[words]
        columns[~known] = self.size
        width = self.size + 1
        columns += np.arange(len(codes), dtype=np.int32)[:, None] * np.int32(width)
        flat = np.bincount(columns.ravel(), minlength=len(codes) * width)
        return flat.reshape(len(codes), width)[:, : self.size]

    def state(self) -> dict[str, Any]:
        """Name, k and window."""
        return {"name": self.name, "k": self.k, "window": self.window}


def load_encoder(state: Mapping[str, Any]) -> Encoder:
    """Make the encoder whose `state` was stored in a bundle.

    Raises
    ------
    DanqError
        If its name is unknown or its values do not fit.
    """
    own = (getattr(import_module(module), kind) for kind, module in _MODULES.items())
    kinds: dict[str, Callable[..., Encoder]] = {
        encoder.name: encoder for encoder in (CodesEncoder, KmerCounts, *own)
    }
    values = dict(state)
    name = values.pop("name", None)
    if name not in kinds:
        raise DanqError(f"encoder: expected one of {', '.join(kinds)}; received {name!r}")
    try:
        return kinds[name](**values)
    except TypeError:
        raise DanqError(f"encoder {name}: unexpected or missing values in {sorted(values)}") from None


def check_window(codes: NDArray[np.uint8], window: int) -> None:
    """Refuse rows that are no windows of the length the encoder was fitted on.

    Raises
    ------
    DanqError
        If they are not.
    """
    if codes.ndim != 2 or codes.shape[1] != window:
        raise DanqError(f"expected windows of {window} bp, received an array of shape {codes.shape}")


def first_window(raw: Iterable[NDArray[np.uint8]]) -> int:
    """Length in bp of the windows of the first block.

    Raises
    ------
    DanqError
        If there is no block.
    """
    for codes in raw:
        return int(codes.shape[1])
    raise DanqError("expected rows to fit an encoder on, received none")
