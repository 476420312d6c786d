import logging
from itertools import pairwise
from pathlib import Path

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.dataset import SPLITS
from danq.data.options import SplitOptions
from danq.data.regions.bins import bins_of
from danq.data.splits import assign, territories
from danq.errors import DanqError
from danq.genome.fasta import Genome


def genome(lengths: list[int], names: tuple[str, ...]) -> Genome:
    sizes = np.array(lengths, np.int64)
    return Genome(Path("g"), names, np.cumsum(sizes) - sizes, sizes, np.zeros(sizes.sum(), np.uint8), "")


def statuses(
    lengths: list[int], width: int, window: int, valid: list[str], test: list[str], names: tuple[str, ...]
) -> list[str]:
    bins = bins_of(np.array(lengths), width)
    placed = territories(SplitOptions(valid=valid, test=test), genome(lengths, names), bins, "c.yaml")
    splits = assign(bins, np.array(lengths), placed, window)
    return [
        "straddling" if straddling else "boundary" if boundary else SPLITS[split]
        for split, straddling, boundary in zip(*splits, strict=True)
    ]


def test_splits_by_eye() -> None:
    # bins of 10 with windows of 20 reach 5 bp to either side
    found = statuses([100, 30], 10, 20, ["chr1:41-70"], ["chr2"], ("chr1", "chr2"))
    expected = ["train"] * 3 + ["boundary", "boundary", "valid", "boundary", "boundary", "train", "train"]
    assert found == [*expected, "test", "test", "test"]


def test_a_bin_across_a_border_belongs_nowhere() -> None:
    found = statuses([40], 10, 10, ["c:6-25"], ["c:26-30"], ("c",))
    assert found == ["straddling", "valid", "straddling", "train"]


def test_other_names_of_a_contig_are_recognised_and_told(caplog: pytest.LogCaptureFixture) -> None:
    names = ("chrI", "chrII", "chrIV", "chrIX")
    with caplog.at_level(logging.INFO, "danq"):
        found = statuses([10, 10, 10, 10], 10, 10, ["2"], ["chr4"], names)
    assert found == ["train", "valid", "test", "train"]
    assert "2 contig names of c.yaml: split differ from the genome's: 2 → chrII, chr4 → chrIV" in caplog.text


@st.composite
def regions(draw: st.DrawFn) -> tuple[list[int], dict[str, list[oracles.Interval]]]:
    lengths = draw(st.lists(st.integers(5, 80), min_size=1, max_size=3))
    found: dict[str, list[oracles.Interval]] = {"valid": [], "test": []}
    for contig, length in enumerate(lengths):
        cuts = sorted(draw(st.sets(st.integers(0, length), max_size=5)))
        for start, end in pairwise(cuts):
            split = draw(st.sampled_from(["train", "valid", "test"]))
            if split != "train":
                found[split].append((contig, start, end))
    return lengths, found


@given(regions(), st.integers(1, 12), st.integers(0, 30))
def test_splits_equal_a_naive_loop_and_no_windows_of_two_splits_overlap(
    drawn: tuple[list[int], dict[str, list[oracles.Interval]]], width: int, margin: int
) -> None:
    lengths, placed = drawn
    window = width + margin
    names = tuple(f"s{i}" for i in range(len(lengths)))
    texts = {
        split: [f"{names[contig]}:{start + 1}-{end}" for contig, start, end in intervals]
        for split, intervals in placed.items()
    }
    found = statuses(lengths, width, window, texts["valid"], texts["test"], names)
    bases = oracles.splits_of_bases(lengths, placed)
    bins = oracles.bins_of(lengths, width)
    assert found == [oracles.split_of_bin(each, window, bases) for each in bins]
    owner: dict[tuple[int, int], str] = {}
    for each, split in zip(bins, found, strict=True):
        if split in SPLITS:
            first, last = oracles.window_of(each, window)
            for base in range(max(first, 0), min(last, lengths[each[0]])):
                assert owner.setdefault((each[0], base), split) == split


@pytest.mark.parametrize(
    ("valid", "test", "message"),
    [
        (["chr1"], ["chr1"], "regions must not overlap, received 'chr1' and 'chr1'"),
        (["chr1:1-10"], ["chr1:10-20"], "regions must not overlap, received 'chr1:1-10' and 'chr1:10-20'"),
        (["chr1", "1:5-9"], ["chr2"], "c.yaml: split: contigs 'chr1' and '1' both mean 'chr1'"),
        (["chr1:5-1"], ["chr2"], "c.yaml: split.valid: expected a contig or a region"),
        (["chr3"], ["chr2"], "split.valid: expected a contig of the genome (chr1, chr2), received 'chr3'"),
        (["chr1"], ["chr2:1-31"], "split.test: expected a region within chr2 (30 bp), received 'chr2:1-31'"),
        (["chr1"], ["chr2:31-"], "split.test: expected a region within chr2 (30 bp), received 'chr2:31-'"),
        (0.1, ["chr2"], "split.valid: expected contigs or regions, received a fraction"),
    ],
)
def test_refusals(valid: list[str], test: list[str], message: str) -> None:
    options = SplitOptions(valid=valid, test=test)
    with pytest.raises(DanqError) as refused:
        territories(options, genome([100, 30], ("chr1", "chr2")), bins_of(np.array([100, 30]), 10), "c.yaml")
    assert message in str(refused.value)
    assert str(refused.value).startswith("c.yaml")
