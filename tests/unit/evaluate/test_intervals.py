import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.evaluate.intervals import BLOCK_BP, blocks, draw, interval, macro
from danq.metrics import auprc, rank, weighted_areas


def test_blocks_are_stretches_of_100_kb_within_a_contig():
    contig = np.array(["chrI", "chrI", "chrI", "chrII"])
    start = np.array([0, BLOCK_BP - 1, BLOCK_BP, 0], np.int64)
    block, g = blocks(contig, start, 4)
    assert g == 3
    assert block[0] == block[1]
    assert len({block[1], block[2], block[3]}) == 3


def test_rows_without_coordinates_are_their_own_blocks():
    block, g = blocks(None, None, 5)
    assert (block.tolist(), g) == ([0, 1, 2, 3, 4], 5)


def test_a_draw_is_repeatable_and_each_resample_has_as_many_blocks():
    first, second, other = (draw(np.arange(9), 9, 20, seed).counts for seed in (1, 1, 2))
    assert (first == second).all()
    assert (first != other).any()
    assert (first.sum(axis=0) == 9).all()


def test_the_interval_of_a_mean_covers_its_spread():
    rng = np.random.default_rng(3)
    low, high = interval(rng.normal(0.5, 0.1, 4000), 0.5)
    assert low == pytest.approx(0.5 - 1.96 * 0.1, abs=0.01)
    assert high == pytest.approx(0.5 + 1.96 * 0.1, abs=0.01)


def test_an_interval_needs_half_of_the_resamples():
    assert np.isnan(interval(np.array([0.5, np.nan, np.nan]), 0.5)).all()
    assert np.isnan(interval(np.zeros(0), 0.5)).all()
    assert np.isnan(interval(np.full(4, 0.5), np.nan)).all()


def test_without_bias_the_interval_is_that_of_the_percentiles():
    values = np.random.default_rng(5).beta(2, 9, 1001)
    np.testing.assert_allclose(interval(values, values.mean()), np.quantile(values, [0.025, 0.975]))


def test_bias_moves_the_interval_back_and_stretches_it():
    values = np.random.default_rng(5).uniform(0.4, 0.6, 1001)
    estimate = values.mean() - 0.05
    low, high = np.quantile(values, [0.025, 0.975]) - 0.05
    np.testing.assert_allclose(interval(values, estimate), (low - 0.05, high))
    np.testing.assert_allclose(interval(-values, -estimate, (-1, 1)), (-high, 0.05 - low))


@given(st.integers(2, 30), st.integers(0, 1 << 30))
def test_an_interval_holds_the_estimate_and_stays_within_its_limits(n, seed):
    rng = np.random.default_rng(seed)
    values, estimate = rng.random(n), rng.random()
    values[rng.random(n) < 0.2] = np.nan
    low, high = interval(values, estimate)
    assert np.isnan([low, high]).all() or 0 <= low <= estimate <= high <= 1


def drawn_targets(k, seed, prevalence, n=1000):
    """AUPRC of k drawn targets and of their resamples."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((k, n)) < prevalence).astype(np.uint8)
    scores = (rng.normal(size=(k, n)) + 1.5 * labels).astype(np.float32)
    pairs = list(zip(scores, labels, strict=True))
    resamples = draw(np.arange(n), n, 100, 1)
    values = np.array([weighted_areas(*pair, resamples.block, resamples.counts)[1] for pair in pairs])
    return np.array([auprc(rank(*pair)) for pair in pairs]), values


def test_the_mean_auprc_of_many_rare_targets_lies_in_its_interval():
    estimates, values = drawn_targets(250, 1, 0.02)
    mean = estimates.mean()
    assert np.quantile(macro(values), 0.025) > mean, "percentiles alone would miss it"
    low, high = interval(macro(values), mean)
    assert low < mean < high


def test_intervals_of_a_mean_auprc_hold_the_true_value_more_often_than_percentiles():
    labels = (np.random.default_rng(9).random(400_000) < 0.05).astype(np.uint8)
    scores = np.random.default_rng(8).normal(size=400_000) + 1.5 * labels
    true = auprc(rank(scores.astype(np.float32), labels))
    held, plain = 0, 0
    for seed in range(10):
        estimates, values = drawn_targets(20, seed, 0.05)
        low, high = interval(macro(values), estimates.mean())
        held += bool(low <= true <= high)
        low, high = np.quantile(macro(values), [0.025, 0.975])
        plain += bool(low <= true <= high)
    assert held >= 9
    assert plain <= 7


def test_the_macro_mean_leaves_missing_values_out():
    values = np.array([[0.2, np.nan, np.nan], [0.4, 0.6, np.nan]])
    np.testing.assert_allclose(macro(values), [0.3, 0.6, np.nan])
