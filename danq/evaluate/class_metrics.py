"""Accuracy, F1 and Matthews correlation of calls, over classes or over targets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.evaluate.intervals import Resamples, macro
from danq.learn.predict.predictions import Predictions
from danq.metrics import Calls, known, parts, tally


@dataclass(frozen=True)
class ClassMetrics:
    """How well calls agree with the truth, over all classes or targets.

    Attributes
    ----------
    accuracy : float
        Share of rows called rightly; of several targets, of all labels.
    macro_f1 : float
        Mean F1 over classes; of several targets, over the scored ones.
    micro_f1 : float
        F1 of all calls pooled, which for classes is the accuracy; of several targets, of all labels.
    binary_f1 : float or None
        F1 of the positive class, where there is one target.
    mcc : float
        Matthews correlation; of several targets, the mean over the scored ones.
    """

    accuracy: float
    macro_f1: float
    micro_f1: float
    binary_f1: float | None
    mcc: float


def class_metrics(probabilities: NDArray[np.float32], labels: NDArray[np.int8]) -> ClassMetrics | None:
    """Score the most probable class of each row whose class is known; None where no row's is.

    Parameters
    ----------
    probabilities : float32, shape (n, k)
        The first of equally probable classes counts. With k = 1 the two classes are positive, from 0.5 on,
        and negative.
    labels : int8, shape (n, k)
        One-hot; with k = 1, 1 for positive. -1 throughout a row whose class is unknown.

    Returns
    -------
    ClassMetrics
        Mean F1 over classes that occur as truth or call; multi-class Matthews correlation (Gorodkin 2004,
        doi 10.1016/j.compbiolchem.2004.09.006), 0 where calls or truths are all one class.
    """
    if not (labels >= 0).any():
        return None
    everything = Resamples(np.zeros(len(labels), np.int64), np.ones((1, 1), np.uint8))
    accuracy, f1, mcc = (values[..., 0] for values in _agreement(probabilities, labels, everything))
    binary = float(f1[1]) if labels.shape[1] == 1 and not np.isnan(f1[1]) else None
    return ClassMetrics(float(accuracy), float(np.nanmean(f1)), float(accuracy), binary, float(mcc))


def resampled_classes(
    probabilities: NDArray[np.float32], labels: NDArray[np.int8], resamples: Resamples
) -> dict[str, NDArray[np.float64]]:
    """Accuracy, macro F1 and Matthews correlation of `class_metrics` in each resample, (resamples,)."""
    accuracy, f1, mcc = _agreement(probabilities, labels, resamples)
    return {"accuracy": accuracy, "macro_f1": macro(f1), "mcc": mcc}


def _agreement(
    probabilities: NDArray[np.float32], labels: NDArray[np.int8], resamples: Resamples
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy (r,), F1 of each class (k, r), NaN where it does not occur, and correlation (r,)."""
    probabilities, _, labels, block = known(probabilities, labels[:, 0], labels, resamples.block)
    if labels.shape[1] == 1:
        truth, called = labels[:, 0].astype(np.int64), (probabilities[:, 0] >= 0.5).astype(np.int64)
    else:
        truth, called = labels.argmax(axis=1), probabilities.argmax(axis=1)
    k, right = max(labels.shape[1], 2), truth == called
    hits = _drawn(truth[right], block[right], k, resamples.counts)
    of_truth, of_calls = (_drawn(each, block, k, resamples.counts) for each in (truth, called))
    n, both = of_truth.sum(axis=0), of_truth + of_calls
    f1 = np.divide(2 * hits, both, out=np.full_like(hits, np.nan), where=both > 0)
    spread = (n * n - (of_truth**2).sum(axis=0)) * (n * n - (of_calls**2).sum(axis=0))
    covered = hits.sum(axis=0) * n - (of_truth * of_calls).sum(axis=0)
    mcc = np.divide(covered, np.sqrt(spread), out=np.zeros_like(n), where=spread > 0)
    accuracy = np.divide(hits.sum(axis=0), n, out=np.full_like(n, np.nan), where=n > 0)
    return accuracy, f1, mcc


def _drawn(
    of: NDArray[np.int64], block: NDArray[np.int64], k: int, counts: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Rows of each class in each resample, (k, r)."""
    counted = tally(of, block, (k, len(counts)))
    each = parts(counts.shape[1], max(k, len(counts)))
    return np.hstack([counted @ counts[:, part].astype(np.float64) for part in each])


def call_metrics(called: Sequence[Calls], targets: int) -> ClassMetrics | None:
    """Score the calls of targets that are independent of each other.

    Parameters
    ----------
    called : sequence of Calls
        One for each target that was called. All labels count in accuracy and micro F1; targets without
        positives or without negatives enter no mean over targets.
    targets : int
        Targets that the run has; more than were called where validation gives some no threshold.

    Returns
    -------
    ClassMetrics or None
        Of a run with one target the mean F1 and the pooled F1 are over its two classes, as scikit-learn has
        them. None where no target that was called has positives and negatives.
    """
    scored = [calls for calls in called if not math.isnan(calls.f1 + calls.of_negatives.f1)]
    if not scored:
        return None
    pooled = sum(called[1:], start=called[0])
    mcc = float(np.mean([calls.mcc for calls in scored]))
    if targets == 1:
        f1 = pooled.f1, pooled.of_negatives.f1
        return ClassMetrics(pooled.accuracy, sum(f1) / 2, pooled.accuracy, f1[0], mcc)
    macro_f1 = float(np.mean([calls.f1 for calls in scored]))
    return ClassMetrics(pooled.accuracy, macro_f1, pooled.f1, None, mcc)


def has_classes(predictions: Predictions) -> bool:
    """Tell whether a row has one class: of several columns, or of positive and negative."""
    return predictions.task == "multiclass" or len(predictions.targets) == 1
