"""Contigs and rows dealt to folds: each tests once, folds are balanced, seeds deal differently."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.dataset import SPLITS
from danq.data.examples.labels import UNPLACED, Examples, place_examples
from danq.data.options import SplitOptions
from danq.data.regions.bins import bins_of
from danq.data.splits import assign, deal_contigs, deal_rows, split_of_fold, territories, with_contigs
from danq.errors import DanqError
from danq.genome.fasta import Genome

YEAST = np.array([230, 813, 316, 1531, 576, 270, 1090, 562, 439, 745, 666, 1078, 924, 784, 1091, 948, 85])
"""Chromosomes in kb."""


def genome(lengths: list[int], names: tuple[str, ...]) -> Genome:
    sizes = np.array(lengths, np.int64)
    return Genome(Path("g"), names, np.cumsum(sizes) - sizes, sizes, np.zeros(sizes.sum(), np.uint8), "")


def test_one_fold_tests_the_next_validates_the_rest_trains():
    parts = [split_of_fold(np.arange(4), SplitOptions(folds=4, fold=fold)) for fold in (1, 2, 4)]
    assert [[SPLITS[part] for part in each] for each in parts] == [
        ["test", "valid", "train", "train"],
        ["train", "test", "valid", "train"],
        ["valid", "train", "train", "test"],
    ]


@pytest.mark.parametrize("seed", range(20))
def test_folds_of_yeast_are_about_equal(seed: int):
    filled = np.bincount(deal_contigs(5 * YEAST, 5, seed), weights=YEAST, minlength=5)
    assert np.abs(filled / filled.mean() - 1).max() < 0.15


def test_a_seed_decides_the_deal():
    deals = [deal_contigs(YEAST, 5, seed) for seed in (1, 1, 2, 3)]
    np.testing.assert_array_equal(deals[0], deals[1])
    together = [deal[:, None] == deal[None, :] for deal in deals]
    assert (together[0] != together[2]).any()
    assert (together[0] != together[3]).any()


@given(st.lists(st.integers(0, 50), min_size=3, max_size=30), st.integers(3, 6), st.integers(0, 99))
def test_every_fold_has_a_contig_with_bins(bins: list[int], folds: int, seed: int):
    number = np.array(bins)
    if (number > 0).sum() >= folds:
        dealt = deal_contigs(number, folds, seed)
        assert set(dealt[number > 0]) == set(range(folds))


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=60), st.integers(3, 6), st.integers(0, 99))
def test_rows_are_dealt_evenly_class_by_class(strata: list[int], folds: int, seed: int):
    of = np.array(strata)
    dealt = deal_rows(of, folds, seed)
    assert np.ptp(np.bincount(dealt, minlength=folds)) <= 1
    for stratum in set(strata):
        assert np.ptp(np.bincount(dealt[of == stratum], minlength=folds)) <= 1


def test_every_bin_tests_once_and_no_window_crosses():
    sizes, names = [400, 95, 300, 120], ("a", "HLA:1*2", "c", "d")
    bins = bins_of(np.array(sizes), 10)
    tests = np.zeros(len(bins), int)
    for fold in (1, 2, 3):
        split = SplitOptions(folds=3, fold=fold)
        placed = territories(split, genome(sizes, names), bins, "datasets.d")
        parts, straddling, boundary = assign(bins, np.array(sizes), placed, 30)
        assert not straddling.any()
        assert not boundary.any()
        tests += parts == SPLITS.index("test")
        told = with_contigs(split, genome(sizes, names), placed)
        of_test = {names[contig] for contig, one in placed.items() if SPLITS[one.split[0]] == "test"}
        assert set(told.test) == of_test
        assert not of_test & set(told.valid)
    assert (tests == 1).all()


def test_more_folds_than_contigs_are_refused():
    place, bins = genome([100, 100, 5], ("a", "b", "c")), bins_of(np.array([100, 100, 5]), 10)
    with pytest.raises(DanqError, match=r"^datasets\.d: split\.folds: expected at most 2, .* received 3$"):
        territories(SplitOptions(folds=3, fold=1), place, bins, "datasets.d")


def examples(split: list[int]) -> Examples:
    names = [str(row) for row in range(len(split))]
    return Examples(
        names,
        [("1",)] * len(split),
        np.array(split, np.uint8),
        [f"a.tsv:{row + 2}" for row in range(len(split))],
    )


def test_rows_of_examples_are_dealt_and_given_splits_refused():
    labels = np.repeat([[1], [0]], 15, axis=0).astype(np.uint8)
    options = SplitOptions(folds=3, fold=2)
    placed = place_examples(examples([UNPLACED] * 30), labels, options, "datasets.d")
    for part in range(3):
        assert labels[placed == part].sum() == (placed == part).sum() / 2 == 5
    with pytest.raises(DanqError, match=r"^datasets\.d\.split\.folds: expected rows without a split"):
        place_examples(examples([0] * 20 + [1] * 5 + [2] * 5), labels, options, "datasets.d")
