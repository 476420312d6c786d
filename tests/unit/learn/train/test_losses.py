from types import SimpleNamespace

import numpy as np
import pytest

from danq.errors import DanqError
from danq.learn.options import TrainOptions
from danq.learn.train.optimization import positive_weights, row_loss, target_weights


def data(task="multilabel"):
    return SimpleNamespace(
        targets=("a", "b", "c"),
        task=task,
        counts=lambda split: np.array([10, 40, 0]),
        labelled=lambda split: 50,
    )


def examples(k=3):
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (6, k)).astype(np.float32)
    return logits, (generator.random((6, k)) < 0.5).astype(np.uint8)


def sigmoid(z):
    return 1 / (1 + np.exp(-z.astype(np.float64)))


def test_sigmoid_cross_entropy_is_the_mean_over_targets():
    logits, labels = examples()
    p = sigmoid(logits)
    each = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    np.testing.assert_allclose(row_loss("multilabel", None)(labels, logits), each.mean(axis=1), rtol=1e-5)


def test_positive_weights_weigh_positive_labels_only():
    logits, labels = examples()
    p = sigmoid(logits)
    weights = np.array([1, 2, 5], np.float32)
    each = -(weights * labels * np.log(p) + (1 - labels) * np.log(1 - p))
    np.testing.assert_allclose(row_loss("multilabel", weights)(labels, logits), each.mean(axis=1), rtol=1e-5)


def test_softmax_cross_entropy_is_that_of_the_one_class():
    logits, _ = examples()
    labels = np.eye(3, dtype=np.uint8)[[0, 1, 2, 2, 1, 0]]
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    expected = -np.log((p * labels).sum(axis=1))
    np.testing.assert_allclose(row_loss("multiclass", None)(labels, logits), expected, rtol=1e-5)
    weights = np.array([1, 2, 5], np.float32)
    np.testing.assert_allclose(
        row_loss("multiclass", weights)(labels, logits), expected * weights[[0, 1, 2, 2, 1, 0]], rtol=1e-5
    )


def test_weights_of_positive_labels():
    assert positive_weights(TrainOptions(), data()) is None
    np.testing.assert_array_equal(positive_weights(TrainOptions(positive_weight=3), data()), [3, 3, 3])
    balanced = TrainOptions(positive_weight="balanced")
    np.testing.assert_allclose(positive_weights(balanced, data()), [4, 0.25, 1])
    np.testing.assert_allclose(
        positive_weights(balanced, data("multiclass")), [50 / 30, 50 / 120, 1], rtol=1e-6
    )
    with pytest.raises(DanqError, match="positive_weight: expected none or balanced"):
        positive_weights(TrainOptions(positive_weight=3), data("multiclass"))


def test_weights_of_targets_follow_the_rarity_of_their_labels():
    assert target_weights(TrainOptions(), data()) is None
    weights = target_weights(TrainOptions(target_weight="rare"), data())
    # prevalences 10/50, 40/50 and, for a target without positives, 1/50
    entropy = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (0.2, 0.8, 0.02)]
    np.testing.assert_allclose(weights / weights[0], np.sqrt(entropy[0] / np.array(entropy)), rtol=1e-6)
    assert weights.mean() == pytest.approx(1)
    with pytest.raises(DanqError, match="target_weight: expected none"):
        target_weights(TrainOptions(target_weight="rare"), data("multiclass"))


def test_weights_of_targets_weigh_both_labels():
    logits, labels = examples()
    p = sigmoid(logits)
    shares = np.array([1, 2, 5], np.float32)
    each = -shares * (labels * np.log(p) + (1 - labels) * np.log(1 - p))
    np.testing.assert_allclose(
        row_loss("multilabel", None, shares)(labels, logits), each.mean(axis=1), rtol=1e-5
    )
