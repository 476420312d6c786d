import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from sklearn import metrics as sk

from danq.errors import DanqError
from danq.metrics import (
    auprc,
    auroc,
    best_threshold,
    calls,
    class_log_odds,
    count_calls,
    rank,
    weighted_areas,
)

TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])
ANY = st.floats(-1e6, 1e6, width=32)


@st.composite
def targets(draw, both=True):
    n = draw(st.integers(2, 60))
    scores = draw(arrays(np.float32, n, elements=draw(st.sampled_from([TIED, ANY]))))
    labels = draw(arrays(np.uint8, n, elements=st.integers(0, 1)))
    if both:
        labels[:2] = [0, 1]
    return scores, labels


def test_a_table_small_enough_for_the_eye():
    ranking = rank(np.array([0.9, 0.8, 0.8, 0.1], np.float32), np.array([1, 0, 1, 0], np.uint8))
    assert ranking.scores.tolist() == pytest.approx([0.9, 0.8, 0.1])
    assert (ranking.positives.tolist(), ranking.rows.tolist()) == ([1, 2, 2], [1, 3, 4])
    assert auroc(ranking) == (2 + 1.5) / 4
    assert auprc(ranking) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert best_threshold(ranking) == pytest.approx(0.8)
    assert calls(ranking, 0.8).f1 == pytest.approx(2 * 2 / (2 * 2 + 1))


@settings(deadline=None)
@given(targets())
def test_areas_equal_scikit_learn(target):
    scores, labels = target
    assert auroc(rank(scores, labels)) == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)
    assert auprc(rank(scores, labels)) == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-12)


@settings(deadline=None)
@given(targets(both=False), st.randoms(use_true_random=False))
def test_areas_do_not_change_with_the_order_of_rows(target, random):
    scores, labels = target
    order = list(range(len(scores)))
    random.shuffle(order)
    first, second = rank(scores, labels), rank(scores[order], labels[order])
    assert [a.tolist() for a in (first.scores, first.positives, first.rows)] == [
        a.tolist() for a in (second.scores, second.positives, second.rows)
    ]


@settings(deadline=None)
@given(targets())
def test_f1_and_mcc_at_a_threshold_equal_scikit_learn_and_no_score_does_better(target):
    scores, labels = target
    ranking = rank(scores, labels)
    threshold = best_threshold(ranking)
    best = calls(ranking, threshold)
    assert best.f1 == pytest.approx(sk.f1_score(labels, scores >= np.float32(threshold)), abs=1e-12)
    assert best.mcc == pytest.approx(sk.matthews_corrcoef(labels, scores >= np.float32(threshold)), abs=1e-9)
    assert best.f1 == pytest.approx(max(sk.f1_score(labels, scores >= cut) for cut in scores), abs=1e-12)


def test_calls_above_every_score_find_nothing():
    nothing = calls(rank(np.array([0.1, 0.2], np.float32), np.array([0, 1], np.uint8)), 0.3)
    assert (nothing.true_positives, nothing.false_negatives, nothing.f1, nothing.mcc) == (0, 1, 0.0, 0.0)


@pytest.mark.parametrize(("labels", "status"), [([0, 0, 0], "no_positives"), ([1, 1, 1], "no_negatives")])
def test_a_target_without_one_class_is_not_scored(labels, status):
    ranking = rank(np.array([0.1, 0.5, 0.5], np.float32), np.array(labels, np.uint8))
    assert ranking.status == status
    assert math.isnan(auroc(ranking))
    assert math.isnan(auprc(ranking))


@pytest.mark.parametrize("labels", [[], [-1, -1]])
def test_no_rows_at_all_have_no_labels(labels):
    assert rank(np.zeros(len(labels), np.float32), np.array(labels, np.int8)).status == "no_labels"


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(DanqError, match="received 1 times NaN"):
        rank(np.array([0.1, np.nan], np.float32), np.array([0, 1], np.uint8))


def test_minus_zero_ties_with_zero():
    assert len(rank(np.array([-0.0, 0.0], np.float32), np.array([0, 1], np.uint8)).scores) == 1


def naive(scores, labels, block, weights):
    """Repeat every row as often as its block was drawn and ask scikit-learn."""
    areas = []
    for counts in weights.T:
        rows = np.repeat(np.arange(len(labels)), counts[block])
        if len(set(labels[rows])) < 2:
            areas.append((np.nan, np.nan))
        else:
            areas.append(
                (
                    sk.roc_auc_score(labels[rows], scores[rows]),
                    sk.average_precision_score(labels[rows], scores[rows]),
                )
            )
    return np.array(areas).T


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 50), st.integers(1, 8), st.booleans(), st.integers(0, 1 << 30))
def test_weighted_areas_equal_scikit_learn_on_repeated_rows(n, g, ties, seed):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, 6, n) / 5 if ties else rng.random(n)).astype(np.float32)
    labels = rng.integers(0, 2, n).astype(np.uint8)
    block, weights = rng.integers(0, g, n), rng.integers(0, 4, (g, 12)).astype(np.uint8)
    areas = weighted_areas(scores, labels, block, weights)
    np.testing.assert_allclose(areas, naive(scores, labels, block, weights), atol=1e-12)


def test_weight_1_gives_the_areas_themselves():
    rng = np.random.default_rng(2)
    scores, labels = rng.integers(0, 9, 80).astype(np.float32), rng.integers(0, 2, 80).astype(np.uint8)
    ranking = rank(scores, labels)
    areas = weighted_areas(scores, labels, np.arange(80), np.ones((80, 1), np.uint8))
    assert np.ravel(areas) == pytest.approx([auroc(ranking), auprc(ranking)], abs=1e-12)


def test_more_weightings_than_a_part_are_all_filled():
    rng = np.random.default_rng(1)
    scores, labels = rng.random(30).astype(np.float32), (np.arange(30) % 2).astype(np.uint8)
    areas = weighted_areas(scores, labels, np.arange(30), np.ones((30, 300), np.uint8))
    assert not np.isnan(areas).any()


@pytest.mark.parametrize("label", [0, 1])
def test_weighted_rows_of_one_class_have_no_value(label):
    labels, weights = np.full(4, label, np.uint8), np.ones((4, 5), np.uint8)
    assert np.isnan(weighted_areas(np.arange(4, dtype=np.float32), labels, np.arange(4), weights)).all()


@given(arrays(np.float32, (4, 3), elements=st.floats(-30, 30, width=32)))
def test_log_odds_of_classes_are_those_of_the_softmax(logits):
    p = softmax(logits.astype(np.float64), axis=1)
    rest = np.stack([np.delete(p, j, axis=1).sum(axis=1) for j in range(3)], axis=1)
    np.testing.assert_allclose(class_log_odds(logits), np.log(p / rest), atol=1e-9)


def test_log_odds_do_not_saturate():
    odds = class_log_odds(np.array([[80, 0, 0], [81, 0, 0]], np.float32))
    np.testing.assert_allclose(odds[1] - odds[0], [1, -1, -1], atol=1e-9)


def test_calls_that_are_counted_equal_those_at_a_threshold():
    rng = np.random.default_rng(4)
    scores, labels = rng.random(50).astype(np.float32), rng.random(50) < 0.3
    assert count_calls(scores >= 0.5, labels) == calls(rank(scores, labels), 0.5)
