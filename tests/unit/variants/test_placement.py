"""Where an allele changes the genome: the same for every description of it."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_genome import checked, genome_of, record, vcf_of

from danq.genome.alphabet import decode
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import place
from danq.variants.haplotypes import haplotype_windows

BASES = st.text("ACGT", min_size=1, max_size=12)
REPEATS = st.builds(
    lambda unit, times: unit * times, st.text("ACG", min_size=1, max_size=3), st.integers(1, 8)
)
SEQUENCES = st.lists(BASES | REPEATS, min_size=1, max_size=4).map("".join)


@st.composite
def haplotypes(draw: st.DrawFn) -> tuple[str, str]:
    """A sequence and another one that an edit makes of it."""
    sequence = draw(SEQUENCES)
    start = draw(st.integers(0, len(sequence)))
    end = draw(st.integers(start, min(len(sequence), start + 6)))
    other = sequence[:start] + draw(st.text("ACGT", max_size=6) | REPEATS) + sequence[end:]
    return sequence, other


def common(one: str, other: str) -> int:
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


@st.composite
def representations(draw: st.DrawFn) -> tuple[str, str, list[tuple[int, str, str]]]:
    """Two haplotypes and several (pos, REF, ALT) that all make the one of the other."""
    sequence, other = draw(haplotypes().filter(lambda pair: pair[0] != pair[1] and pair[1]))
    before, after = common(sequence, other), common(sequence[::-1], other[::-1])
    shortest, rows = min(len(sequence), len(other)), []
    for _ in range(3):
        # VCF wants at least one base in REF and in ALT
        skip = draw(st.integers(0, min(before, shortest - 1)))
        end = draw(st.integers(0, min(after, shortest - 1 - skip)))
        rows.append((skip + 1, sequence[skip : len(sequence) - end], other[skip : len(other) - end]))
    return sequence, other, rows


@given(haplotypes())
def test_placement_equals_the_leftmost_smallest_edit(pair: tuple[str, str]) -> None:
    sequence, other = pair
    contig = genome_of(c=sequence).contig(0)
    start, removed, inserted = place(contig, 0, sequence.encode(), other.encode())
    expected = oracles.placed(sequence, other)
    if sequence != other:
        assert (start, removed, decode(np.frombuffer(inserted, np.uint8))) == expected
    else:
        assert (removed, inserted) == (0, b"")


@settings(max_examples=60)
@given(representations(), st.integers(1, 40))
def test_equivalent_representations_score_equally(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, str, list[tuple[int, str, str]]], window: int
) -> None:
    sequence, other, rows = drawn
    genome = genome_of(c=sequence)
    variants = vcf_of(tmp_path_factory.mktemp("v"), [record("c", *row) for row in rows])
    alleles = checked(variants, genome, AlleleRules(window))
    windows = haplotype_windows(genome, alleles, window)
    assert len({(a.reason, a.index, a.start, a.removed, a.inserted, a.flags) for a in windows.alleles}) == 1
    assert len({row.tobytes() for row in windows.alternate}) <= 1
    assert len(windows.reference) <= 1, "one reference window serves them all"
    if not alleles[0].reason:
        assert (alleles[0].start, alleles[0].removed) == oracles.placed(sequence, other)[:2]


@pytest.mark.parametrize("unit", ["A", "ACGGT"])
@pytest.mark.parametrize("longer", [True, False])
def test_an_indel_moves_through_a_long_repeat(unit: str, longer: bool) -> None:
    contig = genome_of(c="C" + unit * 300_000 + "G").contig(0)
    end, repeated = len(contig) - 1, unit.encode() * 70_001
    start = end if longer else end - len(repeated)
    moved = place(contig, start, b"" if longer else repeated, repeated if longer else b"")
    assert moved.start == 1
    assert (moved.removed, len(moved.inserted)) == ((0, len(repeated)) if longer else (len(repeated), 0))
    assert moved.inserted[:5] == (contig[1:6].tobytes() if longer else b"")


def test_long_alleles_are_trimmed_without_looking_at_each_base_in_python() -> None:
    shared = "ACGTTGCA" * 100_000
    contig = genome_of(c=f"{shared}C{shared}").contig(0)
    found = place(contig, 0, f"{shared}C{shared}".encode(), f"{shared}T{shared}".encode())
    assert found == (len(shared), 1, b"\3")


def test_nothing_moves_over_unknown_bases() -> None:
    contig = genome_of(c="CA" + "N" * 50 + "A").contig(0)
    assert place(contig, 30, b"NN", b"") == (30, 2, b"")
    assert place(contig, 52, b"A", b"") == (52, 1, b"")
