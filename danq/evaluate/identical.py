"""Which texts or images of a split stand in the training split, too."""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.evaluate.leakage import Leakage

_READ_AT_ONCE = 4096


def identical(dataset: Dataset, split: str) -> Leakage:
    """Find the rows of a split that equal a training row, letter by letter or pixel by pixel.

    Parameters
    ----------
    dataset : Dataset
        Of kind text or image.
    split : str
        ``test`` or ``valid``.

    Returns
    -------
    Leakage
        `repeats` marks those rows; there are no overlaps and no words, so `k` is 0.
    """
    training = set(_digests(dataset, dataset.rows("train")))
    rows = dataset.rows(split)
    repeats = np.fromiter((one in training for one in _digests(dataset, rows)), bool, len(rows))
    return Leakage(np.zeros(len(rows), bool), repeats, repeats.astype(np.float64), 0, 1.0)


def _digests(dataset: Dataset, rows: NDArray[np.int64]) -> Iterator[bytes]:
    for first in range(0, len(rows), _READ_AT_ONCE):
        for row in dataset.raw(rows[first : first + _READ_AT_ONCE]):
            data = row.encode() if isinstance(row, str) else row.tobytes()
            yield blake2b(data, digest_size=16).digest()
