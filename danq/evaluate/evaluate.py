"""From predictions with labels to metrics, intervals, curves and calibration on disk."""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.data.dataset import SPLITS, Dataset, open_dataset
from danq.data.sub_bins import step_ids
from danq.errors import DanqError
from danq.evaluate.bootstrap import Resamples, interval, macro
from danq.evaluate.class_metrics import call_metrics, class_metrics
from danq.evaluate.identical import identical
from danq.evaluate.leakage import REPEATED, Leakage, leakage
from danq.evaluate.per_target import (
    AREAS,
    SplitScores,
    calibration_table,
    curve_table,
    known_labels,
    score_split,
)
from danq.evaluate.resampling import (
    describe_intervals,
    digest_rows,
    draw_rows,
    has_classes,
    of_resamples,
)
from danq.files import sha256, staged, write_json
from danq.learn.predict.predictions import Predictions, read_predictions
from danq.metrics import SCORED
from danq.provenance import provenance

log = logging.getLogger("danq")

KIND, FORMAT_VERSION = "evaluation", 1
SEED = 1337


def evaluate_predictions(
    paths: list[Path], out: Path, dataset: Path | None = None, resamples: int | None = None, seed: int = SEED
) -> dict[str, Any]:
    """Measure a run's predictions and write `metrics.tsv`, `summary.json`, curves and calibration.

    Parameters
    ----------
    paths : list of Path
        `.npz` predictions of one run, one a split. Thresholds for F1 are chosen on `valid`.
    out : Path
        Directory of the results.
    dataset : Path, optional
        The dataset behind the predictions; with it the test split is compared with the training windows.
    resamples : int, optional
        Resamples for 95% intervals, 0 for none; left out, `RESAMPLES` where that is `AFFORDABLE`.
    seed : int
        Seed of the resamples. Runs on one dataset share them, so their differences can be paired.

    Returns
    -------
    dict
        The contents of `summary.json`.

    Raises
    ------
    DanqError
        If the predictions have no labels, are of several runs, of one split twice, or not of the dataset.
    """
    if resamples is not None and resamples < 0:
        raise DanqError(f"--resamples: expected 0 or more, received {resamples}")
    splits = _read(paths)
    opened = None if dataset is None else open_dataset(dataset)
    tables: dict[str, list[pl.DataFrame]] = {"metrics": [], "curves": [], "calibration": [], "resamples": []}
    thresholds: NDArray[np.float64] | None = None
    described: dict[str, Any] = {}
    for split, predictions in splits.items():
        leak = None if opened is None else _leak(predictions, opened)
        drawn, undrawn = draw_rows(predictions, resamples, seed)
        kept = None if leak is None else _kept(leak, len(predictions))
        scores = score_split(predictions, thresholds, drawn, kept)
        # validation comes first
        thresholds = scores.thresholds if split == "valid" else thresholds
        described[split] = _describe(predictions, scores, drawn, leak) | {"no_intervals": undrawn or None}
        _collect(tables, predictions, scores, drawn)
        log.info("%s", _line(split, described[split]))
    summary = _summary(paths, splits, described, {"resamples": resamples, "seed": seed})
    _write(out, tables, summary)
    return summary


def _read(paths: list[Path]) -> dict[str, Predictions]:
    found: dict[str, tuple[Path, Predictions]] = {}
    for path in paths:
        predictions = read_predictions(path)
        if predictions.labels is None or not len(predictions):
            raise DanqError(f"{path}: expected predictions of labelled rows, received none with labels")
        if predictions.split in found:
            other = found[predictions.split][0]
            raise DanqError(f"{path}: the split {predictions.split!r} is that of {other} already")
        for other, earlier in found.values():
            if predictions.run != earlier.run:
                raise DanqError(
                    f"{path}: expected predictions of run {earlier.run!r} as in {other}, "
                    f"received run {predictions.run!r}; evaluate one run at a time"
                )
            if not np.array_equal(predictions.targets, earlier.targets):
                raise DanqError(f"{path}: expected the targets of {other}, received other ones")
        found[predictions.split] = path, predictions
    if not found:
        raise DanqError("expected at least one file of predictions, received none")
    order = ["valid", *(split for split in SPLITS if split != "valid")]
    ranks = {split: order.index(split) if split in order else len(order) for split in found}
    return {split: found[split][1] for split in sorted(found, key=lambda split: (ranks[split], split))}


def _leak(predictions: Predictions, dataset: Dataset) -> Leakage | None:
    """Check that the rows are the dataset's; compare those of the test split with the training windows."""
    split = predictions.split
    if predictions.dataset_digest and predictions.dataset_digest != dataset.digest:
        raise DanqError(
            f"{dataset.path}: expected the dataset {predictions.dataset_digest[:12]} of the predictions, "
            f"received {dataset.digest[:12]}"
        )
    if split not in SPLITS or predictions.ids.tolist() != step_ids(dataset, dataset.rows(split)):
        raise DanqError(
            f"{dataset.path}: expected the rows of the predictions in its split {split!r}, found other ones"
        )
    if split != "test":
        return None
    return leakage(dataset, split) if dataset.kind == "dna" else identical(dataset, split)


def _kept(leak: Leakage, n: int) -> NDArray[np.bool_]:
    """Rows that repeat nothing, bool (n,); a window's steps share its fate."""
    kept = ~(leak.repeats | leak.overlaps)
    return np.repeat(kept, n // max(len(kept), 1))


def _describe(
    predictions: Predictions,
    scores: SplitScores,
    drawn: Resamples | None,
    leak: Leakage | None,
) -> dict[str, Any]:
    metrics = scores.metrics()
    status = metrics["status"].value_counts()
    described: dict[str, Any] = {
        "n": len(predictions),
        "rows": digest_rows(predictions),
        "targets": len(predictions.targets),
        "scored": scores.scored,
        "not_scored": dict(sorted(row for row in status.iter_rows() if row[0] != SCORED)),
    }
    for name in ("auroc", "auprc", "f1", "mcc", "ece"):
        described[name] = _mean_and_median(metrics.filter(status=SCORED)[name])
    described["ece"]["pooled"] = scores.pooled.ece
    if scores.areas is not None:
        for name, values in zip(AREAS, scores.areas, strict=True):
            mean = described[name]["mean"]
            ends = interval(macro(values), np.nan if mean is None else mean)
            described[name]["low"], described[name]["high"] = map(_known, ends.tolist())
    described["intervals"] = None if drawn is None else describe_intervals(predictions, drawn)
    if has_classes(predictions):
        described["classes"] = asdict(class_metrics(predictions.probabilities, known_labels(predictions)))
    if predictions.task != "multiclass":
        found = {name: call_metrics(each, len(predictions.targets)) for name, each in scores.calls.items()}
        described["calls"] = {name: None if each is None else asdict(each) for name, each in found.items()}
        described["called"] = {name: len(each) for name, each in scores.calls.items()}
    described["leakage"] = None if leak is None else _describe_leakage(metrics, leak)
    return described


def _describe_leakage(metrics: pl.DataFrame, leak: Leakage) -> dict[str, Any]:
    left = {name: metrics[f"{name}_without_repeats"] for name in AREAS}
    return {
        "windows": len(leak.repeats),
        "overlapping": int(leak.overlaps.sum()),
        "repeats": int(leak.repeats.sum()),
        "left": int((~(leak.repeats | leak.overlaps)).sum()),
        "word_bp": leak.k,
        "smallest_share": REPEATED,
        "words_sampled": leak.sampled,
        "scored": int(left["auroc"].is_not_null().sum()),
        **{name: _mean_and_median(values) for name, values in left.items()},
    }


def _mean_and_median(values: pl.Series) -> dict[str, Any]:
    known = values.drop_nulls()
    return {"mean": known.mean(), "median": known.median(), "targets": len(known)}


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _line(split: str, described: dict[str, Any]) -> str:
    of = f"{described['scored']} of {described['targets']} targets scored"
    if not described["scored"]:
        return f"{split}: {of}"
    means = ", ".join(f"mean {name.upper()} {described[name]['mean']:.4f}" for name in ("auroc", "auprc"))
    classes = described.get("classes")
    more = f", accuracy {classes['accuracy']:.4f}, MCC {classes['mcc']:.4f}" if classes else ""
    return f"{split}: {means}{more} ({of})"


def _collect(
    tables: dict[str, list[pl.DataFrame]],
    predictions: Predictions,
    scores: SplitScores,
    drawn: Resamples | None,
) -> None:
    tables["metrics"].append(scores.metrics())
    tables["curves"].append(curve_table(scores, predictions))
    tables["calibration"].append(calibration_table(scores, predictions))
    tables["resamples"].append(of_resamples(predictions, scores.areas, drawn))


def _summary(
    paths: list[Path], splits: dict[str, Predictions], described: dict[str, Any], options: dict[str, Any]
) -> dict[str, Any]:
    first = next(iter(splits.values()))
    digests = {"bundle": first.bundle_digest, "dataset": first.dataset_digest}
    return {
        "kind": KIND,
        "format_version": FORMAT_VERSION,
        "run": first.run,
        "task": first.task,
        "splits": described,
        "provenance": provenance(digests | {str(path): sha256(path) for path in paths}, options),
    }


def _write(out: Path, tables: dict[str, list[pl.DataFrame]], summary: dict[str, Any]) -> None:
    with staged(out) as partial:
        pl.concat(tables["metrics"]).write_csv(partial / "metrics.tsv", separator="\t")
        pl.concat(tables["calibration"]).write_csv(partial / "calibration.tsv", separator="\t")
        pl.concat(tables["curves"]).write_parquet(partial / "curves.parquet")
        pl.concat(tables["resamples"], how="diagonal").write_parquet(partial / "resamples.parquet")
        write_json(partial / "summary.json", summary)
