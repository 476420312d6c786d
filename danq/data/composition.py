"""Unknown bases and GC content of the window around every bin of a genome."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.data.labels import Bins
from danq.genome.alphabet import C, G, N
from danq.genome.fasta import Genome
from danq.progress import progress

_BASES_A_STRETCH = 1 << 24


@dataclass(frozen=True)
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
                left = start * bins.width + bins.width // 2 - window // 2
                known, strong = _counts(codes, left, window)
                unknown[part] = window - known
                gc[part] = strong / np.maximum(known, 1)
                advance(part.stop - part.start)
    return Composition(unknown, gc)


def _counts(
    codes: NDArray[np.uint8], left: NDArray[np.int64], window: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Count known bases, and G and C, of windows that start at ascending `left`."""
    begin, end = np.clip(left, 0, len(codes)), np.clip(left + window, 0, len(codes))
    stretch = codes[begin[0] : end[-1]]
    begin, end = begin - begin[0], end - begin[0]
    counts = []
    for wanted in (stretch != N, (stretch == C) | (stretch == G)):
        total = np.zeros(len(stretch) + 1, np.int32)
        np.cumsum(wanted, out=total[1:], dtype=np.int32)
        counts.append(total[end] - total[begin])
    return counts[0], counts[1]
