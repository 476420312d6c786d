"""Regressions side by side end where scikit-learn's do, whatever is shared, cut into blocks or begun with."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from danq.models import logistic_regression
from danq.models.logistic_regression import Linear, regress

ROWS, COLUMNS = 400, 30
STRENGTHS = [1e-4, 1e-2, 1.0]
TOLERANCE = 0.01
"""Most that a logit may differ from scikit-learn's, of which most lie between -3 and 3."""


def _features():
    """Standardised columns that depend on each other, one that never varies among them."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(ROWS, COLUMNS)) + 2 * generator.normal(size=(ROWS, 1))
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    features[:, 3] = 0
    return features.astype(np.float32)


def _labels(features, offsets):
    """A target an offset: the larger it is, the more positives."""
    generator = np.random.default_rng(1)
    logits = features @ generator.normal(size=(COLUMNS, len(offsets))) / 3 + offsets
    return (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.uint8)


def _by_scikit_learn(features, labels, c):
    model = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(features.astype(np.float64), labels)
    return model.decision_function(features)


@pytest.mark.parametrize("c", STRENGTHS)
def test_targets_get_the_logits_of_scikit_learn(c):
    features = _features()
    labels = _labels(features, [-4.0, -1.0, 0.0, 2.0])
    assert labels.sum(axis=0).min() < 30
    logits = regress(features, labels, c, "multilabel").logits(features)
    expected = np.stack([_by_scikit_learn(features, column, c) for column in labels.T], axis=1)
    np.testing.assert_allclose(logits, expected, atol=TOLERANCE)


@pytest.mark.parametrize("c", STRENGTHS)
@pytest.mark.parametrize("classes", [2, 4])
def test_classes_get_the_differences_of_scikit_learn(c, classes):
    features = _features()
    numbers = _labels(features, [0.0] * classes).argmax(axis=1)
    labels = np.eye(classes, dtype=np.uint8)[numbers]
    logits = regress(features, labels, c, "multiclass").logits(features)
    expected = _by_scikit_learn(features, numbers, c)
    expected = np.stack([np.zeros(ROWS), expected], axis=1) if classes == 2 else expected
    # a constant added to all classes changes nothing
    difference = logits - expected
    np.testing.assert_allclose(difference - difference[:, :1], 0, atol=TOLERANCE)


@threadpool_limits.wrap(limits=1)
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_neither_threads_nor_groups_of_targets_nor_the_start_matter(task, monkeypatch):
    features = _features()
    labels = _labels(features, [-1.0, 0.0, 1.0])
    if task == "multiclass":
        labels = np.eye(3, dtype=np.uint8)[labels.argmax(axis=1)]
    monkeypatch.setattr(logistic_regression, "_ROWS", 64)
    fitted = regress(features, labels, 0.01, task)
    expected = fitted.logits(features)
    started = regress(features, labels, 0.01, task, regress(features, labels, 1.0, task))
    np.testing.assert_allclose(started.logits(features), expected, atol=TOLERANCE)
    monkeypatch.setattr(logistic_regression, "_THREADS", 1)
    by_one = regress(features, labels, 0.01, task)
    assert by_one.weights.tobytes() == fitted.weights.tobytes()
    assert by_one.intercepts.tobytes() == fitted.intercepts.tobytes()
    monkeypatch.setattr(logistic_regression, "_TARGETS", 2)
    told = []
    by_two = regress(features, labels, 0.01, task, advance=told.append)
    np.testing.assert_allclose(by_two.logits(features), expected, atol=TOLERANCE)
    assert told == ([2, 1] if task == "multilabel" else [3])


def test_separable_labels_under_a_weak_penalty_reach_their_minimum(caplog):
    features = _features()
    labels = (features[:, :1] > 0).astype(np.uint8)
    logits = regress(features, labels, 100.0, "multilabel").logits(features)[:, 0]
    np.testing.assert_array_equal(logits > 0, labels[:, 0] == 1)
    assert not caplog.records


def test_what_is_not_at_its_minimum_is_said(caplog, monkeypatch):
    monkeypatch.setattr(logistic_regression, "_STEPS", 1)
    features = _features()
    regress(features, _labels(features, [0.0]), 1.0, "multilabel")
    assert "not at its minimum after 1 steps" in caplog.text


def test_targets_of_one_value_get_the_logit_of_their_frequency():
    labels = np.tile(np.array([[0, 1]], np.uint8), (ROWS, 1))
    linear = regress(_features(), labels, 1.0, "multilabel")
    assert isinstance(linear, Linear)
    assert not linear.weights.any()
    np.testing.assert_allclose(linear.intercepts, [np.log(0.5 / 400.5), np.log(400.5 / 0.5)])
