"""Admission of bins: what their windows are made of, and the draw of negatives."""

import logging
from pathlib import Path

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.options import Negatives
from danq.data.regions import admission
from danq.data.regions.admission import draw_negatives, window_composition
from danq.data.regions.bins import bins_of
from danq.genome.alphabet import encode
from danq.genome.fasta import Genome


def genome(sequences: list[str]) -> Genome:
    lengths = np.array([len(text) for text in sequences], np.int64)
    names = tuple(f"s{i}" for i in range(len(sequences)))
    return Genome(Path("g"), names, np.cumsum(lengths) - lengths, lengths, encode("".join(sequences)), "")


@given(
    st.lists(st.text("ACGTN", min_size=1, max_size=90), min_size=1, max_size=3),
    st.integers(1, 20),
    st.integers(0, 60),
    st.sampled_from([1, 16, 40, 1 << 20]),
)
def test_composition_equals_a_naive_loop_in_whatever_stretches(
    sequences: list[str], width: int, margin: int, stretch: int
) -> None:
    made, window = genome(sequences), width + margin
    bins = bins_of(made.lengths, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission, "_BASES_AT_ONCE", stretch)
        unknown, gc = window_composition(made, bins, window)
    expected = [
        oracles.composition(sequences[each[0]], each, window)
        for each in oracles.bins_of([len(text) for text in sequences], width)
    ]
    assert unknown.tolist() == [of_bin for of_bin, _ in expected]
    assert np.allclose(gc, [of_bin for _, of_bin in expected])


def pool(n: int, positives: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    gc = random.beta(4, 6, n).astype(np.float32)
    # positives are richer in GC than the rest
    positive = np.sort(random.choice(n, positives, replace=False, p=gc**3 / (gc**3).sum(dtype=np.float64)))
    return positive, np.setdiff1d(np.arange(n), positive), gc


@pytest.mark.parametrize("match", ["none", "gc"])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 2.5])
def test_the_ratio_holds(match: str, ratio: float) -> None:
    positive, negative, gc = pool(20_000, 301)
    kept = draw_negatives(Negatives(negatives_per_positive=ratio, match=match), positive, negative, gc, 1)
    assert len(kept) == int(301 * ratio + 0.5)
    assert len(np.unique(kept)) == len(kept)
    assert np.isin(kept, negative).all()
    assert (np.diff(kept) > 0).all()


def test_matched_negatives_follow_the_gc_of_the_positives() -> None:
    positive, negative, gc = pool(50_000, 500)
    matched = draw_negatives(Negatives(negatives_per_positive=1, match="gc"), positive, negative, gc, 1)
    random = draw_negatives(Negatives(negatives_per_positive=1), positive, negative, gc, 1)
    wanted = np.histogram(gc[positive], 50, (0, 1))[0]
    assert np.array_equal(np.histogram(gc[matched], 50, (0, 1))[0], wanted)
    assert gc[positive].mean() - gc[random].mean() > 0.05


def test_the_draw_depends_on_the_seed_alone() -> None:
    positive, negative, gc = pool(5_000, 100)
    options = Negatives(negatives_per_positive=1, match="gc")
    one, again, other = (draw_negatives(options, positive, negative, gc, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_a_shortage_is_told(caplog: pytest.LogCaptureFixture) -> None:
    positive, negative = np.arange(10), np.arange(10, 13)
    gc = np.zeros(13, np.float32)
    with caplog.at_level(logging.WARNING, "danq"):
        kept = draw_negatives(Negatives(negatives_per_positive=2, match="gc"), positive, negative, gc, 1)
    assert kept.tolist() == [10, 11, 12]
    assert "wanted 20 training bins, found 3" in caplog.text
