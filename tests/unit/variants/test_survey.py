"""A file of variants read once: what it adds up to, what is refused, and what is found again in its file."""

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
import small_genome
from phased import Phased, phased_vcf
from small_genome import checked, genome_of, record, vcf_of

from danq.errors import DanqError
from danq.genome.intervals import Region
from danq.variants.allele_checks import AlleleRules
from danq.variants.survey import survey
from danq.variants.survey_file import Survey
from danq.variants.text import VariantText

#                        123456789.12
GENOME = genome_of(chr1="ACGTTTGACCAN", chr2="NNNNNNNNNNNNACGT")
RULES = AlleleRules(window=8)


def surveyed(
    folder: Path, rows: list[tuple[str | int, ...]], rules: AlleleRules = RULES, **more: Any
) -> Survey:
    contigs = more.pop("contigs", ())
    return small_genome.surveyed(
        vcf_of(folder, [record(*row) for row in rows], contigs), GENOME, rules, **more
    )


def test_a_survey_counts_everything(tmp_path: Path) -> None:
    rows = [
        ("1", 2, "C", "T,*"),
        ("1", 5, "C", "T,G"),
        ("1", 4, "T", "C"),
        ("9", 40, "AC", "A"),
        ("x", "y", "z", ""),
    ]
    result = surveyed(tmp_path, rows, AlleleRules(8, "swap"), contigs=("1", "2"))
    assert (result.records, result.alleles, result.checked, result.mismatched, result.swapped) == (
        5,
        7,
        3,
        0,
        1,
    )
    assert result.reasons == {"": 3, "ref_mismatch": 1, "star": 1, "unknown_contig": 1, "malformed": 1}
    assert (result.contigs.index, result.contigs.unknown) == ({"1": 0}, ("9",))
    assert result.contigs.renamed == {"1": "chr1"}
    assert (result.sorted, result.longest_end, result.header_contigs) == (False, 41, True)


def test_a_survey_of_nothing(tmp_path: Path) -> None:
    result = surveyed(tmp_path, [])
    assert (result.records, result.alleles, result.reasons, result.sorted) == (0, 0, {}, True)
    assert (result.longest_end, result.header_contigs) == (0, False)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([("chr1", 2), ("chr1", 2), ("chr1", 4), ("chr2", 1)], True),
        ([("chr2", 9), ("chr1", 1), ("chr1", 2)], True),
        ([("chr1", 4), ("chr1", 2)], False),
        ([("chr1", 2), ("chr2", 1), ("chr1", 4)], False),
    ],
)
def test_a_survey_tells_order(tmp_path: Path, places: list[tuple[str, int]], expected: bool) -> None:
    assert surveyed(tmp_path, [(*place, "A", "C") for place in places]).sorted is expected


def wrong(count: int, mismatched: int, alt: str = "G") -> list[tuple[str | int, ...]]:
    # C is right at 2, A is not; G is at 3
    return [("chr1", 2, "A" if n < mismatched else "C", alt) for n in range(count)]


def test_a_wrong_genome_build_is_told(tmp_path: Path) -> None:
    assert surveyed(tmp_path, wrong(9, 9)).mismatched == 9, "too few to say"
    assert surveyed(tmp_path, wrong(10, 5)).mismatched == 5, "a half is not most"
    with pytest.raises(DanqError, match=r"build looks wrong: 6 of the first 10 records compared"):
        surveyed(tmp_path, wrong(10, 6))
    with pytest.raises(DanqError, match=r"build looks wrong: 600 of the first 1,000 records compared"):
        surveyed(tmp_path, wrong(3000, 600))
    with pytest.raises(DanqError, match=r"10 of the first 10 records"):
        surveyed(tmp_path, [("chr1", 1000 + n, "A", "C") for n in range(10)])


def test_records_that_say_nothing_of_the_build_do_not_count(tmp_path: Path) -> None:
    assert surveyed(tmp_path, wrong(20, 20, "<DEL>")).checked == 0
    assert surveyed(tmp_path, wrong(20, 20), AlleleRules(8, regions=(Region("chr1", 5, 9),))).checked == 0


def test_swapped_records_are_no_mismatch_but_hide_a_wrong_build_less_well(tmp_path: Path) -> None:
    rules = AlleleRules(8, "swap")
    assert surveyed(tmp_path, wrong(20, 20, "C"), rules).swapped == 20
    with pytest.raises(DanqError, match=r"6 of the first 20 .* neither REF nor ALT"):
        surveyed(tmp_path, wrong(20, 6), rules)


def test_a_genome_without_any_of_the_contigs_is_told(tmp_path: Path) -> None:
    assert surveyed(tmp_path, [("chr9", 1, "A", "C")] * 9).reasons == {"unknown_contig": 9}
    with pytest.raises(DanqError, match=r"none of the contigs chr8, chr9; its own are chr1, chr2"):
        surveyed(tmp_path, [(f"chr{8 + n % 2}", 1, "A", "C") for n in range(10)])
    result = surveyed(tmp_path, [("chr9", 2, "C", "A")] * 10, aliases={"chr9": "chr1"})
    assert result.reasons == {"": 10}


def test_the_header_says_what_chr_x_is_where_the_records_do_not(tmp_path: Path) -> None:
    yeast = genome_of(**{str(n): "ACGT" for n in range(1, 17)})
    rows = [record("chrX", 1, "A", "C")]
    with pytest.raises(DanqError, match="could mean"):
        small_genome.surveyed(vcf_of(tmp_path, rows), yeast, RULES)
    result = small_genome.surveyed(
        vcf_of(tmp_path, rows, [f"chr{name}" for name in ("I", "IX", "X", "XVI")]), yeast, RULES
    )
    assert (result.contigs.index, result.contigs.unknown, result.contigs.renamed) == (
        {"chrX": 9},
        (),
        {"chrX": "10"},
    )


def seven(folder: Path) -> VariantText:
    return vcf_of(folder, [record("chr1", 4 + n % 3, "T", "A,G,*") for n in range(6)] + ["malformed"])


@pytest.mark.parametrize("part", [1, 2, 3, 7, 100])
def test_parts_give_what_the_whole_gives(tmp_path: Path, part: int) -> None:
    variants = seven(tmp_path)
    result = small_genome.surveyed(variants, GENOME, RULES, part=part)
    assert result.parts == -(-7 // part)
    rows = [sorted({allele.row for allele in result.alleles_of(number)}) for number in range(result.parts)]
    assert [len(of_part) for of_part in rows] == [
        result.records_of([number]) for number in range(result.parts)
    ]
    assert [row for of_part in rows for row in of_part] == list(range(1, 8))
    assert checked(variants, GENOME, RULES, part=part) == checked(variants, GENOME, RULES)


def test_a_survey_that_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variants, folder = seven(tmp_path), tmp_path / "kept"
    result = survey(folder, variants, GENOME, RULES, digest="a")
    monkeypatch.setattr(VariantText, "lines", lambda self: pytest.fail("read again"))
    again = survey(folder, variants, GENOME, RULES, digest="a")
    assert again == result
    assert list(again.alleles_of(0)) == list(result.alleles_of(0))


def test_a_survey_of_other_inputs_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    variants, folder = seven(tmp_path), tmp_path / "kept"
    survey(folder, variants, GENOME, RULES, digest="a")
    with pytest.raises(DanqError, match=r"alleles.arrow: of other work; remove .* and start again"):
        survey(folder, variants, GENOME, RULES, digest="b")
    (folder / "alleles.arrow").write_bytes(b"ARROW1")
    with pytest.raises(DanqError, match=r"alleles.arrow: damaged.*; remove .* and start again"):
        survey(folder, variants, GENOME, RULES, digest="a")


def test_a_refused_file_leaves_no_survey(tmp_path: Path) -> None:
    variants = vcf_of(tmp_path, [record("chr1", 2, "A", "C")])
    with pytest.raises(DanqError, match="expected REF"):
        survey(tmp_path / "kept", variants, GENOME, AlleleRules(8, "error"))
    assert not list((tmp_path / "kept").iterdir())


def test_a_file_of_which_no_line_is_a_record_is_refused(tmp_path: Path) -> None:
    variants = vcf_of(tmp_path, ["chr1 2 . C T . . .", "chr1 3 . G T . . ."])
    with pytest.raises(DanqError, match=r"small.vcf:3: expected 8 tab-sep.*spaces\?.*\(no line of the file"):
        survey(tmp_path / "kept", variants, GENOME, RULES)
    assert not list((tmp_path / "kept").iterdir())


def test_the_first_malformed_line_is_kept_and_refused_where_strict(tmp_path: Path) -> None:
    variants = vcf_of(tmp_path, [record("chr1", 2, "C", "T"), "x", record("chr1", "y", "C", "T")])
    result = small_genome.surveyed(variants, GENOME, RULES)
    assert result.first_malformed == (
        4,
        "expected 8 tab-separated columns as in the header, received 1: 'x'",
    )
    with pytest.raises(DanqError, match=r"small.vcf:4: expected 8 .*the first of 2 lines and genotypes"):
        small_genome.surveyed(variants, GENOME, RULES, strict=True)


GENOTYPES = (("chr1", 2, "C"), ("chr1", 4, "T"), ("chr1", 5, "T"), ("chr1", 7, "G"), ("chr1", 8, "A"))


def with_genotypes(folder: Path, *genotypes: str) -> VariantText:
    lines = [
        Phased(
            *place, ("<X>" if genotype == "symbolic" else "A" if place[2] != "A" else "C",), (text,)
        ).text()
        for place, genotype in zip(GENOTYPES, genotypes, strict=False)
        for text in ["0/1" if genotype == "symbolic" else genotype]
    ]
    return phased_vcf(folder / "genotypes.vcf", lines)


def test_genotypes_that_cannot_be_used_are_skipped_and_counted(tmp_path: Path) -> None:
    variants = with_genotypes(tmp_path, "0/1", "1/.", "0|7", "1|0|1", "0/1")
    result = small_genome.surveyed(variants, GENOME, RULES, samples=("all",))
    assert result.genotypes == {"unphased": 2, "half_missing": 1, "malformed_genotype": 1}
    assert result.scorable == (2,)
    assert [(row.row, row.haplotype, row.reason) for row in result.alleles_of(0)] == [
        (1, 0, "unphased"),
        (2, 0, "half_missing"),
        (3, 0, "malformed_genotype"),
        (4, 1, ""),
        (4, 3, ""),
        (5, 0, "unphased"),
    ]
    alone = small_genome.surveyed(variants, GENOME, RULES, samples=("all",), unphased="alone")
    assert alone.genotypes == {"malformed_genotype": 1}
    assert alone.scorable == (5,)


@pytest.mark.parametrize(
    ("genotypes", "more", "message"),
    [
        (
            ("1|0", "0/1", "1/.", "0/1"),
            {"unphased": "refuse"},
            r"genotypes.vcf:5: expected a phased genotype such as 0\|1, received '0/1' of sample 'A' \(the "
            r"first of 2 that are not phased; `--unphased skip`",
        ),
        (
            ("1|0", "1/.", "0/1", "5"),
            {"strict": True},
            r"genotypes.vcf:5: expected a phased or a whole .*'1/.'.*the first of 3 .*: half_missing 1, "
            r"malformed_genotype 1, unphased 1\)$",
        ),
        (
            ("1|0", "0/1", "5"),
            {"strict": True, "unphased": "alone"},
            r":6: .* received '5' .*the first of 1 ",
        ),
    ],
)
def test_refusals_name_the_first_and_count_all(
    tmp_path: Path, genotypes: tuple[str, ...], more: dict[str, Any], message: str
) -> None:
    variants = with_genotypes(tmp_path, *genotypes)
    with pytest.raises(DanqError, match=message):
        small_genome.surveyed(variants, GENOME, RULES, samples=("all",), **more)


@pytest.mark.parametrize("genotypes", [("1|0", "1/.", "1", ".", "./."), ("1|0", "symbolic")])
@pytest.mark.parametrize("more", [{}, {"unphased": "refuse"}])
def test_half_missing_genotypes_and_what_cannot_be_scored_are_no_reason_to_refuse(
    tmp_path: Path, genotypes: tuple[str, ...], more: dict[str, Any]
) -> None:
    variants = with_genotypes(tmp_path, *genotypes)
    small_genome.surveyed(variants, GENOME, RULES, samples=("all",), **more)


def test_processes_that_survey_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    variants, folder = seven(tmp_path), tmp_path / "kept"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=survey, args=(folder, variants, GENOME, RULES)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert [path.name for path in folder.iterdir()] == ["alleles.arrow"]
    assert list(survey(folder, variants, GENOME, RULES).alleles_of(0)) == checked(variants, GENOME, RULES)
