"""Labels of a genome's bins: by danq from FASTA and BED, and by bedtools and a loop over its lines.

A bin of 200 bp is positive if strictly more than half of it is covered. The peaks of a target lie at least a
bin apart, so that no two share in covering one and ``bedtools intersect -f`` says the same.
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._turns import REPOSITORY

BIN, TARGETS, COPIES, PEAKS = 200, 25, 10, 20_000
"""bp of a bin; targets; copies of the example's genome; peaks of a target."""


def inputs(folder: Path) -> None:
    """Write the FASTA of the tiled genome, a BED file a target, and a configuration of them."""
    with gzip.open(REPOSITORY / "resources/example/genome.fa.gz", "rt") as source:
        contigs = [record.split("\n", 1) for record in source.read().split(">")[1:]]
    lengths = {}
    with (folder / "genome.fa").open("w") as fasta:
        for copy in range(COPIES):
            for title, sequence in contigs:
                name = f"{title.split()[0]}_{copy}"
                fasta.write(f">{name}\n{sequence}")
                lengths[name] = len(sequence.replace("\n", ""))
    ends = np.cumsum(list(lengths.values()))
    for target in range(TARGETS):
        lines = "".join(_peaks(target, list(lengths), ends))
        (folder / f"target_{target}.bed").write_text(lines)
    rows = "".join(f"target_{target}\ttarget_{target}.bed\n" for target in range(TARGETS))
    (folder / "targets.tsv").write_text("target\tpath\n" + rows)
    dataset = {
        "genome": "tiled",
        "targets": str(folder / "targets.tsv"),
        "bin": BIN,
        "keep": "all",
        "split": {"valid": ["chrVII_0"], "test": ["chrIV_0"]},
    }
    runs = {"kmers": {"model": "kmer_logistic", "dataset": "tiled"}}
    config = {"genomes": {"tiled": str(folder / "genome.fa")}, "datasets": {"tiled": dataset}, "runs": runs}
    (folder / "config.json").write_text(json.dumps(config))


def _peaks(target: int, names: list[str], ends: NDArray[np.int64]) -> list[str]:
    """Draw sorted peaks of 150 to 600 bp, at least a bin apart, none across the end of a contig."""
    random = np.random.default_rng(target)
    space = int(ends[-1]) // PEAKS
    start = np.arange(PEAKS) * space + random.integers(0, space - 600 - BIN, PEAKS)
    end = start + random.integers(150, 600, PEAKS)
    contig = np.searchsorted(ends, start, side="right")
    first = np.concatenate([[0], ends[:-1]])[contig]
    return [
        f"{names[c]}\t{s - f}\t{e - f}\n"
        for c, s, e, f, last in zip(contig, start, end, first, ends[contig], strict=True)
        if e <= last
    ]


def danq(*arguments: object) -> None:
    """Run a verb of danq in the repository."""
    command = [sys.executable, "-c", "from danq.cli import main; main()", "-q", *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr, cwd=REPOSITORY)


def by_danq(inputs: Path, out: Path) -> Path:
    """Encode the FASTA and make the dataset."""
    danq("genome", inputs / "genome.fa", "--out", out / "genome")
    dataset = out / "dataset"
    config = ("--config", inputs / "config.json", "--name", "tiled")
    danq("dataset", *config, "--genome", out / "genome", "--out", dataset)
    return dataset


def labels_of(dataset: Path) -> NDArray[np.uint8]:
    """Labels (bins, TARGETS) of a dataset in the order of its genome."""
    from danq.data.dataset import open_dataset

    opened = open_dataset(dataset, dataset.parent / "genome")
    rows = np.arange(len(opened))
    return opened.labels(rows)[np.lexsort((opened.start, opened.contig))]


def by_bedtools(inputs: Path, out: Path) -> NDArray[np.uint8]:
    """Labels (bins, TARGETS) as one writes them with bedtools and a loop."""
    import pysam

    out.mkdir()
    pysam.faidx(str(inputs / "genome.fa"))
    genome = inputs / "genome.fa.fai"
    rows: dict[tuple[str, int], int] = {}
    bins = out / "bins.bed"
    with bins.open("w") as file:
        for line in _bedtools("makewindows", "-g", genome, "-w", BIN):
            contig, start, end = line.split("\t")
            if int(end) - int(start) == BIN:
                rows[contig, int(start)] = len(rows)
                file.write(line + "\n")
    labels = np.zeros((len(rows), TARGETS), np.uint8)
    half = (BIN // 2 + 1) / BIN  # strictly more than half
    for target in range(TARGETS):
        peaks = inputs / f"target_{target}.bed"
        for line in _bedtools("intersect", "-u", "-f", half, "-a", bins, "-b", peaks):
            contig, start, _ = line.split("\t")
            labels[rows[contig, int(start)], target] = 1
    return labels


def _bedtools(*arguments: object) -> list[str]:
    command = ["bedtools", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
