import logging

import numpy as np
import pytest

from danq.data.options import Negatives
from danq.data.regions.admission import draw_negatives


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
