"""Symbolic alleles and empty ones: the same places and windows as what they mean, spelled out."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phased import Phased, phased_vcf, random_contig, rows_of
from small_genome import checked, genome_of, vcf_of

from danq.genome.intervals import Region
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.haplotypes import haplotype_windows
from danq.variants.symbolic import Span, span_of
from danq.variants.text import open_variants

TEXT = random_contig(random.Random(3), 300)
GENOME = genome_of(c=TEXT)
RULES = AlleleRules(window=40)
PAIRS = str.maketrans("ACGT", "TGCA")


def line(pos: int, ref: str, alt: str, info: str = ".") -> str:
    return f"c\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t{info}"


def spelled(kind: str, pos: int, length: int) -> tuple[str, str]:
    """REF and ALT in letters: POS is the base before the stretch."""
    anchor, stretch = TEXT[pos - 1], TEXT[pos : pos + length]
    after = {"DEL": "", "DUP": stretch * 2, "INV": stretch[::-1].translate(PAIRS)}[kind]
    return anchor + stretch, anchor + after


def placed(allele: Allele) -> tuple[object, ...]:
    return allele.reason, allele.index, allele.start, allele.removed, allele.inserted


CHANGES = [
    ("<DEL>", "DEL"),
    ("<DEL:ME:ALU>", "DEL"),
    ("<DUP>", "DUP"),
    ("<DUP:TANDEM>", "DUP"),
    ("<INV>", "INV"),
]


@pytest.mark.parametrize(("alt", "kind"), CHANGES)
def test_a_symbolic_allele_is_the_sequence_that_it_means(tmp_path: Path, alt: str, kind: str) -> None:
    places = [(pos, length) for pos in (1, 2, 57, 120, 259) for length in (1, 2, 7, 40)]
    symbolic = [line(pos, TEXT[pos - 1], alt, f"X;END={pos + length}") for pos, length in places]
    letters = [line(pos, *spelled(kind, pos, length)) for pos, length in places]
    one = checked(vcf_of(tmp_path, symbolic), GENOME, RULES)
    other = checked(vcf_of(tmp_path, letters), GENOME, RULES)
    assert [placed(allele) for allele in one] == [placed(allele) for allele in other]
    assert sum(not allele.reason for allele in one) > len(one) / 2
    windows = [haplotype_windows(GENOME, alleles, 40) for alleles in (one, other)]
    assert np.array_equal(windows[0].reference, windows[1].reference)
    assert np.array_equal(windows[0].alternate, windows[1].alternate)


@pytest.mark.parametrize(("ends", "middle"), [(0, 40), (1, 40), (30, 40), (200, 40), (30, 41), (150, 0)])
def test_of_an_inversion_what_its_ends_leave_counts(tmp_path: Path, ends: int, middle: int) -> None:
    """Ends that are each other's reverse complement stay; an inversion is as long as what changes of it."""
    end = random_contig(random.Random(5), ends)
    within = "A" * middle
    stretch = end + within + end[::-1].translate(PAIRS)
    genome = genome_of(c=f"CCC{stretch}GGG")
    after = stretch[::-1].translate(PAIRS)
    records = [line(3, "C", "<INV>", f"END={3 + len(stretch)}"), line(3, f"C{stretch}", f"C{after}")]
    symbolic, letters = checked(vcf_of(tmp_path, records), genome, RULES)
    assert placed(symbolic) == placed(letters)
    assert symbolic.reason == {0: "same_as_ref", 40: "", 41: "too_long"}[middle]
    assert symbolic.reason or (symbolic.start, symbolic.removed) == (3 + ends, middle)


@settings(max_examples=30)
@given(st.sampled_from(["DEL", "DUP", "INV"]), st.integers(60, 200), st.integers(1, 30), st.booleans())
def test_on_a_haplotype_too(kind: str, pos: int, length: int, other: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for name, (ref, alt, info) in {
            "symbolic": (TEXT[pos - 1], f"<{kind}>", f"SVLEN={length}"),
            "letters": (*spelled(kind, pos, length), "."),
        }.items():
            around = [
                Phased("c", at, TEXT[at - 1], ("A" if TEXT[at - 1] != "A" else "C",), ("1|1",)).text()
                for at in (pos - 9, pos + length + 3)
            ]
            middle = Phased("c", pos, ref, (alt,), ("0|1" if other else "1|0",)).text()
            middle = middle.replace("\t.\tGT", f"\t{info}\tGT")
            path = Path(folder) / f"{name}.vcf"
            variants = phased_vcf(path, [around[0], middle, around[1]])
            rows.append(rows_of(variants, GENOME, RULES))
        assert [row[1:] for row in rows[0]] == [row[1:] for row in rows[1]]
        assert [row.allele.reason for row in rows[0]] == [row.allele.reason for row in rows[1]]


@pytest.mark.parametrize(
    ("alt", "info", "expected"),
    [
        ("<DEL>", "END=14", Span("DEL", 10, 14)),
        ("<DEL>", "SVLEN=-4", Span("DEL", 10, 14)),
        ("<DEL>", "SVLEN=4;END=14", Span("DEL", 10, 14)),
        ("<INV>", "SVTYPE=INV;END=14;CIPOS=0,0;CIEND=0,0", Span("INV", 10, 14)),
        ("<DUP>", "SVLEN=4;SVCLAIM=DJ", Span("DUP", 10, 14)),
        ("<DEL>", "SVLEN=4;END=15", None),
        ("<DEL>", ".", None),
        ("<DEL>", "END=10", None),
        ("<DEL>", "END=9", None),
        ("<DEL>", "END=x", None),
        ("<DEL>", "SVLEN=-", None),
        ("<DEL>", "END=14;IMPRECISE", None),
        ("<DEL>", "END=14;CIPOS=-5,5", None),
        ("<DEL>", "SVLEN=-4;END=14;CILEN=-1,1", None),
        ("<DEL>", "END=14;CIPOS=x", None),
        # Manta and Delly call these precise: any place within the homology gives the same sequence
        ("<DEL>", "END=14;SVLEN=-4;CIPOS=0,2;HOMLEN=2;HOMSEQ=AC", Span("DEL", 10, 14)),
        ("<DEL>", "PRECISE;END=14;CIPOS=-2,2;CIEND=-2,2;INSLEN=0;HOMLEN=2", Span("DEL", 10, 14)),
        ("<DEL>", "END=14;CIPOS=0,3;HOMLEN=2", None),
        ("<DEL>", "IMPRECISE;END=14;CIPOS=0,2;HOMLEN=2", None),
        # bases between the ends are part of what it means
        ("<DEL>", "END=14;SVLEN=-4;SVINSLEN=2;SVINSSEQ=GA", None),
        ("<DEL>", "END=14;SVINSSEQ=GA", None),
        ("<DUP:TANDEM>", "END=14;INSLEN=3", None),
        # the difference in length before VCF 4.4
        ("<INV>", "END=14;SVLEN=0", Span("INV", 10, 14)),
        ("<DEL>", "END=14;SVLEN=0", None),
        ("<DUP>", "END=14;SVCLAIM=D", None),
        ("<INS>", "SVLEN=4", None),
        ("<DUP:INT>", "END=14", None),
        ("<CNV>", "END=14", None),
        ("C<ctg1>", "END=14", None),
    ],
)
def test_ends_are_read(alt: str, info: str, expected: Span | None) -> None:
    assert span_of(alt, 1, 1, 10, info) == expected


def test_each_alt_has_its_own_length() -> None:
    info = "SVLEN=.,5,-7;END=17"
    assert [span_of("<DEL>", n, 3, 10, info) for n in (1, 2, 3)] == [
        None,
        Span("DEL", 10, 15),
        Span("DEL", 10, 17),
    ]
    assert span_of("<DEL>", 1, 2, 10, "END=14") is None, "which of the two reaches to END is not said"


def test_what_cannot_be_placed_has_its_reason(tmp_path: Path) -> None:
    genome = genome_of(c="ACGTNNACGTACCTTTTTTT")
    base = {2: "C", 4: "T", 1: "A", 6: "N", 12: "C"}
    cases = [
        (4, "<DUP>", "END=6", "ambiguous", base),
        (4, "<DEL>", "END=6", "", base),
        (6, "<INV>", "END=10", "same_as_ref", base),
        (12, "<DEL>", "END=21", "outside_contig", base),
        (2, "<DEL>", "END=11", "too_long", base),
        (2, "<DEL>", "END=8", "ref_mismatch", {2: "G"}),
        (2, "<DEL>", "END=4", "", {2: "N"}),
        (0, "<DEL>", "END=2", "", {0: "N"}),
        (0, "<DEL>", "END=2", "outside_contig", {0: "A"}),
    ]
    variants = vcf_of(tmp_path, [line(pos, ref[pos], alt, info) for pos, alt, info, _, ref in cases])
    alleles = checked(variants, genome, AlleleRules(window=8))
    assert [allele.reason for allele in alleles] == [reason for *_, reason, _ in cases]
    assert placed(alleles[7])[1:] == (0, 0, 2, b"")


def test_a_region_holds_what_reaches_into_it(tmp_path: Path) -> None:
    variants = vcf_of(
        tmp_path, [line(50, TEXT[49], "<DEL>", "END=60"), line(50, TEXT[49], "<DEL>", "END=59")]
    )
    rules = AlleleRules(40, regions=(Region("c", 59, 70),))
    assert [allele.reason for allele in checked(variants, GENOME, rules)] == ["", "outside_regions"]


def test_a_minus_in_a_table_is_an_empty_allele(tmp_path: Path) -> None:
    after, two = TEXT[99], TEXT[99:101]
    table = [
        f"c:100:-:{after}T",
        f"c:100:{two}:-",
        "c:301:-:A",
        "c:302:-:A",
        "c:1:-:A",
        "c:100:-:-",
        f"c:9:{TEXT[8]}:-,A",
    ]
    (tmp_path / "v.tsv").write_text("\n".join(table) + "\n")
    anchor = TEXT[98]
    letters = [
        line(99, anchor, f"{anchor}{after}T"),
        line(99, anchor + two, anchor),
        line(300, TEXT[299], f"{TEXT[299]}A"),
    ]
    one = checked(open_variants(tmp_path / "v.tsv"), GENOME, RULES)
    other = checked(vcf_of(tmp_path, letters), GENOME, RULES)
    assert [placed(allele) for allele in one[:3]] == [placed(allele) for allele in other]
    assert (one[0].ref, one[1].alt) == ("-", "-")
    assert [allele.reason for allele in one[3:]][:3] == ["outside_contig", "", "same_as_ref"]
    assert (one[6].removed, one[6].inserted) == (1, b"")
    # a VCF has no empty allele
    (tmp_path / "small.vcf").unlink()
    vcf = vcf_of(tmp_path, [line(9, TEXT[8], "-"), line(9, "-", "A")])
    assert [allele.reason for allele in checked(vcf, GENOME, RULES)] == ["ambiguous", "malformed"]
