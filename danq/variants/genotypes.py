"""Which haplotypes of the chosen samples carry which allele of a VCF record."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from danq.errors import DanqError, first_few
from danq.variants.text import Line, VariantText, readable

UNPHASED = 0
"""Haplotype of an allele whose genotype does not say on which of them it lies."""

_FORMAT, _FIRST_SAMPLE = 8, 9
# VCF 4.4 allows a mark of phasing before the first allele as well
_GENOTYPE = re.compile(r"[|/]?((?:[0-9]{1,9}|\.)(?:[|/](?:[0-9]{1,9}|\.))*)")


class Call(NamedTuple):
    """One allele of one sample's genotype.

    Attributes
    ----------
    haplotype : int
        From 1 in the genotype's order, one for each copy; 0 of an allele that no haplotype can be told for.
    allele : int
        0 for REF, from 1 for ALT.
    phase_set : str or None
        PS of a phased heterozygous genotype, "" where it has none; None where all haplotypes carry the same,
        or there is one only, so that no phase can be wrong.
    genotype : str
        GT as the file has it.
    reason : str
        Why `haplotype` is 0, a key of `danq.variants.alleles.REASONS`: ``unphased`` (heterozygous and not
        phased), ``half_missing`` (not phased, and some of its alleles are missing) or ``malformed_genotype``
        (then every ALT of the record has a call); "" where it is told.
    """

    sample: str
    haplotype: int
    allele: int
    phase_set: str | None
    genotype: str
    reason: str = ""


def choose_samples(variants: VariantText, samples: Sequence[str]) -> dict[str, int]:
    """Find samples in a VCF: name → 0-based column of a record's text, in the order asked for.

    The single name ``all`` stands for every sample of the file, unless a sample has it.

    Raises
    ------
    DanqError
        If the file has no samples, or none of this name.
    """
    if not variants.samples:
        raise DanqError(f"{variants.path}: expected genotypes of samples, received a file without samples")
    known = variants.samples
    wanted = known if list(samples) == ["all"] and "all" not in known else tuple(dict.fromkeys(samples))
    for name in wanted:
        if name not in known:
            raise DanqError(f"{variants.path}: no sample {name!r}; the file has {first_few(known)}")
    return {name: _FIRST_SAMPLE + known.index(name) for name in wanted}


def read_calls(line: Line, columns: Mapping[str, int], alts: int, with_ref: bool = False) -> list[Call]:
    """Read the genotypes of a record, by sample in the order of `columns`, then haplotype.

    Genotypes may have any number of copies. A missing allele (``.``) and a record without GT give no call; a
    genotype whose copies are all the same counts as phased however it is written; the one allele of a haploid
    genotype lies on haplotype 1. Of a genotype that does not tell its haplotypes, each ALT is given once,
    with haplotype `UNPHASED` and the reason.

    Parameters
    ----------
    line : Line
        A record that is not malformed, and so has the header's columns.
    columns : mapping of str to int
        The samples, from `choose_samples`.
    alts : int
        Number of the record's ALT.
    with_ref : bool
        Give the calls of REF on haplotypes as well.
    """
    fields = line.text.split("\t")
    keys = fields[_FORMAT].split(":")
    if "GT" not in keys:
        return []
    genotype, phase_set = keys.index("GT"), keys.index("PS") if "PS" in keys else None
    calls: list[Call] = []
    for sample, column in columns.items():
        values = fields[column].split(":")
        text = values[genotype] if genotype < len(values) else "."
        block = values[phase_set] if phase_set is not None and phase_set < len(values) else "."
        alleles = _alleles(text)
        if not alleles or max(alleles) > alts:
            calls += [
                Call(sample, UNPHASED, n, None, readable(text), "malformed_genotype")
                for n in range(1, alts + 1)
            ]
        elif with_ref or max(alleles) > 0:
            of_sample = _calls(sample, text, alleles, "" if block == "." else readable(block))
            calls += [call for call in of_sample if with_ref or call.allele]
    return calls


def _calls(sample: str, text: str, alleles: Sequence[int], phase_set: str) -> Iterator[Call]:
    same = len(set(alleles)) == 1
    # a mark before the first allele does not count
    if same or "/" not in text[1:]:
        for haplotype, allele in enumerate(alleles, 1):
            if allele >= 0:
                yield Call(sample, haplotype, allele, None if same else phase_set, text)
    else:
        reason = "half_missing" if min(alleles) < 0 else "unphased"
        for allele in sorted(set(alleles)):
            if allele > 0:
                yield Call(sample, UNPHASED, allele, None, text, reason)


@lru_cache(maxsize=4096)
def _alleles(text: str) -> tuple[int, ...]:
    """Alleles of a genotype, -1 for a missing one; none where it is malformed."""
    match = _GENOTYPE.fullmatch(text)
    alleles = re.split(r"[|/]", match[1]) if match else []
    return tuple(-1 if allele == "." else int(allele) for allele in alleles)
