"""Derive the embedded example (genome and label tracks) from the PyPI package transposonmapper 1.1.5.

Usage: ``python resources/example/derive.py SOURCE [OUT]`` where SOURCE is the package's wheel
(``pip download --no-deps transposonmapper==1.1.5``) or its unpacked folder ``data_files``, and OUT is the
directory to write to (default: the directory of this script). README.md beside this script says what each
file means; the same SOURCE gives the same bytes.
"""

import gzip
import hashlib
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pysam

FASTA = "S288C_reference_sequence_R64-2-1_20150113.fsa"
FEATURES = "SGD_features.tab"
SOURCE_SHA256 = {
    FASTA: "dbf065ffc3f5bbaa7554ef53c6861399eecc597fe058df5f81ba557944e3f86b",
    FEATURES: "60a86c9e9fae97b34b31036c450647707eb78eeb23bcf190ac6b690c617d460e",
}
ROMAN = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI"]
CONTIGS = [*(f"chr{numeral}" for numeral in ROMAN), "chrM"]
# SGD counts the mitochondrion as chromosome 17; the 2-micron plasmid is not in the sequence file
CONTIG_OF_NUMBER = {str(number): name for number, name in enumerate(CONTIGS, 1)}
PROMOTER_LENGTH = 500
LINE = 60


class Feature(NamedTuple):
    """One row of SGD_features.tab with a place on a contig; `start` and `end` are 0-based half-open."""

    kind: str
    qualifier: str
    name: str
    parent: str
    contig: str
    start: int
    end: int
    strand: str


def source_text(source: Path, name: str) -> str:
    """Text of one file of the package, checked against the digest of release 1.1.5."""
    if source.is_dir():
        data = (source / name).read_bytes()
    else:
        with zipfile.ZipFile(source) as wheel:
            data = wheel.read(f"transposonmapper/data_files/{name}")
    digest = hashlib.sha256(data).hexdigest()
    if digest != SOURCE_SHA256[name]:
        sys.exit(f"{source}: {name} is not the file of transposonmapper 1.1.5 (SHA-256 {digest})")
    return data.decode("utf-8")


def contigs(text: str) -> dict[str, str]:
    """Read sequences by UCSC's names; headers carry ``[chromosome=IV]`` or ``[location=mitochondrion]``."""
    sequences = {}
    for record in text.split(">")[1:]:
        header, _, body = record.partition("\n")
        numeral = re.search(r"\[chromosome=(\w+)\]", header)
        name = f"chr{numeral.group(1)}" if numeral else "chrM"
        sequences[name] = body.replace("\n", "").upper()
    if list(sequences) != CONTIGS:
        sys.exit(f"{FASTA}: expected the contigs {CONTIGS}, received {list(sequences)}")
    return sequences


def features(text: str) -> Iterator[Feature]:
    """Rows with coordinates; SGD writes them 1-based, both ends included, and start > stop on strand C."""
    for line in text.splitlines():
        column = line.split("\t")
        contig = CONTIG_OF_NUMBER.get(column[8])
        if contig is None or not column[9]:
            continue
        low, high = sorted((int(column[9]), int(column[10])))
        strand = {"W": "+", "C": "-"}.get(column[11], ".")
        name = column[3] or column[6] or column[0]
        yield Feature(column[1], column[2], name, column[6], contig, low - 1, high, strand)


def promoters(orfs: list[Feature], lengths: dict[str, int]) -> list[Feature]:
    """Take the `PROMOTER_LENGTH` bp before each start codon, on its strand, cut at the contig's ends."""
    found = []
    for orf in orfs:
        if orf.strand == "+":
            start, end = max(0, orf.start - PROMOTER_LENGTH), orf.start
        else:
            start, end = orf.end, min(lengths[orf.contig], orf.end + PROMOTER_LENGTH)
        if start < end:
            found.append(orf._replace(start=start, end=end))
    return found


def tracks(table: list[Feature], lengths: dict[str, int]) -> dict[str, list[Feature]]:
    """Label tracks by name; README.md states each definition."""
    orfs = [row for row in table if row.kind == "ORF"]
    verified = [row for row in orfs if "Verified" in row.qualifier]
    genes = {row.name for row in orfs if "Dubious" not in row.qualifier}

    def of(*kinds: str) -> list[Feature]:
        return [row for row in table if row.kind in kinds]

    return {
        "CDS": [row for row in of("CDS") if row.parent in genes],
        "promoter": promoters(verified, lengths),
        "tRNA": of("tRNA_gene"),
        "LTR": of("long_terminal_repeat", "LTR_retrotransposon"),
        "ARS": of("ARS"),
        # mitochondrial introns are of groups I and II: another kind of sequence under the same word
        "intron": [row for row in of("intron") if row.parent in genes and row.contig != "chrM"],
    }


def write_genome(path: Path, sequences: dict[str, str]) -> None:
    """Write the FASTA compressed by bgzip, upper case, 60 bases a line."""
    with pysam.BGZFile(str(path), "w") as out:
        for name, sequence in sequences.items():
            lines = [sequence[at : at + LINE] for at in range(0, len(sequence), LINE)]
            out.write("\n".join([f">{name}", *lines, ""]).encode())


def write_bed(path: Path, rows: list[Feature]) -> None:
    """Write BED6 sorted by contig (in genome order), start, end and name; duplicates are written once."""
    ordered = sorted(rows, key=lambda row: (CONTIGS.index(row.contig), row.start, row.end, row.name))
    lines = [f"{r.contig}\t{r.start}\t{r.end}\t{r.name}\t0\t{r.strand}" for r in ordered]
    path.write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")


def main(source: Path, out: Path) -> None:
    """Write every derived file and print its digest."""
    sequences = contigs(source_text(source, FASTA))
    table = list(features(source_text(source, FEATURES)))
    out.mkdir(parents=True, exist_ok=True)
    write_genome(out / "genome.fa.gz", sequences)
    for name, rows in tracks(table, {name: len(s) for name, s in sequences.items()}).items():
        write_bed(out / f"{name}.bed", rows)
    for path in sorted([out / "genome.fa.gz", *out.glob("*.bed")]):
        data = path.read_bytes()
        print(hashlib.sha256(gzip.decompress(data) if path.suffix == ".gz" else data).hexdigest(), path.name)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) == 3 else Path(__file__).parent)
