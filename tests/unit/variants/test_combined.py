"""Windows of whole haplotypes: what they hold, and that they do not depend on how variants are written."""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phased import (
    Phased,
    Spelled,
    applied,
    moved_right,
    phased_vcf,
    random_changes,
    random_contig,
    random_records,
    respelled,
    rows_of,
    vcf_lines,
)
from small_genome import genome_of, surveyed

from danq.genome.alphabet import decode, encode
from danq.genome.fasta import Genome
from danq.variants.allele_checks import AlleleRules
from danq.variants.changes import Change, changes, cut_long
from danq.variants.combined_windows import CombinedWindow, combined_windows
from danq.variants.survey import PART
from danq.variants.text import VariantText

GENOME = "ACGTACGGTTCATTGCAAGC"
OTHER = {"A": "G", "G": "A", "C": "T", "T": "C"}


def windows_of(
    variants: VariantText,
    genome: Genome,
    rules: AlleleRules,
    reach: int = 5,
    part: int = PART,
    samples: tuple[str, ...] = ("A",),
    unphased: str = "alone",
) -> Iterator[CombinedWindow]:
    survey = surveyed(variants, genome, rules, samples=samples, part=part, unphased=unphased)
    for number in range(survey.parts):
        yield from combined_windows(genome, survey, rules.window, reach, samples, number)


def shown(window: CombinedWindow) -> tuple[str, int, int, int, str, str]:
    texts = decode(window.reference), decode(window.alternate)
    return (window.sample, window.haplotype, window.start, window.end, *texts)


def around(text: str, place: int, window: int) -> str:
    first = place - window // 2
    return "".join(text[i] if 0 <= i < len(text) else "N" for i in range(first, first + window))


def line(pos: int, ref: str, alt: str, *genotypes: str, info: str = ".") -> str:
    fields = Phased("c", pos, ref, tuple(alt.split(",")), genotypes).text().split("\t")
    return "\t".join([*fields[:7], info, *fields[8:]])


def test_one_window_for_what_lies_together_and_all_that_is_carried_in_each(tmp_path: Path) -> None:
    text = "".join(random.Random(1).choices("ACGT", k=160))
    changes = {
        "1|1": Spelled(40, 41, OTHER[text[40]]),
        "1|0": Spelled(60, 62, ""),
        "1|.": Spelled(90, 91, OTHER[text[90]]),
        ".|1": Spelled(150, 150, "GATTACA"),
    }
    lines = [
        line for genotype, change in changes.items() for line in vcf_lines("c", text, [change], genotype)
    ]
    variants = phased_vcf(tmp_path / "v.vcf", lines)
    found = list(windows_of(variants, genome_of(c=text), AlleleRules(80), reach=25))
    first, deletion, second, insertion = changes.values()
    one, two = applied(text, [first, deletion, second]), applied(text, [first, insertion])
    assert [shown(window) for window in found] == [
        ("A", 1, 40, 62, around(text, 40, 80), around(one, 40, 80)),
        ("A", 2, 40, 41, around(text, 40, 80), around(two, 40, 80)),
        ("A", 1, 90, 91, around(text, 90, 80), around(one, 88, 80)),
        ("A", 2, 150, 150, around(text, 150, 80), around(two, 150, 80)),
    ]
    carried = [[(edit.row, edit.allele) for edit in window.edits] for window in found]
    assert carried == [[(1, 1), (2, 1)], [(1, 1)], [(2, 1), (3, 1)], [(4, 1)]]
    assert [window.flags for window in found] == [(), (), (), ("padded",)]


def test_an_allele_by_itself_has_the_windows_it_has_in_the_scores(tmp_path: Path) -> None:
    rng = random.Random(3)
    contigs = {f"c{n}": random_contig(rng, 90) for n in range(40)}
    lines = [random_records(rng, name, text, 1)[0].text() for name, text in contigs.items()]
    variants, genome = phased_vcf(tmp_path / "v.vcf", lines), genome_of(**contigs)
    rows = [row for row in rows_of(variants, genome, AlleleRules(30)) if row.reference]
    found = list(windows_of(variants, genome, AlleleRules(30)))
    # an allele whose bases agree with the genome's for a while is cut where they do
    expected = {(row.allele.row, row.allele.haplotype): (row.reference, row.alternate) for row in rows}
    combined = {(w.edits[0].row, w.haplotype): shown(w)[4:] for w in found}
    assert combined == expected
    assert len(expected) > 20


def test_an_allele_that_is_moved_into_a_window_is_named(tmp_path: Path) -> None:
    # written at the end of a repeat, at whose begin it stands; and longer than the window
    text = "GATTACAGGTCTTAC" + "CAG" * 12 + "TTGACCGATACGATT"
    for number, insertion in enumerate((Spelled(51, 51, "CAG"), Spelled(15, 15, "GATTACA" * 6))):
        variants = phased_vcf(tmp_path / f"{number}.vcf", vcf_lines("c", text, [insertion]))
        (found,) = windows_of(variants, genome_of(c=text), AlleleRules(20))
        assert (found.start, [edit.row for edit in found.edits]) == (15, [1])


@pytest.mark.parametrize("seed", range(8))
def test_every_window_names_alleles(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    text = random_contig(rng, 300)
    lines = [record.text() for record in random_records(rng, "c", text, 40)]
    variants, genome = phased_vcf(tmp_path / "v.vcf", lines), genome_of(c=text)
    found = list(windows_of(variants, genome, AlleleRules(12), reach=3))
    assert found
    assert all(window.edits for window in found)
    rows = [[edit.row for edit in window.edits] for window in found]
    assert rows == [sorted(set(each)) for each in rows]


def test_alleles_that_undo_each_other_have_no_window(tmp_path: Path) -> None:
    lines = [line(4, "TCAG", "T", "1|0"), line(10, "G", "GCAG", "1|0")]
    variants = phased_vcf(tmp_path / "v.vcf", lines)
    assert not list(windows_of(variants, genome_of(c="AAATCAGCAGTTTTT"), AlleleRules(10)))


@pytest.mark.parametrize(
    ("lines", "lacking"),
    [
        ([line(9, "T", "A", "1|0")], 0),
        ([line(7, "GGT", "G", "1|0"), line(9, "T", "A", "1|0")], 1),
        ([line(7, "G", "<DEL>", "1|0"), line(9, "T", "A", "1|0")], 1),
        ([line(7, "G", "<DEL>", "0|1"), line(9, "T", "A", "1|0")], 0),
        ([line(7, "G", "]c:3]G", "1|0"), line(9, "T", "A", "1|0")], 1),
        ([line(7, "T", "C", "1|0"), line(9, "T", "A", "1|0")], 1),
        ([line(7, "G", "R", "1|0"), line(9, "T", "A", "1|0")], 1),
        ([line(7, "G", "*", "1|0"), line(9, "T", "A", "1|0")], 0),
        ([line(7, "G", "C", "0/1"), line(9, "T", "A", "1|0")], 1),
        ([line(9, "T", "A", "1|0"), line(19, "G", "<DEL>", "1|0")], 0),
        ([line(2, "C", "<DEL>", "1|0", info="END=9;CIEND=-2,3"), line(12, "A", "T", "1|0")], 1),
        ([line(2, "C", "<CNV>", "1|0", info="SVLEN=6"), line(12, "A", "T", "1|0")], 1),
        ([line(2, "C", "<CNV>", "1|0", info="SVLEN=3"), line(12, "A", "T", "1|0")], 0),
    ],
)
def test_a_window_that_lacks_a_carried_allele_is_flagged(
    tmp_path: Path, lines: list[str], lacking: int
) -> None:
    variants = phased_vcf(tmp_path / "v.vcf", lines)
    for part in (1, PART):
        found = list(windows_of(variants, genome_of(c=GENOME), AlleleRules(10), part=part))
        assert found[-1].lacking == lacking
        assert ("incomplete" in found[-1].flags) == bool(lacking)


@pytest.mark.parametrize("n", [400, 7_000])
def test_crowded_variants_are_all_shown(tmp_path: Path, n: int) -> None:
    """Also where there are so many that they are taken as they are written."""
    rng = random.Random(4)
    text = "".join(rng.choices("ACGT", k=n))
    edits = [Spelled(at, at + 1, rng.choice(("", "AC", OTHER[text[at]]))) for at in range(30, n - 30, 3)]
    variants = phased_vcf(tmp_path / "v.vcf", vcf_lines("c", text, edits))
    found = list(windows_of(variants, genome_of(c=text), AlleleRules(40)))
    whole = applied(text, edits)
    assert all(decode(window.alternate).strip("N") in whole for window in found)
    assert {edit.row for window in found for edit in window.edits} == set(range(1, len(edits) + 1))


@pytest.mark.parametrize("length", [3, 60])
def test_symbolic_deletions_with_exact_ends_are_in_place(tmp_path: Path, length: int) -> None:
    text = "".join(random.Random(2).choices("ACGT", k=200))
    spelled = [Spelled(80, 81, OTHER[text[80]]), Spelled(100, 100 + length, "")]
    after = Spelled(170, 171, OTHER[text[170]])
    inside = line(102, text[101], OTHER[text[101]], "1|0")
    substitutions = [vcf_lines("c", text, [change])[0] for change in (spelled[0], after)]
    found = {}
    for name, deletion in {
        "letters": vcf_lines("c", text, spelled[1:])[0],
        "symbolic": line(100, text[99], "<DEL>", "1|0", info=f"SVTYPE=DEL;END={100 + length}"),
    }.items():
        # the window is shorter than the longer deletion, which is in place though it is not scored
        lines = [substitutions[0], deletion, inside, substitutions[1]]
        variants = phased_vcf(tmp_path / f"{name}.vcf", lines)
        windows = list(windows_of(variants, genome_of(c=text), AlleleRules(40)))
        found[name] = [(shown(window), window.flags) for window in windows]
        rows = rows_of(variants, genome_of(c=text), AlleleRules(40))
        assert [row.allele.reason for row in rows] == ["", "too_long" * (length > 40), "overlaps", ""]
        found[name] += [row[1:] for row in rows]
    assert found["letters"] == found["symbolic"]
    whole = applied(text, [*spelled, after])
    assert found["symbolic"][0][0][-1] == around(whole, 80, 40)
    assert [flags for _, flags in found["symbolic"][:2]] == [(), ("incomplete",)]


@pytest.mark.parametrize("kind", ["DUP", "INV"])
def test_symbolic_copies_and_inversions_are_in_place(tmp_path: Path, kind: str) -> None:
    text = "".join(random.Random(5).choices("ACGT", k=200))
    stretch = text[100:112]
    turned = stretch[::-1].translate(str.maketrans("ACGT", "TGCA"))
    change = Spelled(100, 100, stretch) if kind == "DUP" else Spelled(100, 112, turned)
    before, after = (Spelled(at, at + 1, OTHER[text[at]]) for at in (99, 125))
    symbolic = line(100, text[99], f"<{kind}>", "1|0", info="END=112")
    # the base at POS stays, and may carry a variant of its own
    ends = [vcf_lines("c", text, [each])[0] for each in (before, after)]
    found = []
    for name, written in (("letters", vcf_lines("c", text, [change])[0]), ("symbolic", symbolic)):
        variants = phased_vcf(tmp_path / f"{name}.vcf", [ends[0], written, ends[1]])
        windows = list(windows_of(variants, genome_of(c=text), AlleleRules(60), reach=30))
        assert not any(window.lacking for window in windows)
        found.append([shown(window) for window in windows])
    assert found[0] == found[1]
    assert found[0][0][-1] == around(applied(text, [before, change, after]), 99, 60)


def test_an_inversion_reaches_to_its_end_where_its_ends_do_not_change(tmp_path: Path) -> None:
    # ACT…AGT: three bases at either end are their own reverse complement
    text = "TTGACCA" + "AC" + "TTGCA" + "GT" + "CATTGAC"
    lines = [
        line(7, "A", "<INV>", "1|0", info="END=16"),
        *(line(pos, text[pos - 1], OTHER[text[pos - 1]], "1|0") for pos in (15, 16, 17)),
    ]
    rows = rows_of(phased_vcf(tmp_path / "v.vcf", lines), genome_of(c=text), AlleleRules(20))
    assert [row.allele.reason for row in rows] == ["", "overlaps", "overlaps", ""]
    assert (rows[0].allele.start, rows[0].allele.removed) == (10, 3)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("part", [1, 2, 7])
def test_parts_together_give_what_the_whole_gives(tmp_path: Path, seed: int, part: int) -> None:
    rng = random.Random(seed)
    contigs = {f"c{n}": random_contig(rng, rng.randint(40, 400)) for n in range(4)}
    lines = [
        record.text()
        for name, text in contigs.items()
        for record in random_records(rng, name, text, rng.randint(1, 20), 2)
    ]
    variants, genome = phased_vcf(tmp_path / "v.vcf", lines, ("A", "B")), genome_of(**contigs)
    asked = {"rules": AlleleRules(25), "samples": ("B", "A")}

    def all_of(**more: int) -> list[str]:
        return sorted(
            str((*shown(w), w.edits, w.flags)) for w in windows_of(variants, genome, **asked, **more)
        )

    assert all_of(part=part) == all_of()


@pytest.mark.parametrize("seed", range(4))
def test_the_windows_are_those_of_the_two_sequences(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    text = random_contig(rng, 500)
    edits = random_changes(rng, text)
    variants = phased_vcf(tmp_path / "v.vcf", vcf_lines("c", text, edits))
    found = list(windows_of(variants, genome_of(c=text), AlleleRules(40)))
    whole = applied(text, edits)
    codes = [Change(start, end, encode(letters).tobytes()) for start, end, letters in edits]
    parts = [part for each in changes(encode(text), codes, 0, len(text)) for part in cut_long(each, 5)]
    written = [Spelled(s, e, decode(np.frombuffer(codes, np.uint8))) for s, e, codes in parts]
    assert applied(text, written) == whole
    for window in found:
        assert decode(window.reference) == around(text, window.start, 40)
        # left of the window's first change lie the changes before it
        moved = sum(
            len(each.inserted) - (each.end - each.start) for each in written if each.end <= window.start
        )
        moved -= sum(len(each.inserted) for each in written if each.start == each.end == window.start)
        assert decode(window.alternate) == around(whole, window.start + moved, 40)
    # each change belongs to one window, and windows that follow each other begin far apart
    starts = [window.start for window in found]
    assert all(any(first <= each.start < first + 5 for first in starts) for each in written)
    assert all(after - before >= 5 for before, after in itertools.pairwise(starts))


@settings(deadline=None, max_examples=400)
@given(st.integers(0, 1 << 40))
def test_the_changes_of_a_haplotype_are_the_same_however_it_is_written(seed: int) -> None:
    rng = random.Random(seed)
    text = random_contig(rng, 400)
    first = random_changes(rng, text)
    found = [
        changes(encode(text), [Change(s, e, encode(t).tobytes()) for s, e, t in edits], 0, len(text))
        for edits in (first, respelled(rng, text, first))
    ]
    assert found[0] == found[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1 << 40))
def test_a_haplotype_has_the_same_windows_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("spelled")
    text = random_contig(rng, 400)
    first = random_changes(rng, text)
    second = respelled(rng, text, first)
    assert applied(text, first) == applied(text, second)
    found = []
    for number, edits in enumerate((first, second)):
        variants = phased_vcf(folder / f"{number}.vcf", vcf_lines("c", text, edits))
        part = rng.choice((2, PART))
        windows = list(windows_of(variants, genome_of(c=text), AlleleRules(60), reach=8, part=part))
        assert not any(window.lacking for window in windows)
        found.append(sorted(shown(window) for window in windows))
    assert found[0] == found[1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1 << 40))
def test_an_allele_has_the_same_windows_wherever_its_neighbours_are_written(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rng, folder = random.Random(seed), tmp_path_factory.mktemp("moved")
    text = random_contig(rng, 300)
    first = random_changes(rng, text)
    windows = []
    for number, edits in enumerate((first, moved_right(rng, text, first), moved_right(rng, text, first))):
        variants = phased_vcf(folder / f"{number}.vcf", vcf_lines("c", text, edits))
        rows = rows_of(variants, genome_of(c=text), AlleleRules(40), part=rng.choice((1, PART)))
        windows.append([(row.allele.reason, row.reference, row.alternate) for row in rows])
    assert windows[0] == windows[1] == windows[2]


def test_an_insertion_into_a_repeat_beside_a_deletion(tmp_path: Path) -> None:
    text = "GATTACAGGTCTTAC" + "CAG" * 12 + "TTGACCGATACGATT"
    # three units fewer at the begin of the repeat; two units more, written right behind or at its end
    deletion = Spelled(15, 24, "")
    found = []
    for number, place in enumerate((25, 33, 51)):
        turn = (place - 15) % 3
        insertion = Spelled(place, place, ("CAG" * 3)[turn : turn + 6])
        variants = phased_vcf(tmp_path / f"{number}.vcf", vcf_lines("c", text, [deletion, insertion]))
        rows = rows_of(variants, genome_of(c=text), AlleleRules(24))
        windows = list(windows_of(variants, genome_of(c=text), AlleleRules(24)))
        found.append(([row[1:] for row in rows], [shown(window) for window in windows]))
    assert found[0] == found[1] == found[2]
    (_, insertion_windows), ((*_, whole),) = found[0]
    # the insertion stands at the begin of what the deletion has left of the repeat, as the whole does
    assert insertion_windows == ("TTACAGGTCTTAC"[-12:] + "CAG" * 4, "TTACAGGTCTTAC"[-12:] + "CAG" * 4)
    assert whole == "TTACAGGTCTTAC"[-12:] + "CAG" * 4
