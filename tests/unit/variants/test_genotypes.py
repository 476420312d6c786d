"""Which haplotypes of which samples carry an allele."""

from pathlib import Path

import pytest
from phased import Phased, phased_vcf
from small_genome import record, vcf_of

from danq.errors import DanqError
from danq.variants.genotypes import choose_samples, read_calls
from danq.variants.text import VariantText


def vcf(folder: Path, *genotypes: str, format_: str = "GT", samples: tuple[str, ...] = ()) -> VariantText:
    names = samples or tuple(f"S{n}" for n in range(len(genotypes)))
    lines = [Phased("c", 5, "A", ("C", "G"), genotypes).text(format_)]
    return phased_vcf(folder / "genotypes.vcf", lines, names)


def calls(variants: VariantText, with_ref: bool = False) -> list[tuple[str, int, int, str | None]]:
    (line,) = variants.lines()
    found = read_calls(line, choose_samples(variants, ["all"]), 2, with_ref)
    return [(call.sample, call.haplotype, call.allele, call.phase_set) for call in found]


@pytest.mark.parametrize(
    ("genotype", "expected"),
    [
        ("0|1", [(2, 1, "")]),
        ("2|1", [(1, 2, ""), (2, 1, "")]),
        ("1|1", [(1, 1, None), (2, 1, None)]),
        ("1/1", [(1, 1, None), (2, 1, None)]),
        ("0/1", [(0, 1, None)]),
        ("2/1", [(0, 1, None), (0, 2, None)]),
        ("./1", [(0, 1, None)]),
        (".|1", [(2, 1, "")]),
        ("1", [(1, 1, None)]),
        ("|1|0", [(1, 1, "")]),
        ("1/.", [(0, 1, None)]),
        ("0|1|2|1", [(2, 1, ""), (3, 2, ""), (4, 1, "")]),
        ("1/1/1", [(1, 1, None), (2, 1, None), (3, 1, None)]),
        ("0/0/1/2", [(0, 1, None), (0, 2, None)]),
        ("0/1|1", [(0, 1, None)]),
        ("/".join(["1"] * 200), [(n, 1, None) for n in range(1, 201)]),
        ("0/0", []),
        ("./.", []),
        (".", []),
    ],
)
def test_genotypes_say_which_haplotype_carries_what(
    tmp_path: Path, genotype: str, expected: list[tuple[int, int, str | None]]
) -> None:
    assert calls(vcf(tmp_path, genotype)) == [("S0", *each) for each in expected]


def test_the_calls_of_ref_are_given_where_asked_for(tmp_path: Path) -> None:
    variants = vcf(tmp_path, "0|1", "0/0", "0/1", ".")
    assert [each[:3] for each in calls(variants, with_ref=True)] == [
        ("S0", 1, 0),
        ("S0", 2, 1),
        ("S1", 1, 0),
        ("S1", 2, 0),
        ("S2", 0, 1),
    ]


@pytest.mark.parametrize(
    ("format_", "value", "phase_set"),
    [("GT:DP:PS", "0|1:3:77", "77"), ("PS:GT", "77:0|1", "77"), ("GT:PS", "0|1", ""), ("GT:PS", "0|1:.", "")],
)
def test_phase_sets_are_read(tmp_path: Path, format_: str, value: str, phase_set: str) -> None:
    assert calls(vcf(tmp_path, value, format_=format_)) == [("S0", 2, 1, phase_set)]


def test_a_record_without_genotypes_is_carried_by_none(tmp_path: Path) -> None:
    assert calls(vcf(tmp_path, "17", format_="DP")) == []


@pytest.mark.parametrize(
    ("genotype", "reason"),
    [
        ("0/1", "unphased"),
        ("0/0/1/0", "unphased"),
        ("1/.", "half_missing"),
        ("./1", "half_missing"),
        (".|1", ""),
        ("1", ""),
        ("1/1", ""),
    ],
)
def test_a_genotype_that_does_not_tell_its_haplotypes_has_a_reason(
    tmp_path: Path, genotype: str, reason: str
) -> None:
    variants = vcf(tmp_path, genotype)
    (line,) = variants.lines()
    assert {call.reason for call in read_calls(line, choose_samples(variants, ["all"]), 2)} == {reason}


@pytest.mark.parametrize("genotype", ["0|3", "A/C", "", "0|-1", "0||1", "1;0", "1" * 5000, "\u0661|0"])
def test_what_is_no_genotype_of_the_record_is_a_call_of_each_alt(tmp_path: Path, genotype: str) -> None:
    variants = vcf(tmp_path, genotype, "0|1")
    (line,) = variants.lines()
    assert [
        (call.sample, call.haplotype, call.allele, call.reason)
        for call in read_calls(line, choose_samples(variants, ["all"]), 2)
    ] == [("S0", 0, 1, "malformed_genotype"), ("S0", 0, 2, "malformed_genotype"), ("S1", 2, 1, "")]


def test_samples_are_chosen_by_name_in_the_order_asked_for(tmp_path: Path) -> None:
    variants = vcf(tmp_path, "0|0", "0|1", "1|0")
    assert choose_samples(variants, ["S2", "S0", "S2"]) == {"S2": 11, "S0": 9}
    assert list(choose_samples(variants, ["all"])) == ["S0", "S1", "S2"]
    # a sample may bear this name
    assert choose_samples(vcf(tmp_path, "0|1", "0|1", samples=("x", "all")), ["all"]) == {"all": 10}


def test_an_unknown_sample_is_refused_with_some_that_are_known(tmp_path: Path) -> None:
    variants = vcf(tmp_path, *["0|0"] * 7)
    with pytest.raises(DanqError, match=r"no sample 's1'; the file has S0, S1, S2, S3, S4 and \d+ more$"):
        choose_samples(variants, ["S1", "s1"])


def test_a_file_without_samples_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DanqError, match="received a file without samples"):
        choose_samples(vcf_of(tmp_path, [record("c", 5, "A", "C")]), ["all"])
