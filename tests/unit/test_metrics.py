import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

from danq.errors import DanqError
from danq.evaluate.class_metrics import ClassMetrics, call_metrics, class_metrics
from danq.evaluate.metrics import (
    Calls,
    auprc,
    auroc,
    best_threshold,
    calls,
    pr_curve,
    rank,
    roc_curve,
    thin,
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
def test_curves_pass_through_scikit_learns_points(target):
    scores, labels = target
    ranking = rank(scores, labels)
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc_curve(ranking), (fpr, tpr), atol=1e-12)
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    np.testing.assert_allclose(pr_curve(ranking)[0][1:], recall[:-1][::-1], atol=1e-12)
    np.testing.assert_allclose(pr_curve(ranking)[1][1:], precision[:-1][::-1], atol=1e-12)


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


def test_no_rows_at_all_have_no_positives():
    assert rank(np.zeros(0, np.float32), np.zeros(0, np.uint8)).status == "no_positives"


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(DanqError, match="received 1 times NaN"):
        rank(np.array([0.1, np.nan], np.float32), np.array([0, 1], np.uint8))


def test_minus_zero_ties_with_zero():
    assert len(rank(np.array([-0.0, 0.0], np.float32), np.array([0, 1], np.uint8)).scores) == 1


@settings(deadline=None)
@given(targets())
def test_thinned_curves_keep_their_ends_and_lose_little_area(target):
    x, y = roc_curve(rank(*target))
    few_x, few_y = thin(x, y, 20)
    assert len(few_x) <= 20
    assert (few_x[0], few_y[0], few_x[-1], few_y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(few_y, few_x) == pytest.approx(np.trapezoid(y, x), abs=0.11)


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(2, 40), st.randoms(use_true_random=False))
def test_class_metrics_equal_scikit_learn(k, n, random):
    rng = np.random.default_rng(random.randrange(1 << 30))
    truth = rng.integers(0, k, n)
    truth[:2] = [0, 1]
    probabilities = rng.random((n, k), np.float32)
    result = class_metrics(probabilities, np.eye(k, dtype=np.uint8)[truth])
    called = probabilities.argmax(axis=1)
    assert result.accuracy == pytest.approx(sk.accuracy_score(truth, called))
    assert result.macro_f1 == pytest.approx(sk.f1_score(truth, called, average="macro"))
    assert result.mcc == pytest.approx(sk.matthews_corrcoef(truth, called), abs=1e-9)
    assert result.micro_f1 == pytest.approx(sk.f1_score(truth, called, average="micro"))
    assert result.binary_f1 is None


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(2, 40), st.randoms(use_true_random=False))
def test_calls_of_targets_equal_scikit_learn(k, n, random):
    rng = np.random.default_rng(random.randrange(1 << 30))
    labels = rng.integers(0, 2, (n, k)).astype(np.uint8)
    labels[:2] = [[0] * k, [1] * k]
    probabilities = rng.random((n, k), np.float32)
    called = (probabilities >= 0.5).astype(np.uint8)
    found = [calls(rank(probabilities[:, j], labels[:, j]), 0.5) for j in range(k)]
    result = call_metrics(found, k)
    truth, call = (labels[:, 0], called[:, 0]) if k == 1 else (labels, called)
    assert result.accuracy == pytest.approx((labels == called).mean())
    assert result.macro_f1 == pytest.approx(sk.f1_score(truth, call, average="macro"))
    assert result.micro_f1 == pytest.approx(sk.f1_score(truth, call, average="micro"))
    assert result.mcc == pytest.approx(
        np.mean([sk.matthews_corrcoef(labels[:, j], called[:, j]) for j in range(k)]), abs=1e-9
    )
    if k == 1:
        assert result.binary_f1 == pytest.approx(sk.f1_score(truth, call))
        assert asdict(class_metrics(probabilities, labels)) == pytest.approx(asdict(result))
    else:
        assert result.binary_f1 is None


def test_targets_of_one_class_enter_no_mean():
    never, known = Calls(0, 1, 0, 9), Calls(3, 0, 1, 6)
    assert call_metrics([never], 1) is None
    assert call_metrics([never, known], 2).macro_f1 == known.f1


def test_one_called_target_of_several_has_no_second_class():
    calls = Calls(3, 2, 1, 6)
    assert call_metrics([calls], 3) == ClassMetrics(0.75, calls.f1, calls.f1, None, calls.mcc)
    assert call_metrics([calls], 1).binary_f1 == calls.f1


def test_labels_of_targets_without_positives_count_in_accuracy_and_micro_f1():
    rng = np.random.default_rng(2)
    labels, called = (rng.integers(0, 2, (40, 3)).astype(np.uint8) for _ in range(2))
    labels[:, 1] = 0
    found = [calls(rank(called[:, j].astype(np.float32), labels[:, j]), 0.5) for j in range(labels.shape[1])]
    result = call_metrics(found, 3)
    assert result.accuracy == pytest.approx((labels == called).mean())
    assert result.micro_f1 == pytest.approx(sk.f1_score(labels, called, average="micro"))
    scored = [0, 2]
    assert result.macro_f1 == pytest.approx(
        sk.f1_score(labels[:, scored], called[:, scored], average="macro")
    )
