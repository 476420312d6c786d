"""How much two runs differ on each target, with intervals from the resamples that they share."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.evaluate.bootstrap import interval
from danq.evaluate.differences import both_scored, same_draw, shared_folds
from danq.evaluate.runs import Group, Run

SCHEMA = dict.fromkeys(("difference", "low", "high"), pl.Float64)


def target_differences(ours: Group, theirs: Group, metric: str) -> pl.DataFrame:
    """Compare two runs target by target; of seeds and folds the means of what both have.

    Parameters
    ----------
    ours, theirs : Group
        Of one dataset.
    metric : str
        ``auroc`` or ``auprc``.

    Returns
    -------
    DataFrame
        target, difference, low, high: targets that both scored, in order. The ends of the interval are NaN
        where the resamples of the targets are not there or not the same. No rows where no fold has both
        runs on the same rows.
    """
    folds = shared_folds(ours, theirs)
    tables = [both_scored(*fold, metric) for fold in folds]
    known = [table for table in tables if table is not None]
    if not known:
        return pl.DataFrame(schema={"target": pl.String, **SCHEMA})
    every = pl.concat(known).select("target", difference=pl.col("ours") - pl.col("theirs"))
    means = every.group_by("target", maintain_order=True).agg(pl.col("difference").mean())
    drawn = _resampled(folds, known, means["target"].to_list(), metric)
    values = np.full((len(means), 1), np.nan) if drawn is None else drawn
    low, high = interval(values, means["difference"].to_numpy(), (-1.0, 1.0))
    return means.with_columns(low=low, high=high)


def _resampled(
    folds: Sequence[tuple[tuple[Run, ...], tuple[Run, ...]]],
    tables: Sequence[pl.DataFrame],
    targets: list[str],
    metric: str,
) -> NDArray[np.float32] | None:
    """Difference of each target in each resample, the mean over the folds that score it, (k, resamples)."""
    if len(tables) < len(folds) or not all(same_draw([*ours, *theirs]) for ours, theirs in folds):
        return None
    total: NDArray[np.float32] | None = None
    times = np.zeros((len(targets), 1), np.float32)
    for fold, ((ours, theirs), table) in enumerate(zip(folds, tables, strict=True)):
        scored = np.isin(targets, table["target"].to_numpy())[:, None]
        first, second = (_mean(runs, metric, targets) for runs in (ours, theirs))
        if first is None or second is None or (total is not None and total.shape[1] != first.shape[1]):
            return None
        part = np.where(scored, first - second, np.float32(0))
        # resample 1 of a fold has nothing to do with resample 1 of another: they are put together at random
        part = part if len(folds) == 1 else np.random.default_rng(fold).permutation(part, axis=1)
        total, times = part if total is None else total + part, times + scored
    return None if total is None else np.asarray(total / np.maximum(times, 1), np.float32)


def _mean(runs: Sequence[Run], metric: str, targets: list[str]) -> NDArray[np.float32] | None:
    """Mean over trainings of each target's value in each of their resamples, (k, resamples)."""
    total: NDArray[np.float32] | None = None
    for run in runs:
        given, metrics = run.resampled_targets(metric), run.on_split(run.metrics)
        if given is None or metrics is None:
            return None
        place = {name: index for index, name in enumerate(metrics["target"].to_list())}
        # a target that this fold does not have is masked by the caller
        rows = given.T[[place.get(target, 0) for target in targets]]
        total = rows if total is None else total + rows
    return None if total is None else total / np.float32(len(runs))
