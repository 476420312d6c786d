"""Validation metrics of an epoch, collected batch by batch, and TensorBoard's copy of the history.

Loss, AUROC, AUPRC and F1 over scored targets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.metrics import SCORED, auprc, auroc, class_log_odds, count_calls, known, known_shares, rank


@dataclass(frozen=True)
class ValidationMetrics:
    """Metrics of one epoch; macro means over the targets with positives and negatives, None without any.

    Attributes
    ----------
    loss : float
        Mean over rows, or their known labels, of the training's loss.
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

    `rows` counts their sub-bins, where those are labelled. For ``multiclass`` the targets are scored one
    against the rest.
    """

    def __init__(self, rows: int, targets: int, task: str) -> None:
        self._scores = np.empty((targets, rows), np.float32)
        self._labels = np.empty((targets, rows), np.int8)
        self._classes = np.empty(rows, np.int64)
        self._task = task
        self._filled = 0
        self._loss = self._known = 0.0

    def add(
        self,
        logits: NDArray[np.float32],
        labels: NDArray[np.int8],
        losses: NDArray[np.float32],
        weight: NDArray[np.float32],
    ) -> None:
        """Take in one batch.

        Parameters
        ----------
        logits : float32, shape (b, k), or (b, sub-bins, k)
            Outputs of the model.
        labels : int8, shape (b, k), or (b, sub-bins, k)
            0, 1 or, unknown, -1.
        losses, weight : float32, shape (b,)
            Loss of each row; 0 for padding rows, which are left out, else 1.
        """
        real = weight > 0
        self._known += float(known_shares(labels[real]).sum())
        targets = len(self._scores)
        # each sub-bin is scored by itself
        logits, labels = logits[real].reshape(-1, targets), labels[real].reshape(-1, targets)
        part = slice(self._filled, self._filled + len(logits))
        self._classes[part] = logits.argmax(axis=1)
        self._scores[:, part] = (class_log_odds(logits) if self._task == "multiclass" else logits).T
        self._labels[:, part] = labels.T
        self._loss += float(losses[real].sum(dtype=np.float64))
        self._filled = part.stop

    def metrics(self) -> ValidationMetrics:
        """Metrics of the rows taken in so far; of a loss that is no number, nothing else."""
        loss = self._loss / max(self._known, 1e-9)
        measured: list[tuple[float, float, float]] = []
        for target in range(len(self._scores) if np.isfinite(loss) else 0):
            scores, labels = self._scores[target, : self._filled], self._labels[target, : self._filled]
            ranking = rank(scores, labels)
            if ranking.status == SCORED:
                classes = self._classes[: self._filled]
                called = classes == target if self._task == "multiclass" else scores > 0
                called, labels = known(called, labels)
                measured.append((auroc(ranking), auprc(ranking), count_calls(called, labels > 0).f1))
        means = np.mean(measured, axis=0).tolist() if measured else (None, None, None)
        return ValidationMetrics(loss, means[0], means[1], means[2], len(measured))


def epoch_events(directory: Path | None) -> Callable[[Mapping[str, Any]], None]:
    """Make a function that writes rows of the history for TensorBoard, which need not be installed for it.

    Without a directory, which is created if missing, it writes nothing.
    """
    if directory is None:
        return lambda row: None
    writer = tf.summary.create_file_writer(str(directory))

    def write(row: Mapping[str, Any]) -> None:
        # tf.summary.scalar asks for the package tensorboard, which writing does not need
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "scalars"
        with writer.as_default(step=row["epoch"]):
            for name, value in row.items():
                if name != "epoch" and value is not None:
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
        writer.flush()

    return write
