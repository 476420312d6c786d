"""DNA as an image: the frequency chaos-game representation (Jeffrey 1990, doi 10.1093/nar/18.8.2163).

The image of order k has a cell for each k-mer. Its quadrant is the k-mer's last nucleotide (C top left,
G top right, A bottom left, T bottom right), the quadrant therein the last but one, and so on. The image of
the reverse complement holds the same counts in other cells; with both strands counted, the images are equal.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders import COUNTED_AT_ONCE, Inputs, check_window, first_window
from danq.errors import DanqError
from danq.genome.alphabet import kmer_numbers, reverse_complement
from danq.options import Closed

Strands = Literal["forward", "both"]

_ROW, _COLUMN = np.array([1, 0, 0, 1]), np.array([0, 0, 1, 1])
"""Half of the image (0: top, left) that belongs to A, C, G, T."""


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
class Fcgr:
    """Counts the k-mers of a window into the cells of an image, as log(1 + count).

    k-mers that hold an N are not counted.

    Parameters
    ----------
    order : int
        Length of a k-mer in bp, 1 to 8.
    strands : {'forward', 'both'}
        Whether the k-mers of the reverse complement are counted too.
    window : int
        Length of a window in bp; 0 until `fit` has seen one.
    """

    order: int
    strands: Strands = "forward"
    window: int = 0
    name = "fcgr"

    def __post_init__(self) -> None:
        if not 1 <= self.order <= 8:
            raise DanqError(f"order: expected 1 to 8, received {self.order}")
        if self.strands not in ("forward", "both"):
            raise DanqError(f"strands: expected forward or both, received {self.strands!r}")
        if self.window and self.window < self.order:
            raise DanqError(f"window: expected at least order = {self.order} bp, received {self.window}")

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

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "Fcgr":
        """Learn the window's length from the first block of rows."""
        return replace(self, window=first_window(raw))

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Draw the image of each window.

        Parameters
        ----------
        codes : uint8, shape (n, window)
            Bases as 0..4 for A, C, G, T, N.

        Returns
        -------
        dict with ``image`` float32 (n, 2^order, 2^order, 1)

        Raises
        ------
        DanqError
            If the windows have another length.
        """
        check_window(codes, self.window)
        counts = np.zeros((len(codes), 4**self.order), np.float32)
        block = max(1, COUNTED_AT_ONCE // max(self.window, 4**self.order))
        for first in range(0, len(codes), block):
            part = codes[first : first + block]
            counts[first : first + block] = self._count(part)
            if self.strands == "both":
                counts[first : first + block] += self._count(reverse_complement(part))
        side = 2**self.order
        return {"image": np.log1p(counts).reshape(len(codes), side, side, 1)}

    def _count(self, codes: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count the k-mers of each row by cell, int64 (n, 4^order)."""
        kmers, known = kmer_numbers(codes, self.order)
        width = 4**self.order + 1  # one more for the k-mers that are not counted
        cells = np.where(known, self._cells[kmers], width - 1)
        cells += np.arange(len(codes))[:, None] * width
        flat = np.bincount(cells.ravel(), minlength=len(codes) * width)
        return flat.reshape(len(codes), width)[:, :-1]

    def state(self) -> dict[str, Any]:
        """Name, order, strands and window."""
        return {"name": self.name, **asdict(self)}
