"""Which haplotypes of the chosen samples carry which allele of a VCF record."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from danq.errors import DanqError, first_few
from danq.variants.text import Line, VariantText, readable

ALL = "all"
"""Stands for every sample of the file, in the order of its header."""

UNPHASED = 0
"""Haplotype of an allele whose genotype does not say on which of the two it lies."""

_FIXED_COLUMNS = 9
# VCF 4.4 allows a mark of phasing before the first allele as well
_GENOTYPE = re.compile(r"[|/]?((?:\d+|\.)(?:[|/](?:\d+|\.))*)")


class Call(NamedTuple):
    """One allele of one sample's genotype.

    Attributes
    ----------
    sample : str
        The sample.
    haplotype : int
        1 or 2 in the genotype's order; 0 for a heterozygous genotype that is not phased.
    allele : int
        0 for REF, from 1 for ALT.
    phase_set : str or None
        PS of a phased heterozygous genotype, "" where it has none; None where the two haplotypes carry the
        same, or there is one only, so that no phase can be wrong.
    genotype : str
        GT as the file has it.
    """

    sample: str
    haplotype: int
    allele: int
    phase_set: str | None
    genotype: str


def choose_samples(variants: VariantText, samples: Sequence[str]) -> dict[str, int]:
    """Find the columns of samples.

    Parameters
    ----------
    variants : VariantText
        A VCF with genotypes.
    samples : sequence of str
        Names of samples in any order, or `ALL`.

    Returns
    -------
    dict of str to int
        Sample → 0-based column of the record's text, in the order asked for.

    Raises
    ------
    DanqError
        If the file has no samples, or none of this name.
    """
    if not variants.samples:
        raise DanqError(f"{variants.path}: expected genotypes of samples, received a file without samples")
    known = variants.samples
    wanted = known if list(samples) == [ALL] and ALL not in known else tuple(dict.fromkeys(samples))
    for name in wanted:
        if name not in known:
            raise DanqError(f"{variants.path}: no sample {name!r}; the file has {first_few(known)}")
    return {name: _FIXED_COLUMNS + known.index(name) for name in wanted}


def read_calls(
    variants: VariantText, line: Line, columns: Mapping[str, int], alts: int, with_ref: bool = False
) -> list[Call]:
    """Read the genotypes of a record.

    A missing allele (``.``) and a record without GT give no call; a homozygous genotype counts as phased
    however it is written; the one allele of a haploid genotype lies on haplotype 1. Of a heterozygous
    genotype that is not phased, each ALT is given once, with haplotype `UNPHASED`.

    Parameters
    ----------
    variants : VariantText
        The file, for messages.
    line : Line
        A record of it that is not malformed, and so has the header's columns.
    columns : mapping of str to int
        The samples, from `choose_samples`.
    alts : int
        Number of the record's ALT.
    with_ref : bool
        Give the calls of REF as well.

    Returns
    -------
    list of Call
        By sample in the order of `columns`, then haplotype.

    Raises
    ------
    DanqError
        If a genotype is malformed, has more than two alleles, or names an allele that the record does not
        have; the message names the line.
    """
    fields = line.text.split("\t")
    where = f"{variants.path}:{line.number}"
    keys = fields[_FIXED_COLUMNS - 1].split(":")
    if "GT" not in keys:
        return []
    genotype, phase_set = keys.index("GT"), keys.index("PS") if "PS" in keys else None
    calls: list[Call] = []
    for sample, column in columns.items():
        values = fields[column].split(":")
        text = values[genotype] if genotype < len(values) else "."
        block = values[phase_set] if phase_set is not None and phase_set < len(values) else "."
        called = _called(text)
        if called is None or max(called.alleles) > alts:
            raise _unusable(where, sample, text, alts)
        if with_ref or max(called.alleles) > 0:
            of_sample = called.calls(sample, text, "" if block == "." else readable(block))
            calls.extend(call for call in of_sample if with_ref or call.allele)
    return calls


class _Called(NamedTuple):
    """Alleles of a genotype (-1: missing), and whether it says which haplotype each lies on."""

    alleles: tuple[int, ...]
    phased: bool

    def calls(self, sample: str, text: str, phase_set: str) -> Iterator[Call]:
        if len(set(self.alleles)) > 1 and not self.phased:
            for allele in sorted(set(self.alleles)):
                if allele > 0:
                    yield Call(sample, UNPHASED, allele, None, text)
            return
        certain = len(set(self.alleles)) == 1
        for haplotype, allele in enumerate(self.alleles, 1):
            if allele >= 0:
                yield Call(sample, haplotype, allele, None if certain else phase_set, text)


@lru_cache(maxsize=4096)
def _called(text: str) -> _Called | None:
    """Alleles of a genotype, None where it is malformed or neither haploid nor diploid."""
    match = _GENOTYPE.fullmatch(text)
    alleles = re.split(r"[|/]", match[1]) if match else []
    if not 1 <= len(alleles) <= 2:
        return None
    return _Called(tuple(-1 if a == "." else int(a) for a in alleles), match is not None and "|" in match[1])


def _unusable(where: str, sample: str, text: str, alts: int) -> DanqError:
    if _called(text) is not None:
        return DanqError(f"{where}: sample {sample!r} has genotype {text!r}, but the record has {alts} ALT")
    if match := _GENOTYPE.fullmatch(text):
        ploidy = len(re.split(r"[|/]", match[1]))
        return DanqError(
            f"{where}: expected haploid or diploid genotypes, received {text!r} of sample {sample!r} "
            f"({ploidy} alleles)"
        )
    return DanqError(f"{where}: expected a genotype such as 0|1, received {text!r} of sample {sample!r}")
