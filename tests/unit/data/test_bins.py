import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.regions.bins import bins_of, covered_bins, overlap_positives, summit_positives


@st.composite
def tracks(draw: st.DrawFn) -> tuple[list[int], int, list[oracles.Interval]]:
    lengths = draw(st.lists(st.integers(1, 60), min_size=1, max_size=3))
    width = draw(st.integers(1, 12))
    regions = []
    for _ in range(draw(st.integers(0, 8))):
        contig = draw(st.integers(0, len(lengths) - 1))
        start = draw(st.integers(0, lengths[contig] - 1))
        regions.append((contig, start, draw(st.integers(start + 1, lengths[contig]))))
    return lengths, width, regions


def arrays(regions: list[oracles.Interval]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    table = np.array(regions, np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.int32), table[:, 1], table[:, 2]


@pytest.mark.parametrize(
    ("regions", "min_overlap", "expected"),
    [
        ([(0, 0, 5)], 0.5, []),  # exactly half is not enough
        ([(0, 0, 6)], 0.5, [0]),
        ([(0, 0, 3), (0, 2, 5)], 0.5, []),  # the union covers 5, not 6
        ([(0, 0, 3), (0, 5, 8)], 0.5, [0]),
        ([(0, 9, 11)], 0.0, [0, 1]),
        ([(0, 9, 11)], 0.1, []),  # 1 of 10 is not more than 0.1
        ([(0, 8, 11)], 0.1, [0]),
        ([(0, 0, 25)], 0.5, [0, 1]),  # the short last bin is dropped
        ([(1, 0, 10), (0, 20, 25)], 0.5, [2]),
    ],
)
def test_overlap_by_eye(regions: list[oracles.Interval], min_overlap: float, expected: list[int]) -> None:
    bins = bins_of(np.array([25, 10]), 10)
    assert overlap_positives(bins, *arrays(regions), min_overlap).tolist() == expected


def test_bins_are_numbered_through_contigs_and_short_ones_counted() -> None:
    bins = bins_of(np.array([25, 9, 20]), 10)
    assert (len(bins), bins.short) == (4, 2)
    contig, start = bins.locate(np.arange(4))
    assert (contig.tolist(), start.tolist()) == ([0, 0, 2, 2], [0, 10, 0, 10])


@given(tracks(), st.sampled_from(["0", "0.1", "0.25", "0.3", "0.5", "0.7", "0.99"]))
def test_overlap_equals_a_naive_loop(
    track: tuple[list[int], int, list[oracles.Interval]], min_overlap: str
) -> None:
    lengths, width, regions = track
    bins = bins_of(np.array(lengths), width)
    found = overlap_positives(bins, *arrays(regions), float(min_overlap))
    assert found.tolist() == oracles.overlap_positives(lengths, width, regions, min_overlap)


@given(tracks())
def test_covered_bp_equal_a_naive_loop(track: tuple[list[int], int, list[oracles.Interval]]) -> None:
    lengths, width, regions = track
    bins = bins_of(np.array(lengths), width)
    number, covered = covered_bins(bins, *arrays(regions))
    naive = {i: oracles.covered(each, regions) for i, each in enumerate(oracles.bins_of(lengths, width))}
    assert dict(zip(number.tolist(), covered.tolist(), strict=True)) == {i: c for i, c in naive.items() if c}


@given(tracks())
def test_summits_equal_a_naive_loop(track: tuple[list[int], int, list[oracles.Interval]]) -> None:
    lengths, width, regions = track
    contig, start, _ = arrays(regions)
    bins = bins_of(np.array(lengths), width)
    found = summit_positives(bins, contig, start)
    assert found.tolist() == oracles.summit_positives(lengths, width, [(c, s) for c, s, _ in regions])
