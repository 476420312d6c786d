"""Validation metrics of an epoch, collected batch by batch: loss, AUROC, AUPRC and F1 over scored targets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ValidationMetrics:
    """Metrics of one epoch; macro means over the targets with positives and negatives, None without any.

    Attributes
    ----------
    loss : float
        Mean over rows of the training's loss.
    auroc, auprc : float or None
        Area under the ROC curve; average precision.
    f1 : float or None
        At probability 0.5, for classes of the most probable one. The evaluation reports F1 at a threshold
        chosen on validation instead.
    scored : int
        Number of such targets.
    """

    loss: float
    auroc: float | None
    auprc: float | None
    f1: float | None
    scored: int


class Monitor:
    """Collects the logits of all validation rows, 5 bytes a row and target, and reduces them to metrics.

    Parameters
    ----------
    rows : int
        Validation rows; their steps, where those are labelled.
    targets : int
        Targets.
    task : {'multilabel', 'multiclass'}
        For classes the targets are scored one against the rest.
    """

    def __init__(self, rows: int, targets: int, task: str) -> None:
        self._scores = np.empty((targets, rows), np.float32)
        self._labels = np.empty((targets, rows), bool)
        self._chosen = np.empty(rows, np.int64)
        self._task = task
        self._filled = self._rows = 0
        self._loss = 0.0

    def add(
        self,
        logits: NDArray[np.float32],
        labels: NDArray[np.uint8],
        losses: NDArray[np.float32],
        weight: NDArray[np.float32],
    ) -> None:
        """Take in one batch; rows of weight 0 are padding and left out.

        Parameters
        ----------
        logits : float32, shape (b, k), or (b, steps, k)
            Outputs of the model.
        labels : uint8, shape (b, k), or (b, steps, k)
            0 or 1.
        losses, weight : float32, shape (b,)
            Loss of each row; 0 for padding rows, else 1.
        """
        real = weight > 0
        targets = len(self._scores)
        # each step is scored by itself
        logits, labels = logits[real].reshape(-1, targets), labels[real].reshape(-1, targets)
        part = slice(self._filled, self._filled + len(logits))
        self._chosen[part] = logits.argmax(axis=1)
        self._scores[:, part] = (_log_odds(logits) if self._task == "multiclass" else logits).T
        self._labels[:, part] = labels.T
        self._loss += float(losses[real].sum(dtype=np.float64))
        self._filled, self._rows = part.stop, self._rows + int(real.sum())

    def metrics(self) -> ValidationMetrics:
        """Metrics of the rows taken in so far."""
        n = self._filled
        found = []
        for target in range(len(self._scores)):
            scores, labels = self._scores[target, :n], self._labels[target, :n]
            if 0 < labels.sum() < n:
                called = self._chosen[:n] == target if self._task == "multiclass" else scores > 0
                found.append((*ranking_areas(scores, labels), f1_score(called, labels)))
        auroc, auprc, f1 = np.mean(found, axis=0).tolist() if found else (None, None, None)
        return ValidationMetrics(self._loss / self._rows, auroc, auprc, f1, len(found))


def ranking_areas(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Area under the ROC curve and average precision of one target, ties counted as ties.

    Parameters
    ----------
    scores : float, shape (n,)
        Larger means more likely positive.
    labels : bool, shape (n,)
        With at least one positive and one negative.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(labels[order])[ends]
    false = ends + 1 - true
    more_true, more_false = np.diff(true, prepend=0), np.diff(false, prepend=0)
    auroc = np.sum(more_false * (true - more_true / 2)) / (true[-1] * false[-1])
    auprc = np.sum(more_true * true / (ends + 1)) / true[-1]
    return float(auroc), float(auprc)


def f1_score(called: NDArray[np.bool_], labels: NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall of one target; 0 where nothing is called rightly."""
    return float(2 * np.sum(called & labels) / (np.sum(called) + np.sum(labels)))


def _log_odds(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log odds of each class against the rest, which rank as the softmax does but never saturate."""
    odds = np.empty_like(logits)
    for target in range(logits.shape[1]):
        others = np.delete(logits, target, axis=1)
        top = others.max(axis=1)
        odds[:, target] = logits[:, target] - top - np.log(np.exp(others - top[:, None]).sum(axis=1))
    return odds
