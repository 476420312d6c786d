"""Whether predicted probabilities are frequencies: reliability curve and expected calibration error."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.metrics import Ranking

BINS = 15
"""Bins of equal width over 0..1 (Guo et al. 2017, arXiv:1706.04599); probability 1 belongs to the last."""
_EDGES = np.linspace(0, 1, BINS + 1)


@dataclass(frozen=True)
class Reliability:
    """Predictions gathered by probability.

    Attributes
    ----------
    rows, positives : int64, shape (BINS,)
        Rows of each bin and the positive ones among them.
    total : float64, shape (BINS,)
        Sum of the bin's probabilities.
    """

    rows: NDArray[np.int64]
    positives: NDArray[np.int64]
    total: NDArray[np.float64]

    def __add__(self, other: "Reliability") -> "Reliability":
        """Pool two sets of rows."""
        return Reliability(self.rows + other.rows, self.positives + other.positives, self.total + other.total)

    @property
    def ece(self) -> float:
        """Expected calibration error: mean over rows of |mean probability − observed share| of their bin.

        NaN when there are no rows.
        """
        n = self.rows.sum()
        return float(np.abs(self.total - self.positives).sum() / n) if n else float("nan")


def reliability(ranking: Ranking) -> Reliability:
    """Gather one target's rows into bins.

    Parameters
    ----------
    ranking : Ranking
        Its scores must be probabilities.
    """
    if not ranking.n:
        return empty()
    scores = ranking.scores[::-1].astype(np.float64)
    rows, positives = (np.diff(counts, prepend=0)[::-1] for counts in (ranking.rows, ranking.positives))
    bins = np.searchsorted(_EDGES[1:-1], scores, side="right")
    return Reliability(
        np.bincount(bins, weights=rows, minlength=BINS).astype(np.int64),
        np.bincount(bins, weights=positives, minlength=BINS).astype(np.int64),
        np.bincount(bins, weights=rows * scores, minlength=BINS).astype(np.float64),
    )


def empty() -> Reliability:
    """No rows at all: the start of a pool."""
    return Reliability(np.zeros(BINS, np.int64), np.zeros(BINS, np.int64), np.zeros(BINS))


def edges() -> NDArray[np.float64]:
    """Limits of the bins, shape (BINS + 1,)."""
    return _EDGES.copy()
