"""Everything that is measured of one split, target by target, from one sort each."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.evaluate.class_metrics import has_classes, resampled_classes
from danq.evaluate.curves import Curve, Reliability, curves, reliability
from danq.evaluate.intervals import Resamples, interval, macro
from danq.learn.predict.predictions import Predictions
from danq.metrics import (
    AREAS,
    SCORED,
    Calls,
    Ranking,
    auprc,
    auroc,
    best_threshold,
    calls,
    rank,
    weighted_areas,
)
from danq.progress import progress

TARGET = "target_"
"""Begin of the names of columns of `resamples.parquet` with an array of one value a target."""

_BLOCK_VALUES = 1 << 27
_COLUMNS = (
    *("run", "split", "target_index", "target", "n", "positives", "prevalence"),
    *("auroc", "auprc", "f1", "threshold", "status"),
    *("auroc_low", "auroc_high", "auprc_low", "auprc_high", "ece", "mcc", "threshold_status"),
    *("n_without_repeats", "positives_without_repeats", "auroc_without_repeats", "auprc_without_repeats"),
    *("accuracy", "accuracy_at_half", "f1_at_half", "mcc_at_half", "unknown"),
)
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(_COLUMNS, pl.Float64),
    **dict.fromkeys(("run", "split", "target", "status", "threshold_status"), pl.String),
    **dict.fromkeys(
        ("n", "positives", "unknown", "n_without_repeats", "positives_without_repeats"), pl.Int64
    ),
    "target_index": pl.Int32,
}
"""Columns of `metrics.tsv` in order."""


@dataclass(frozen=True, eq=False)
class TargetScores:
    """Results of one target on one split; `row` is that of `metrics.tsv`.

    Attributes
    ----------
    curves : dict of str to Curve
        ``roc`` and ``pr``; empty where the target is not scored.
    chosen, half : Calls
        At the threshold of validation, None without one, and at 0.5.
    areas : float64, shape (2, resamples), or None
        AUROC and AUPRC in each resample.
    """

    row: dict[str, Any]
    reliability: Reliability
    curves: dict[str, Curve]
    chosen: Calls | None
    half: Calls
    areas: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class SplitScores:
    """Results of one split: what was scored, each target, and what was drawn for intervals."""

    predictions: Predictions
    targets: tuple[TargetScores, ...]
    resamples: Resamples | None

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """Threshold at which each target was called, NaN where there is none; shape (k,)."""
        return np.array([target.row["threshold"] for target in self.targets], np.float64)

    @property
    def calls(self) -> dict[str, list[Calls]]:
        """``chosen``: at the thresholds of validation, of targets that have one; ``half``: at 0.5."""
        chosen = [target.chosen for target in self.targets if target.chosen is not None]
        return {"chosen": chosen, "half": [target.half for target in self.targets]}

    def macro_areas(self) -> dict[str, NDArray[np.float64]]:
        """Mean AUROC and AUPRC over targets in each resample, (resamples,); nothing without resamples."""
        return {name: macro(np.array(areas)) for name, areas in self._areas().items()}

    def _areas(self) -> dict[str, list[NDArray[np.float64]]]:
        each = [target.areas for target in self.targets if target.areas is not None]
        return {name: [areas[i] for areas in each] for i, name in enumerate(AREAS) if each}

    def metrics(self) -> pl.DataFrame:
        """Rows of `metrics.tsv`; what has no value is null."""
        return pl.DataFrame([target.row for target in self.targets], schema=SCHEMA).fill_nan(None)

    def resampled(self) -> pl.DataFrame:
        """Rows of `resamples.parquet`, one a resample: means over targets, and of each target."""
        values = self.macro_areas()
        if self.resamples is not None and has_classes(self.predictions):
            labels = known_labels(self.predictions)
            values |= resampled_classes(self.predictions.probabilities, labels, self.resamples)
        n = 0 if self.resamples is None else self.resamples.counts.shape[1]
        table = pl.DataFrame({"resample": np.arange(n, dtype=np.int32), **values}).fill_nan(None)
        for name, areas in self._areas().items():
            each = np.stack([area.astype(np.float32) for area in areas], axis=1)
            table = table.with_columns(pl.Series(f"{TARGET}{name}", each))
        return table.select(pl.lit(self.predictions.split).alias("split"), pl.all())


def score_split(
    predictions: Predictions,
    thresholds: NDArray[np.float64] | None,
    resamples: Resamples | None,
    kept: NDArray[np.bool_] | None,
) -> SplitScores:
    """Measure every target of one split.

    Parameters
    ----------
    thresholds : float64, shape (k,), or None
        Chosen on validation, NaN for targets without positives there; None without validation. The split
        `valid` is called at its own ones.
    kept : bool, shape (n,), or None
        Rows that repeat no training window.
    """
    n, k = predictions.probabilities.shape
    truth = known_labels(predictions)
    targets: list[TargetScores] = []
    # whole blocks of targets are transposed at once: single columns of a memory map cost a page a row
    block = max(1, _BLOCK_VALUES // max(n, 1))
    with progress(f"scoring {predictions.split}", k, "targets") as advance:
        for first in range(0, k, block):
            columns = slice(first, first + block)
            scores = np.ascontiguousarray(predictions.probabilities[:, columns].T)
            labels = np.ascontiguousarray(truth[:, columns].T)
            for index, column in enumerate(zip(scores, labels, strict=True), first):
                threshold = None if thresholds is None else float(thresholds[index])
                targets.append(_score_target(predictions, index, *column, threshold, resamples, kept))
                advance()
    return SplitScores(predictions, tuple(targets), resamples)


def known_labels(predictions: Predictions) -> NDArray[np.int8]:
    """Labels of predictions, (n, k), -1 for an unknown one; a `DanqError` if they have none."""
    if predictions.labels is None:
        raise DanqError(f"expected labels in the predictions of run {predictions.run!r}, received none")
    return predictions.labels


def _score_target(
    predictions: Predictions,
    index: int,
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    threshold: float | None,
    resamples: Resamples | None,
    kept: NDArray[np.bool_] | None,
) -> TargetScores:
    ranking = rank(scores, labels)
    reliable, half = reliability(ranking), calls(ranking, 0.5)
    if predictions.split == "valid":
        threshold = best_threshold(ranking)
    chosen = None if threshold is None or math.isnan(threshold) else calls(ranking, threshold)
    called = "chosen" if chosen else "no_validation" if threshold is None else "no_positives_in_validation"
    row: dict[str, Any] = {
        "run": predictions.run,
        "split": predictions.split,
        "target_index": index,
        "target": str(predictions.targets[index]),
        **_ranked(ranking),
        "prevalence": ranking.n_positives / max(ranking.n, 1),
        "status": ranking.status,
        "unknown": len(labels) - ranking.n,
        "ece": reliable.ece,
        "threshold": threshold,
        "threshold_status": called,
    }
    for suffix, at in {"": chosen, "_at_half": half}.items():
        if at is not None and ranking.status == SCORED:
            metrics = {"f1": at.f1, "mcc": at.mcc, "accuracy": at.accuracy}
            row |= {f"{name}{suffix}": value for name, value in metrics.items()}
    if kept is not None:
        left = _ranked(rank(scores[kept], labels[kept]))
        row |= {f"{name}_without_repeats": value for name, value in left.items()}
    areas = None
    if resamples is not None:
        areas = np.array(weighted_areas(scores, labels, resamples.block, resamples.counts))
        for name, values in zip(AREAS, areas, strict=True):
            row[f"{name}_low"], row[f"{name}_high"] = interval(values, row[name])
    drawn = curves(ranking) if ranking.status == SCORED else {}
    return TargetScores(row, reliable, drawn, chosen, half, areas)


def _ranked(ranking: Ranking) -> dict[str, float]:
    counts = {"n": ranking.n, "positives": ranking.n_positives}
    return counts | {"auroc": auroc(ranking), "auprc": auprc(ranking)}
