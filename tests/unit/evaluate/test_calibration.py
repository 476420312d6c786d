from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.evaluate.curves import BINS, reliability
from danq.metrics import rank


def naive(probabilities, labels):
    error = 0.0
    edges = np.linspace(0, 1, BINS + 1)
    for low, high in pairwise(edges):
        inside = [
            i for i, p in enumerate(probabilities) if low <= float(p) < high or (high == 1 and float(p) == 1)
        ]
        if inside:
            mean = np.mean([float(probabilities[i]) for i in inside])
            error += len(inside) / len(labels) * abs(mean - np.mean([labels[i] for i in inside]))
    return error


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1, width=32), st.integers(0, 1)), min_size=1, max_size=60))
def test_expected_calibration_error_equals_a_naive_loop(rows):
    probabilities = np.array([row[0] for row in rows], np.float32)
    labels = np.array([row[1] for row in rows], np.uint8)
    assert reliability(rank(probabilities, labels)).ece == pytest.approx(naive(probabilities, labels))


def test_a_sure_and_right_model_has_no_error_and_a_sure_and_wrong_one_has_error_1():
    probabilities = np.array([0, 0, 1, 1], np.float32)
    assert reliability(rank(probabilities, np.array([0, 0, 1, 1], np.uint8))).ece == 0
    assert reliability(rank(probabilities, np.array([1, 1, 0, 0], np.uint8))).ece == 1


def test_pooling_two_targets_equals_their_rows_together():
    rng = np.random.default_rng(5)
    probabilities = rng.random(400, np.float32)
    labels = (rng.random(400) < probabilities).astype(np.uint8)
    parts = reliability(rank(probabilities[:150], labels[:150])) + reliability(
        rank(probabilities[150:], labels[150:])
    )
    whole = reliability(rank(probabilities, labels))
    assert parts.rows.tolist() == whole.rows.tolist()
    assert parts.ece == pytest.approx(whole.ece)
    assert len(whole.rows) == BINS


def test_nothing_has_no_error():
    nothing = reliability(rank(np.zeros(0, np.float32), np.zeros(0, np.uint8)))
    assert nothing.rows.tolist() == [0] * BINS
    assert np.isnan(nothing.ece)
