"""Convolution filters that start as known motifs (DanQ-JASPAR: Quang & Xie 2016, doi 10.1093/nar/gkw226)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from danq.genome.motifs import Motif

_BACKGROUND = np.float32(0.25)


def start_filters(
    motifs: Sequence[Motif], kernels: NDArray[np.float32], biases: NDArray[np.float32], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Write motifs into the first filters; the rest, and the bases around a motif, stay as they are.

    A filter gets base probabilities less 0.25 at a random offset, on a random strand, and a bias from
    U(-1, 0). Motifs are drawn without repetition until all were used, then again; of a motif longer than
    a filter the stretch of most information is taken.

    Parameters
    ----------
    motifs : sequence of Motif
        At least one.
    kernels : float32, shape (width, 4, filters)
        Initial kernels; not changed.
    biases : float32, shape (filters,)
        Initial biases; not changed.
    count : int
        Number of filters that become motifs.
    seed : int
        Seed of every draw.

    Returns
    -------
    tuple of float32 arrays
        New kernels and biases.
    """
    generator = np.random.default_rng(seed)
    kernels, biases = kernels.copy(), biases.copy()
    unused: list[int] = []
    for place in range(count):
        unused = unused or generator.permutation(len(motifs)).tolist()
        weights = _core(motifs[unused.pop()].probabilities, len(kernels)) - _BACKGROUND
        if generator.random() < 0.5:
            weights = weights[::-1, ::-1]
        offset = int(generator.integers(len(kernels) - len(weights) + 1))
        kernels[offset : offset + len(weights), :, place] = weights
        biases[place] = generator.uniform(-1, 0)
    return kernels, biases


def _core(probabilities: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Return the stretch of at most `width` positions that holds the most information (in bits)."""
    if len(probabilities) <= width:
        return probabilities
    logs = np.log2(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    information = 2 + (probabilities * logs).sum(axis=1)
    first = int(np.convolve(information, np.ones(width), "valid").argmax())
    return probabilities[first : first + width]
