"""Unknown bases and GC content of the window around every bin of a genome."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.data.regions.labels import Bins
from danq.genome.alphabet import C, G, N
from danq.genome.fasta import Bases, Genome
from danq.genome.intervals import window_start
from danq.progress import progress

_BASES_A_STRETCH = 1 << 24


@dataclass(frozen=True, eq=False)
class Composition:
    """What the window of each bin is made of.

    Attributes
    ----------
    unknown : int32, shape (bins,)
        bp of N, with the part of the window past the contig's ends.
    gc : float32, shape (bins,)
        G and C as a part of the known bases; 0 where all are unknown.
    """

    unknown: NDArray[np.int32]
    gc: NDArray[np.float32]


def window_composition(genome: Genome, bins: Bins, window: int) -> Composition:
    """Count N and GC in the window centred on each bin.

    Parameters
    ----------
    genome : Genome
        The genome.
    bins : Bins
        Its bins.
    window : int
        bp of a window.
    """
    unknown = np.empty(len(bins), np.int32)
    gc = np.empty(len(bins), np.float32)
    # running sums over a stretch of a contig: over all the genome they would take eight bytes a base
    bins_a_stretch = max(1, _BASES_A_STRETCH // bins.width)
    with progress("counting bases", len(bins), "bins") as advance:
        for contig in range(len(genome.names)):
            codes = genome.contig(contig)
            for low in range(int(bins.first[contig]), int(bins.first[contig + 1]), bins_a_stretch):
                part = slice(low, min(low + bins_a_stretch, int(bins.first[contig + 1])))
                start = np.arange(part.start, part.stop) - bins.first[contig]
                left = window_start(start * bins.width, bins.width, window)
                known, strong = _counts(codes, left, window)
                unknown[part] = window - known
                gc[part] = strong / np.maximum(known, 1)
                advance(part.stop - part.start)
    return Composition(unknown, gc)


def _counts(
    codes: Bases, left: NDArray[np.int64], window: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Count known bases, and G and C, of windows that start at ascending `left`."""
    begin, end = np.clip(left, 0, len(codes)), np.clip(left + window, 0, len(codes))
    stretch = codes[begin[0] : end[-1]]
    edges = np.stack([begin, end]) - begin[0]
    known, strong = (_before(wanted, edges) for wanted in (stretch != N, (stretch == C) | (stretch == G)))
    return known[1] - known[0], strong[1] - strong[0]


def _before(wanted: NDArray[np.bool_], position: NDArray[np.int64]) -> NDArray[np.int32]:
    """Count the wanted bases before each position.

    Sums run over bytes of eight bases, several times faster than over single bases.
    """
    packed = np.append(np.packbits(wanted, bitorder="little"), np.uint8(0))
    total = np.zeros(len(packed), np.int32)
    np.cumsum(np.bitwise_count(packed[:-1]), out=total[1:], dtype=np.int32)
    byte = position >> 3
    rest = packed[byte] & ((1 << (position & 7)) - 1).astype(np.uint8)
    return total[byte] + np.bitwise_count(rest)
