"""Genomes of a few bases and files of variants on them."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from danq.genome.alphabet import encode
from danq.genome.fasta import Genome
from danq.variants.allele_checks import AlleleRules
from danq.variants.alleles import Allele
from danq.variants.survey import survey
from danq.variants.survey_file import Survey
from danq.variants.text import VariantText, open_variants

COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


def genome_of(**contigs: str) -> Genome:
    """A genome in memory."""
    lengths = np.array([len(sequence) for sequence in contigs.values()], np.int64)
    codes = encode("".join(contigs.values()))
    return Genome(Path("small"), tuple(contigs), np.cumsum(lengths) - lengths, lengths, codes, "digest")


def record(contig: str, pos: int | str, ref: str, alt: str, passed: str = "PASS") -> str:
    """A line of a VCF without samples."""
    return f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t{passed}\t."


def vcf_of(folder: Path, records: Sequence[str], contigs: Sequence[str] = ()) -> VariantText:
    """A VCF of these lines, opened."""
    path = folder / "small.vcf"
    declared = [f"##contig=<ID={name}>" for name in contigs]
    path.write_text("\n".join(["##fileformat=VCFv4.3", *declared, COLUMNS, *records]) + "\n")
    return open_variants(path)


def surveyed(variants: VariantText, genome: Genome, rules: AlleleRules, **more: Any) -> Survey:
    """A new survey, beside the file of variants."""
    return survey(Path(tempfile.mkdtemp(dir=variants.path.parent)), variants, genome, rules, **more)


def checked(variants: VariantText, genome: Genome, rules: AlleleRules, **more: Any) -> list[Allele]:
    """The alleles of a new survey."""
    result = surveyed(variants, genome, rules, **more)
    return [allele for part in range(result.parts) for allele in result.alleles_of(part)]
