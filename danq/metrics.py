"""The one ranking behind every AUROC, AUPRC and F1: exact at ties; a target of one class is not scored."""

import operator
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError

SCORED, NO_POSITIVES, NO_NEGATIVES, NO_LABELS = "scored", "no_positives", "no_negatives", "no_labels"
"""Every value of the column `status`: the target has both classes, or what is missing."""
UNKNOWN = -1
"""A label of which nothing is known: no part of a loss or a metric."""
AREAS = ("auroc", "auprc")
"""Metrics with a value a target and a mean over targets in every resample."""


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
        """`SCORED`, `NO_POSITIVES`, `NO_NEGATIVES` or `NO_LABELS`."""
        if self.n_positives == 0:
            return NO_POSITIVES if self.n else NO_LABELS
        return NO_NEGATIVES if self.n_positives == self.n else SCORED


def rank(scores: NDArray[np.float32], labels: NDArray[np.int8] | NDArray[np.bool_]) -> Ranking:
    """Sort one target's rows by score and count positives down the order; unknown ones are left out.

    Parameters
    ----------
    scores : float32, shape (n,)
        Higher means more likely positive.
    labels : int8 or bool, shape (n,)
        0, 1 or `UNKNOWN`.

    Raises
    ------
    DanqError
        If a score is not a number.
    """
    scores, labels = known(scores, labels)
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


def known(scores: NDArray[Any], labels: NDArray[Any], *more: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Leave out of arrays, shape (n, ...), the rows whose label, shape (n,), is `UNKNOWN`."""
    rows = labels >= 0
    return (scores, labels, *more) if rows.all() else tuple(array[rows] for array in (scores, labels, *more))


def auroc(ranking: Ranking) -> float:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties as half.

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
    """Average precision: the precision at each distinct score, weighted by the recall it adds, or NaN."""
    if ranking.status != SCORED:
        return float("nan")
    gained = np.diff(ranking.positives, prepend=0)
    return float((gained * (ranking.positives / ranking.rows)).sum() / ranking.n_positives)


def best_threshold(ranking: Ranking) -> float:
    """Score at and above which calling rows positive gives the highest F1; the highest such score on ties.

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
        return Calls(*map(operator.add, astuple(self), astuple(other)))

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
    hits = int(ranking.positives[at - 1]) if at else 0
    missed = ranking.n_positives - hits
    return Calls(hits, called - hits, missed, ranking.n - called - missed)


def count_calls(called: NDArray[np.bool_], labels: NDArray[np.bool_]) -> Calls:
    """Count calls that something else than a threshold made; bool, shape (n,) each."""
    hits, all_called, positives = int((called & labels).sum()), int(called.sum()), int(labels.sum())
    return Calls(hits, all_called - hits, positives - hits, len(labels) - all_called - positives + hits)


def weighted_areas(
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    block: NDArray[np.int64],
    weights: NDArray[np.uint8],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """AUROC and AUPRC of one target under many weightings of its rows, as resamples of blocks are.

    Only the distinct scores that a positive row has matter for either area. Rows are tallied by score and
    block; the product of that tally with the weights gives all weightings at once, in exact integers.

    Parameters
    ----------
    labels : int8, shape (n,)
        0, 1 or `UNKNOWN`; unknown rows count in no weighting.
    block : int64, shape (n,)
        Block of each row, 0..g-1.
    weights : uint8, shape (g, r)
        How often the rows of each block count in each weighting.

    Returns
    -------
    auroc, auprc : float64, shape (r,)
        NaN in weightings that lack positives or negatives.
    """
    scores, labels, block = known(scores, labels, block)
    positive = labels != 0
    areas = np.full((2, weights.shape[1]), np.nan)
    if positive.all() or not positive.any():
        return areas[0], areas[1]
    distinct = np.unique(scores[positive])[::-1]
    # a negative belongs to the first distinct score that is not above its own; those below all fall out
    level = np.searchsorted(-distinct, -scores, side="left")
    tied = ~positive & (distinct[np.minimum(level, len(distinct) - 1)] == scores)
    above = ~positive & (level < len(distinct))
    shape = (len(distinct), len(weights))
    pos, neg, tie = (tally(level[rows], block[rows], shape) for rows in (positive, above, tied))
    negatives = np.bincount(block[~positive], minlength=len(weights)).astype(np.float64)
    for part in parts(weights.shape[1], max(shape)):
        drawn = weights[:, part].astype(np.float64)
        areas[:, part] = _areas(pos @ drawn, neg @ drawn, tie @ drawn, negatives @ drawn)
    return areas[0], areas[1]


def _areas(
    pos: NDArray[np.float64],
    neg: NDArray[np.float64],
    tie: NDArray[np.float64],
    negatives: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Areas from counts of each level (m, r): positives, negatives above the next level, those that tie."""
    true, false = np.cumsum(pos, axis=0), np.cumsum(neg, axis=0)
    positives, called = true[-1], true + false
    precision = np.divide(true, called, out=np.zeros_like(true), where=called > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (pos * (negatives - false + tie / 2)).sum(axis=0) / (positives * negatives)
        average = (pos * precision).sum(axis=0) / positives
    # without negatives precision is 1 everywhere: not a score
    return area, np.where(negatives > 0, average, np.nan)


def tally(group: NDArray[np.int64], block: NDArray[np.int64], shape: tuple[int, int]) -> Any:
    """Count rows by group and block: a sparse matrix of float64 and that shape, to multiply with weights."""
    from scipy import sparse  # 0.1 s, which those who only rank need not wait for

    return sparse.coo_array((np.ones(len(group)), (group, block)), shape=shape).tocsr()


def parts(weightings: int, rows: int) -> Iterator[slice]:
    """Cut weightings into parts whose counts of `rows` rows fit into memory as float64."""
    size = int(np.clip((1 << 22) // max(rows, 1), 8, 128))
    for first in range(0, weightings, size):
        yield slice(first, min(first + size, weightings))


def class_log_odds(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Log-odds of each class against all others, (..., k): they rank as the softmax but never saturate."""
    values = logits.astype(np.float64)
    values -= values.max(axis=-1, keepdims=True)
    # running sums from both ends avoid `total - own`, which is 0 where one class has nearly all
    before, after = np.full_like(values, -np.inf), np.full_like(values, -np.inf)
    before[..., 1:] = np.logaddexp.accumulate(values[..., :-1], axis=-1)
    after[..., -2::-1] = np.logaddexp.accumulate(values[..., :0:-1], axis=-1)
    return values - np.logaddexp(before, after)


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int8], task: str) -> NDArray[np.float64]:
    """Cross-entropy of each row in nats: the mean over its labels (``multilabel``), or that of its class.

    `logits` and `labels` have shape (n, k), or (n, sub-bins, k), over whose sub-bins the mean is taken, too.
    An unknown label adds 0; the mean over all known ones is the sum over rows by that of `known_shares`.
    """
    exact = logits.astype(np.float64)
    if task == "multiclass":
        each = np.logaddexp.reduce(exact, axis=-1) - (exact * labels).sum(axis=-1)
        each *= (labels >= 0).all(axis=-1)
    else:
        each = (np.logaddexp(0, exact) - exact * labels) * (labels >= 0)
    return np.asarray(each.reshape(len(logits), -1).mean(axis=1))


def known_shares(labels: NDArray[np.int8]) -> NDArray[np.float64]:
    """Share of each row's labels, shape (n, ...), that are known: shape (n,)."""
    return np.asarray((labels >= 0).reshape(len(labels), -1).mean(axis=1))
