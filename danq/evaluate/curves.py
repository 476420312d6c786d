"""ROC, precision-recall and calibration curves of each target of a split, and of all its targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.learn.predict.predictions import Predictions
from danq.metrics import Ranking

MACRO, POOLED = "macro mean", "all targets"
"""Names that stand for all targets together, with target index -1."""
BINS = 15
"""Bins of equal width over 0..1 (Guo et al. 2017, arXiv:1706.04599); probability 1 belongs to the last."""

_POINTS = 200
_GRID = np.linspace(0, 1, 101)
_EDGES = np.linspace(0, 1, BINS + 1)


@dataclass(frozen=True)
class Curve:
    """A curve in few points, and its height at equal distances, of which means over targets are taken.

    Attributes
    ----------
    x, y : float64, shape (m,)
        At most 200 points.
    on_grid : float64, shape (101,)
        y at x = 0, 0.01, …, 1.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    on_grid: NDArray[np.float64]


def roc_curve(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give false and true positive rates from (0, 0) to (1, 1), one point a distinct score."""
    negatives = ranking.rows - ranking.positives
    fpr = np.concatenate([[0.0], negatives / max(ranking.n - ranking.n_positives, 1)])
    return fpr, np.concatenate([[0.0], ranking.positives / max(ranking.n_positives, 1)])


def pr_curve(ranking: Ranking) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Recall and precision, one point a distinct score; starts at recall 0 with the first precision."""
    precision = ranking.positives / ranking.rows
    recall = ranking.positives / max(ranking.n_positives, 1)
    return np.concatenate([[0.0], recall]), np.concatenate([precision[:1], precision])


def curves(ranking: Ranking) -> dict[str, Curve]:
    """Both curves of a target with both classes, as ``roc`` and ``pr``."""
    fpr, tpr = roc_curve(ranking)
    recall, precision = pr_curve(ranking)
    # precision is no line between two recalls: take the one at which the recall is first reached
    at_recall = precision[np.searchsorted(recall, _GRID)]
    return {
        "roc": Curve(*thin(fpr, tpr, _POINTS), np.interp(_GRID, fpr, tpr)),
        "pr": Curve(*thin(recall, precision, _POINTS), at_recall),
    }


def thin(
    x: NDArray[np.float64], y: NDArray[np.float64], points: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keep at most `points` (4 or more) of a curve, spread evenly along both axes, with first and last."""
    if len(x) <= points:
        return x, y
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    wanted = np.linspace(0, length[-1], points)
    kept = np.unique(np.minimum(np.searchsorted(length, wanted), len(x) - 1))
    kept[0], kept[-1] = 0, len(x) - 1
    return x[kept], y[kept]


def curve_table(predictions: Predictions, drawn: Sequence[Mapping[str, Curve]]) -> pl.DataFrame:
    """Rows of `curves.parquet`: the mean over scored targets as target index -1, then each target.

    `drawn` are the curves of each target, none of those that are not scored.
    """
    scored = [each for each in drawn if each]
    lines = []
    for name in ("roc", "pr") if scored else ():
        total = sum((each[name].on_grid for each in scored), start=np.zeros(len(_GRID)))
        lines.append((-1, MACRO, name, _GRID, total / len(scored)))
    for index, (target, each) in enumerate(zip(predictions.targets, drawn, strict=True)):
        lines += [(index, target, name, curve.x, curve.y) for name, curve in each.items()]
    parts = []
    for index, target, name, x, y in lines or [(-1, MACRO, "roc", np.zeros(0), np.zeros(0))]:
        points = pl.DataFrame({"x": x.astype(np.float32), "y": y.astype(np.float32)})
        run, split, *of = _names(predictions, index, target)
        parts.append(points.select(run, split, pl.lit(name).alias("curve"), *of, pl.all()))
    return pl.concat(parts)


def _names(predictions: Predictions, index: int, target: str) -> list[pl.Expr]:
    """First columns of a table of curves; all targets together are target index -1."""
    return [
        pl.lit(predictions.run).alias("run"),
        pl.lit(predictions.split).alias("split"),
        pl.lit(index, pl.Int32).alias("target_index"),
        pl.lit(str(target)).alias("target"),
    ]


@dataclass(frozen=True)
class Reliability:
    """Predictions gathered by probability: whether probabilities are frequencies.

    Attributes
    ----------
    rows, positives : int64, shape (BINS,)
        Rows of each bin and the positive ones among them.
    total : float64, shape (BINS,)
        Sum of the bin's probabilities.
    """

    rows: NDArray[np.int64]
    positives: NDArray[np.int64]
    total: NDArray[np.float64]

    def __add__(self, other: "Reliability") -> "Reliability":
        """Pool two sets of rows."""
        return Reliability(self.rows + other.rows, self.positives + other.positives, self.total + other.total)

    @property
    def ece(self) -> float:
        """Mean over rows of |mean probability − observed share| of their bin; NaN without rows."""
        n = self.rows.sum()
        return float(np.abs(self.total - self.positives).sum() / n) if n else float("nan")


def reliability(ranking: Ranking) -> Reliability:
    """Gather one target's rows, whose scores must be probabilities, into bins."""
    scores = ranking.scores[::-1].astype(np.float64)
    rows, positives = (np.diff(counts, prepend=0)[::-1] for counts in (ranking.rows, ranking.positives))
    bins = np.searchsorted(_EDGES[1:-1], scores, side="right")
    counts = [np.bincount(bins, weights=n, minlength=BINS).astype(np.int64) for n in (rows, positives)]
    total = np.bincount(bins, weights=rows * scores, minlength=BINS)
    return Reliability(counts[0], counts[1], total.astype(np.float64))


def pool(gathered: Sequence[Reliability]) -> Reliability:
    """Rows of several targets together."""
    return sum(gathered[1:], start=gathered[0])


def calibration_table(predictions: Predictions, gathered: Sequence[Reliability]) -> pl.DataFrame:
    """Rows of `calibration.tsv`: all targets as target index -1, then each; empty bins are left out."""
    parts = []
    names = [POOLED, *predictions.targets]
    for index, (name, each) in enumerate(zip(names, [pool(gathered), *gathered], strict=True), -1):
        used = each.rows > 0
        columns = {
            "bin_low": _EDGES[:-1][used],
            "bin_high": _EDGES[1:][used],
            "n": each.rows[used],
            "positives": each.positives[used],
            "mean_probability": each.total[used] / each.rows[used],
            "observed": each.positives[used] / each.rows[used],
        }
        parts.append(pl.DataFrame(columns).select(*_names(predictions, index, name), pl.all()))
    return pl.concat(parts)
