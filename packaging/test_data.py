"""Make the data that the wrapper's and the tools' own tests use again, after bundles changed their format.

python packaging/test_data.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PLACES = (HERE / "galaxy" / "test-data", HERE / "snakemake-wrapper" / "danq" / "score" / "test")
CONFIG = """\
genomes: {random: all.fa}
datasets:
  bins: {targets: targets.tsv, window: 120, bin: 60, keep: all, composition: false,
         split: {valid: [chr1], test: [chr2]}}
runs: {words: {model: kmer_logistic, dataset: bins, options: {k: [3], c: [0.01]}}}
"""


def write_inputs(directory: Path) -> None:
    """Write a random genome with two motifs, labels there, variants and regions of one contig."""
    rng = np.random.default_rng(7)
    genome, beds = {}, {"alpha": ("TGACGTCA", []), "beta": ("GGGATTTCC", [])}
    for contig in ("chr1", "chr2", "chr3"):
        bases = rng.choice(list("ACGT"), 6000)
        for start in range(20, 5900, 60):
            motif, lines = list(beds.values())[rng.integers(2)]
            if rng.random() < 0.5:
                bases[start : start + len(motif)] = list(motif)
                lines.append(f"{contig}\t{start - 20}\t{start + 40}\n")
        genome[contig] = "".join(bases)
    for name, (_, lines) in beds.items():
        (directory / f"{name}.bed").write_text("".join(lines))
    (directory / "targets.tsv").write_text("target\tpath\nalpha\talpha.bed\nbeta\tbeta.bed\n")
    (directory / "all.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in genome.items()))
    (directory / "genome.fa").write_text(f">chr2\n{genome['chr2']}\n")
    (directory / "config.yaml").write_text(CONFIG)
    (directory / "regions.bed").write_text("chr2\t1000\t1060\tone\nchr2\t3000\t3060\ttwo\n")
    base = dict(enumerate(genome["chr2"], start=1))
    other = {"A": "C", "C": "G", "G": "T", "T": "A"}
    alleles = [
        (1000, base[1000], other[base[1000]]),
        (2000, base[2000] + base[2001], base[2000]),
        (3000, base[3000], base[3000] + "ACGT"),
        # not what the genome holds
        (4000, other[base[4000]], base[4000]),
    ]
    rows = [
        f"chr2\t{at}\tv{row}\t{ref}\t{alt}\t.\tPASS\t.\n" for row, (at, ref, alt) in enumerate(alleles, 1)
    ]
    head = "##fileformat=VCFv4.2\n##contig=<ID=chr2>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    (directory / "variants.vcf").write_text(head + "".join(rows))


def main() -> None:
    """Train a linear model on the inputs, and copy what the tests need."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_inputs(directory)
        for words in (
            "genome all.fa --out genome",
            "dataset --config config.yaml --name bins --genome genome --out dataset",
            "train --config config.yaml --run words --dataset dataset --threads 1 --out run",
            "export run --private --out model.zip",
        ):
            command = [str(Path(sys.executable).with_name("danq")), *words.split()]
            subprocess.run(command, cwd=directory, check=True)
        for place in PLACES:
            for file in ("model.zip", "genome.fa", "variants.vcf", "regions.bed"):
                if (place / file).exists():
                    shutil.copy(directory / file, place / file)


if __name__ == "__main__":
    main()
