"""Deterministic, resumable batches: what a step trains on is a pure function of (seed, epoch, step)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.errors import DanqError
from danq.genome.alphabet import N, reverse_complement

_ORDER, _AUGMENTATION = 0, 1
_DRAWS_A_BLOCK = 4  # Philox yields four 64-bit words for each value of its counter


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one step, padded to the full batch size.

    Attributes
    ----------
    codes : uint8, shape (b, window)
        Bases 0..4; padding rows are all N.
    labels : uint8, shape (b, k)
        0 or 1; padding rows are all 0.
    weight : float32, shape (b,)
        1, and 0 for padding rows.
    rows : int64, shape (b,)
        Row numbers in the dataset; -1 for padding rows.
    """

    codes: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    weight: NDArray[np.float32]
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrainingBatches:
    """Shuffled batches of training rows, each of which can be loaded by itself and in any order.

    The rows are drawn as one endless stream of permutations, so that each row comes once before any comes
    again; an epoch is the next `samples_per_epoch` draws of the stream. Strand and shift of a
    draw depend on (seed, epoch, position in the epoch) alone, not on the batch size.

    Attributes
    ----------
    dataset : Dataset
        Where codes and labels come from.
    rows : int64, shape (n,)
        Rows to draw from.
    batch_size : int
        Rows a step.
    seed : int
        Seed of order and augmentation.
    reverse_complement : bool
        Read each draw on a random strand.
    shift : int
        bp; each window is moved by -shift..shift, uniformly.
    samples_per_epoch : int or None
        Draws an epoch; the number of rows when None.
    """

    dataset: Dataset
    rows: NDArray[np.int64]
    batch_size: int
    seed: int
    reverse_complement: bool = False
    shift: int = 0
    samples_per_epoch: int | None = None

    def __post_init__(self) -> None:
        if len(self.rows) == 0:
            raise DanqError(f"{self.dataset.path}: expected at least one training row, found none")

    @property
    def samples(self) -> int:
        """Draws an epoch."""
        return self.samples_per_epoch or len(self.rows)

    @property
    def steps(self) -> int:
        """Steps an epoch; the last one may hold padding rows."""
        return -(-self.samples // self.batch_size)

    def load(self, epoch: int, step: int) -> Batch:
        """Load one batch.

        Parameters
        ----------
        epoch : int
            0-based epoch.
        step : int
            0-based step, below `steps`.

        Raises
        ------
        IndexError
            If the epoch has no such step.
        """
        if not 0 <= step < self.steps:
            raise IndexError(f"step {step} of {self.steps}")
        first = step * self.batch_size
        last = min(first + self.batch_size, self.samples)
        rows = self.rows[self._draws(epoch * self.samples + first, epoch * self.samples + last)]
        words = _words(self.seed, epoch, first, last)
        # strand and shift come from different bits of one word, so that neither choice changes the other
        shifts = (words >> np.uint64(32)) % np.uint64(2 * self.shift + 1)
        codes = self.dataset.codes(rows, shifts.astype(np.int64) - self.shift if self.shift else None)
        if self.reverse_complement:
            turned = (words & np.uint64(1)).astype(bool)
            codes[turned] = reverse_complement(codes[turned])
        return _padded(codes, self.dataset.labels(rows), rows, self.batch_size)

    def _draws(self, first: int, last: int) -> NDArray[np.int64]:
        n = len(self.rows)
        parts = []
        while first < last:
            turn, offset = divmod(first, n)
            taken = min(last - first, n - offset)
            parts.append(_permutation(self.seed, turn, n)[offset : offset + taken])
            first += taken
        return np.concatenate(parts)


@lru_cache(maxsize=2)
def _permutation(seed: int, turn: int, n: int) -> NDArray[np.int64]:
    order = np.random.Generator(np.random.Philox(key=_key(seed, _ORDER, turn))).permutation(n)
    order.flags.writeable = False
    return order


def _words(seed: int, epoch: int, first: int, last: int) -> NDArray[np.uint64]:
    """One random 64-bit word for each position first..last of an epoch, the same in whatever batch."""
    block = first // _DRAWS_A_BLOCK
    skipped = first - block * _DRAWS_A_BLOCK
    bits = np.random.Philox(key=_key(seed, _AUGMENTATION, epoch), counter=block)
    return bits.random_raw(skipped + last - first)[skipped:]


def _key(seed: int, use: int, number: int) -> int:
    return (seed % 2**64) << 64 | number << 1 | use


def _padded(codes: NDArray[np.uint8], labels: NDArray[np.uint8], rows: NDArray[np.int64], size: int) -> Batch:
    missing = size - len(rows)
    weight = np.ones(size, np.float32)
    if missing:
        weight[len(rows) :] = 0
        codes = np.pad(codes, ((0, missing), (0, 0)), constant_values=N)
        labels = np.pad(labels, ((0, missing), (0, 0)))
        rows = np.pad(rows, (0, missing), constant_values=-1)
    return Batch(codes, labels, weight, rows)


def ordered_batches(dataset: Dataset, rows: NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
    """Yield rows in their order, in batches of one size; the last one is padded with weight 0.

    Parameters
    ----------
    dataset : Dataset
        Where codes and labels come from.
    rows : int64, shape (n,)
        Rows to read.
    batch_size : int
        Rows a batch.
    """
    for first in range(0, len(rows), batch_size):
        part = rows[first : first + batch_size]
        yield _padded(dataset.codes(part), dataset.labels(part), part, batch_size)
