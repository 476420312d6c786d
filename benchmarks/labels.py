"""Seconds and memory of labelling a genome: three sizes with the fitted slope, or the full size.

python benchmarks/labels.py [--full]

The full size is 919 tracks of 100,000 peaks on 3.1 Gb; it needs about 8 GB below the temporary directory.
"""

import argparse
import logging
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from danq.data.options import DatasetOptions
from danq.data.regions.making import build_region_dataset
from danq.genome.alphabet import N
from danq.genome.fasta import Genome

CONTIGS = 24
FILES = 60  # so many different files; further tracks read them again
SIZES = ((31, 115, 12_500), (31, 115, 25_000), (62, 230, 25_000))
FULL = (3_100, 919, 100_000)


def genome(folder: Path, megabases: int) -> Genome:
    """Write random bases, 5% of each contig N, as a memory map."""
    random = np.random.default_rng(1)
    lengths = np.full(CONTIGS, megabases * 1_000_000 // CONTIGS - 77, np.int64)
    codes = np.lib.format.open_memmap(folder / "codes.npy", "w+", np.uint8, (int(lengths.sum()),))
    offsets = np.cumsum(lengths) - lengths
    for offset, length in zip(offsets, lengths, strict=True):
        codes[offset : offset + length] = random.integers(0, 4, length, dtype=np.uint8)
        codes[offset : offset + length // 20] = N
    codes.flush()
    names = tuple(f"chr{i + 1}" for i in range(CONTIGS))
    return Genome(folder, names, offsets, lengths, np.load(folder / "codes.npy", mmap_mode="r"), "generated")


def tracks(folder: Path, made: Genome, number: int, peaks: int) -> Path:
    """Write narrowPeak files of peaks of 150 to 600 bp in gzip, and the table of targets."""
    for index in range(min(number, FILES)):
        random = np.random.default_rng(index)
        start = random.integers(0, int(made.lengths[0]) - 600, peaks)
        width = random.integers(150, 600, peaks)
        table = pl.DataFrame(
            {
                "contig": pl.Series(made.names).gather(random.integers(0, CONTIGS, peaks)),
                "start": start,
                "end": start + width,
                "name": pl.Series(["."]).gather(np.zeros(peaks, np.int64)),
                "score": random.integers(0, 1000, peaks),
                "strand": pl.Series(["."]).gather(np.zeros(peaks, np.int64)),
                "signal": random.random(peaks).round(3),
                "p": random.random(peaks).round(3),
                "q": random.random(peaks).round(3),
                "peak": width // 2,
            }
        ).sort("contig", "start")
        text = table.write_csv(separator="\t", include_header=False).encode()
        packed = subprocess.run(["gzip", "-1"], input=text, stdout=subprocess.PIPE, check=True).stdout
        (folder / f"{index}.narrowPeak.gz").write_bytes(packed)
    lines = [f"t{i}\t{i % FILES}.narrowPeak.gz\n" for i in range(number)]
    (folder / "targets.tsv").write_text("target\tpath\n" + "".join(lines))
    return folder / "targets.tsv"


def label(folder: Path, megabases: int, number: int, peaks: int) -> None:
    """Label one generated genome and print seconds and peak memory of the labelling."""
    made = genome(folder, megabases)
    options = DatasetOptions.model_validate(
        {
            "targets": tracks(folder, made, number, peaks),
            "keep": {"negatives_per_positive": 0.5, "match": "gc"},
            "split": {"valid": ["chr7:1,000,001-"], "test": ["chr8", "chr9"]},
        }
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    started = time.perf_counter()
    manifest = build_region_dataset(options, "generated", made, folder / "out")
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    rows = sum(manifest.n.values())
    sys.stdout.write(f"{seconds:.2f} {memory:.2f} {before:.2f} {rows}\n")


def measure(size: tuple[int, int, int]) -> float:
    """Run `label` in a process of its own, report it, and give its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--label", folder, *map(str, size)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, memory, before, rows = map(float, done.stdout.split())
    megabases, number, peaks = size
    sys.stdout.write(
        f"{megabases:>6,} Mb {number:>4} tracks x {peaks:>7,} peaks → {rows:>11,.0f} rows: {seconds:>6.1f} s"
        f", peak memory {memory:.2f} GB (making the input: {before:.2f} GB)\n"
    )
    sys.stdout.flush()
    return seconds


def main() -> None:
    """Measure the three sizes, or the full one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--full", action="store_true", help="919 tracks of 100,000 peaks on 3.1 Gb")
    parser.add_argument("--label", nargs=4, metavar=("DIR", "MB", "TRACKS", "PEAKS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.label:
        logging.basicConfig(level=logging.INFO)
        folder, *size = given.label
        label(Path(folder), *map(int, size))
    elif given.full:
        measure(FULL)
    else:
        seconds = [measure(size) for size in SIZES]
        work = [number * peaks for _, number, peaks in SIZES]
        slope = np.polyfit(np.log(work), np.log(seconds), 1)[0]
        sys.stdout.write(f"seconds grow as (tracks x peaks) to the power {slope:.2f}\n")


if __name__ == "__main__":
    main()
