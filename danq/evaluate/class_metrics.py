"""Accuracy, F1 and Matthews correlation of calls, over classes or over targets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.evaluate.metrics import Calls


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
        F1 of all calls pooled, which for classes is the accuracy.
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


def class_metrics(probabilities: NDArray[np.float32], labels: NDArray[np.uint8]) -> ClassMetrics:
    """Score the most probable class of each row.

    Parameters
    ----------
    probabilities : float32, shape (n, k)
        The first of equally probable classes counts. With k = 1 the two classes are positive, from 0.5 on,
        and negative.
    labels : uint8, shape (n, k)
        One-hot; with k = 1, 1 for positive.

    Returns
    -------
    ClassMetrics
        Mean F1 over classes that occur as truth or call; multi-class Matthews correlation (Gorodkin 2004,
        doi 10.1016/j.compbiolchem.2004.09.006), 0 where calls or truths are all one class.
    """
    k = labels.shape[1]
    truth, called = labels.argmax(axis=1), probabilities.argmax(axis=1)
    if k == 1:
        k, truth, called = 2, labels[:, 0].astype(np.int64), (probabilities[:, 0] >= 0.5).astype(np.int64)
    table = np.bincount(truth * k + called, minlength=k * k).reshape(k, k).astype(np.float64)
    hits, of_truth, of_calls, n = np.diag(table), table.sum(axis=1), table.sum(axis=0), table.sum()
    occurs = of_truth + of_calls > 0
    f1 = 2 * hits[occurs] / (of_truth + of_calls)[occurs]
    spread = (n * n - of_truth @ of_truth) * (n * n - of_calls @ of_calls)
    mcc = (hits.sum() * n - of_truth @ of_calls) / spread**0.5 if spread > 0 else 0.0
    accuracy = float(hits.sum() / n)
    binary = float(f1[-1]) if labels.shape[1] == 1 and occurs[1] else None
    return ClassMetrics(accuracy, float(f1.mean()), accuracy, binary, float(mcc))


def call_metrics(found: Sequence[Calls]) -> ClassMetrics | None:
    """Score the calls of targets that are independent of each other.

    Parameters
    ----------
    found : sequence of Calls
        One a target; those without positives or without negatives enter no mean.

    Returns
    -------
    ClassMetrics or None
        Of one target the mean F1 and the pooled F1 are over its two classes, as scikit-learn has them. None
        where there is no target with positives and negatives.
    """
    scored = [
        calls for calls in found if calls.f1 == calls.f1 and calls.of_negatives.f1 == calls.of_negatives.f1
    ]
    if not scored:
        return None
    accuracy = float(np.mean([calls.accuracy for calls in scored]))
    mcc = float(np.mean([calls.mcc for calls in scored]))
    if len(found) == 1:
        f1 = scored[0].f1, scored[0].of_negatives.f1
        return ClassMetrics(accuracy, sum(f1) / 2, accuracy, f1[0], mcc)
    pooled = sum(scored[1:], start=scored[0])
    return ClassMetrics(accuracy, float(np.mean([calls.f1 for calls in scored])), pooled.f1, None, mcc)
