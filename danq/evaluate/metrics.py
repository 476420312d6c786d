"""AUROC, AUPRC, F1 and curves from one sort a target; ties are exact, one-class targets are not scored."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError

SCORED, NO_POSITIVES, NO_NEGATIVES = "scored", "no_positives", "no_negatives"
STATUS = (SCORED, NO_POSITIVES, NO_NEGATIVES)
"""Every value of the column `status`: the target has both classes, or which one is missing."""


@dataclass(frozen=True)
class Ranking:
    """The rows of one target, grouped by equal score and ordered from the highest score down.

    Attributes
    ----------
    scores : float32, shape (m,)
        Distinct scores, descending.
    positives : int64, shape (m,)
        Positive rows with at least that score (true positives at that threshold).
    rows : int64, shape (m,)
        All rows with at least that score (predicted positives at that threshold).
    """

    scores: NDArray[np.float32]
    positives: NDArray[np.int64]
    rows: NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.rows[-1]) if len(self.rows) else 0

    @property
    def n_positives(self) -> int:
        """Number of positive rows."""
        return int(self.positives[-1]) if len(self.positives) else 0

    @property
    def status(self) -> str:
        """One of `STATUS`."""
        if self.n_positives == 0:
            return NO_POSITIVES
        return NO_NEGATIVES if self.n_positives == self.n else SCORED


def rank(scores: NDArray[np.float32], labels: NDArray[np.uint8]) -> Ranking:
    """Sort one target's rows by score and count positives down the order.

    Parameters
    ----------
    scores : float32, shape (n,)
        Higher means more likely positive.
    labels : uint8, shape (n,)
        0 or 1.

    Raises
    ------
    DanqError
        If a score is not a number.
    """
    if np.isnan(scores).any():
        raise DanqError(f"expected numbers as predictions, received {np.isnan(scores).sum()} times NaN")
    # adding 0 turns -0.0 into 0.0; the bits of a float order like its value once negative ones are inverted
    bits = (scores.astype(np.float32) + np.float32(0)).view(np.uint32)
    ordered = np.where(bits >> 31 == 1, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    # score and label share one integer: sorting integers is several times faster than argsort and gathers
    packed = np.sort(ordered << np.uint64(1) | (labels != 0))[::-1]
    keys = packed >> np.uint64(1)
    ends = np.append(np.flatnonzero(keys[1:] != keys[:-1]), len(keys) - 1) if len(keys) else np.zeros(0, int)
    high = keys[ends].astype(np.uint32)
    distinct = np.where(high >> 31 == 1, high & np.uint32((1 << 31) - 1), ~high).view(np.float32)
    positives = np.cumsum(packed & np.uint64(1), dtype=np.int64)[ends]
    return Ranking(distinct, positives, (ends + 1).astype(np.int64))


def auroc(ranking: Ranking) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties as half.

    Returns
    -------
    float
        NaN when the target is not scored; such values belong in no mean.
    """
    if ranking.status != SCORED:
        return float("nan")
    negatives = np.diff(ranking.rows - ranking.positives, prepend=0)
    before = np.concatenate([[0], ranking.positives[:-1]])
    # sums of products rather than dot products, which wake a pool of threads for a few microseconds of work
    doubled = (negatives * (before + ranking.positives).astype(np.float64)).sum()
    return float(doubled / 2 / ranking.n_positives / (ranking.n - ranking.n_positives))


def auprc(ranking: Ranking) -> float:
    """Average precision: the precision at each distinct score, weighted by the recall it adds.

    Returns
    -------
    float
        NaN when the target is not scored.
    """
    if ranking.status != SCORED:
        return float("nan")
    gained = np.diff(ranking.positives, prepend=0)
    return float((gained * (ranking.positives / ranking.rows)).sum() / ranking.n_positives)


def best_threshold(ranking: Ranking) -> float:
    """Score at and above which calling rows positive gives the highest F1; the highest such score on ties.

    Returns
    -------
    float
        NaN when there is no positive row.
    """
    if ranking.n_positives == 0:
        return float("nan")
    f1 = 2 * ranking.positives / (ranking.rows + ranking.n_positives)
    return float(ranking.scores[np.argmax(f1)])


@dataclass(frozen=True)
class Calls:
    """Counts when rows at or above a threshold are called positive."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where there is no positive row."""
        tp = self.true_positives
        if tp + self.false_negatives == 0:
            return float("nan")
        return 2 * tp / (2 * tp + self.false_positives + self.false_negatives)

    @property
    def accuracy(self) -> float:
        """Share of rows called rightly; NaN where there is no row."""
        right = self.true_positives + self.true_negatives
        wrong = self.false_positives + self.false_negatives
        return right / (right + wrong) if right + wrong else float("nan")

    @property
    def of_negatives(self) -> "Calls":
        """The same calls with negatives and positives in each other's place."""
        return Calls(self.true_negatives, self.false_negatives, self.false_positives, self.true_positives)

    def __add__(self, other: "Calls") -> "Calls":
        """Pool the calls of two targets."""
        return Calls(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
            self.true_negatives + other.true_negatives,
        )

    @property
    def mcc(self) -> float:
        """Matthews correlation; 0 where every row is called alike, NaN where a class has no row."""
        tp, fp, fn, tn = self.true_positives, self.false_positives, self.false_negatives, self.true_negatives
        if tp + fn == 0 or tn + fp == 0:
            return float("nan")
        called, uncalled = tp + fp, tn + fn
        if called == 0 or uncalled == 0:
            return 0.0
        return (tp * tn - fp * fn) / float(called * uncalled * (tp + fn) * (tn + fp)) ** 0.5


def calls(ranking: Ranking, threshold: float) -> Calls:
    """Count calls of rows whose score is at least `threshold`."""
    at = int(np.searchsorted(-ranking.scores, -np.float32(threshold), side="right"))
    called = int(ranking.rows[at - 1]) if at else 0
    found = int(ranking.positives[at - 1]) if at else 0
    missed = ranking.n_positives - found
    return Calls(found, called - found, missed, ranking.n - called - missed)


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
