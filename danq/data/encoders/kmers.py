"""DNA as k-mers: counted, read as the words of a text, or drawn as an image.

k-mers that hold an N count nowhere and are the unknown word. The other strand is read by encoding the reverse
complement of the codes. As a text its words are those of the other strand in the opposite order where the
stride divides ``window - k``; otherwise words start at other places than on the forward strand, as any text
read from its other end would.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders import Inputs, OfWindows
from danq.data.encoders.words import FIRST, UNKNOWN
from danq.errors import DanqError
from danq.genome.alphabet import LETTERS, N, kmer_numbers, reverse_complement
from danq.options import Closed

Strands = Literal["forward", "both"]

_COUNTED_AT_ONCE = 4_000_000
"""Positions, or counts, of a block of rows: bounds the memory of counting at some 100 MB."""
_ROW, _COLUMN = np.array([1, 0, 0, 1]), np.array([0, 0, 1, 1])
"""Half of an image (0: top, left) that belongs to A, C, G, T."""


class KmerOptions(Closed):
    """How DNA becomes words."""

    k: int = Field(6, ge=1, le=8, description="bp of a word where the dataset is DNA")
    stride: int = Field(3, ge=1, description="bp from the start of one word to the next (DNA)")


class FcgrOptions(Closed):
    """How DNA becomes an image."""

    order: int = Field(
        5, ge=1, le=8, description="k of the k-mers counted; the image is 2^k cells wide (DNA)"
    )
    strands: Strands = Field(
        "forward",
        description="both: count the k-mers of both strands, so that either strand gives one image (DNA)",
    )


@dataclass(frozen=True)
class KmerCounts(OfWindows):
    """Counts the k-mers of both strands: a k-mer and its reverse complement are one column.

    A position counts once, for the smaller of the two words. A word has 1 to 8 bp.
    """

    k: int
    window: int = 0
    name = "kmer_counts"

    def __post_init__(self) -> None:
        _check_length("k", self.k, self.window)

    @property
    def size(self) -> int:
        """Number of columns: (4^k + number of words that are their own reverse complement) / 2."""
        return (4**self.k + (4 ** (self.k // 2) if self.k % 2 == 0 else 0)) // 2

    @property
    def inputs(self) -> Inputs:
        """``counts`` float32 (size,)."""
        return {"counts": ((self.size,), "float32")}

    @cached_property
    def _columns(self) -> NDArray[np.int64]:
        """Number of a k-mer → column; shape (4^k,)."""
        words = np.arange(4**self.k)
        bases = np.stack(np.unravel_index(words, (4,) * self.k), axis=1).astype(np.uint8)
        opposite = kmer_numbers(reverse_complement(bases), self.k)[0][:, 0]
        return np.unique(np.minimum(words, opposite), return_inverse=True)[1]

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Count the k-mers of codes uint8 (n, window): ``counts`` float32 (n, size)."""
        self.check(codes)
        return {"counts": _counts(codes, self.k, self._columns, self.size)}


@dataclass(frozen=True)
class Fcgr(OfWindows):
    """Draws the frequency chaos-game representation (Jeffrey 1990, doi 10.1093/nar/18.8.2163).

    The image of order k has a cell for each k-mer, log(1 + its count). Its quadrant is the k-mer's last
    nucleotide (C top left, G top right, A bottom left, T bottom right), the quadrant therein the last but
    one, and so on. The image of the reverse complement holds the same counts in other cells; with both
    strands counted, the images are equal. The order is 1 to 8.
    """

    order: int
    strands: Strands = "forward"
    window: int = 0
    name = "fcgr"

    def __post_init__(self) -> None:
        _check_length("order", self.order, self.window)
        if self.strands not in ("forward", "both"):
            raise DanqError(f"strands: expected forward or both, received {self.strands!r}")

    @property
    def inputs(self) -> Inputs:
        """``image`` float32 (2^order, 2^order, 1)."""
        return {"image": ((2**self.order, 2**self.order, 1), "float32")}

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        """Number of a k-mer → number of its cell, row by row of the image; shape (4^order,)."""
        bases = np.unravel_index(np.arange(4**self.order), (4,) * self.order)
        # the later the base, the larger the part of the image it decides on
        parts = [2**place * (_ROW * 2**self.order + _COLUMN)[base] for place, base in enumerate(bases)]
        return np.sum(parts, axis=0)

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Draw codes uint8 (n, window): ``image`` float32 (n, 2^order, 2^order, 1)."""
        self.check(codes)
        counts = _counts(codes, self.order, self._cells, 4**self.order)
        if self.strands == "both":
            counts += _counts(reverse_complement(codes), self.order, self._cells, 4**self.order)
        return {"image": np.log1p(counts).reshape(len(codes), 2**self.order, 2**self.order, 1)}


@dataclass(frozen=True)
class KmerWords(OfWindows):
    """Numbers the k-mers of windows, and their nucleotides.

    A k-mer's number is 2 + its value as a base-4 number (A, C, G, T = 0..3), so that nothing is learned from
    data; one that holds an N is 1, unknown. A nucleotide's number is 2 + its code, and 1 for N. There is no
    padding: every window holds equally many words.

    Parameters
    ----------
    k, stride : int
        bp of a word, 1 to 8; bp from the start of one word to that of the next.
    characters : bool
        Give the nucleotides of each word too.
    """

    k: int
    stride: int = 1
    characters: bool = False
    window: int = 0
    name = "kmer_words"
    padded = False

    def __post_init__(self) -> None:
        _check_length("k", self.k, self.window)
        if self.stride < 1:
            raise DanqError(f"stride: expected at least 1 bp, received {self.stride}")

    @property
    def words(self) -> int:
        """Words of a window."""
        return max(0, self.window - self.k) // self.stride + 1

    @property
    def inputs(self) -> Inputs:
        """``words`` int32 (words,) and ``characters`` int32 (words, k)."""
        words: Inputs = {"words": ((self.words,), "int32")}
        return words | {"characters": ((self.words, self.k), "int32")} if self.characters else words

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """All 4^k words in the order of their numbers, in upper case."""
        return tuple(map("".join, product(LETTERS[:N], repeat=self.k)))

    @property
    def character_numbers(self) -> int:
        """Four nucleotides, padding and unknown."""
        return FIRST + N

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Turn codes uint8 (n, window) into ``words`` int32 (n, words) and ``characters``."""
        self.check(codes)
        kmers, known = (values[:, :: self.stride] for values in kmer_numbers(codes, self.k))
        words = np.where(known, kmers.astype(np.int32) + FIRST, np.int32(UNKNOWN))
        if not self.characters:
            return {"words": words}
        parts = sliding_window_view(codes, self.k, axis=1)[:, :: self.stride]
        numbers = np.where(parts == N, np.int32(UNKNOWN), parts.astype(np.int32) + FIRST)
        return {"words": words, "characters": numbers}


def _check_length(name: str, k: int, window: int) -> None:
    if not 1 <= k <= 8:
        raise DanqError(f"{name}: expected 1 to 8, received {k}")
    if window and window < k:
        raise DanqError(f"window: expected at least {name} = {k} bp, received {window}")


def _counts(codes: NDArray[np.uint8], k: int, columns: NDArray[np.int64], size: int) -> NDArray[np.float32]:
    """Count the k-mers of each row by their column: float32 (n, size)."""
    counts = np.empty((len(codes), size), np.float32)
    width = size + 1  # one more column for the k-mers that are not counted
    # block by block, so that memory does not grow with the rows
    block = max(1, _COUNTED_AT_ONCE // max(codes.shape[1], size))
    for first in range(0, len(codes), block):
        kmers, known = kmer_numbers(codes[first : first + block], k)
        places = np.where(known, columns[kmers], size)
        # one count over all rows of the block: each has columns of its own
        places += np.arange(len(places))[:, None] * width
        flat = np.bincount(places.ravel(), minlength=len(places) * width)
        counts[first : first + block] = flat.reshape(len(places), width)[:, :size]
    return counts
