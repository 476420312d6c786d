"""Windows a second that the batches deliver on one core: 1000 bp, 919 labels, random rows of a memory map.

python benchmarks/loader.py [--megabases 200] [--rows 1000000] [--seconds 5]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from danq.data.batches import TrainingBatches
from danq.data.dataset import Dataset
from danq.genome.fasta import Genome

TARGETS, WINDOW, BIN, BATCH = 919, 1000, 200, 100


def generated(folder: Path, megabases: int, rows: int) -> Dataset:
    """Make a genome of random bases with random labels, both as memory maps."""
    random = np.random.default_rng(1)
    length = megabases * 1_000_000
    np.save(folder / "codes.npy", random.integers(0, 4, length, dtype=np.uint8))
    np.save(folder / "labels.npy", random.integers(0, 256, (rows, -(-TARGETS // 8)), dtype=np.uint8))
    codes, packed = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("codes", "labels"))
    genome = Genome(folder, ("chr1",), np.zeros(1, np.int64), np.array([length]), codes, "")
    start = np.sort(random.choice(length // BIN, rows, replace=False)) * BIN
    return Dataset(
        path=folder,
        manifest={},
        targets=tuple(f"t{i}" for i in range(TARGETS)),
        task="multilabel",
        window=WINDOW,
        bin=BIN,
        contig=np.zeros(rows, np.int32),
        start=start,
        end=start + BIN,
        split=np.zeros(rows, np.uint8),
        genome=genome,
        packed=packed,
    )


def measure(batches: TrainingBatches, seconds: float) -> float:
    """Windows a second, the permutation of the epoch included."""
    started, step = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        batches.load(step // batches.steps, step % batches.steps)
        step += 1
    return step * batches.batch_size / (time.perf_counter() - started)


def main() -> None:
    """Measure with and without augmentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabases", type=int, default=200, help="size of the generated genome")
    parser.add_argument("--rows", type=int, default=1_000_000, help="training rows")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of each measurement")
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        dataset = generated(Path(folder), given.megabases, min(given.rows, given.megabases * 5000))
        rows = np.arange(len(dataset))
        for name, options in {
            "as it is": {},
            "strand": {"reverse_complement": True},
            "strand and shift": {"reverse_complement": True, "shift": 50},
        }.items():
            rate = measure(TrainingBatches(dataset, rows, BATCH, 1, **options), given.seconds)
            sys.stdout.write(f"{name:<18} {rate:>10,.0f} windows/s on one core\n")


if __name__ == "__main__":
    main()
