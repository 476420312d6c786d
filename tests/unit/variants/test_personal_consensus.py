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


def first_changed(without: str, whole: str) -> int:
    """Index of the first base that differs between two haplotypes, moved as far left as it will go."""
    return min(placements(without, whole, *fewest(without, whole)))


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
    lines: list[str] = []
    whole: dict[int, dict[str, str]] = {}
    for haplotype in (1, 2):
        own = [row for row in rows if row.allele.haplotype == haplotype]
        texts = [record.text() for record in records]
        whole[haplotype], skipped = consensus(bcftools, tmp_path, contigs, texts, haplotype)
        assert skipped == Counter(
            (r.allele.contig, r.allele.pos) for r in own if r.allele.reason == "overlaps"
        )
        for row in own:
            if row.alternate:
                name = f"h{haplotype}_{row.allele.row}"
                copies[name] = contigs[row.allele.contig]
                lines += [
                    Phased(name, other.allele.pos, other.allele.ref, (other.allele.alt,), ("1|0",)).text()
                    for other in own
                    if other.allele.contig == row.allele.contig and other != row and in_place(other)
                ]
    without, skipped = consensus(bcftools, tmp_path, copies, lines, 1)
    assert not skipped
    assert len(copies) > 100
    for allele, reference, alternate in rows:
        if reference:
            texts = without[f"h{allele.haplotype}_{allele.row}"], whole[allele.haplotype][allele.contig]
            place = first_changed(*texts)
            assert [reference, alternate] == [window_at(text, place, window) for text in texts]


def in_place(row: Row) -> bool:
    return row.allele.reason in ("", "too_long")
