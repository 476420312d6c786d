"""Deterministic, resumable batches: what a step trains on is a pure function of (seed, epoch, step)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset, Raw
from danq.errors import DanqError
from danq.genome.alphabet import N, reverse_complement

_ORDER, _AUGMENTATION = 0, 1
_DRAWS_A_BLOCK = 4  # Philox yields four 64-bit words for each value of its counter


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one step, padded to the full batch size.

    Attributes
    ----------
    raw : uint8, shape (b, window); list of b str; or uint8, shape (b, height, width, channels)
        Bases 0..4, texts or pixels; `pad` says what padding rows are.
    labels : int8, shape (b, k), or (b, sub_bins, k)
        0 or 1; padding rows are all 0.
    weight : float32, shape (b,)
        1, and 0 for padding rows.
    rows : int64, shape (b,)
        Row numbers in the dataset; -1 for padding rows.
    """

    raw: Raw
    labels: NDArray[np.int8]
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
    rows : int64, shape (n,)
        Rows of the dataset to draw from.
    batch_size : int
        Rows a step.
    reverse_complement : bool
        Read each draw on a random strand, its sub-bins' labels with it; for DNA only.
    shift : int
        bp; each window is moved by -shift..shift, uniformly; for DNA without sub-bins only.
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
    def passes(self) -> float:
        """Passes over all rows that an epoch makes: below 1 where `samples_per_epoch` is below it."""
        return self.samples / len(self.rows)

    @property
    def steps(self) -> int:
        """Steps an epoch; the last one may hold padding rows."""
        return -(-self.samples // self.batch_size)

    def load(self, epoch: int, step: int) -> Batch:
        """Load one batch; epoch and step are 0-based, the latter below `steps`."""
        if not 0 <= step < self.steps:
            raise IndexError(f"step {step} of {self.steps}")
        first = step * self.batch_size
        last = min(first + self.batch_size, self.samples)
        rows = self.rows[self._draws(epoch * self.samples + first, epoch * self.samples + last)]
        words = _words(self.seed, epoch, first, last)
        # strand and shift come from different bits of one word, so that neither choice changes the other
        shifts = (words >> np.uint64(32)) % np.uint64(2 * self.shift + 1)
        raw = self.dataset.raw(rows, shifts.astype(np.int64) - self.shift if self.shift else None)
        labels = self.dataset.labels(rows)
        if self.reverse_complement and isinstance(raw, np.ndarray):
            turned = (words & np.uint64(1)).astype(bool)
            raw[turned] = reverse_complement(raw[turned])
            if self.dataset.sub_bins:
                labels[turned] = labels[turned, ::-1]
        return _padded(raw, labels, rows, self.batch_size)

    def _draws(self, first: int, last: int) -> NDArray[np.int64]:
        n = len(self.rows)
        turns = range(first // n, (last - 1) // n + 1)
        return np.concatenate(
            [_permutation(self.seed, turn, n)[max(first - turn * n, 0) : last - turn * n] for turn in turns]
        )


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


def _padded(raw: Raw, labels: NDArray[np.int8], rows: NDArray[np.int64], size: int) -> Batch:
    missing = size - len(rows)
    weight = np.ones(size, np.float32)
    if missing:
        weight[len(rows) :] = 0
        raw = pad(raw, size)
        labels = np.pad(labels, ((0, missing), *((0, 0),) * (labels.ndim - 1)))
        rows = np.pad(rows, (0, missing), constant_values=-1)
    return Batch(raw, labels, weight, rows)


def pad(raw: Raw, size: int) -> Raw:
    """Fill up a block of rows: DNA with windows of N, images with black ones, texts with the last one.

    There is at least one row, and `size`, the number of rows wanted, is not below theirs.
    """
    # a text without any word would leave a model nothing to average over, and NaN in spite of weight 0
    missing = size - len(raw)
    if isinstance(raw, list):
        return raw + raw[-1:] * missing
    fill = N if raw.ndim == 2 else 0
    return np.pad(raw, ((0, missing), *((0, 0),) * (raw.ndim - 1)), constant_values=fill)


def ordered_batches(dataset: Dataset, rows: NDArray[np.int64], batch_size: int) -> Iterator[Batch]:
    """Yield rows in their order, in batches of one size; the last one is padded with weight 0."""
    for first in range(0, len(rows), batch_size):
        part = rows[first : first + batch_size]
        yield _padded(dataset.raw(part), dataset.labels(part), part, batch_size)
