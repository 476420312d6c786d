"""Lengths in a header that are those of another build than the genome's."""

from pathlib import Path

import numpy as np
import pytest
from small_genome import COLUMNS, genome_of

from danq.genome.fasta import Genome
from danq.variants.builds import other_build
from danq.variants.text import VariantText, open_variants


def header_of(folder: Path, *contigs: str) -> VariantText:
    path = folder / "v.vcf"
    path.write_text("\n".join([*(f"##contig=<{contig}>" for contig in contigs), COLUMNS]) + "\n")
    return open_variants(path)


def sized(**lengths: int) -> Genome:
    sizes = np.array(list(lengths.values()), np.int64)
    return Genome(Path("g"), tuple(lengths), np.cumsum(sizes) - sizes, sizes, (), "digest")


HG19, HG38 = sized(chr1=249_250_621, chr2=243_199_373), sized(chr1=248_956_422, chr2=242_193_529)


@pytest.mark.parametrize(
    ("contigs", "genome", "expected"),
    [
        (["ID=1,length=249250621", "ID=2,length=243199373"], HG19, None),
        (["ID=chr1", "ID=chr2"], HG19, None),
        (["ID=chr9,length=5"], HG19, None),
        (["ID=chr1,length=x"], HG19, None),
        (
            ["ID=1,length=249250621", "ID=2,length=243199373"],
            HG38,
            "2 of 2 contigs have another length (1 249,250,621 bp for 248,956,422, 2 243,199,373 bp for "
            "242,193,529); the header's may be GRCh37 (hg19), the genome's GRCh38 (hg38)",
        ),
        (
            ['assembly="my, own",length=7,ID=chr1', "ID=chr2,length=242193529"],
            HG38,
            "1 of 2 contigs have another length (chr1 7 bp for 248,956,422); the header's may be my, own, "
            "the genome's GRCh38 (hg38)",
        ),
        (
            ["ID=1,length=249250621", "ID=chrM,length=16571", "ID=MT,length=16569"],
            sized(chr1=248_956_422, chrM=16_569),
            "2 of 3 contigs have another length (1 249,250,621 bp for 248,956,422, chrM 16,571 bp for "
            "16,569); the header's may be GRCh37 (hg19), the genome's GRCh38 (hg38)",
        ),
        (["ID=c, length=5"], genome_of(c="ACGT"), "1 of 1 contigs have another length (c 5 bp for 4)"),
    ],
)
def test_lengths_of_a_header(
    tmp_path: Path, contigs: list[str], genome: Genome, expected: str | None
) -> None:
    told = other_build(header_of(tmp_path, *contigs), genome)
    start = f"the header is that of another build than the genome {genome.path}: "
    assert told == (f"{start}{expected}" if expected else "")


def test_aliases_match_names(tmp_path: Path) -> None:
    variants = header_of(tmp_path, "ID=one,length=5")
    assert other_build(variants, genome_of(c="ACGT")) == ""
    assert "(one 5 bp for 4)" in other_build(variants, genome_of(c="ACGT"), {"one": "c"})


def test_a_table_has_no_lengths(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_text("c:1:A:C\n")
    assert other_build(open_variants(tmp_path / "v.tsv"), HG19) == ""
