from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.batches import TrainingBatches, ordered_batches
from danq.data.dataset import Dataset
from danq.data.writing import pack_labels
from danq.errors import DanqError
from danq.genome.alphabet import N, reverse_complement

WINDOW = 12


def dataset(n: int, targets: int = 11) -> Dataset:
    random = np.random.default_rng(n)
    return Dataset(
        path=Path("d"),
        manifest={},
        targets=tuple(f"t{i}" for i in range(targets)),
        task="multilabel",
        window=WINDOW,
        bin=None,
        contig=None,
        start=None,
        end=None,
        split=np.zeros(n, np.uint8),
        genome=None,
        packed=pack_labels(random.integers(0, 2, (n, targets))),
        sequences=random.integers(0, 4, (n, WINDOW), dtype=np.uint8),
    )


def drawn(batches: TrainingBatches, epoch: int) -> list[int]:
    rows = np.concatenate([batches.load(epoch, step).rows for step in range(batches.steps)])
    return rows[rows >= 0].tolist()


@given(st.integers(1, 40), st.integers(1, 17), st.integers(0, 2**70), st.integers(0, 5))
def test_each_row_comes_once_an_epoch(n: int, batch_size: int, seed: int, epoch: int) -> None:
    batches = TrainingBatches(dataset(n), np.arange(n), batch_size, seed)
    assert sorted(drawn(batches, epoch)) == list(range(n))


@given(st.integers(1, 30), st.integers(1, 70), st.integers(1, 9))
def test_short_and_long_epochs_go_on_through_permutations(n: int, samples: int, batch_size: int) -> None:
    batches = TrainingBatches(dataset(n), np.arange(n), batch_size, 7, samples_per_epoch=samples)
    stream = [row for epoch in range(n + 1) for row in drawn(batches, epoch)]
    assert len(stream) == samples * (n + 1)
    for first in range(0, len(stream) - n + 1, n):
        assert sorted(stream[first : first + n]) == list(range(n))


def test_epochs_and_seeds_differ_in_order() -> None:
    data = dataset(50)
    one, other = (TrainingBatches(data, np.arange(50), 8, seed) for seed in (1, 2))
    assert drawn(one, 0) != drawn(one, 1)
    assert drawn(one, 0) != drawn(other, 0)


def test_a_batch_does_not_depend_on_what_was_loaded_before() -> None:
    data = dataset(40)

    def fresh() -> TrainingBatches:
        return TrainingBatches(data, np.arange(3, 40), 6, 5, reverse_complement=True, shift=4)

    one = fresh()
    in_order = {(e, s): one.load(e, s) for e in range(3) for s in range(one.steps)}
    for (epoch, step), batch in reversed(in_order.items()):
        again = fresh().load(epoch, step)
        for name in ("raw", "labels", "weight", "rows"):
            assert np.array_equal(getattr(batch, name), getattr(again, name))


def test_augmentation_of_a_draw_does_not_depend_on_the_batch_size() -> None:
    data = dataset(30)
    small, large = (
        TrainingBatches(data, np.arange(30), size, 3, reverse_complement=True, shift=3) for size in (7, 30)
    )
    joined = np.concatenate([small.load(2, step).raw for step in range(small.steps)])
    assert np.array_equal(joined[:30], large.load(2, 0).raw)


def test_strands_and_shifts_are_what_they_say() -> None:
    data = dataset(300)
    plain = TrainingBatches(data, np.arange(300), 300, 1).load(0, 0)
    turned = TrainingBatches(data, np.arange(300), 300, 1, reverse_complement=True).load(0, 0)
    moved = TrainingBatches(data, np.arange(300), 300, 1, shift=2).load(0, 0)
    assert np.array_equal(plain.raw, data.sequences[plain.rows])
    strands = [
        int(np.array_equal(codes, reverse_complement(original)))
        for codes, original in zip(turned.raw, plain.raw, strict=True)
    ]
    forward = [np.array_equal(a, b) for a, b in zip(turned.raw, plain.raw, strict=True)]
    assert all(a or b for a, b in zip(strands, forward, strict=True))
    assert 100 < sum(strands) < 200
    seen = set()
    for codes, row in zip(moved.raw, moved.rows, strict=True):
        naive = {
            shift: [data.sequences[row][i + shift] if 0 <= i + shift < WINDOW else N for i in range(WINDOW)]
            for shift in range(-2, 3)
        }
        fits = [shift for shift, expected in naive.items() if codes.tolist() == expected]
        assert fits
        seen.update(fits)
    assert seen == {-2, -1, 0, 1, 2}


def test_the_last_batch_is_padded_with_weight_zero() -> None:
    data = dataset(10)
    for batch in (
        TrainingBatches(data, np.arange(10), 4, 1).load(0, 2),
        list(ordered_batches(data, np.arange(10), 4))[-1],
    ):
        assert batch.raw.shape == (4, WINDOW)
        assert batch.weight.tolist() == [1, 1, 0, 0]
        assert batch.weight.dtype == np.float32
        assert batch.rows[2:].tolist() == [-1, -1]
        assert (batch.raw[2:] == N).all()
        assert not batch.labels[2:].any()


def test_ordered_batches_keep_the_order_and_bring_the_labels() -> None:
    data = dataset(10)
    rows = np.array([4, 2, 9, 0, 7])
    batches = list(ordered_batches(data, rows, 2))
    assert [b.rows.tolist() for b in batches] == [[4, 2], [9, 0], [7, -1]]
    labels = np.concatenate([b.labels for b in batches])[:5]
    assert np.array_equal(labels, data.labels(rows))


def test_a_step_beyond_the_epoch_and_no_rows_at_all() -> None:
    batches = TrainingBatches(dataset(10), np.arange(10), 4, 1)
    with pytest.raises(IndexError):
        batches.load(0, 3)
    with pytest.raises(DanqError, match="at least one training row"):
        TrainingBatches(dataset(10), np.arange(0), 4, 1)
