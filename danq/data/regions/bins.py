"""The bins of a genome, their sub-bins, and which of them a track makes positive.

A bin of 200 bp with sub-bins of 50 bp has four: they start at the bin's start. Since bins start at multiples
of their size, so do sub-bins, and the tracks label the sub-bins of a genome as they label bins.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from danq.genome.intervals import union


@dataclass(frozen=True, eq=False)
class Bins:
    """All whole bins of a genome, numbered through its contigs; a short last bin of a contig is dropped.

    Attributes
    ----------
    width : int
        bp of a bin.
    first : int64, shape (contigs + 1,)
        Number of each contig's first bin; the last entry is the number of all bins.
    short : int
        Contigs whose last, short bin was dropped.
    """

    width: int
    first: NDArray[np.int64]
    short: int

    def __len__(self) -> int:
        """Count all bins."""
        return int(self.first[-1])

    def locate(self, number: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Find where bins lie: the index of each one's contig, int32, and its 0-based first base, int64."""
        contig = np.searchsorted(self.first, number, side="right") - 1
        return contig.astype(np.int32), (number - self.first[contig]) * self.width


def bins_of(lengths: NDArray[np.int64], width: int) -> Bins:
    """Cut contigs of so many bp, int64 (contigs,), into bins that start at 0 with stride `width`."""
    first = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths // width, out=first[1:])
    return Bins(width, first, int((lengths % width > 0).sum()))


def covered_bins(
    bins: Bins, contig: NDArray[np.int32], start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the bins that intervals touch, and how much of each the union of the intervals covers.

    Parameters
    ----------
    contig, start, end : int32, int64 and int64, shape (n,)
        Intervals within the contigs of a genome, by index, 0-based half-open, in any order; they may overlap.

    Returns
    -------
    bin : int64, shape (m,)
        Numbers of the touched bins, ascending, each once.
    covered : int64, shape (m,)
        Covered bp of each, at least 1.
    """
    contig, start, end = union(contig, start, end)
    low, high = start // bins.width, (end - 1) // bins.width
    # from here on, one entry for each pair of an interval and a bin that it touches
    parts = high - low + 1
    interval = np.repeat(np.arange(len(start)), parts)
    local = np.arange(len(interval)) - np.repeat(np.cumsum(parts) - parts, parts) + low[interval]
    left = local * bins.width
    covered = np.minimum(end[interval], left + bins.width) - np.maximum(start[interval], left)
    number = bins.first[contig[interval]] + local
    whole = number < bins.first[contig[interval] + 1]
    number, covered = number[whole], covered[whole]
    # the union is disjoint and sorted, so the parts of one bin stand side by side
    begins = np.flatnonzero(np.diff(number, prepend=-1))
    return number[begins], np.add.reduceat(covered, begins) if len(begins) else covered


def overlap_positives(
    bins: Bins,
    contig: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    min_overlap: float,
) -> NDArray[np.int64]:
    """Find the bins of which strictly more than `min_overlap` is covered by the union of intervals.

    The comparison is made in integers with the decimal fraction as it was written (0.1 is 1/10); at 0 one
    base suffices. Intervals are as in `covered_bins`; the results are numbers of bins, int64 (m,), ascending.
    """
    number, covered = covered_bins(bins, contig, start, end)
    least = Fraction(str(min_overlap))
    # covered is an integer, so exceeding the exact bound is exceeding its floor
    return number[covered > bins.width * least.numerator // least.denominator]


def summit_positives(bins: Bins, contig: NDArray[np.int32], summit: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the bins that hold at least one 0-based summit: their numbers, int64 (m,), ascending."""
    number = bins.first[contig] + summit // bins.width
    return np.unique(number[number < bins.first[contig + 1]])


def of_sub_bins(values: NDArray[np.uint8], bins: Bins, sub_bins: Bins, rest: int) -> NDArray[np.uint8]:
    """Give each sub-bin of a genome the value of its bin, `rest` to those in a contig's short last bin."""
    spread = np.full(len(sub_bins), rest, np.uint8)
    for own, inner in _contigs(bins, sub_bins):
        spread[inner] = np.repeat(values[own], bins.width // sub_bins.width)
    return spread


def any_sub_bin(flags: NDArray[np.bool_], bins: Bins, sub_bins: Bins) -> NDArray[np.bool_]:
    """Mark the bins of which at least one sub-bin is marked; bool (sub_bins,) to bool (bins,)."""
    marked = np.zeros(len(bins), bool)
    for own, inner in _contigs(bins, sub_bins):
        marked[own] = flags[inner].reshape(-1, bins.width // sub_bins.width).any(axis=1)
    return marked


def _contigs(bins: Bins, sub_bins: Bins) -> Iterator[tuple[slice, slice]]:
    """Bins of each contig, and the sub-bins in them."""
    each = bins.width // sub_bins.width
    for first, last, inner in zip(bins.first[:-1], bins.first[1:], sub_bins.first[:-1], strict=True):
        yield slice(first, last), slice(inner, inner + (last - first) * each)
