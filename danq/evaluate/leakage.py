"""Which test rows repeat training rows: windows that overlap or nearly repeat one, equal texts and images."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.errors import DanqError
from danq.genome.alphabet import N, kmer_numbers, reverse_complement
from danq.genome.intervals import window_start
from danq.progress import progress

log = logging.getLogger("danq")

K = 24
"""Length of the compared words in bp; half the window where that is shorter."""
REPEATED = 0.5
"""A window or bin is a near repeat if at least this share of its words occurs in training windows."""
_WORDS = 1 << 27
_CHUNK_BASES = 1 << 22
_ROWS_AT_ONCE = 4096
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Leakage:
    """What a split shares with the training windows.

    Attributes
    ----------
    overlaps : bool, shape (n,)
        The window has a base of the genome in common with a training window; all False for examples.
    repeats : bool, shape (n,)
        At least `REPEATED` of the words of the window, or of the labelled bin in its centre, occur in
        training windows on either strand.
    share : float64, shape (n,)
        Share of the window's words that occur in training windows; 0 for windows without a word free of N.
    k : int
        Length of a word in bp.
    sampled : float
        Part of all distinct words that was compared, 1 unless the split is very large.
    """

    overlaps: NDArray[np.bool_]
    repeats: NDArray[np.bool_]
    share: NDArray[np.float64]
    k: int
    sampled: float

    @property
    def left(self) -> NDArray[np.bool_]:
        """Rows that neither overlap nor repeat anything, shape (n,)."""
        return ~(self.repeats | self.overlaps)


def leakage(dataset: Dataset, split: str, words: int = _WORDS) -> Leakage:
    """Compare a split with the training windows of its dataset.

    The words of the split are held in memory and marked while the training windows stream past, so that
    memory does not grow with the training split. A word occurs in training if any training window holds it:
    the words of one test window need not come from the same training window.

    Parameters
    ----------
    words : int
        Largest number of words held; a larger split is compared by a sample of them that does not depend on
        where they occur.

    Raises
    ------
    DanqError
        If the window is shorter than 4 bp.
    """
    if dataset.window < 4:
        raise DanqError(f"expected windows of at least 4 bp to look for repeats, received {dataset.window}")
    k = min(K, dataset.window // 2)
    rows = dataset.rows(split)
    sampled = min(1.0, words / max(_bases(dataset, rows), 1))
    parts = [_sorted_once(_words(codes, k, sampled)[0]) for _, codes, _ in _tiles(dataset, rows)]
    known = _sorted_once(np.concatenate([np.zeros(0, np.uint64), *parts]))
    seen = np.zeros(len(known), np.bool_)
    train = dataset.rows("train")
    with progress("comparing with training windows", len(train), "windows") as advance:
        for positions, codes, _ in _tiles(dataset, train):
            # sorted against sorted stays in the cache
            code = np.sort(_words(codes, k, sampled)[0])
            at = np.minimum(np.searchsorted(known, code), max(len(known) - 1, 0))
            if len(known):
                seen[at[known[at] == code]] = True
            advance(len(positions))
    share, repeats = np.zeros(len(rows)), np.zeros(len(rows), np.bool_)
    for positions, codes, first in _tiles(dataset, rows):
        code, kept = _words(codes, k, sampled)
        marked = np.zeros(len(kept), np.bool_)
        marked[kept] = seen[np.searchsorted(known, code)]
        share[positions] = _share(marked, kept, first, dataset.window - k + 1)
        repeats[positions] = share[positions] >= REPEATED
        if dataset.bin is not None and k <= dataset.bin < dataset.window:
            bins = window_start(first, dataset.window, dataset.bin)
            repeats[positions] |= _share(marked, kept, bins, dataset.bin - k + 1) >= REPEATED
    return Leakage(_overlaps(dataset, rows), repeats, share, k, sampled)


def identical(dataset: Dataset, split: str) -> Leakage:
    """Mark the texts or images of a split that equal a training row; without words `k` is 0."""
    training = set(_digests(dataset, dataset.rows("train")))
    rows = dataset.rows(split)
    repeats = np.fromiter((digest in training for digest in _digests(dataset, rows)), bool, len(rows))
    return Leakage(np.zeros(len(rows), bool), repeats, repeats.astype(np.float64), 0, 1.0)


def _digests(dataset: Dataset, rows: NDArray[np.int64]) -> Iterator[bytes]:
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        for row in dataset.raw(rows[first : first + _ROWS_AT_ONCE]):
            data = row.encode() if isinstance(row, str) else row.tobytes()
            yield blake2b(data, digest_size=16).digest()


def _sorted_once(code: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sort and drop repeated values; for whole numbers several times faster than `numpy.unique`."""
    ordered = np.sort(code)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def _words(codes: NDArray[np.uint8], k: int, part: float) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Give the numbers of the compared words, and at which positions they stand."""
    code, kept = canonical_words(codes, k)
    if part < 1:
        # mixed bits choose equal words alike, wherever they stand
        mixed = code * _MIX
        mixed = (mixed ^ mixed >> np.uint64(32)) * _MIX
        kept &= (mixed >> np.uint64(32)) < np.uint64(part * 2**32)
    return code[kept], kept


def canonical_words(codes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Turn the word of k (1 to 32) bases at each position into a number shared with its reverse complement.

    Returns
    -------
    uint64, shape (n - k + 1,)
        The smaller of the word and its reverse complement, read as numbers to base 4.
    bool, shape (n - k + 1,)
        Whether the word is free of N; other numbers mean nothing.
    """
    forward, whole = kmer_numbers(codes, k)
    # the other strand is read from its own first base: its k-mers come in the opposite order
    other = kmer_numbers(reverse_complement(codes), k)[0][::-1]
    return np.minimum(forward, other).astype(np.uint64), whole


def _share(
    marked: NDArray[np.bool_], whole: NDArray[np.bool_], first: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """Share of marked words among the whole ones in `length` positions from `first` on."""
    sums = (np.concatenate([[0], np.cumsum(flags)]) for flags in (marked, whole))
    repeated, words = (each[first + length] - each[first] for each in sums)
    return np.divide(repeated, words, out=np.zeros(len(first)), where=words > 0)


def _window_starts(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    if dataset.start is None or dataset.bin is None:
        raise DanqError(f"{dataset.path}: expected bins of a genome, received examples without positions")
    return window_start(dataset.start[rows], dataset.bin, dataset.window)


def _places(contig: NDArray[np.int32], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give positions one number line for all contigs, which lie far apart on it."""
    return start + contig.astype(np.int64) * (1 << 40)


def _bases(dataset: Dataset, rows: NDArray[np.int64]) -> int:
    """Count the bases that windows cover, overlapping stretches of the genome once."""
    if dataset.contig is None:
        return len(rows) * dataset.window
    start = np.sort(_places(dataset.contig[rows], _window_starts(dataset, rows)))
    return int(np.minimum(np.diff(start), dataset.window).sum()) + dataset.window


def _tiles(
    dataset: Dataset, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]]:
    """Lay out some windows at a time: their positions in `rows`, and what `_tile` makes of them."""
    order = np.arange(len(rows))
    if dataset.contig is not None and dataset.start is not None:
        order = np.lexsort((dataset.start[rows], dataset.contig[rows]))
    size = max(1, _CHUNK_BASES // dataset.window)
    for begin in range(0, len(rows), size):
        positions = order[begin : begin + size]
        yield positions, *_tile(dataset, rows[positions])


def _tile(dataset: Dataset, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lay out windows in genome order: the bases, and where each window begins among them.

    Windows that overlap share bases, so that each occurs once whatever the stride; others are parted by an N.
    """
    window = dataset.window
    if dataset.contig is None or dataset.genome is None:
        codes = np.full((len(rows), window + 1), N, np.uint8)
        codes[:, :window] = dataset.codes(rows)
        return codes.ravel(), np.arange(len(rows), dtype=np.int64) * (window + 1)
    contig, start = dataset.contig[rows], _window_starts(dataset, rows)
    # a stretch begins with each window that shares no base with the one before
    parted = np.append(True, np.diff(_places(contig, start)) >= window)
    opens = np.flatnonzero(parted)
    begins, ends = start[opens], start[np.append(opens[1:], len(rows)) - 1] + window
    offsets = np.concatenate([[0], np.cumsum(ends - begins + 1)]).astype(np.int64)
    codes = np.full(offsets[-1], N, np.uint8)
    stretches = zip(offsets, contig[opens].tolist(), begins.tolist(), ends.tolist(), strict=False)
    for offset, index, begin, end in stretches:
        whole = dataset.genome.contig(index)
        low, high = max(begin, 0), min(end, len(whole))
        codes[offset + low - begin : offset + high - begin] = whole[low:high]
    stretch = np.cumsum(parted) - 1
    return codes, offsets[stretch] + start - begins[stretch]


def _overlaps(dataset: Dataset, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    if dataset.contig is None:
        return np.zeros(len(rows), np.bool_)
    train, test = (
        _places(dataset.contig[split], _window_starts(dataset, split))
        for split in (dataset.rows("train"), rows)
    )
    train.sort()
    # equal windows overlap iff they start less than a window apart
    below, above = (np.searchsorted(train, test + shift) for shift in (1 - dataset.window, dataset.window))
    return above > below
