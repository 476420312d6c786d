"""Make the example's variants: every SNV and some indels of one tRNA gene of the test chromosome.

Usage: ``python resources/example/variants.py [OUT]`` where OUT is the directory to write to (default: the
directory of this script). Read are ``genome.fa.gz`` and ``tRNA.bed`` beside it; README.md tells the story.
"""

import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pysam

HERE = Path(__file__).parent
GENE = "tA(AGC)D"
FLANK = 20
# box B, to which TFIIIC binds: GGTTCGANTCC in its usual spelling
BOX_B = re.compile("GGTTCGA[ACGT]TCC")

HEADER = """##fileformat=VCFv4.2
##source=resources/example/variants.py
##contig=<ID={contig},length={length}>
##INFO=<ID=BOX_B,Number=A,Type=Integer,Description="1 where the allele changes the gene's box B, else 0">
##INFO=<ID=WHAT,Number=1,Type=String,Description="What the record shows">
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
"""


def gene() -> tuple[str, int, int]:
    """Contig, start and end (0-based, half-open) of the gene, which lies on the forward strand."""
    for line in (HERE / "tRNA.bed").read_text(encoding="utf-8").splitlines():
        contig, start, end, name, _, strand = line.split("\t")
        if name == GENE and strand == "+":
            return contig, int(start), int(end)
    sys.exit(f"tRNA.bed: no gene {GENE} on the forward strand")


def sequence(contig: str) -> str:
    """Sequence of one contig of the example genome."""
    text = gzip.decompress((HERE / "genome.fa.gz").read_bytes()).decode()
    body = text.partition(f">{contig}\n")[2].partition(">")[0]
    return body.replace("\n", "")


def records(contig: str, bases: str, start: int, end: int) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield (0-based position, REF, ALT, BOX_B, WHAT) of every record."""
    match = BOX_B.search(bases, start, end)
    if match is None:
        sys.exit(f"{GENE}: no box B")
    first, last = match.span()

    def anchored(at: int, removed: int, added: str, what: str) -> tuple[int, str, str, str, str]:
        # an indel as VCF writes it: with the base before it
        changes = at < last and at + max(removed, 1) > first
        return at - 1, bases[at - 1 : at + removed], bases[at - 1] + added, str(int(changes)), what

    for at in range(start - FLANK, end + FLANK):
        others = [base for base in "ACGT" if base != bases[at]]
        inside = str(int(first <= at < last))
        yield at, bases[at], ",".join(others), ",".join([inside] * 3), "SNV"
    for at in range(first, last):
        yield anchored(at, 1, "", "1-bp_deletion_in_box_B")
    yield anchored(first, last - first, "", "box_B_deleted")
    yield anchored(first + 5, 0, "A", "insertion_into_box_B")
    yield anchored(start - 15, 11, "", "11-bp_deletion_before_the_gene")
    # the first T of box B's TT removed, written in two ways that mean one allele: both score alike
    twice = first + bases[first:last].index("TT")
    yield anchored(twice, 1, "", "deletion_in_a_repeat")
    yield twice - 1, bases[twice - 1 : twice + 2], bases[twice - 1] + "T", "1", "deletion_in_a_repeat_padded"
    # records that no model can score: the ledger names each with its reason
    yield first, bases[first], "*", "0", "not_scored"
    yield first, bases[first], "<DEL>", "0", "not_scored"
    yield first, "A" if bases[first] != "A" else "C", "T", "0", "not_scored"


def main(out: Path) -> None:
    """Write ``variants.vcf.gz``, sorted by position, compressed by bgzip."""
    contig, start, end = gene()
    bases = sequence(contig)
    lines = [HEADER.format(contig=contig, length=len(bases))]
    ordered = sorted(records(contig, bases, start, end), key=lambda record: record[0])
    for number, (at, ref, alt, box, what) in enumerate(ordered, 1):
        lines.append(f"{contig}\t{at + 1}\tv{number}\t{ref}\t{alt}\t.\tPASS\tBOX_B={box};WHAT={what}\n")
    out.mkdir(parents=True, exist_ok=True)
    with pysam.BGZFile(str(out / "variants.vcf.gz"), "w") as stream:
        stream.write("".join(lines).encode())


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]) if len(sys.argv) == 2 else HERE)
