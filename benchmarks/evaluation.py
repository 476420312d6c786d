"""Time and memory of `danq evaluate` on drawn predictions, and of its 95% intervals and leakage check.

``python benchmarks/evaluation.py`` measures three sizes and the slope between them; ``--full`` measures 919
targets x 450,000 rows once (about 4 GB of disk in the temporary directory, a few minutes).
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from danq.data.dataset import SPLITS, Dataset
from danq.evaluate.leakage import leakage
from danq.genome.fasta import Genome
from danq.learn.predict.predictions import Predictions, writing_npz

CHUNK = 4096
SIZES = ((919, 10_000), (919, 20_000), (919, 40_000))
FULL = (919, 450_000)


def draw(path: Path, targets: int, rows: int) -> None:
    """Write predictions whose labels follow them, 2% positive, in blocks of rows."""
    rng = np.random.default_rng(1)
    names = np.array([f"target {index}" for index in range(targets)])
    with writing_npz(path) as append:
        for first in range(0, rows, CHUNK):
            n = min(CHUNK, rows - first)
            labels = rng.random((n, targets), np.float32) < 0.02
            logits = rng.standard_normal((n, targets), np.float32) - 4 + 2 * labels.astype(np.float32)
            start = 200 * np.arange(first, first + n)
            append(
                Predictions(
                    ids=np.array([f"chr8:{s}-{s + 200}" for s in start]),
                    probabilities=1 / (1 + np.exp(-logits)),
                    logits=logits,
                    targets=names,
                    labels=labels.astype(np.uint8),
                    contig=np.full(n, "chr8"),
                    start=start,
                    end=start + 200,
                    run="drawn",
                    split="test",
                    bin=200,
                )
            )


def evaluate(targets: int, rows: int, resamples: int) -> tuple[float, float, float]:
    """Seconds, processor seconds and largest memory (GB) of one `danq evaluate` process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.npz"
        draw(path, targets, rows)
        command = [sys.executable, "-c", "from danq.cli import main; main()", "-q", "evaluate", str(path)]
        command += ["--out", str(Path(folder) / "out"), "--resamples", str(resamples)]
        started = time.monotonic()
        _, status, used = os.wait4(os.spawnv(os.P_NOWAIT, sys.executable, command), 0)
        seconds = time.monotonic() - started
        assert status == 0
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6


def line(targets: int, rows: int, resamples: int) -> float:
    """Measure one size and print it; the processor seconds."""
    seconds, busy, gigabytes = evaluate(targets, rows, resamples)
    print(
        f"evaluate {targets} targets x {rows:,} rows, {resamples} resamples: {seconds:.1f} s "
        f"({busy:.1f} s of processor), {gigabytes:.2f} GB",
        flush=True,
    )
    return busy


def compare(train: int, test: int) -> float:
    """Processor seconds of the leakage check of bins every 200 bp with 1000-bp windows."""
    rng = np.random.default_rng(2)
    lengths = np.array([200 * train, 200 * test], np.int64)
    codes = rng.integers(0, 4, int(lengths.sum())).astype(np.uint8)
    start = np.concatenate([200 * np.arange(train), 200 * np.arange(test)]).astype(np.int64)
    dataset = Dataset(
        path=Path(),
        manifest={},
        targets=("t",),
        task="multilabel",
        window=1000,
        bin=200,
        contig=np.repeat(np.arange(2, dtype=np.int32), [train, test]),
        start=start,
        end=start + 200,
        split=np.repeat(np.array([0, 2], np.uint8), [train, test]),
        genome=Genome(Path(), ("a", "b"), np.cumsum(lengths) - lengths, lengths, codes, ""),
        packed=np.zeros((train + test, 1), np.uint8),
    )
    started = time.process_time()
    leakage(dataset, SPLITS[2])
    return time.process_time() - started


def slope(sizes: list[float], values: list[float]) -> float:
    """Exponent of the power law through the measurements: 1 where the cost grows as the size does."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def main() -> None:
    """Measure and print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="919 targets x 450,000 rows instead")
    if parser.parse_args().full:
        line(*FULL, resamples=0)
        seconds = compare(4_400_000, 450_000)
        print(f"leakage 4,400,000 training and 450,000 test windows: {seconds:.1f} s of processor")
        return
    times = [line(targets, rows, resamples=0) for targets, rows in SIZES]
    print(f"slope over rows: {slope([rows for _, rows in SIZES], times):.2f}")
    line(10, 60_000, resamples=1000)
    checks = [(windows, compare(windows, windows // 5)) for windows in (25_000, 50_000, 100_000)]
    for windows, seconds in checks:
        print(f"leakage {windows:,} training and {windows // 5:,} test windows: {seconds:.1f} s of processor")
    print(f"slope over windows: {slope([n for n, _ in checks], [s for _, s in checks]):.2f}")


if __name__ == "__main__":
    main()
