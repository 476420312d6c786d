"""Windows of both haplotypes, against bcftools consensus and naive cuts."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import oracles
import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_genome import COLUMNS, checked, genome_of, record, vcf_of

from danq.genome.alphabet import decode
from danq.genome.fasta import Genome
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.haplotypes import Windows, haplotype_windows

Site = tuple[str, int, str, list[str]]  # sequence of its contig, 1-based position, REF, ALT


def alleles_of(folder: Path, genome: Genome, rows: list[str], rules: AlleleRules) -> list[Allele]:
    return checked(vcf_of(folder, rows), genome, rules)


def cut(sequence: str, start: int, length: int) -> str:
    inside = range(len(sequence))
    return "".join(sequence[at] if at in inside else "N" for at in range(start, start + length))


def shown(windows: Windows) -> list[tuple[str, str]]:
    return [
        (decode(windows.reference[group]), decode(alternate))
        for group, alternate in zip(windows.group, windows.alternate, strict=True)
    ]


@pytest.mark.parametrize(
    ("pos", "ref", "alt", "reference", "alternate", "flags"),
    [
        # AAACCCGGGTTTACGT, 16 bp; the first changed base stands at index 3
        (8, "G", "T", "CCGGGT", "CCGTGT", ()),
        (8, "GG", "TC", "CCGGGT", "CCGTCT", ()),
        (9, "G", "GA", "GGGTTT", "GGGATT", ()),
        (9, "G", "GACACA", "GGGTTT", "GGGACA", ()),
        (6, "CGGG", "C", "CCCGGG", "CCCTTT", ()),
        (6, "CGG", "CA", "CCCGGG", "CCCAGT", ()),
        (1, "A", "C", "NNNAAA", "NNNCAA", ("padded",)),
        (1, "A", "GA", "NNNAAA", "NNNGAA", ("padded",)),
        (4, "C", "G", "AAACCC", "AAAGCC", ()),
        (16, "T", "A", "ACGTNN", "ACGANN", ("padded",)),
        (16, "T", "TA", "CGTNNN", "CGTANN", ("padded",)),
        (14, "C", "G", "TTACGT", "TTAGGT", ()),
        (13, "AC", "A", "TTACGT", "TTAGTN", ("padded",)),
        (14, "C", "CAA", "TACGTN", "TACAAG", ("padded",)),
    ],
)
def test_windows_of_one_allele(
    tmp_path: Path, pos: int, ref: str, alt: str, reference: str, alternate: str, flags: tuple[str, ...]
) -> None:
    genome = genome_of(c="AAACCCGGGTTTACGT")
    windows = haplotype_windows(
        genome, alleles_of(tmp_path, genome, [record("c", pos, ref, alt)], AlleleRules(6)), 6
    )
    assert shown(windows) == [(reference, alternate)]
    assert windows.alleles[0].flags == flags
    assert (windows.group.dtype, windows.scored.dtype) == (np.int64, np.int64)
    assert (windows.reference.dtype, windows.alternate.dtype) == (np.uint8, np.uint8)


def test_alleles_of_one_reference_window_share_it(tmp_path: Path) -> None:
    genome = genome_of(c="AAACCCGGGTTTACGT", d="AAACCCGGGTTTACGT")
    rows = [
        record("c", 8, "G", "T,A,<DEL>,C"),
        record("c", 7, "GG", "GC"),
        record("d", 8, "G", "T"),
        record("d", 9, "G", "T"),
        record("d", 8, "G", "T"),
    ]
    windows = haplotype_windows(genome, alleles_of(tmp_path, genome, rows, AlleleRules(6)), 6)
    assert windows.group.tolist() == [0, 0, 0, 0, 1, 2, 3]
    assert windows.scored.tolist() == [0, 1, 3, 4, 5, 6, 7]
    assert [allele.reason for allele in windows.alleles] == ["", "", "symbolic", *[""] * 5]


def test_a_swapped_allele_keeps_the_roles_of_ref_and_alt(tmp_path: Path) -> None:
    genome, rules = genome_of(c="AAACCCGGGTTTACGT"), AlleleRules(6, "swap")
    rows = [record("c", 8, "G", "T"), record("c", 8, "T", "G"), record("c", 8, "T", "G,A,GG")]
    windows = haplotype_windows(genome, alleles_of(tmp_path, genome, rows, rules), 6)
    assert shown(windows) == [
        ("CCGGGT", "CCGTGT"),
        ("CCGTGT", "CCGGGT"),
        ("CCGTGT", "CCGGGT"),
        ("CCGTTT", "CCGGGT"),
    ]
    assert [allele.reason for allele in windows.alleles] == ["", "", "", "ref_mismatch", ""]
    # REF is shorter than what the genome holds, so that its window alone reaches past the end
    rows = [record("c", 13, "G", "ACG")]
    windows = haplotype_windows(genome, alleles_of(tmp_path, genome, rows, rules), 6)
    assert shown(windows) == [("TTTGTN", "TTTACG")]
    assert windows.alleles[0].flags == ("swapped", "padded")


@pytest.mark.parametrize(
    ("sequence", "pos", "reason"),
    [
        ("NNNACGT", 4, ""),  # a half
        ("NNNANGT", 4, "many_n"),
        ("NNA", 3, "many_n"),  # 2 of 3 genomic bases, though 3 of 6 are padding
        ("NAC", 2, ""),
        ("NNAC", 3, ""),
        ("A", 1, ""),
    ],
)
def test_windows_that_are_mostly_n_are_not_scored(
    tmp_path: Path, sequence: str, pos: int, reason: str
) -> None:
    genome = genome_of(c="ACGTACGT", d=sequence)
    rows = [record("c", 4, "T", "A"), record("d", pos, "A", "C,G"), record("c", 4, "T", "C")]
    windows = haplotype_windows(genome, alleles_of(tmp_path, genome, rows, AlleleRules(6)), 6)
    assert [allele.reason for allele in windows.alleles] == ["", reason, reason, ""]
    assert windows.scored.tolist() == ([0, 3] if reason else [0, 1, 2, 3])
    assert windows.group.tolist() == ([0, 1] if reason else [0, 1, 1, 2])
    assert len(windows.reference) == windows.group[-1] + 1


@pytest.mark.parametrize("rows", [[], [record("c", 1, "A", "*"), "malformed"]])
def test_nothing_to_score(tmp_path: Path, rows: list[str]) -> None:
    genome = genome_of(c="ACGT")
    windows = haplotype_windows(genome, alleles_of(tmp_path, genome, rows, AlleleRules(6)), 6)
    assert windows.reference.shape == windows.alternate.shape == (0, 6)
    assert windows.group.shape == windows.scored.shape == (0,)
    assert len(windows.alleles) == len(rows)


LETTERS = st.text("ACGT", min_size=1, max_size=30)
REPEATS = st.builds(
    lambda unit, times: unit * times, st.text("ACG", min_size=1, max_size=3), st.integers(1, 9)
)
SEQUENCES = st.lists(LETTERS | REPEATS | st.just("NN"), min_size=1, max_size=4).map("".join)


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """A contig with one record: SNV, MNV, insertion, deletion or complex, with one to three ALT."""
    sequence = draw(SEQUENCES)
    start = draw(st.integers(0, len(sequence) - 1))
    ref = sequence[start : start + draw(st.integers(1, 6))]
    anchored = st.text("ACGT", max_size=8).map(lambda more: (ref[0] + more).replace("N", "A"))
    choices = st.lists(
        st.text("ACGT", min_size=1, max_size=4) | anchored, min_size=1, max_size=3, unique=True
    )
    alts = [alt for alt in draw(choices) if alt != ref] or ["ACGTACGTT"]
    return sequence, start + 1, ref, alts


def consensus(bcftools: str, contigs: dict[str, str], rows: list[str]) -> dict[str, str]:
    """Haplotypes that bcftools makes of contigs with one record each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "c.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
        head = "".join(f"##contig=<ID={name},length={len(text)}>\n" for name, text in contigs.items())
        (folder / "v.vcf").write_text(f"##fileformat=VCFv4.2\n{head}{COLUMNS}\n" + "\n".join(rows) + "\n")
        pysam.tabix_index(str(folder / "v.vcf"), preset="vcf", force=True)
        command = [bcftools, "consensus", "-f", str(folder / "c.fa"), str(folder / "v.vcf.gz")]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    made = (part.partition("\n") for part in text.split(">")[1:])
    return {name.split()[0]: lines.replace("\n", "") for name, _, lines in made}


@settings(max_examples=40)
@given(st.lists(sites(), min_size=1, max_size=40), st.integers(1, 40), st.booleans())
def test_windows_are_cut_from_the_haplotypes_of_bcftools(
    bcftools: str, drawn: list[Site], window: int, lower: bool
) -> None:
    genome = genome_of(**{f"c{n}": sequence for n, (sequence, *_) in enumerate(drawn)})
    contigs = {f"c{n}x{k}": site[0] for n, site in enumerate(drawn) for k in range(len(site[3]))}
    haplotypes = consensus(
        bcftools,
        contigs,
        [record(f"c{n}x{k}", s[1], s[2], alt) for n, s in enumerate(drawn) for k, alt in enumerate(s[3])],
    )
    rows = [record(f"c{n}", s[1], s[2], ",".join(s[3])) for n, s in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as name:
        given_rows = [row.replace("A", "a") for row in rows] if lower else rows
        alleles = alleles_of(Path(name), genome, given_rows, AlleleRules(max(window, 10)))
    windows = haplotype_windows(genome, alleles, window)
    found = dict(zip(windows.scored.tolist(), shown(windows), strict=True))
    given_refs = [site[2] for site in drawn for _ in site[3]]
    for index, (name, haplotype) in enumerate(haplotypes.items()):
        reference = contigs[name]
        # a removed N stays where the record has it, but text does not tell it from the N before it
        if "N" in given_refs[index]:
            continue
        first = oracles.placed(reference, haplotype)[0] - window // 2
        genomic = reference[max(first, 0) : max(first + window, 0)]
        if 2 * genomic.count("N") > len(genomic):
            assert windows.alleles[index].reason == "many_n"
        else:
            assert found[index] == (cut(reference, first, window), cut(haplotype, first, window))


@settings(max_examples=40)
@given(st.lists(sites(), min_size=1, max_size=6), st.integers(1, 20))
def test_windows_do_not_depend_on_the_alleles_beside_them(drawn: list[Site], window: int) -> None:
    genome = genome_of(**{f"c{n}": sequence for n, (sequence, *_) in enumerate(drawn)})
    rows = [record(f"c{n}", s[1], s[2], ",".join(s[3])) for n, s in enumerate(drawn)]
    with tempfile.TemporaryDirectory() as name:
        alleles = alleles_of(Path(name), genome, rows, AlleleRules(window))
    together = haplotype_windows(genome, alleles, window)
    apart = [haplotype_windows(genome, [allele], window) for allele in alleles]
    assert together.alleles == tuple(each.alleles[0] for each in apart)
    assert shown(together) == [pair for each in apart for pair in shown(each)]
