"""DNA as a text: k-mers are its words, nucleotides their characters.

The other strand is read by encoding the reverse complement of the codes. Its words are those of the other
strand in the opposite order where the stride divides ``window - k``; otherwise words start at other places
than on the forward strand, as any text read from its other end would.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders import Inputs, check_window, first_window
from danq.data.encoders.words import FIRST, UNKNOWN
from danq.errors import DanqError
from danq.genome.alphabet import LETTERS, N, kmer_numbers
from danq.options import Closed


class KmerOptions(Closed):
    """How DNA becomes words."""

    k: int = Field(6, ge=1, le=8, description="bp of a word where the dataset is DNA")
    stride: int = Field(3, ge=1, description="bp from the start of one word to the next (DNA)")


@dataclass(frozen=True)
class KmerWords:
    """Numbers the k-mers of windows, and their nucleotides.

    A k-mer's number is 2 + its value as a base-4 number (A, C, G, T = 0..3), so that nothing is learned from
    data; one that holds an N is 1, unknown. A nucleotide's number is 2 + its code, and 1 for N. There is no
    padding: every window holds equally many words.

    Parameters
    ----------
    k : int
        bp of a word, 1 to 8.
    stride : int
        bp from the start of one word to that of the next.
    characters : bool
        Give the nucleotides of each word too.
    window : int
        Length of a window in bp; 0 until `fit` has seen one.
    """

    k: int
    stride: int = 1
    characters: bool = False
    window: int = 0
    name = "kmer_words"
    padded = False

    def __post_init__(self) -> None:
        if not 1 <= self.k <= 8:
            raise DanqError(f"k: expected 1 to 8, received {self.k}")
        if self.stride < 1:
            raise DanqError(f"stride: expected at least 1 bp, received {self.stride}")
        if self.window and self.window < self.k:
            raise DanqError(f"window: expected at least k = {self.k} bp, received {self.window}")

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

    def fit(self, raw: Iterable[NDArray[np.uint8]]) -> "KmerWords":
        """Learn the window's length from the first block of rows."""
        return replace(self, window=first_window(raw))

    def encode(self, codes: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        """Give the numbers of words and nucleotides.

        Parameters
        ----------
        codes : uint8, shape (n, window)
            Bases as 0..4 for A, C, G, T, N.

        Returns
        -------
        dict with ``words`` int32 (n, words) and, where wanted, ``characters`` int32 (n, words, k)

        Raises
        ------
        DanqError
            If the windows have another length.
        """
        check_window(codes, self.window)
        kmers, known = (values[:, :: self.stride] for values in kmer_numbers(codes, self.k))
        words = np.where(known, kmers.astype(np.int32) + FIRST, np.int32(UNKNOWN))
        if not self.characters:
            return {"words": words}
        parts = sliding_window_view(codes, self.k, axis=1)[:, :: self.stride]
        numbers = np.where(parts == N, np.int32(UNKNOWN), parts.astype(np.int32) + FIRST)
        return {"words": words, "characters": numbers}

    def state(self) -> dict[str, Any]:
        """Name, k, stride, characters and window."""
        return {"name": self.name, **asdict(self)}
