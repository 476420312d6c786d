"""How long and how much memory `danq genome` takes, by size; and how fast windows and tracks are read.

    python benchmarks/genome.py                     three small sizes, plain and gzip, and the fitted slope
    python benchmarks/genome.py --full              also 3.1 Gb, plain (needs 6.5 GB of disk)
    python benchmarks/genome.py --full --gzip-full  and 3.1 Gb as gzip

The FASTA files are generated: 24 contigs, lines of 60 letters, half of them soft-masked in stretches, 5% N.
"""

import argparse
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from danq.genome.fasta import open_genome
from danq.genome.tracks import read_intervals

FULL = 3_100
CONTIGS, WIDTH, STRETCH = 24, 60, 3_000
BLOCK_LINES = 50 * STRETCH // WIDTH


class Measured(NamedTuple):
    """One run of `danq genome`: size in Mb, compression, seconds of wall time, peak resident memory in MB."""

    megabases: int
    kind: str
    seconds: float
    peak_mb: float


def write_fasta(path: Path, megabases: int) -> None:
    """Generate a FASTA of about this size; by its suffix plain or gzip."""
    generator = np.random.default_rng(0)
    blocks = max(1, megabases * 1_000_000 // (CONTIGS * BLOCK_LINES * WIDTH))
    with gzip.open(path, "wb", compresslevel=1) if path.suffix == ".gz" else path.open("wb") as stream:
        for contig in range(1, CONTIGS + 1):
            stream.write(b">chr%d generated\n" % contig)
            for _ in range(blocks):
                letters = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, BLOCK_LINES * WIDTH)]
                stretches = letters.reshape(-1, STRETCH)
                stretches[generator.random(len(stretches)) < 0.5] |= 0x20
                stretches[generator.random(len(stretches)) < 0.05] = ord("N")
                lines = np.full((BLOCK_LINES, WIDTH + 1), ord("\n"), np.uint8)
                lines[:, :WIDTH] = letters.reshape(-1, WIDTH)
                stream.write(lines.tobytes())


def measure(folder: Path, megabases: int, kind: str) -> Measured:
    """Run `danq genome` once in a process of its own."""
    fasta = folder / ("genome.fa.gz" if kind == "gzip" else "genome.fa")
    write_fasta(fasta, megabases)
    program = "from danq.cli import main; main()"
    started = time.perf_counter()
    job = subprocess.Popen(
        [sys.executable, "-c", program, "--quiet", "genome", str(fasta), "--out", str(folder / "out")]
    )
    # wait4 gives the peak of this one child, getrusage only that of the largest so far
    _, status, usage = os.wait4(job.pid, 0)
    seconds = time.perf_counter() - started
    job.returncode = os.waitstatus_to_exitcode(status)
    fasta.unlink()
    if job.returncode:
        sys.exit(f"danq genome ended with status {job.returncode}")
    return Measured(megabases, kind, seconds, usage.ru_maxrss / 1024)


def show(row: Measured) -> None:
    """Print one line of the table."""
    rate = row.megabases / row.seconds
    print(
        f"{row.megabases:>8,} {row.kind:>6} {row.seconds:>9.1f} {rate:>8.1f} {row.peak_mb:>9.0f}", flush=True
    )


def show_slope(rows: list[Measured], kind: str) -> None:
    """Print what the sizes measured say of the full size."""
    sizes, seconds, peaks = np.array([(r.megabases, r.seconds, r.peak_mb) for r in rows if r.kind == kind]).T
    slope, fixed = np.polyfit(sizes, seconds, 1)
    growth, _ = np.polyfit(sizes, peaks, 1)
    print(
        f"{kind}: {slope * 1000:.1f} s a Gb + {fixed:.1f} s, memory {growth * 1000:+.0f} MB a Gb; "
        f"expected at {FULL:,} Mb: {slope * FULL + fixed:.0f} s"
    )


def show_windows(folder: Path) -> None:
    """Print how many windows a second one core cuts out of the genome made last."""
    genome = open_genome(folder / "out")
    generator = np.random.default_rng(0)
    contigs = generator.integers(0, len(genome.names), 20_000)
    for what, low in (("inside contigs", 0), ("some across an end", -20_000)):
        starts = generator.integers(low, genome.lengths[contigs] - 1000)
        started = time.perf_counter()
        genome.windows(contigs, starts, 1000)
        first = len(contigs) / (time.perf_counter() - started)
        started, done = time.perf_counter(), 0
        while time.perf_counter() - started < 2:
            genome.windows(contigs, starts, 1000)
            done += len(contigs)
        rate = done / (time.perf_counter() - started)
        print(f"windows of 1000 bp, {what}: {first:,.0f}/s at first touch, then {rate:,.0f}/s")


def show_tracks(folder: Path, lines: int = 1_000_000) -> None:
    """Print how many lines a second are read of generated tracks."""
    starts = np.random.default_rng(0).integers(0, 100_000_000, lines)
    for name, row in {
        "a.bed": "chr{}\t{}\t{}\tpeak\t960\t+\n",
        "a.narrowPeak": "chr{}\t{}\t{}\tpeak\t960\t.\t5.1\t-1\t3.2\t75\n",
    }.items():
        text = "".join(
            row.format(i % CONTIGS + 1, start, start + 150) for i, start in enumerate(starts.tolist())
        )
        (folder / name).write_text(text)
        started = time.perf_counter()
        read_intervals(folder / name)
        print(f"{name}: {lines / (time.perf_counter() - started):,.0f} lines/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs=3, default=[25, 50, 100], help="Mb, for the slope")
    parser.add_argument("--full", action="store_true", help=f"also {FULL:,} Mb")
    parser.add_argument("--gzip-full", action="store_true", help=f"also {FULL:,} Mb as gzip")
    parser.add_argument("--folder", type=Path, help="where the generated files go, and are deleted again")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="danq-benchmark-", dir=options.folder))
    try:
        print(f"{'Mb':>8} {'kind':>6} {'seconds':>9} {'Mb/s':>8} {'peak MB':>9}")
        rows = []
        for kind in ("plain", "gzip"):
            for size in options.sizes:
                rows.append(measure(folder, size, kind))
                show(rows[-1])
            show_slope(rows, kind)
        if options.gzip_full:
            show(measure(folder, FULL, "gzip"))
        if options.full:
            show(measure(folder, FULL, "plain"))
        show_windows(folder)
        show_tracks(folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
