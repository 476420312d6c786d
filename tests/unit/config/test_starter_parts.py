"""The parts that `danq init` holds out: sound for every genome, large enough where the genome allows."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.config.starter.grains import cut, stretches_of, without_data
from danq.config.starter.parts import choose_parts
from danq.data.options import SplitOptions
from danq.data.regions.bins import bins_of
from danq.data.splits import territories
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.intervals import read_regions

BIN, WINDOW = 200, 600


def genome_of(lengths: dict[str, int]) -> Genome:
    each = np.array(list(lengths.values()), np.int64)
    return Genome(Path("small.fa"), tuple(lengths), np.cumsum(each) - each, each, (), "")


def parts_of(
    lengths: dict[str, int], places: list[list[tuple[str, int]]], taken: tuple[str, ...] = (), **more
) -> tuple[dict[str, list[str]], dict[str, np.ndarray], Genome]:
    """Parts, and the positives of each target in them; places are contig and start of positive bins."""
    genome = genome_of(lengths)
    bins, grains = bins_of(genome.lengths, BIN), cut(genome, BIN, WINDOW)
    numbers = [
        np.array(sorted({int(bins.first[genome.index(c)]) + start // BIN for c, start in target}), np.int64)
        for target in places
    ]
    positives = np.stack([grains.count(bins, number) for number in numbers])
    outside, fixed = without_data(grains, positives), {genome.index(name) for name in taken}
    wanted = more.get("wanted", ("valid", "test"))
    parts = choose_parts(genome, grains, positives, outside, fixed, wanted)
    held = {}
    for part, texts in parts.items():
        regions = read_regions(texts, genome)
        held[part] = np.array(
            [
                sum(
                    c == region.contig and region.start <= s // BIN * BIN < region.end
                    for c, s in set(target)
                    for region in regions
                )
                for target in places
            ]
        )
    return parts, held, genome


def size(part: list[str], genome: Genome) -> int:
    return sum((region.end or 0) - region.start for region in read_regions(part, genome))


def scattered(lengths: dict[str, int], number: int, seed: int) -> list[tuple[str, int]]:
    """Places of so many positive bins, drawn evenly from a genome."""
    random = np.random.default_rng(seed)
    bins = [(name, start) for name, length in lengths.items() for start in range(0, length - BIN, BIN)]
    return [bins[index] for index in random.choice(len(bins), number, replace=False).tolist()]


MB = 1_000_000


@pytest.mark.parametrize(
    "lengths",
    [
        {f"chr{n}": MB * (4 + n % 5) // 6 for n in range(1, 17)},
        {"a": 2 * MB, "b": int(1.9 * MB), "c": int(2.1 * MB), "d": int(1.8 * MB)},
        {"chr": int(4.6 * MB), "plasmid": 90_000},
        {"one": int(7.8 * MB)},
        {f"s{n}": 40_000 for n in range(300)},
    ],
    ids=["yeast", "few", "bacterium", "region", "scaffolds"],
)
def test_each_part_has_ten_blocks_and_twenty_positives_of_each_target(lengths: dict[str, int]):
    places = [scattered(lengths, number, seed) for seed, number in enumerate((110, 150, 400, 1500))]
    parts, held, genome = parts_of(lengths, places)
    for part in ("valid", "test"):
        assert (held[part] >= 20).all(), (parts, held)
        assert size(parts[part], genome) >= MB
        assert size(parts[part], genome) <= 0.25 * genome.lengths.sum()


def test_whole_contigs_are_preferred_to_regions():
    lengths = {f"chr{n}": MB for n in range(1, 13)}
    parts, *_ = parts_of(lengths, [scattered(lengths, 600, 1)])
    assert not any(":" in text for texts in parts.values() for text in texts)
    assert parts_of(lengths, [scattered(lengths, 600, 1)])[0] == parts


def test_data_on_a_part_of_the_genome_are_divided_where_they_lie():
    # peaks on 7.8 Mb in the middle of one contig of three
    lengths = {"chr1": 60 * MB, "chr2": 60 * MB, "chr3": 60 * MB}
    inside = scattered({"chr2": int(7.8 * MB)}, 900, 2)
    parts, held, genome = parts_of(lengths, [[(c, s + 20 * MB) for c, s in inside]])
    for part in ("valid", "test"):
        assert all(text.startswith("chr2:") for text in parts[part])
        assert 60 <= held[part][0] <= 200
        assert MB <= size(parts[part], genome) <= 2 * MB


def test_few_positives_here_and_there_do_not_make_parts_small():
    parts, held, genome = parts_of({"chr": int(4.6 * MB)}, [scattered({"chr": int(4.6 * MB)}, 30, 7)])
    for part in ("valid", "test"):
        assert size(parts[part], genome) >= MB
        assert held[part][0] >= 3


def test_contigs_on_which_a_target_has_nothing_are_balanced_by_others():
    lengths = {f"chr{n}": MB for n in range(1, 11)}
    first = {name: lengths[name] for name in list(lengths)[:5]}
    rest = {name: lengths[name] for name in list(lengths)[5:]}
    _, held, _ = parts_of(lengths, [scattered(first, 120, 3), scattered(rest, 120, 4)])
    assert min(held["valid"].min(), held["test"].min()) >= 20


def test_names_that_read_as_regions_and_fragments_are_not_held_out():
    lengths = {f"HLA:{n}": MB for n in range(5)} | {f"chr{n}": MB for n in range(6)} | {"chrM": 16_000}
    parts, *_ = parts_of(lengths, [scattered(lengths, 2000, 5)])
    names = {text.split(":")[0] for texts in parts.values() for text in texts}
    assert names <= {f"chr{n}" for n in range(6)}


def test_a_part_that_is_given_is_left_alone():
    lengths = {f"chr{n}": MB for n in range(1, 9)}
    parts, *_ = parts_of(lengths, [scattered(lengths, 900, 6)], taken=("chr1",), wanted=("test",))
    assert list(parts) == ["test"]
    assert "chr1" not in parts["test"]


@pytest.mark.parametrize(("number", "stretches"), [(900, 4), (3, 0)])
def test_stretches_without_data_are_long_beside_the_distances_of_positives(number: int, stretches: int):
    lengths = {"chr1": 60 * MB, "chr2": 60 * MB, "chr3": 60 * MB}
    genome = genome_of(lengths)
    bins, grains = bins_of(genome.lengths, BIN), cut(genome, BIN, WINDOW)
    inside = [start + 20 * MB for _, start in scattered({"chr2": 8 * MB}, number, 2)]
    numbers = np.array(sorted(bins.first[1] + start // BIN for start in inside))
    positives = grains.count(bins, numbers)[None]
    found = [each[:3] for each in stretches_of(genome, grains, without_data(grains, positives))]
    assert len(found) == stretches
    if found:
        assert found[0] == ("chr1", 0, 60 * MB)
        assert found[1][:2] == ("chr2", 0)
        assert 20 * MB <= found[1][2] <= 20.3 * MB
    # what is scattered all over the genome has no such stretch
    everywhere = [scattered(lengths, number, 3)]
    numbers = np.array(sorted(bins.first[genome.index(c)] + start // BIN for c, start in everywhere[0]))
    assert not without_data(grains, grains.count(bins, numbers)[None]).any()


@pytest.mark.parametrize("number", [60, 300, 900])
def test_data_on_two_contigs_of_many_leave_positives_to_train(number: int):
    lengths = {"chrI": 230_000, "chrII": 810_000} | {f"chr{n}": MB for n in range(10)}
    parts, held, genome = parts_of(lengths, [scattered({"chrI": 230_000, "chrII": 810_000}, number, 1)])
    assert 0.05 * number <= held["valid"][0] <= 0.36 * number
    assert 0.05 * number <= held["test"][0] <= 0.36 * number
    assert size(parts["valid"], genome) > 50_000


def test_a_genome_too_short_to_split_is_refused():
    with pytest.raises(DanqError, match=r"too short to hold parts of it out, .*: 3,000 bp"):
        parts_of({"a": 3_000}, [[("a", 400)]])


@settings(max_examples=40)
@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 60_000), min_size=1),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
    st.integers(0, 99),
)
def test_parts_of_any_genome_are_disjoint_and_at_most_half_of_it(
    lengths: dict[str, int], numbers: list[int], seed: int
):
    random = np.random.default_rng(seed)
    whole = [name for name, length in lengths.items() if length >= BIN]
    if not whole:
        return
    places = [
        [(name, int(random.integers(0, lengths[name] // BIN)) * BIN) for name in random.choice(whole, number)]
        for number in numbers
    ]
    try:
        parts, _, genome = parts_of(lengths, places)
    except DanqError:
        assert sum(lengths.values()) < 60 * 2_000
        return
    assert set(parts) == {"valid", "test"}
    assert all(parts.values())
    assert sum(size(part, genome) for part in parts.values()) <= sum(lengths.values()) / 2
    # refuses regions that overlap or run past their contig
    territories(SplitOptions(**parts), genome, bins_of(genome.lengths, BIN), "here")
