import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from danq.evaluate.bootstrap import BLOCK_BP, blocks, draw, interval, macro, resampled_areas


def naive(scores, labels, resamples):
    """Repeat every row as often as its block was drawn and ask scikit-learn."""
    areas = []
    for counts in resamples.counts.T:
        rows = np.repeat(np.arange(len(labels)), counts[resamples.block])
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
def test_areas_equal_scikit_learn_on_repeated_rows(n, g, ties, seed):
    rng = np.random.default_rng(seed)
    scores = (rng.integers(0, 6, n) / 5 if ties else rng.random(n)).astype(np.float32)
    labels = rng.integers(0, 2, n).astype(np.uint8)
    resamples = draw(rng.integers(0, g, n), g, 12, seed)
    np.testing.assert_allclose(
        resampled_areas(scores, labels, resamples), naive(scores, labels, resamples), atol=1e-12
    )


def test_more_resamples_than_a_chunk_are_all_filled():
    rng = np.random.default_rng(1)
    scores, labels = rng.random(30).astype(np.float32), (np.arange(30) % 2).astype(np.uint8)
    areas = resampled_areas(scores, labels, draw(np.arange(30), 30, 300, 1))
    assert not np.isnan(areas).any()


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_value(label):
    areas = resampled_areas(
        np.arange(4, dtype=np.float32), np.full(4, label, np.uint8), draw(np.arange(4), 4, 5, 1)
    )
    assert np.isnan(areas).all()


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
    low, high = interval(rng.normal(0.5, 0.1, 4000))
    assert low == pytest.approx(0.5 - 1.96 * 0.1, abs=0.01)
    assert high == pytest.approx(0.5 + 1.96 * 0.1, abs=0.01)


def test_an_interval_needs_half_of_the_resamples():
    assert np.isnan(interval(np.array([0.5, np.nan, np.nan]))).all()


def test_the_macro_mean_leaves_missing_values_out():
    values = np.array([[0.2, np.nan, np.nan], [0.4, 0.6, np.nan]])
    np.testing.assert_allclose(macro(values), [0.3, 0.6, np.nan])
