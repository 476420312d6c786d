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


class Spelled(NamedTuple):
    """A change of a haplotype as it may be written: `inserted` replaces [start, end) of a contig."""

    start: int
    end: int
    inserted: str


def applied(text: str, changes: list[Spelled]) -> str:
    """The haplotype that changes make, which are sorted and do not overlap."""
    parts, at = [], 0
    for change in changes:
        assert change.start >= at
        parts += [text[at : change.start], change.inserted]
        at = change.end
    return "".join(parts) + text[at:]


def vcf_lines(name: str, text: str, changes: list[Spelled], genotype: str = "1|0") -> list[str]:
    """Records of changes; an insertion or deletion has the base before it as its anchor."""
    lines = []
    for start, end, inserted in changes:
        first = start if end > start and inserted else start - 1
        ref, alt = text[first:end], text[first:start] + inserted
        lines.append(Phased(name, first + 1, ref, (alt,), (genotype,)).text())
    return lines


def random_changes(rng: random.Random, text: str) -> list[Spelled]:
    """Changes of a haplotype, with at least two bases between two of them."""
    changes, at = [], 1
    while True:
        at += rng.choice((2, 3, 8, 20, 45, 90))
        removed = rng.choice((0, 0, 1, 2, 3, 6))
        unit = text[at : at + 3] if rng.random() < 0.4 else "".join(rng.choices("ACGT", k=rng.randint(0, 3)))
        if at + removed + 3 > len(text):
            return changes
        if unit != text[at : at + removed]:
            changes.append(Spelled(at, at + removed, unit))
            at += removed


def respelled(rng: random.Random, text: str, changes: list[Spelled]) -> list[Spelled]:
    """The same haplotype in other words: changes merged with the next, split base by base, moved right."""
    merged: list[Spelled] = []
    for change in changes:
        if merged and rng.random() < 0.3 and change.start - merged[-1].end < 25:
            before = merged.pop()
            between = text[before.end : change.start]
            change = Spelled(before.start, change.end, before.inserted + between + change.inserted)
        merged.append(change)
    return moved_right(rng, text, [part for change in merged for part in _split(rng, change)])


def _split(rng: random.Random, change: Spelled) -> list[Spelled]:
    start, end, inserted = change
    if end - start != len(inserted) or rng.random() < 0.5:
        return [change]
    return [Spelled(start + n, start + n + 1, base) for n, base in enumerate(inserted)]


def moved_right(rng: random.Random, text: str, changes: list[Spelled]) -> list[Spelled]:
    """Insertions and deletions moved right within repeats, no further than to one base before the next."""
    moved = []
    borders = [change.start - 1 for change in changes[1:]] + [len(text) - 1]
    for (start, end, inserted), border in zip(changes, borders, strict=True):
        while rng.random() < 0.9 and end < border and (start == end or not inserted):
            first = inserted[0] if inserted else text[start]
            if text[end] != first:
                break
            start, end, inserted = start + 1, end + 1, inserted[1:] + inserted[:1]
        moved.append(Spelled(start, end, inserted))
    return moved
