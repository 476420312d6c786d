"""How much two runs differ on the same rows, with an interval from the resamples that they share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.evaluate.intervals import interval
from danq.evaluate.runs import Group, Run, same_rows
from danq.metrics import AREAS

LIMITS = {"mcc": (-1.0, 1.0)}
"""Lowest and highest value of a metric, where they are not 0 and 1."""


@dataclass(frozen=True, eq=False)
class Difference:
    """One run minus another by one metric; of repeats and folds the mean of what both have.

    Attributes
    ----------
    mean : float
        Difference of the runs' values (for areas: of their means over targets) over the folds that both have.
    low, high : float
        95% interval over the choice of test rows, by paired bootstrap; NaN where the resamples are not there
        or not the same.
    single : float64, shape (m,)
        Difference of each pair of trainings that belong together: by fold, and by seed where both have the
        same seeds or one has a single training. Of other seeds, the difference in each fold.
    sd : float
        Sample standard deviation of `single`; of other seeds within one fold the root of the sum of both
        runs' variances. NaN where there is a single training of either.
    targets : DataFrame
        For areas, target, ours, theirs: targets scored in both, means over trainings. No rows for others.
    trainings : (int, int)
        Trainings of either that entered.
    folds : (int, int)
        Folds that both were evaluated on, of all.
    """

    mean: float
    low: float
    high: float
    single: NDArray[np.float64]
    sd: float
    targets: pl.DataFrame
    trainings: tuple[int, int]
    folds: tuple[int, int]


@dataclass(frozen=True, eq=False)
class _Fold:
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    matched: bool
    resampled: NDArray[np.float64] | None
    targets: pl.DataFrame

    @property
    def mean(self) -> float:
        return float(self.first.mean() - self.second.mean())


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation; no deviation of a single value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def value(run: Run, metric: str) -> float | None:
    """Mean of one of `AREAS` over scored targets, or accuracy, macro_f1 or mcc; None where a run has none."""
    if run.measured is None:
        return None
    return run.measured.mean(metric) if metric in AREAS else getattr(run.measured.classes, metric, None)


def difference(ours: Group, theirs: Group, metric: str) -> Difference | None:
    """Compare two runs on one dataset, fold by fold; None where no fold has both on the same rows.

    Trainings that were not evaluated are left out. The interval of several folds treats their test rows as
    drawn independently of each other. It does not tell how much other seeds would differ; `Difference.sd`
    does.
    """
    compared = [_in_fold(*fold, metric) for fold in _shared_folds(ours, theirs)]
    folds = [fold for fold in compared if fold is not None]
    if not folds:
        return None
    mean = float(np.mean([fold.mean for fold in folds]))
    lowest, highest = LIMITS.get(metric, (0.0, 1.0))
    together = _together([fold.resampled for fold in folds])
    low, high = interval(together, mean, (lowest - highest, highest - lowest)).tolist()
    return Difference(
        mean,
        low,
        high,
        *_singles(folds),
        _mean_by_target([fold.targets for fold in folds]),
        (sum(len(fold.first) for fold in folds), sum(len(fold.second) for fold in folds)),
        (len(folds), len({*ours.folds, *theirs.folds})),
    )


def other_rows(ours: Group, theirs: Group) -> bool:
    """Tell whether two runs are evaluated in a common fold, but nowhere on the same rows."""
    return bool(_common(ours, theirs)) and not _shared_folds(ours, theirs)


def _shared_folds(ours: Group, theirs: Group) -> list[tuple[tuple[Run, ...], tuple[Run, ...]]]:
    """Give the evaluated trainings of both in each fold where all were measured on the same rows."""
    return [fold for fold in _common(ours, theirs) if same_rows([*fold[0], *fold[1]])]


def _common(ours: Group, theirs: Group) -> list[tuple[tuple[Run, ...], tuple[Run, ...]]]:
    each = [(ours.in_fold(fold), theirs.in_fold(fold)) for fold in ours.folds]
    return [(first, second) for first, second in each if first and second]


def _in_fold(ours: Sequence[Run], theirs: Sequence[Run], metric: str) -> _Fold | None:
    values = [[value(run, metric) for run in runs] for runs in (ours, theirs)]
    if any(None in each for each in values):
        return None
    first, second = (np.array(each, np.float64) for each in values)
    seeds = [[run.repeat.seed for run in runs] for runs in (ours, theirs)]
    return _Fold(
        first,
        second,
        seeds[0] == seeds[1] or min(len(first), len(second)) == 1,
        _paired(ours, theirs, metric) if _same_draw((*ours, *theirs)) else None,
        _both_scored(ours, theirs, metric),
    )


def _singles(folds: Sequence[_Fold]) -> tuple[NDArray[np.float64], float]:
    """Differences of single trainings, and their standard deviation."""
    if all(fold.matched for fold in folds):
        single = np.concatenate([fold.first - fold.second for fold in folds])
    else:
        single = np.array([fold.mean for fold in folds])
        if len(folds) == 1:
            return single, float(np.sqrt(sum(v.var(ddof=1) for v in (folds[0].first, folds[0].second))))
    return single, float(single.std(ddof=1)) if len(single) > 1 else float("nan")


def _paired(ours: Sequence[Run], theirs: Sequence[Run], metric: str) -> NDArray[np.float64] | None:
    first, second = resampled(ours, metric), resampled(theirs, metric)
    return None if first is None or second is None else first - second


def resampled(runs: Sequence[Run], metric: str) -> NDArray[np.float64] | None:
    """Value of runs on the same rows in each of their resamples, their mean; None where there are none."""
    tables = [run.on_split(run.resamples) for run in runs]
    columns = [
        table[metric].fill_null(float("nan")).to_numpy()
        for table in tables
        if table is not None and metric in table.columns
    ]
    return np.asarray(np.mean(columns, axis=0)) if len(columns) == len(runs) else None


def _same_draw(runs: Sequence[Run]) -> bool:
    """Tell whether runs on the same rows drew the same blocks: number of resamples and seed."""
    drawn = []
    for run in runs:
        if run.summary is None or run.measured is None or not run.measured.intervals:
            return False
        drawn.append((run.summary.provenance["options"].get("seed"), run.measured.intervals))
    return all(each == drawn[0] for each in drawn)


def _together(resampled: Sequence[NDArray[np.float64] | None]) -> NDArray[np.float64]:
    """Mean over folds in each resample; no resamples where a fold lacks them."""
    known = [values for values in resampled if values is not None]
    if len(known) < len(resampled) or len({len(values) for values in known}) > 1:
        return np.zeros(0)
    # resample 1 of a fold has nothing to do with resample 1 of another: they are put together at random
    shuffled = [np.random.default_rng(fold).permutation(values) for fold, values in enumerate(known)]
    return known[0] if len(known) == 1 else np.asarray(np.mean(shuffled, axis=0))


def _both_scored(ours: Sequence[Run], theirs: Sequence[Run], metric: str) -> pl.DataFrame:
    """Give target, ours, theirs of the targets that both score: means over trainings on the same rows."""
    if metric not in AREAS:
        return _mean_by_target([])
    first, second = (
        _mean_by_target([run.on_split(run.metrics) for run in runs], pl.col(metric).alias(name))
        for runs, name in ((ours, "ours"), (theirs, "theirs"))
    )
    return first.join(second, on="target", maintain_order="left").drop_nulls()


def _mean_by_target(tables: Sequence[pl.DataFrame | None], *columns: pl.Expr) -> pl.DataFrame:
    """Mean of some columns over tables for each target, in the order in which targets first occur."""
    columns = columns or (pl.col("ours"), pl.col("theirs"))
    known = [table.select("target", *columns) for table in tables if table is not None]
    if not known:
        names = [column.meta.output_name() for column in columns]
        return pl.DataFrame(schema={"target": pl.String, **dict.fromkeys(names, pl.Float64)})
    return pl.concat(known).group_by("target", maintain_order=True).agg(pl.exclude("target").mean())
