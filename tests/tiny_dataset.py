"""A labelled dataset of random 60-bp sequences, small enough to train on in a second."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from danq.data.options import DatasetOptions
from danq.data.writing import (
    TargetRow,
    count_positives,
    pack_labels,
    write_examples,
    write_labels,
    write_manifest,
)
from danq.genome.alphabet import encode
from danq.learn.options import PredictOptions, TrainOptions

WINDOW = 60
MOTIFS = ("TTACCG", "GGGATC", "CAAAT")
SMALL = {"filters": 6, "kernel": 6, "pool": 9, "units": 4, "dense": 5, "bidirectional": False}
"""Options of a DanQ that trains within a second."""


def write_tiny_dataset(out: Path, task: str = "multilabel", seed: int = 0) -> Path:
    """Rows of random bases; a target is positive where its motif was planted, a class is what was planted."""
    out.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    n = {"train": 90, "valid": 37, "test": 21}
    split = np.repeat(np.arange(3, dtype=np.uint8), list(n.values()))
    codes = generator.integers(0, 4, (len(split), WINDOW), dtype=np.uint8)
    if task == "multiclass":
        labels = np.eye(len(MOTIFS), dtype=np.uint8)[np.arange(len(split)) % len(MOTIFS)]
    else:
        labels = (generator.random((len(split), len(MOTIFS))) < 0.4).astype(np.uint8)
    for target, motif in enumerate(MOTIFS):
        for row in np.flatnonzero(labels[:, target]):
            start = 18 * target + int(generator.integers(0, 12))
            codes[row, start : start + len(motif)] = encode(motif)
    np.save(out / "codes.npy", codes)
    packed = pack_labels(labels)
    write_labels(out, len(split), len(MOTIFS), [packed])
    write_examples(out, [f"row{row}" for row in range(len(split))], split)
    targets = [TargetRow(motif) for motif in MOTIFS]
    counts = count_positives(packed, split, len(MOTIFS))
    options = DatasetOptions(examples=Path("rows.csv"), window=WINDOW)
    write_manifest(out, out, "tiny", options, task, targets, counts, split, {}, {})
    return out


def tiny_run(model: str = "danq", options: dict | None = None, **train: object) -> SimpleNamespace:
    """A run as a configuration would hold it, of two epochs in batches of 16 unless told otherwise."""
    chosen = TrainOptions(**{"batch_size": 16, "epochs": 2, "learning_rate": 0.01, **train})
    given = SMALL if options is None and model == "danq" else options or {}
    return SimpleNamespace(
        model=model, dataset="tiny", options=given, train=chosen, predict=PredictOptions(batch_size=16)
    )
