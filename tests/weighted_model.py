"""A model without TensorFlow whose every logit can be written down, and a bundle directory in its name."""

from pathlib import Path

import numpy as np
from bundles import manifest
from numpy.typing import NDArray

from danq.genome.alphabet import reverse_complement
from danq.score.runner import Logits

TARGETS = ("CTCF", "tRNA")
WINDOW = 11


class Weighted:
    """A runner whose logit is a sum over the window of a weight for each base and position."""

    targets = TARGETS
    window = WINDOW
    task = "multilabel"

    def __init__(self, seed: int) -> None:
        self.digest = f"{seed}" * 64
        self.weights = np.random.default_rng(seed).normal(size=(len(TARGETS), WINDOW, 5))

    def strand(self, codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits of windows as they are read: (n, k)."""
        return self.weights[:, np.arange(WINDOW), codes].sum(axis=-1).T.astype(np.float32)

    def logits(
        self, reference: NDArray[np.uint8], alternate: NDArray[np.uint8], group: NDArray[np.int64]
    ) -> Logits:
        """As `danq.score.runner.Runner.logits`, both strands."""
        both = [(codes, reverse_complement(codes)) for codes in (reference, alternate)]
        return Logits(*(np.stack([self.strand(codes) for codes in strands]) for strands in both))

    def write_bundle(self, path: Path) -> Path:
        """Write the manifest by which a bundle is known before its model is loaded."""
        path.mkdir()
        manifest(run=path.name, targets=TARGETS, window=WINDOW, digest=self.digest).write(path)
        return path
