import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from danq.learn.train.monitor import Monitor


def fill(monitor, logits, labels, losses, size=7):
    """Hand over in padded batches, as a training does."""
    for first in range(0, len(logits), size):
        part = slice(first, first + size)
        missing = size - len(logits[part])
        weight = np.r_[np.ones(size - missing, np.float32), np.zeros(missing, np.float32)]
        pad = ((0, missing), (0, 0))
        monitor.add(
            np.pad(logits[part], pad, constant_values=9),
            np.pad(labels[part], pad, constant_values=1),
            np.pad(losses[part], (0, missing), constant_values=99),
            weight,
        )
    return monitor.metrics()


def test_multilabel_metrics_are_means_over_scored_targets_without_padding():
    generator = np.random.default_rng(2)
    logits = generator.normal(size=(30, 4)).astype(np.float32)
    labels = (generator.random((30, 4)) < 0.4).astype(np.uint8)
    labels[:, 1] = 0
    losses = generator.random(30).astype(np.float32)
    metrics = fill(Monitor(30, 4, "multilabel"), logits, labels, losses)
    scored = [0, 2, 3]
    assert metrics.scored == 3
    assert metrics.loss == pytest.approx(losses.mean())
    assert metrics.auroc == pytest.approx(
        np.mean([roc_auc_score(labels[:, t], logits[:, t]) for t in scored])
    )
    assert metrics.auprc == pytest.approx(
        np.mean([average_precision_score(labels[:, t], logits[:, t]) for t in scored])
    )
    assert metrics.f1 == pytest.approx(np.mean([f1_score(labels[:, t], logits[:, t] > 0) for t in scored]))


def test_class_metrics_are_one_against_the_rest():
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 2, (40, 3)).astype(np.float32)
    classes = generator.integers(0, 3, 40)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    labels = np.eye(3, dtype=np.uint8)[classes]
    metrics = fill(Monitor(40, 3, "multiclass"), logits, labels, np.zeros(40, np.float32))
    assert metrics.auroc == pytest.approx(roc_auc_score(labels, p, average="macro"))
    assert metrics.auprc == pytest.approx(average_precision_score(labels, p, average="macro"))
    assert metrics.f1 == pytest.approx(f1_score(classes, logits.argmax(axis=1), average="macro"))


def test_without_a_scored_target_areas_are_undefined_but_the_loss_is_not():
    metrics = fill(
        Monitor(5, 2, "multilabel"),
        np.zeros((5, 2), np.float32),
        np.zeros((5, 2), np.uint8),
        np.full(5, 0.5, np.float32),
    )
    assert (metrics.loss, metrics.auroc, metrics.auprc, metrics.f1, metrics.scored) == (
        0.5,
        None,
        None,
        None,
        0,
    )


def test_a_loss_that_is_no_number_is_all_there_is():
    logits = np.full((5, 2), np.nan, np.float32)
    labels = np.eye(5, 2, dtype=np.uint8)
    metrics = fill(Monitor(5, 2, "multilabel"), logits, labels, logits[:, 0])
    assert np.isnan(metrics.loss)
    assert (metrics.auroc, metrics.scored) == (None, 0)
