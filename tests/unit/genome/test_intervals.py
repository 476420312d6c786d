"""Union of intervals, centred windows and regions as text, against naive sets and tables."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.genome.intervals import Region, parse_region, union, window_start

INTERVALS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(1, 25)), max_size=12)


def united(intervals: list[tuple[int, int, int]], touching: bool = True) -> list[tuple[int, int, int]]:
    contig, start, end = np.array(intervals, np.int64).reshape(-1, 3).T
    columns = union(contig.astype(np.int32), start, end, touching)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_intervals_that_share_a_base_or_an_end_are_united() -> None:
    intervals = [(1, 0, 5), (0, 8, 9), (0, 0, 5), (0, 3, 7), (0, 7, 8), (0, 1, 2)]
    assert united(intervals) == [(0, 0, 9), (1, 0, 5)]
    assert united(intervals, touching=False) == [(0, 0, 7), (0, 7, 8), (0, 8, 9), (1, 0, 5)]


@given(INTERVALS, st.booleans())
def test_a_union_equals_a_naive_set(placed: list[tuple[int, int, int]], touching: bool) -> None:
    intervals = [(contig, start, start + length) for contig, start, length in placed]
    parts = united(intervals, touching)
    bases = [(contig, base) for contig, start, end in parts for base in range(start, end)]
    assert bases == sorted({(c, base) for c, start, end in intervals for base in range(start, end)})
    gap = 1 if touching else 0
    assert all(a[0] < b[0] or a[2] + gap <= b[1] for a, b in pairwise(parts))


@pytest.mark.parametrize(
    ("start", "bin", "window", "first"),
    [(400, 200, 1000, 0), (0, 200, 1000, -400), (7, 3, 4, 6), (7, 4, 3, 8), (5, 1, 5, 3), (9, 0, 4, 7)],
)
def test_a_window_is_centred_on_its_bin(start: int, bin: int, window: int, first: int) -> None:
    assert window_start(start, bin, window) == first
    assert window_start(np.array([start]), bin, window).tolist() == [first]
    assert window_start(start, np.array([bin]), window).tolist() == [first]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("chr7", Region("chr7", 0, None)),
        ("chr7:30,508,751-35,296,850", Region("chr7", 30_508_750, 35_296_850)),
        ("chr7:1-1", Region("chr7", 0, 1)),
        ("chr7:5-", Region("chr7", 4, None)),
        ("HLA:A:5-9", Region("HLA:A", 4, 9)),
    ],
)
def test_regions_are_read_as_biologists_write_them(text: str, region: Region) -> None:
    assert parse_region(text) == region


@pytest.mark.parametrize(
    "text", ["", "chr7:", "chr7:5", "chr7:0-5", "chr7:9-5", "chr7:a-b", "chr7:,-5", ":1-5"]
)
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(DanqError, match="expected a contig or a region"):
        parse_region(text)
