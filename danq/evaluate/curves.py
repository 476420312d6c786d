"""ROC and precision-recall curves of one target, and few points that draw the same line."""

import numpy as np
from numpy.typing import NDArray

from danq.metrics import Ranking


def roc_curve(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give false and true positive rates from (0, 0) to (1, 1), one point a distinct score."""
    negatives = ranking.rows - ranking.positives
    fpr = np.concatenate([[0.0], negatives / max(ranking.n - ranking.n_positives, 1)])
    return fpr, np.concatenate([[0.0], ranking.positives / max(ranking.n_positives, 1)])


def pr_curve(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision, one point a distinct score; starts at recall 0 with the first precision."""
    precision = ranking.positives / ranking.rows
    recall = ranking.positives / max(ranking.n_positives, 1)
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])


def thin(
    x: NDArray[np.float64], y: NDArray[np.float64], points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep at most `points` points of a curve, spread evenly along both axes, first and last among them.

    Parameters
    ----------
    x, y : float64, shape (m,)
        `x` must not decrease.
    points : int
        Largest number of points kept, at least 4.
    """
    if len(x) <= points:
        return x, y
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, length[-1], points)
    kept = np.unique(np.minimum(np.searchsorted(length, wanted), len(x) - 1))
    kept[0], kept[-1] = 0, len(x) - 1
    return x[kept], y[kept]
