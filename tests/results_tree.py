"""A small results directory with every part that the report reads, made of drawn numbers."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from danq.data.dataset import SPLITS
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.predictions import Predictions, write_predictions


def predictions(
    run: str,
    split: str,
    targets: tuple[str, ...],
    skill: float,
    n: int = 300,
    seed: int = 0,
    coordinates: bool = True,
    without: tuple[int, ...] = (),
) -> Predictions:
    """Draw labels from the seed and split alone, scores that follow them as `skill` says (0: not at all)."""
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    labels = (rng.random((n, len(targets))) < np.linspace(0.1, 0.3, len(targets))).astype(np.uint8)
    labels[:, list(without)] = 0
    logits = (rng.normal(-1.5, 1, labels.shape) + skill * labels).astype(np.float32)
    start = 200 * np.arange(n)
    return Predictions(
        ids=np.array([f"chrI:{s}-{s + 200}" if coordinates else f"row{s}" for s in start]),
        probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32),
        logits=logits,
        targets=np.array(targets),
        labels=labels,
        contig=np.full(n, "chrI") if coordinates else None,
        start=start * 40 if coordinates else None,
        end=start * 40 + 200 if coordinates else None,
        run=run,
        split=split,
        bin=200,
    )


def bundle(run: str, dataset: str, model: str, targets: tuple[str, ...]) -> dict:
    return {
        "kind": "bundle",
        "format_version": 1,
        "run": run,
        "model": model,
        "options": {"filters": 320, "kernel": 26},
        "train": {"batch_size": 100, "epochs": 60, "seed": 1337, "learning_rate": 0.001},
        "predict": {"reverse_complement": "mean", "batch_size": 128},
        "targets": list(targets),
        "task": "multilabel",
        "window": 1000,
        "bin": 200,
        "encoder": {"name": "codes", "window": 1000},
        "best": {"epoch": 2, "valid_loss": 0.21, "valid_auroc": 0.88},
        "digest": "0123456789abcdef" * 4,
        "parameters": 46926479,
        "training": {
            "device": "CPU",
            "samples_per_second": 103.2,
            "wait_share": 0.01,
            "seconds": 125.0,
            "epochs": 3,
            "resumed": False,
        },
        "dataset": {"name": dataset, "digest": "ab" * 32, "genome_digest": "cd" * 32},
        "provenance": provenance(f"danq train --run {run}"),
    }


def provenance(command: str) -> dict:
    return {
        "command": command,
        "created": "2026-01-01T00:00:00+00:00",
        "inputs": {},
        "options": {},
        "versions": {"python": "3.11.2", "danq": "0.1.0", "keras": "3.15.1"},
        "platform": "Linux",
        "processor_cores": 2,
    }


def dataset(name: str, targets: tuple[str, ...]) -> dict:
    return {
        "kind": "dataset",
        "format_version": 1,
        "name": name,
        "digest": "ab" * 32,
        "data_kind": "dna",
        "task": "multilabel",
        "n": {"train": 4000, "valid": 300, "test": 300},
        "left_out": {"boundary": 12, "excluded": 0, "too_many_n": 3},
        "window": 1000,
        "bin": 200,
        "genome": {"name": "sacCer3", "path": "../../genomes/sacCer3", "digest": "cd" * 32},
        "renamed": {"chr1": "chrI"},
        "unknown_contigs": [],
        "targets": [
            {
                "name": target,
                "group": "annotation",
                "rule": "overlap",
                "path": f"{target}.bed",
                "regions": 100 + index,
                "counts": {"train": 400 + index, "valid": 40, "test": 30 - index % 30},
            }
            for index, target in enumerate(targets)
        ],
        "options": {},
        "provenance": provenance(f"danq dataset --name {name}"),
    }


def history(epochs: int = 3) -> str:
    lines = [
        "epoch\ttrain_loss\tvalid_loss\tvalid_auroc\tvalid_auprc\tvalid_f1\tlearning_rate\tsamples_per_second\tseconds"
    ]
    lines += [
        f"{e}\t{0.5 / e:.4f}\t{0.6 / e:.4f}\t{0.8 + 0.02 * e:.4f}\t{0.3 + 0.02 * e:.4f}\t\t0.001\t100.5\t40.2"
        for e in range(1, epochs + 1)
    ]
    return "\n".join(lines) + "\n"


def build(
    path: Path,
    runs: dict[str, tuple[str, str, float]],
    targets: tuple[str, ...],
    resamples: int = 50,
    **drawn,
) -> Path:
    """Write a results directory; `runs` gives (dataset, model, skill) by name of the run."""
    for name in sorted({given[0] for given in runs.values()}):
        place = path / "datasets" / name
        place.mkdir(parents=True)
        (place / "dataset.json").write_text(json.dumps(dataset(name, targets)))
    for run, (name, model, skill) in runs.items():
        place = path / "runs" / run
        (place / "predictions").mkdir(parents=True)
        (place / "bundle.json").write_text(json.dumps(bundle(run, name, model, targets)))
        if model != "kmer_logistic":
            (place / "history.tsv").write_text(history())
        files = []
        for split in ("valid", "test"):
            files.append(place / "predictions" / f"{split}.npz")
            write_predictions(files[-1], predictions(run, split, targets, skill, **drawn))
        evaluate_predictions(files, place / "evaluation", resamples=resamples)
    return path


def read_metrics(path: Path) -> pl.DataFrame:
    return pl.read_csv(path / "metrics.tsv", separator="\t")
