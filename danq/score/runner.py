"""What runs a model on reference and alternate windows: both strands, shared work where it is exact."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Logits(NamedTuple):
    """Logits of each strand: float32, (strands, g, k) of references and (strands, m, k) of alternates."""

    reference: NDArray[np.float32]
    alternate: NDArray[np.float32]


class Runner(Protocol):
    """A model ready to score; a row's logits depend on its two windows alone."""

    targets: tuple[str, ...]
    window: int
    task: str
    digest: str

    def logits(
        self, reference: NDArray[np.uint8], alternate: NDArray[np.uint8], group: NDArray[np.int64]
    ) -> Logits:
        """Logits of reference windows and of the alternates that belong to them.

        Parameters
        ----------
        reference : uint8, shape (g, window)
            Bases as 0..4 for A, C, G, T, N.
        alternate : uint8, shape (m, window)
            Windows of alternate alleles.
        group : int64, shape (m,)
            Index of each alternate's reference window; ascending.
        """
