"""Everything that is measured of one split, target by target, from one sort each."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.evaluate.bootstrap import Resamples, interval, resampled_areas
from danq.evaluate.calibration import Reliability, edges, empty, reliability
from danq.evaluate.curves import pr_curve, roc_curve, thin
from danq.learn.predict.predictions import Predictions
from danq.metrics import (
    SCORED,
    Calls,
    Ranking,
    auprc,
    auroc,
    best_threshold,
    calls,
    rank,
)
from danq.progress import progress

AREAS = ("auroc", "auprc")
"""Metrics with a value a target and a mean over targets in every resample."""
CURVE_POINTS = 200
"""Largest number of points of a target's ROC or PR curve."""
MACRO, POOLED = "macro mean", "all targets"
"""Names that stand for all targets together, with target index -1."""
CHOSEN, NO_VALIDATION, NO_VALID_POSITIVES = "chosen", "no_validation", "no_positives_in_validation"
"""Every value of the column `threshold_status`."""

_GRID = np.linspace(0, 1, 101)
_BLOCK_VALUES = 1 << 27
_TEXT = ("run", "split", "target", "status", "threshold_status")
_COUNTS = ("n", "positives", "n_without_repeats", "positives_without_repeats")
_COLUMNS = (
    *("run", "split", "target_index", "target", "n", "positives", "prevalence"),
    *("auroc", "auprc", "f1", "threshold", "status"),
    *("auroc_low", "auroc_high", "auprc_low", "auprc_high", "ece", "mcc", "threshold_status"),
    *("n_without_repeats", "positives_without_repeats", "auroc_without_repeats", "auprc_without_repeats"),
    *("accuracy", "accuracy_at_half", "f1_at_half", "mcc_at_half"),
)
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(_COLUMNS, pl.Float64),
    **dict.fromkeys(_TEXT, pl.String),
    **dict.fromkeys(_COUNTS, pl.Int64),
    "target_index": pl.Int32,
}
"""Columns of `metrics.tsv` in order."""


@dataclass
class SplitScores:
    """Results of one split while its targets are gone through.

    Attributes
    ----------
    thresholds : float64, shape (k,)
        Score with the best F1 of each target on this split, chosen where it is `valid`; else NaN.
    rows : list of dict
        Rows of `metrics.tsv`.
    curves : list of DataFrame
        Parts of `curves.parquet`.
    reliabilities : list of Reliability
        One a target.
    areas : float64, shape (2, k, resamples), or None
        AUROC and AUPRC of each target in each resample.
    calls : dict of str to list of Calls
        ``chosen``: at the thresholds of validation, of targets that have one; ``half``: at 0.5.
    """

    thresholds: NDArray[np.float64]
    rows: list[dict[str, Any]] = field(default_factory=list)
    curves: list[pl.DataFrame] = field(default_factory=list)
    reliabilities: list[Reliability] = field(default_factory=list)
    areas: NDArray[np.float64] | None = None
    calls: dict[str, list[Calls]] = field(default_factory=lambda: {"chosen": [], "half": []})
    _macro: dict[str, NDArray[np.float64]] = field(
        default_factory=lambda: {"roc": np.zeros(len(_GRID)), "pr": np.zeros(len(_GRID))}
    )

    @property
    def scored(self) -> int:
        """Number of targets with both classes."""
        return sum(row["status"] == SCORED for row in self.rows)

    @property
    def pooled(self) -> Reliability:
        """Rows of all targets together."""
        return sum(self.reliabilities, start=empty())

    def metrics(self) -> pl.DataFrame:
        """Rows of `metrics.tsv`; what has no value is null."""
        return pl.DataFrame(self.rows, schema=SCHEMA).fill_nan(None)


def score_split(
    predictions: Predictions,
    thresholds: NDArray[np.float64] | None,
    resamples: Resamples | None,
    kept: NDArray[np.bool_] | None,
) -> SplitScores:
    """Measure every target of one split.

    Parameters
    ----------
    predictions : Predictions
        With labels.
    thresholds : float64, shape (k,), or None
        Chosen on validation, NaN for targets without positives there; None without validation. The split
        `valid` is called at its own ones.
    resamples : Resamples or None
        For intervals.
    kept : bool, shape (n,), or None
        Rows that repeat no training window.
    """
    n, k = predictions.probabilities.shape
    truth = known_labels(predictions)
    result = SplitScores(np.full(k, np.nan))
    if resamples is not None:
        result.areas = np.full((2, k, resamples.counts.shape[1]), np.nan)
    # whole blocks of targets are transposed at once: single columns of a memory map cost a page a row
    block = max(1, _BLOCK_VALUES // max(n, 1))
    with progress(f"scoring {predictions.split}", k, "targets") as advance:
        for first in range(0, k, block):
            columns = slice(first, first + block)
            scores = np.ascontiguousarray(predictions.probabilities[:, columns].T)
            labels = np.ascontiguousarray(truth[:, columns].T)
            for offset in range(len(scores)):
                index = first + offset
                given = None if thresholds is None else float(thresholds[index])
                row = _score_target(result, predictions, index, scores[offset], labels[offset], given, kept)
                if result.areas is not None and resamples is not None:
                    areas = resampled_areas(scores[offset], labels[offset], resamples)
                    result.areas[:, index] = areas
                    for name, values in zip(AREAS, areas, strict=True):
                        row[f"{name}_low"], row[f"{name}_high"] = interval(values, row[name])
                result.rows.append(row)
                advance()
    return result


def known_labels(predictions: Predictions) -> NDArray[np.uint8]:
    """Labels of predictions, uint8, shape (n, k).

    Raises
    ------
    DanqError
        If they have none.
    """
    if predictions.labels is None:
        raise DanqError(f"expected labels in the predictions of run {predictions.run!r}, received none")
    return predictions.labels


def _score_target(
    result: SplitScores,
    predictions: Predictions,
    index: int,
    scores: NDArray[np.float32],
    labels: NDArray[np.uint8],
    threshold: float | None,
    kept: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    ranking = rank(scores, labels)
    reliable = reliability(ranking)
    if predictions.split == "valid":
        threshold = result.thresholds[index] = best_threshold(ranking)
    result.reliabilities.append(reliable)
    row = {
        "run": predictions.run,
        "split": predictions.split,
        "target_index": index,
        "target": str(predictions.targets[index]),
        "n": ranking.n,
        "positives": ranking.n_positives,
        "prevalence": ranking.n_positives / max(ranking.n, 1),
        "auroc": auroc(ranking),
        "auprc": auprc(ranking),
        "status": ranking.status,
        "ece": reliable.ece,
        **_at_threshold(result, ranking, threshold),
        **_at_half(result, ranking),
    }
    if kept is not None:
        left = rank(scores[kept], labels[kept])
        row["n_without_repeats"], row["positives_without_repeats"] = left.n, left.n_positives
        row["auroc_without_repeats"], row["auprc_without_repeats"] = auroc(left), auprc(left)
    if ranking.status == SCORED:
        _add_curves(result, predictions, index, ranking)
    return row


def _at_threshold(result: SplitScores, ranking: Ranking, threshold: float | None) -> dict[str, Any]:
    if threshold is None:
        return {"threshold_status": NO_VALIDATION}
    if math.isnan(threshold):
        return {"threshold_status": NO_VALID_POSITIVES}
    found = calls(ranking, threshold)
    result.calls["chosen"].append(found)
    values = {"f1": found.f1, "mcc": found.mcc, "accuracy": found.accuracy}
    return {
        "threshold": threshold,
        "threshold_status": CHOSEN,
        **(values if ranking.status == SCORED else {}),
    }


def _at_half(result: SplitScores, ranking: Ranking) -> dict[str, Any]:
    found = calls(ranking, 0.5)
    result.calls["half"].append(found)
    values = {"accuracy_at_half": found.accuracy, "f1_at_half": found.f1, "mcc_at_half": found.mcc}
    return values if ranking.status == SCORED else {}


def _add_curves(result: SplitScores, predictions: Predictions, index: int, ranking: Ranking) -> None:
    for curve, (x, y) in (("roc", roc_curve(ranking)), ("pr", pr_curve(ranking))):
        result._macro[curve] += _on_grid(curve, x, y)
        result.curves.append(
            _curve(predictions, curve, index, str(predictions.targets[index]), *thin(x, y, CURVE_POINTS))
        )


def _on_grid(curve: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    if curve == "roc":
        return np.interp(_GRID, x, y)
    # precision is no line between two recalls: take the one at which the recall is first reached
    return np.asarray(y[np.searchsorted(x, _GRID)])


def _curve(
    predictions: Predictions,
    curve: str,
    index: int,
    target: str,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> pl.DataFrame:
    return pl.DataFrame({"x": x.astype(np.float32), "y": y.astype(np.float32)}).select(
        pl.lit(predictions.run).alias("run"),
        pl.lit(predictions.split).alias("split"),
        pl.lit(curve).alias("curve"),
        pl.lit(index, pl.Int32).alias("target_index"),
        pl.lit(target).alias("target"),
        "x",
        "y",
    )


def curve_table(result: SplitScores, predictions: Predictions) -> pl.DataFrame:
    """All curves of a split, thinned; the mean over scored targets first, as target index -1."""
    if not result.scored:
        nothing = np.zeros(0)
        return _curve(predictions, "roc", -1, MACRO, nothing, nothing)
    mean = [
        _curve(predictions, curve, -1, MACRO, _GRID, total / result.scored)
        for curve, total in result._macro.items()
    ]
    return pl.concat([*mean, *result.curves])


def calibration_table(result: SplitScores, predictions: Predictions) -> pl.DataFrame:
    """Reliability of each target and, as target index -1, of all together; bins without rows are left out."""
    low, high = edges()[:-1], edges()[1:]
    parts = []
    names = [POOLED, *map(str, predictions.targets)]
    for index, (name, found) in enumerate(
        zip(names, [result.pooled, *result.reliabilities], strict=True), -1
    ):
        used = found.rows > 0
        parts.append(
            pl.DataFrame(
                {
                    "bin_low": low[used],
                    "bin_high": high[used],
                    "n": found.rows[used],
                    "positives": found.positives[used],
                    "mean_probability": found.total[used] / found.rows[used],
                    "observed": found.positives[used] / found.rows[used],
                }
            ).select(
                pl.lit(predictions.run).alias("run"),
                pl.lit(predictions.split).alias("split"),
                pl.lit(index, pl.Int32).alias("target_index"),
                pl.lit(name).alias("target"),
                pl.all(),
            )
        )
    return pl.concat(parts)
