"""Windows on the haplotypes of samples are those of the sequences that bcftools consensus makes."""

import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pysam
import pytest
from phased import Phased, Row, phased_vcf, random_contig, random_records, rows_of
from small_genome import genome_of

from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele


def consensus(
    bcftools: str, folder: Path, contigs: dict[str, str], lines: list[str], haplotype: int
) -> tuple[dict[str, str], Counter[tuple[str, int]]]:
    """Haplotypes of all contigs, and the sites that bcftools left out because they overlap."""
    fasta = folder / "reference.fa"
    fasta.write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    plain = phased_vcf(folder / "oracle.vcf", lines, contigs=contigs).path
    pysam.tabix_compress(str(plain), f"{plain}.gz", force=True)
    pysam.tabix_index(f"{plain}.gz", preset="vcf", force=True)
    command = [bcftools, "consensus", "-H", str(haplotype), "-s", "A", "-f", str(fasta), f"{plain}.gz"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {
        part.partition("\n")[0]: part.partition("\n")[2].replace("\n", "")
        for part in done.stdout.split(">")[1:]
    }
    skipped = re.findall(r"The site (\S+):(\d+) overlaps with another variant", done.stderr)
    return found, Counter((name, int(pos)) for name, pos in skipped)


def fewest(ref: str, alt: str) -> tuple[int, int]:
    """Numbers of removed and inserted bases when nothing shared is counted."""
    for removed in range(len(ref) + 1):
        added = removed + len(alt) - len(ref)
        if added >= 0 and placements(ref, alt, removed, added):
            return removed, added
    raise AssertionError


def placements(ref: str, alt: str, removed: int, added: int) -> list[int]:
    return [
        at
        for at in range(len(ref) - removed + 1)
        if ref[:at] == alt[:at] and ref[at + removed :] == alt[at + added :]
    ]


def end_as_written(allele: Allele) -> int:
    """End of an allele where its record has it, not on an anchor base."""
    removed, added = fewest(allele.ref, allele.alt)
    anchored = not (removed and added) and allele.ref[0] == allele.alt[0]
    at = min(at for at in placements(allele.ref, allele.alt, removed, added) if at >= anchored)
    return allele.pos - 1 + at + removed


def expected_place(allele: Allele, contig: str, earlier: list[Allele]) -> int:
    """Index of the first changed base on the haplotype."""
    first = allele.pos - 1
    edited = contig[:first] + allele.alt + contig[first + len(allele.ref) :]
    leftmost = min(placements(contig, edited, *fewest(allele.ref, allele.alt)))
    start = max([leftmost, *(end_as_written(other) for other in earlier)])
    return start + sum(len(other.alt) - len(other.ref) for other in earlier)


def window_at(text: str, place: int, window: int) -> str:
    first = place - window // 2
    return "".join(text[i] if 0 <= i < len(text) else "N" for i in range(first, first + window))


@pytest.mark.parametrize(("seed", "window"), [(1, 30), (2, 41), (3, 7), (4, 160)])
def test_windows_are_cut_from_the_haplotypes_of_bcftools(
    seed: int, window: int, bcftools: str, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    contigs = {f"c{n}": random_contig(rng, rng.randint(60, 140)) for n in range(25)}
    records = [
        r for name, text in contigs.items() for r in random_records(rng, name, text, rng.randint(1, 14))
    ]
    variants = phased_vcf(tmp_path / "phased.vcf", [record.text() for record in records])
    rows = rows_of(variants, genome_of(**contigs), AlleleRules(window))
    copies: dict[str, str] = {}
    without: list[str] = []
    for haplotype in (1, 2):
        own = [row for row in rows if row.allele.haplotype == haplotype]
        lines = [record.text() for record in records]
        whole, skipped = consensus(bcftools, tmp_path, contigs, lines, haplotype)
        assert skipped == Counter(
            (r.allele.contig, r.allele.pos) for r in own if r.allele.reason == "overlaps"
        )
        for row in own:
            place = place_among(row, own, contigs)
            if row.alternate:
                assert row.alternate == window_at(whole[row.allele.contig], place, window)
                name = f"h{haplotype}_{row.allele.row}"
                copies[name] = contigs[row.allele.contig]
                without += [
                    Phased(name, other.allele.pos, other.allele.ref, (other.allele.alt,), ("1|0",)).text()
                    for other in own
                    if other.allele.contig == row.allele.contig and other != row and in_place(other)
                ]
    left, skipped = consensus(bcftools, tmp_path, copies, without, 1)
    assert not skipped
    assert len(copies) > 100
    for row in rows:
        if row.reference:
            own = [other for other in rows if other.allele.haplotype == row.allele.haplotype]
            place = place_among(row, own, contigs)
            haplotype_text = left[f"h{row.allele.haplotype}_{row.allele.row}"]
            assert row.reference == window_at(haplotype_text, place, window)


def in_place(row: Row) -> bool:
    return row.allele.reason in ("", "too_long")


def place_among(row: Row, own: list[Row], contigs: dict[str, str]) -> int:
    earlier = [
        other.allele
        for other in own
        if other.allele.contig == row.allele.contig and other.allele.row < row.allele.row and in_place(other)
    ]
    return expected_place(row.allele, contigs[row.allele.contig], earlier)
