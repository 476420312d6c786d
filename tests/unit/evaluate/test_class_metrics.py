from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from danq.evaluate.class_metrics import ClassMetrics, call_metrics, class_metrics, resampled_classes
from danq.evaluate.intervals import draw
from danq.metrics import Calls, calls, rank


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


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 40), st.integers(1, 8), st.integers(0, 1 << 30))
def test_resampled_classes_equal_scikit_learn_on_repeated_rows(k: int, n: int, g: int, seed: int):
    rng = np.random.default_rng(seed)
    probabilities = rng.random((n, k)).astype(np.float32)
    classes = rng.integers(0, max(k, 2), n)
    labels = classes[:, None].astype(np.uint8) if k == 1 else np.eye(k, dtype=np.uint8)[classes]
    called = (probabilities[:, 0] >= 0.5).astype(int) if k == 1 else probabilities.argmax(axis=1)
    resamples = draw(rng.integers(0, g, n), g, 7, seed)
    found = resampled_classes(probabilities, labels, resamples)
    for column, counts in enumerate(resamples.counts.T):
        rows = np.repeat(np.arange(n), counts[resamples.block])
        if not len(rows):
            continue
        truth, given = classes[rows], called[rows]
        naive = {
            "accuracy": sk.accuracy_score(truth, given),
            "macro_f1": sk.f1_score(truth, given, average="macro", labels=np.union1d(truth, given)),
            "mcc": sk.matthews_corrcoef(truth, given) if len(set(truth) | set(given)) > 1 else 0.0,
        }
        assert {name: values[column] for name, values in found.items()} == pytest.approx(naive, abs=1e-12)
        again = class_metrics(probabilities[rows], labels[rows])
        assert (again.accuracy, again.macro_f1, again.mcc) == pytest.approx(tuple(naive.values()), abs=1e-12)
