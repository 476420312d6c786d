"""A small results directory with every part that the report reads, made of drawn numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from danq.data.dataset import SPLITS
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.options import read_name
from danq.learn.predict.predictions import Predictions, write_predictions


def predictions(
    run: str,
    split: str,
    targets: tuple[str, ...],
    skill: float,
    n: int = 300,
    seed: int = 0,
    coordinates: bool = True,
    without: tuple[int, ...] = (),
    noise: int = 0,
    frequencies: bool = False,
) -> Predictions:
    """Draw labels from the seed and split alone, scores that follow them as `skill` says (0: not at all).

    Runs of equal `noise` are wrong in the same rows. With `frequencies` labels are
    drawn by the probabilities.
    """
    rng = np.random.default_rng([seed, SPLITS.index(split)])
    labels = (rng.random((n, len(targets))) < np.linspace(0.1, 0.3, len(targets))).astype(np.uint8)
    labels[:, list(without)] = 0
    rng = np.random.default_rng([seed, SPLITS.index(split), noise]) if noise else rng
    logits = (rng.normal(-1.5, 1, labels.shape) + skill * labels).astype(np.float32)
    if frequencies:
        labels = (rng.random(labels.shape) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
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
        "train": {
            "batch_size": 100,
            "epochs": 60,
            "seed": 1337 if read_name(run).seed is None else read_name(run).seed,
            "learning_rate": 0.001,
        },
        "predict": {"reverse_complement": "mean", "batch_size": 128},
        "targets": list(targets),
        "task": "multilabel",
        "data_kind": "dna",
        "window": 1000,
        "bin": 200,
        "step": None,
        "shape": None,
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
        "step": None,
        "genome": {"name": "sacCer3", "path": "../../genomes/sacCer3", "digest": "cd" * 32},
        "renamed": {"chr1": "chrI"},
        "unknown_contigs": {},
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
        "options": {"split": None},
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
    runs: Mapping[str, tuple[Any, ...]],
    targets: tuple[str, ...],
    resamples: int = 50,
    **drawn,
) -> Path:
    """Write a results directory; `runs` gives (dataset, model, skill), or also a noise, by name.

    A dataset named as a fold has rows of its own.
    """
    for name in sorted({given[0] for given in runs.values()}):
        place = path / "datasets" / name
        place.mkdir(parents=True)
        (place / "dataset.json").write_text(json.dumps(dataset(name, targets)))
    for run, (name, model, skill, *noise) in runs.items():
        place = path / "runs" / run
        (place / "predictions").mkdir(parents=True)
        (place / "bundle.json").write_text(json.dumps(bundle(run, name, model, targets)))
        if model not in ("kmer_logistic", "composition"):
            (place / "history.tsv").write_text(history())
        files = []
        drawn |= {"seed": read_name(name).fold or 0, "noise": sum(noise)}
        for split in ("valid", "test"):
            files.append(place / "predictions" / f"{split}.npz")
            write_predictions(files[-1], predictions(run, split, targets, skill, **drawn))
        evaluate_predictions(files, place / "evaluation", resamples=resamples)
    return path


def write_scores(
    path: Path,
    name: str,
    targets: tuple[str, ...],
    rows: list[dict],
    differences: np.ndarray,
    *,
    written: tuple[int, ...] | None = None,
    extra: dict[str, np.ndarray] | None = None,
    counts: dict | None = None,
    rows_a_group: int = 40,
    **manifest,
) -> Path:
    """Write a directory of scores: `rows` say which alleles; `differences` (rows, targets), NaN for no score.

    `written` are the targets with columns of their own; `extra` adds columns.
    """
    place = path / "scores" / name
    place.mkdir(parents=True)
    scored = ~np.isnan(differences).any(axis=1)
    ledger = [
        {
            **row,
            "status": "scored" if fine else "skipped",
            "reason": row.get("reason", "" if fine else "ref_mismatch"),
            "flags": row.get("flags", ""),
        }
        for row, fine in zip(rows, scored, strict=True)
    ]
    kept = [key for key in rows[0] if key not in ("reason", "flags")] if rows else ["row", "allele"]
    columns = [*kept, "status", "reason", "flags"]
    lines = ["\t".join(columns), *("\t".join(str(row[key]) for key in columns) for row in ledger)]
    (place / "ledger.tsv").write_text("".join(f"{line}\n" for line in lines))
    table = pl.DataFrame([{key: row[key] for key in kept} for row in rows]).filter(pl.Series(scored))
    found = differences[scored].astype(np.float32)
    table = table.with_columns(
        max_abs_logit_diff=np.abs(found).max(axis=1, initial=0.0),
        max_target=pl.Series([targets[best] for best in np.abs(found).argmax(axis=1)], dtype=pl.String),
        l2_logit_diff=np.linalg.norm(found, axis=1),
    )
    for index in range(len(targets)) if written is None else written:
        for number, values in (
            ("p_ref", 0.25),
            ("p_alt", 0.5),
            ("diff", 0.25),
            ("logit_diff", found[:, index]),
        ):
            column = pl.lit(values, pl.Float32) if isinstance(values, float) else pl.Series(values)
            table = table.with_columns(column.alias(f"{index}_{targets[index]}__{number}"))
    table = table.with_columns(pl.Series(key, values) for key, values in (extra or {}).items())
    table.write_parquet(place / "scores.parquet", row_group_size=rows_a_group)
    told = {
        "kind": "scores",
        "format_version": 1,
        "vcf": {"name": f"{name}.vcf.gz", "sha256": "ef" * 32},
        "genome": {"path": "results/genomes/sacCer3", "digest": "cd" * 32},
        "bundles": [{"path": "results/runs/danq", "run": "danq", "digest": "01" * 32}],
        "background": None,
        "targets": list(targets),
        "target_index": list(range(len(targets))),
        "task": "multilabel",
        "window": 1000,
        "options": {"strands": "scores", "regions": [], "background": None},
        "counts": counts
        or {
            "records": len({row["row"] for row in rows}),
            "alleles": len(rows),
            "scored": int(scored.sum()),
            "skipped": int((~scored).sum()),
            "reasons": {"ref_mismatch": int((~scored).sum())} if not scored.all() else {},
            "flags": {},
        },
        "contigs": {"renamed": {}, "unknown": []},
        "sorted": True,
        "indexed": True,
        "truth": None,
        "seconds": 1.5,
        "variants_per_second": 321.5,
        "digest": "23" * 32,
        "provenance": provenance(f"danq score --vcf {name}.vcf.gz"),
        **manifest,
    }
    (place / "scores.json").write_text(json.dumps(told))
    return place


def read_metrics(path: Path) -> pl.DataFrame:
    return pl.read_csv(path / "metrics.tsv", separator="\t")


DRAWN_TARGETS = ("CDS", "NFKB/p65", "tRNA <b>x</b>", "ARS, 100%", "M", "never")
DRAWN_RUNS = {
    "danq": ("yeast", "danq", 2.0),
    "a_first": ("yeast", "danq", 1.5),
    "baseline": ("yeast", "kmer_logistic", 1.0),
}


def build_three(results: Path) -> Path:
    """Two networks and a baseline, of which one training says how long its job took."""
    build(results, DRAWN_RUNS, DRAWN_TARGETS, without=(5,))
    jobs = results / "benchmarks" / "train"
    jobs.mkdir(parents=True)
    (jobs / "danq.tsv").write_text("s\th:m:s\tmax_rss\tmean_load\n12.5\t0:00:12\t812.3\t150.0\n")
    return results


def just_trained(results: Path, targets: tuple[str, ...]) -> Path:
    """One run that has just been trained."""
    place = results / "runs" / "danq"
    place.mkdir(parents=True)
    (place / "bundle.json").write_text(json.dumps(bundle("danq", "yeast", "danq", targets)))
    return results
