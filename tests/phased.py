"""Phased VCF files on small genomes, by chance and by hand, and the rows that danq makes of them."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from small_genome import surveyed

from danq.genome.alphabet import decode
from danq.genome.fasta import Genome
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.haplotypes import Windows
from danq.variants.personal_windows import personal_windows
from danq.variants.survey import PART
from danq.variants.text import VariantText, open_variants

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT"


class Phased(NamedTuple):
    """A record with one genotype a sample."""

    contig: str
    pos: int
    ref: str
    alts: tuple[str, ...]
    genotypes: tuple[str, ...]

    def text(self, format_: str = "GT", passed: str = ".") -> str:
        """The record as a line of a VCF."""
        alts = ",".join(self.alts)
        return "\t".join(
            (self.contig, str(self.pos), ".", self.ref, alts, ".", passed, ".", format_, *self.genotypes)
        )


def phased_vcf(
    path: Path, lines: list[str], samples: tuple[str, ...] = ("A",), contigs: dict[str, str] | None = None
) -> VariantText:
    """Write a VCF with samples and open it."""
    declared = [f"##contig=<ID={name},length={len(text)}>" for name, text in (contigs or {}).items()]
    head = ["##fileformat=VCFv4.3", *declared, '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">']
    path.write_text("\n".join([*head, "\t".join((COLUMNS, *samples)), *lines]) + "\n")
    return open_variants(path)


def random_contig(rng: random.Random, length: int) -> str:
    """A sequence with many short repeats, in which insertions and deletions can move."""
    units = ["A", "C", "AC", "ACG", "T", "G", "CGT"]
    text = ""
    while len(text) < length:
        text += rng.choice(units) * rng.randint(1, 5)
    return text[:length]


def random_records(rng: random.Random, name: str, text: str, count: int, samples: int = 1) -> list[Phased]:
    """Records of substitutions, insertions, deletions and mixtures, crowded so that some overlap."""
    found = []
    for start in sorted(rng.choices(range(len(text) - 6), k=count)):
        ref = text[start : start + rng.choice((1, 1, 1, 2, 3, 5))]
        alts: list[str] = []
        while len(alts) < rng.choice((1, 1, 2)):
            alt = rng.choice((_substituted, _indel, _indel, _mixed))(rng, ref)
            if alt and alt != ref and alt not in alts:
                alts.append(alt)
        genotypes = ["|".join(str(rng.randint(0, len(alts))) for _ in range(2)) for _ in range(samples)]
        found.append(Phased(name, start + 1, ref, tuple(alts), tuple(genotypes)))
    return found


def _substituted(rng: random.Random, ref: str) -> str:
    return "".join(rng.choice("ACGT") if rng.random() < 0.6 else base for base in ref)


def _indel(rng: random.Random, ref: str) -> str:
    if len(ref) > 1 and rng.random() < 0.6:
        return ref[0] + ref[rng.randint(2, len(ref)) :]
    return ref[0] + rng.choice(("A", "AC", "G", "TTT", ref[-1:])) + ref[1:]


def _mixed(rng: random.Random, ref: str) -> str:
    return "".join(rng.choices("ACGT", k=rng.randint(1, 5)))


def records_of(
    variants: VariantText,
    genome: Genome,
    rules: AlleleRules,
    samples: tuple[str, ...] = ("all",),
    unphased: str = "skip",
    part: int = PART,
) -> Iterator[Windows]:
    """Windows of each record, from a survey whose parts have as many records."""
    survey = surveyed(variants, genome, rules, samples=samples, unphased=unphased, part=part)
    for number in range(survey.parts):
        yield from personal_windows(genome, survey, rules.window, number)


class Row(NamedTuple):
    """An allele and its two windows as text, "" where it has none."""

    allele: Allele
    reference: str
    alternate: str


def rows_of(*args, **kwargs) -> list[Row]:  # type: ignore[no-untyped-def]  # as records_of
    rows = []
    for windows in records_of(*args, **kwargs):
        assert (np.diff(windows.group) >= 0).all()
        text = dict.fromkeys(range(len(windows.alleles)), ("", ""))
        for group, alternate, number in zip(windows.group, windows.alternate, windows.scored, strict=True):
            text[int(number)] = decode(windows.reference[group]), decode(alternate)
        rows += [Row(allele, *text[number]) for number, allele in enumerate(windows.alleles)]
    return rows
