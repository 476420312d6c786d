"""Alleles of a file on a genome: every one accounted for."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_genome import COLUMNS, checked, genome_of, record, vcf_of

from danq.errors import DanqError
from danq.genome.alphabet import decode
from danq.genome.encode import build_genome
from danq.genome.indexed import open_genome_or_fasta
from danq.genome.intervals import Region, read_regions, stretches_of
from danq.variants.allele_checks import AlleleRules, overlaps
from danq.variants.alleles import REASONS, Allele
from danq.variants.text import VariantText, open_variants

#                        123456789.12
GENOME = genome_of(chr1="ACGTTTGACCAN", chr2="NNNNNNNNNNNNACGT")
RULES = AlleleRules(window=8)


def alleles_of(variants: VariantText, rules: AlleleRules = RULES) -> list[Allele]:
    return checked(variants, GENOME, rules)


def one(folder: Path, *fields: str | int, rules: AlleleRules = RULES) -> Allele:
    # a file of malformed lines alone is refused
    allele, _ = alleles_of(vcf_of(folder, [record(*map(str, fields)), record("chr1", 2, "C", "T")]), rules)
    return allele


def edit(allele: Allele) -> tuple[int, int, str]:
    return allele.start, allele.removed, decode(np.frombuffer(allele.inserted, np.uint8))


@pytest.mark.parametrize(
    ("ref", "alt", "pos", "expected"),
    [
        ("C", "T", 2, (1, 1, "T")),
        ("c", "t", 2, (1, 1, "T")),
        ("ACGTT", "ACGAT", 1, (3, 1, "A")),
        ("GT", "AC", 3, (2, 2, "AC")),
        ("TTT", "TT", 4, (3, 1, "")),
        ("TTG", "TG", 5, (3, 1, "")),
        ("G", "GT", 3, (3, 0, "T")),
        ("T", "TT", 6, (3, 0, "T")),
        ("A", "GA", 1, (0, 0, "G")),
        ("A", "AG", 11, (11, 0, "G")),
        ("AN", "GN", 11, (10, 1, "G")),
        ("AR", "GR", 11, (10, 1, "G")),
        ("CGTT", "TA", 2, (1, 4, "TA")),
        ("GUUU", "GU", 3, (3, 2, "")),
    ],
)
def test_an_allele_is_trimmed_and_moved_left(
    tmp_path: Path, ref: str, alt: str, pos: int, expected: tuple[int, int, str]
) -> None:
    allele = one(tmp_path, "chr1", pos, ref, alt)
    assert (allele.reason, allele.index, edit(allele)) == ("", 0, expected)
    assert (allele.contig, allele.pos, allele.ref, allele.alt) == ("chr1", pos, ref, alt)


NOT_SCORED = {
    "ref_mismatch": ["chr1|2|G|T", "chr1|2|CGA|C", "chr1|2|N|T", "chr1|12|A|C"],
    "star": ["chr1|2|C|*"],
    "missing": ["chr1|2|C|."],
    "symbolic": ["chr1|2|C|<DEL>", "chr1|2|N|<*>", "chr1|2|C|C<ctg1>"],
    "breakend": ["chr1|2|C|C[chr2:13[", "chr1|2|C|]chr2:13]C", "chr1|2|C|C.", "chr1|0|N|.A"],
    "same_as_ref": ["chr1|2|C|C", "chr1|2|CGT|cgt", "chr1|4|TT|UT"],
    "ambiguous": ["chr1|2|C|N", "chr1|2|C|CR", "chr1|12|R|Y", "chr1|2|C|?", "chr1|2|C|-", "chr1|2|C|É"],
    "unknown_contig": ["chr9|2|C|T", "chr9|2|C|<DEL>"],
    "outside_contig": ["chr1|0|A|C", "chr1|13|A|C", f"chr1|{10**17}|A|C", "chr1|11|ANA|A"],
    "too_long": ["chr1|2|C|CGATTACAGA", "chr2|1|NNNNNNNNNNNNA|A"],
    "outside_regions": ["chr1|4|T|C", "chr1|7|G|<DEL>", "chr2|13|A|C"],
    "filtered": ["chr1|2|C|T|q10", "chr1|2|C|<DEL>|", "chr1|2|C|T|q10;PASS"],
    "malformed": [
        *("chr1|x|C|T", "chr1|-1|C|T", "chr1|1.0|C|T", "chr1||C|T", f"chr1|{'9' * 5000}|C|T", "chr1|²|C|T"),
        *("|2|C|T", "chr1|2||T", "chr1|2|.|T", "chr1|2|C*|T", "chr1|2|C|", "chr1|2|C|T,", "chr1|2|C|,T"),
        *("chr1|2|CÉ|T", "chr1|2|C|T\tT", "chr1 2|C|T|."),
    ],
}


@pytest.mark.parametrize(
    ("reason", "fields"), [(reason, fields) for reason, cases in NOT_SCORED.items() for fields in cases]
)
def test_every_reason(tmp_path: Path, reason: str, fields: str) -> None:
    rules = AlleleRules(
        window=8,
        regions=(Region("chr1", 4, 6), Region("chr1", 5, 6)) if reason == "outside_regions" else (),
        pass_only=reason == "filtered",
    )
    allele = one(tmp_path, *fields.split("|"), rules=rules)
    assert (allele.reason, allele.index, allele.start, allele.inserted) == (reason, -1, -1, b"")


def test_every_reason_has_a_case() -> None:
    of_windows = {"many_n"}
    of_samples = {"not_carried", "overlaps", "malformed_genotype", "unphased", "half_missing"}
    assert {*NOT_SCORED} | of_windows | of_samples == set(REASONS)


def test_one_allele_for_each_alt_whatever_becomes_of_them(tmp_path: Path) -> None:
    alleles = alleles_of(
        vcf_of(tmp_path, [record("chr1", 2, "CG", "C,*,TG,<DEL>,CGN,cg"), record("chr9", 1, "A", "C,G")])
    )
    assert [(a.row, a.allele, a.alt, a.reason) for a in alleles] == [
        (1, 1, "C", ""),
        (1, 2, "*", "star"),
        (1, 3, "TG", ""),
        (1, 4, "<DEL>", "symbolic"),
        (1, 5, "CGN", "ambiguous"),
        (1, 6, "cg", "same_as_ref"),
        (2, 1, "C", "unknown_contig"),
        (2, 2, "G", "unknown_contig"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello", ("hello", 0, "", "", "")),
        ("chr1\t5\trs1\tA", ("chr1", 5, "rs1", "A", "")),
        ("chr1\t5\trs1\tA\tC\t.\tPASS\t.\t.\t.", ("chr1", 5, "rs1", "A", "C")),
        ("chr1\tx\trs1\tA\tC\t.\tPASS\t.", ("chr1", 0, "rs1", "A", "C")),
        (COLUMNS, ("#CHROM", 0, "ID", "REF", "ALT")),
    ],
)
def test_a_malformed_line_is_one_allele_with_what_can_be_read(
    tmp_path: Path, text: str, expected: tuple[str, int, str, str, str]
) -> None:
    allele, _ = alleles_of(vcf_of(tmp_path, [text, record("chr1", 2, "C", "T")]))
    assert (allele.contig, allele.pos, allele.id, allele.ref, allele.alt) == expected
    assert (allele.row, allele.allele, allele.reason) == (1, 1, "malformed")


def test_a_record_has_as_many_columns_as_the_header(tmp_path: Path) -> None:
    path = tmp_path / "samples.vcf"
    rows = [
        record("chr1", 2, "C", "T") + more for more in ("\tGT\t0|1\t1|1", "\tGT\t0|1", "", "\tGT\t0\t1\t1")
    ]
    path.write_text(f"##x\n{COLUMNS}\tFORMAT\ts1\ts2\n" + "\n".join(rows) + "\n")
    assert [allele.reason for allele in alleles_of(open_variants(path))] == [
        "",
        "malformed",
        "malformed",
        "malformed",
    ]


def test_bytes_that_are_no_text_do_not_reach_the_fields(tmp_path: Path) -> None:
    path = tmp_path / "latin.vcf"
    path.write_bytes(
        f"{COLUMNS}\nchr1\t2\tcaf".encode() + b"\xe9\tC\tT\t.\t.\tNOTE=\xe9\nchr\xe9\t2\t.\tC\tT\t.\t.\t.\n"
    )
    first, second = alleles_of(open_variants(path))
    assert (first.id, first.reason) == ("caf\ufffd", "")
    assert (second.contig, second.reason) == ("chr\ufffd", "unknown_contig")


def test_a_table_gives_the_alleles_of_the_same_vcf(tmp_path: Path) -> None:
    rows = [("1", 2, "C", "T"), ("1", 4, "TTT", "TT"), ("1", 4, "T", "A,<DEL>"), ("chr9", 4, "T", "A")]
    lines = ["{}:{}:{}:{}".format(*row) for row in rows]
    (tmp_path / "v.tsv").write_text("\n".join([*lines, "1-4-T-A", "1:4:T:", "2:13:A:C"]))
    alleles = alleles_of(open_variants(tmp_path / "v.tsv"), AlleleRules(8, pass_only=True))
    assert alleles[:5] == alleles_of(vcf_of(tmp_path, [record(*row) for row in rows]))
    assert [a.reason for a in alleles[5:]] == ["malformed", "malformed", ""]
    assert (alleles[6].contig, alleles[6].pos, alleles[6].ref) == ("1", 4, "T")


def test_a_table_with_a_header_has_its_columns_in_every_line(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_text("variant\tlabel\nchr1:2:C:T\t1\nchr1:2:C:T\nchr1:2:C:T\t0\t0\n")
    assert [a.reason for a in alleles_of(open_variants(tmp_path / "v.tsv"))] == ["", "malformed", "malformed"]


def test_a_mismatch_is_skipped_refused_or_swapped(tmp_path: Path) -> None:
    variants = vcf_of(tmp_path, [record("chr1", 2, "C", "T"), record("chr1", 5, "C", "G,T,TA,TTG")])
    skipped = alleles_of(variants)
    assert [a.reason for a in skipped] == ["", *["ref_mismatch"] * 4]
    with pytest.raises(
        DanqError, match=r"small.vcf:4: expected REF 'T'.* at chr1:5, received 'C' \(the first of 4 "
    ):
        alleles_of(variants, AlleleRules(8, "error"))
    swapped = alleles_of(variants, AlleleRules(8, "swap"))
    assert [(a.reason, a.flags, a.swapped) for a in swapped] == [
        ("", (), False),
        ("ref_mismatch", (), False),
        ("", ("swapped",), True),
        ("ref_mismatch", (), False),
        ("", ("swapped",), True),
    ]
    assert [edit(a) for a in swapped if a.swapped] == [(4, 1, "C"), (4, 3, "C")]
    assert alleles_of(variants, AlleleRules(8, "error", pass_only=True, regions=(Region("chr1", 0, 4),)))


def test_swapping_needs_bases_to_put_in(tmp_path: Path) -> None:
    rules = AlleleRules(8, "swap")
    assert one(tmp_path, "chr1", 5, "N", "T", rules=rules).reason == "ambiguous"
    assert one(tmp_path, "chr1", 5, "G", "R", rules=rules).reason == "ref_mismatch"
    assert one(tmp_path, "chr1", 5, "GATTACAGATTACA", "T", rules=rules).reason == "outside_contig"
    # the genome holds T: the anchor of a deletion fits by chance, and says nothing
    assert one(tmp_path, "chr1", 5, "TCC", "T", rules=rules).reason == "ref_mismatch"


def test_regions_count_the_bases_that_the_record_spans(tmp_path: Path) -> None:
    rows = [("chr1", 4, "TTT", "TT"), ("chr1", 6, "T", "TA"), ("chr1", 6, "T", "A"), ("chr1", 7, "G", "A")]
    variants = vcf_of(tmp_path, [record(*row) for row in rows])
    inside = {
        "chr1:6-6": [1, 2, 3],
        "chr1:4-5": [1],
        "chr1:7-": [4],
        "chr1:1-3": [],
        "1": [1, 2, 3, 4],
        "chr2": [],
    }
    for text, expected in inside.items():
        rules = AlleleRules(8, regions=read_regions([text], GENOME))
        assert [a.row for a in alleles_of(variants, rules) if a.reason != "outside_regions"] == expected


@given(
    st.lists(st.tuples(st.integers(0, 11), st.integers(1, 6)), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(1, 4),
)
def test_regions_equal_a_naive_overlap(regions: list[tuple[int, int]], pos: int, length: int) -> None:
    spans = [(start, min(start + size, 12)) for start, size in regions]
    wanted = stretches_of([Region("chr1", *span) for span in spans], GENOME)[0]
    covered = set(range(pos - 1, pos - 1 + length))
    assert overlaps(wanted, pos - 1, length) == any(covered & set(range(*span)) for span in spans)


def test_regions_are_refused_where_the_genome_lacks_them() -> None:
    for text, message in {
        "chr9": "expected a contig of the genome",
        "chr1:2-13": r"within chr1 \(12 bp\)",
        "chr1:13-": "within chr1",
        "chr1:0-3": "1-based",
    }.items():
        with pytest.raises(DanqError, match=message) as refusal:
            read_regions([text], GENOME, "--regions")
        assert str(refusal.value).startswith("--regions: ")
    assert read_regions(["1:2-3", "2"], GENOME) == (Region("chr1", 1, 3), Region("chr2", 0, 16))
    assert read_regions(["x"], GENOME, aliases={"x": "chr2"}) == (Region("chr2", 0, 16),)


@pytest.mark.parametrize("encoded", [True, False])
def test_a_ref_at_ambiguity_letters_is_what_vcf_reduces_them_to(tmp_path: Path, encoded: bool) -> None:
    #                                        123456789.12345
    (tmp_path / "g.fa").write_text(">c other\nACRTNYGGacVXTTA\n")
    if encoded:
        build_genome(tmp_path / "g.fa", tmp_path / "g")
    genome = open_genome_or_fasta(tmp_path / ("g" if encoded else "g.fa"))
    cases = {
        (3, "A", "G"): ("", ("iupac",), (2, 1, "G")),
        (3, "a", "T"): ("", ("iupac",), (2, 1, "T")),
        (3, "G", "A"): ("ref_mismatch", (), (-1, 0, "")),
        (3, "R", "A"): ("", (), (2, 1, "A")),
        (3, "N", "A"): ("", (), (2, 1, "A")),
        (5, "A", "C"): ("ref_mismatch", (), (-1, 0, "")),
        (12, "A", "C"): ("ref_mismatch", (), (-1, 0, "")),
        (2, "CAT", "C"): ("", ("iupac",), (2, 2, "")),
        (2, "CAG", "C"): ("ref_mismatch", (), (-1, 0, "")),
        (4, "TNCG", "TNTG"): ("", ("iupac",), (5, 1, "T")),
        (10, "CAN", "C"): ("", ("iupac",), (10, 2, "")),
        (3, "A", "A"): ("same_as_ref", ("iupac",), (-1, 0, "")),
        (3, "A", "<DEL>"): ("symbolic", ("iupac",), (-1, 0, "")),
    }
    alleles = checked(vcf_of(tmp_path, [record("c", *case) for case in cases]), genome, RULES)
    assert [(a.reason, a.flags, edit(a)) for a in alleles] == list(cases.values())
