"""Alleles on the haplotypes of samples: rows, windows, refusals, and how much is read."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from phased import Phased, Row, phased_vcf, random_contig, random_records, records_of, rows_of
from small_genome import checked, genome_of, surveyed

from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.intervals import read_regions
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.carriers import Edit
from danq.variants.haplotypes import haplotype_windows
from danq.variants.neighbours import Neighbours
from danq.variants.personal_windows import personal_windows
from danq.variants.text import VariantText


def many_records(folder: Path, seed: int, samples: int = 2) -> tuple[VariantText, Genome]:
    rng = random.Random(seed)
    contigs = {f"c{n}": random_contig(rng, rng.randint(40, 250)) for n in range(4)}
    records = [
        record
        for name, text in contigs.items()
        for record in random_records(rng, name, text, rng.randint(1, 20), samples)
    ]
    names = tuple(f"S{n}" for n in range(samples))
    return phased_vcf(folder / "many.vcf", [record.text() for record in records], names), genome_of(**contigs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("window", [6, 25])
@pytest.mark.parametrize("part", [1, 2, 7])
def test_a_part_gives_what_the_whole_gives_there(tmp_path: Path, seed: int, window: int, part: int) -> None:
    variants, genome = many_records(tmp_path, seed)
    rules = AlleleRules(window)
    assert rows_of(variants, genome, rules, part=part) == rows_of(variants, genome, rules)


def test_a_range_within_a_repeat_longer_than_the_window(tmp_path: Path) -> None:
    # the deletion moves left over the whole repeat, up to a variant far outside what any window holds
    text = "ACG" + "T" * 400 + "ACGT"
    lines = [Phased("c", pos, "T", ("G",), ("1|0",)).text() for pos in (10, 60)]
    lines += [Phased("c", pos, "T", ("C",), ("0|1",)).text() for pos in range(100, 390, 7)]
    lines += [Phased("c", 395, "TT", ("T",), ("1|1",)).text()]
    variants, genome = phased_vcf(tmp_path / "repeat.vcf", lines), genome_of(c=text)
    whole = rows_of(variants, genome, AlleleRules(8))
    assert whole == rows_of(variants, genome, AlleleRules(8), part=1)
    # on haplotype 1 it comes to stand after the G at 60, on haplotype 2 after the last C
    assert (whole[-2].reference, whole[-2].alternate) == ("TTTGTTTT", "TTTGTTTT")
    assert whole[-1].reference == "TTTCTTTT"


@pytest.mark.parametrize("seed", range(4))
def test_without_neighbours_the_windows_are_those_without_samples(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    contigs = {f"c{n}": random_contig(rng, 90) for n in range(12)}
    # one record a contig, and another sample's variants, which must not show
    lines = []
    for name, text in contigs.items():
        for number, record in enumerate(random_records(rng, name, text, 5)):
            lines.append(record._replace(genotypes=("1|0" if number == 2 else "0|0", "1|1")).text())
    variants, genome = phased_vcf(tmp_path / "few.vcf", lines, ("A", "B")), genome_of(**contigs)
    alleles = checked(variants, genome, AlleleRules(30))
    alone = {allele.row: allele for allele in alleles if allele.allele == 1}
    compared = 0
    for windows in records_of(variants, genome, AlleleRules(30), ("A",)):
        carried = [allele for allele in windows.alleles if allele.sample]
        if carried:
            expected = haplotype_windows(genome, [alone[carried[0].row]], 30)
            assert np.array_equal(windows.reference, expected.reference)
            assert np.array_equal(windows.alternate, expected.alternate)
            assert [replace(allele, sample="", haplotype=0, phase_set=None) for allele in carried] == list(
                expected.alleles
            )
            compared += 1
    assert compared == len(contigs)


GENOME = "ACGTACGGTTCATTGCAAGC"


def small(folder: Path, *lines: str, samples: tuple[str, ...] = ("A",)) -> VariantText:
    return phased_vcf(folder / "small.vcf", list(lines), samples)


def line(pos: int, ref: str, alt: str, *genotypes: str, passed: str = ".", format_: str = "GT") -> str:
    return Phased("c", pos, ref, tuple(alt.split(",")), genotypes).text(format_, passed)


def summary(rows: list[Row]) -> list[tuple[int, int, str, int, str]]:
    return [
        (r.allele.row, r.allele.allele, r.allele.sample, r.allele.haplotype, r.allele.reason) for r in rows
    ]


def test_rows_are_ordered_by_alt_sample_and_haplotype_and_none_is_lost(tmp_path: Path) -> None:
    variants = small(
        tmp_path,
        line(3, "G", "A,C,T", "2|1", "1|1", "."),
        line(5, "A", "<DEL>,*", "1|0", "0|0", "0|0"),
        "c\tx\t.\tA\tC\t.\t.\t.\tGT\t0|1\t0|0\t0|0",
        line(7, "G", ".", "0|0", "0|0", "./."),
        line(8, "A", "C", "1|0", "0|0", "0|0"),
        samples=("A", "B", "C"),
    )
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(6), ("B", "A"))
    assert summary(rows) == [
        (1, 1, "B", 1, ""),
        (1, 1, "B", 2, ""),
        (1, 1, "A", 2, ""),
        (1, 2, "A", 1, ""),
        (1, 3, "", 0, "not_carried"),
        (2, 1, "A", 1, "symbolic"),
        (2, 2, "", 0, "star"),
        (3, 1, "", 0, "malformed"),
        (4, 1, "", 0, "missing"),
        (5, 1, "A", 1, "ref_mismatch"),
    ]


def test_rows_with_one_reference_window_share_it(tmp_path: Path) -> None:
    variants = small(tmp_path, line(8, "G", "A,C", "2|1", "1|1"), samples=("A", "B"))
    (windows,) = records_of(variants, genome_of(c=GENOME), AlleleRules(6))
    assert windows.reference.shape == (1, 6)
    assert windows.group.tolist() == [0, 0, 0, 0]


def test_both_windows_hold_the_other_variants_of_the_haplotype(tmp_path: Path) -> None:
    variants = small(
        tmp_path, line(6, "CG", "C", "1|0"), line(10, "T", "A", "1|1"), line(12, "A", "AGG", "1|0")
    )
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(10))
    # haplotype 1: ACGTACGTACAGGTTGCAAGC, haplotype 2: ACGTACGGTACATTGCAAGC
    assert [(row.reference, row.alternate) for row in rows] == [
        ("CGTACGGTAC", "CGTACGTACA"),
        ("TACGTTCAGG", "TACGTACAGG"),
        ("ACGGTTCATT", "ACGGTACATT"),
        ("GTACATTGCA", "GTACAGGTTG"),
    ]


def test_deletions_make_a_window_reach_further(tmp_path: Path) -> None:
    # on haplotype 1 the last base of both windows of record 1 is that of record 3, beyond the deletion
    variants = small(
        tmp_path,
        line(4, "T", "C", "1|1"),
        line(6, "CGGT", "C", "1|0"),
        line(12, "A", "T", "1|1"),
        line(20, "C", "A", "1|1"),
    )
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(12))
    assert (rows[0].reference, rows[0].alternate) == ("NNNACGTACTCT", "NNNACGCACTCT")
    assert rows[1].reference == "NNNACGTACGGT"


@pytest.mark.parametrize(
    ("rules", "reason", "applied"),
    [
        (AlleleRules(6), "too_long", True),
        (AlleleRules(10, regions=read_regions(["c:14-20"], genome_of(c=GENOME))), "outside_regions", True),
        (AlleleRules(10, pass_only=True), "filtered", False),
    ],
)
def test_what_is_in_place_without_being_scored(
    tmp_path: Path, rules: AlleleRules, reason: str, applied: bool
) -> None:
    variants = small(
        tmp_path, line(5, "ACGGTTCA", "A", "1|0", passed="bad"), line(15, "G", "T", "1|0", passed="PASS")
    )
    long, row = rows_of(variants, genome_of(c=GENOME), rules)
    assert long.allele.reason == reason
    half = rules.window // 2
    before = "ACGTATT" if applied else GENOME[:14]
    assert row.reference == before[-half:] + GENOME[14 : 14 + half]


def test_unphased_heterozygotes_are_skipped_or_taken_alone(tmp_path: Path) -> None:
    variants = small(tmp_path, line(6, "C", "T", "1|0"), line(7, "G", "A,C", "1/2"), line(9, "T", "A", "1/1"))
    genome = genome_of(c=GENOME)
    rows = rows_of(variants, genome, AlleleRules(6), unphased="skip")
    assert summary(rows)[1:3] == [(2, 1, "A", 0, "unphased"), (2, 2, "A", 0, "unphased")]
    # not in place for its neighbours
    assert rows[3].reference == "TGGTTC"
    rows = rows_of(variants, genome, AlleleRules(6), unphased="alone")
    assert summary(rows)[1:3] == [(2, 1, "A", 0, ""), (2, 2, "A", 0, "")]
    assert [(row.reference, row.alternate, row.allele.flags) for row in rows[1:4]] == [
        ("TACGGT", "TACAGT", ("unphased",)),
        ("TACGGT", "TACCGT", ("unphased",)),
        ("TGGTTC", "TGGATC", ("incomplete",)),
    ]


def test_each_copy_of_a_polyploid_is_a_haplotype(tmp_path: Path) -> None:
    variants = small(tmp_path, line(6, "C", "T", "1|0|0|1"), line(8, "G", "A", "0|1|0|1"))
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(6))
    assert [(row.allele.row, row.allele.haplotype, row.reference, row.alternate) for row in rows] == [
        (1, 1, "GTACGG", "GTATGG"),
        (1, 4, "GTACGA", "GTATGA"),
        (2, 2, "ACGGTT", "ACGATT"),
        (2, 4, "ATGGTT", "ATGATT"),
    ]


def test_haplotypes_that_carry_the_ref_of_a_swapped_record_differ_from_the_genome(tmp_path: Path) -> None:
    # the genome holds the ALT of the first record: C at 6
    variants = small(tmp_path, line(6, "T", "C", "1|0"), line(8, "G", "A", "1|1"))
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(6, ref_mismatch="swap"))
    assert [(row.reference, row.alternate, row.allele.flags) for row in rows] == [
        ("GTATGA", "GTACGA", ("swapped",)),
        ("ACGGTT", "ACGATT", ()),
        ("ATGGTT", "ATGATT", ()),
    ]


def test_phase_sets_that_differ_within_a_window_are_flagged(tmp_path: Path) -> None:
    variants = small(
        tmp_path,
        line(3, "G", "A", "1|0:3", format_="GT:PS"),
        line(5, "A", "C", "1|0:3", format_="GT:PS"),
        line(8, "G", "C", "1|1:9", format_="GT:PS"),
        line(12, "A", "C", "1|0:12", format_="GT:PS"),
    )
    rows = rows_of(variants, genome_of(c=GENOME), AlleleRules(12))
    flagged = {(r.allele.row, r.allele.haplotype): "phase_sets" in r.allele.flags for r in rows}
    # the homozygous one is between two phase sets on haplotype 1; the first window ends before the second set
    assert flagged == {(1, 1): False, (2, 1): False, (3, 1): True, (3, 2): False, (4, 1): False}


def test_past_contig_ends_and_among_n(tmp_path: Path) -> None:
    genome = genome_of(c="NNNNNN" + GENOME)
    variants = small(tmp_path, line(7, "A", "C", "1|0"), line(24, "AG", "A", "1|0"))
    rows = rows_of(variants, genome, AlleleRules(8))
    assert (rows[0].reference, rows[0].allele.flags) == ("NNNNACGT", ())
    assert (rows[1].reference, rows[1].alternate) == ("GCAAGCNN", "GCAACNNN")
    assert rows[1].allele.flags == ("padded",)
    (row,) = rows_of(small(tmp_path, line(7, "A", "C", "1|0")), genome_of(c="NNNNNNACN"), AlleleRules(8))
    assert row.allele.reason == "many_n"
    assert not row.alternate


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [line(9, "T", "A", "1|0"), line(8, "G", "A", "1|0")],
            r":5: .* expected a position of 9 or more, received 8",
        ),
        (
            [
                line(9, "T", "A", "1|0"),
                line(9, "T", "A", "1|0").replace("c\t", "d\t"),
                line(9, "T", "G", "1|0"),
            ],
            r":6: .* expected all records of 'c' together",
        ),
    ],
)
def test_unsorted_records_are_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    variants = small(tmp_path, *lines)
    with pytest.raises(DanqError, match=message):
        rows_of(variants, genome_of(c=GENOME, d=GENOME), AlleleRules(6))


def test_an_unknown_sample_is_refused_at_once(tmp_path: Path) -> None:
    variants = small(tmp_path, line(9, "T", "A", "1|0"))
    with pytest.raises(DanqError, match="no sample 'Z'; the file has A"):
        rows_of(variants, genome_of(c=GENOME), AlleleRules(6), ("Z",))


def test_no_more_is_read_than_the_windows_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    text = random_contig(rng, 3000)
    lines = [
        Phased("c", pos + 1, text[pos], ("A" if text[pos] != "A" else "C",), ("1|1",)).text()
        for pos in range(5, 2900, 4)
    ]
    variants, genome = small(tmp_path, *lines), genome_of(c=text)
    survey = surveyed(variants, genome, AlleleRules(40), samples=("A",), part=50)
    kept: list[int] = []
    around = Neighbours.around

    def measured(self: Neighbours, allele: Allele) -> tuple[list[Edit], list[Edit]]:
        kept.append(sum(map(len, self.edits.values())))
        return around(self, allele)

    monkeypatch.setattr(Neighbours, "around", measured)
    assert len(list(personal_windows(genome, survey, 40, 3))) == 50
    # on each haplotype the edits of the part, and a window of them on either side
    assert max(kept) <= 2 * (50 + 2 * 14)
