"""The trainings that a run consists of, and how much two runs differ on the same rows, with an interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.evaluate.intervals import interval
from danq.evaluate.runs import Run
from danq.learn.options import EnsembleOptions, named, read_name
from danq.metrics import AREAS

LIMITS = {"mcc": (-1.0, 1.0)}
"""Lowest and highest value of a metric, where they are not 0 and 1."""


@dataclass(frozen=True)
class Group:
    """A run as the configuration names it: one training, or one for each fold and seed, in that order.

    A training that stands by itself has its own name. `family` is the dataset, without the fold.
    """

    name: str
    family: str
    members: tuple[Run, ...]

    @property
    def evaluated(self) -> tuple[Run, ...]:
        """Members with metrics."""
        return tuple(run for run in self.members if run.measured is not None)

    @property
    def folds(self) -> tuple[int | None, ...]:
        """Folds in order; one None without folds."""
        return tuple(dict.fromkeys(run.repeat.fold for run in self.members))

    def in_fold(self, fold: int | None) -> tuple[Run, ...]:
        """Give the evaluated members that one fold tests."""
        return tuple(run for run in self.evaluated if run.repeat.fold == fold)

    @property
    def tested(self) -> frozenset[tuple[int | None, str, str]]:
        """Fold, split and digest of the test rows of its evaluated members."""
        return frozenset(
            (run.repeat.fold, run.split, run.measured.rows) for run in self.members if run.measured
        )

    @property
    def counted(self) -> str:
        """Over how many trainings its mean is, and how many are missing in it."""
        known, n = len(self.evaluated), len(self.members)
        if known == n:
            return f"mean of {n}"
        return f"mean of {known} ({n - known} of {n} not evaluated)" if known else f"none of {n} evaluated"


def grouped(runs: Sequence[Run]) -> tuple[Group, ...]:
    """Put the trainings of one run together, in the order of their first.

    Names alone are no proof: trainings belong together when they are of one model with the same options,
    one for each fold and seed. Otherwise each of them stands by itself under its full name.
    """
    named: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        named.setdefault((run.family, run.repeat.base), []).append(run)
    groups: list[Group] = []
    for (family, base), members in named.items():
        if len(members) > 1 and _belong_together(members):
            groups.append(Group(base, family, tuple(members)))
        else:
            groups += [Group(run.name, run.family, (run,)) for run in members]
    return tuple(groups)


def _belong_together(runs: Sequence[Run]) -> bool:
    shapes = {(run.repeat.fold is None, run.repeat.seed is None) for run in runs}
    repeats = {(run.repeat.fold, run.bundle.train.get("seed")) for run in runs}
    data = {(run.repeat.fold, run.bundle.dataset.digest) for run in runs}
    alike = len(shapes) == 1 and all(_configured(run) == _configured(runs[0]) for run in runs)
    return alike and len(repeats) == len(runs) and len(data) == len({fold for fold, _ in data})


def _configured(run: Run) -> tuple[Any, ...]:
    """All that was set of a training, but for its seed; of what a search chose, what it drew from."""
    bundle = run.bundle
    set_ = {"options": bundle.options, "train": bundle.train | {"seed": None}}
    if bundle.members:
        # those of each fold are of that fold, and the weights that validation chose there are its own
        entries = EnsembleOptions(**bundle.options).members
        bases = [{read_name(member).base for member in named(entry)} for entry in entries]
        set_["options"] = bundle.options | {"members": bases}
    if bundle.search is not None:
        # each fold has a search of its own, which may choose other values
        for key in bundle.search.parameters:
            set_ = _without(set_, key.split("."))
    return bundle.model, set_, bundle.search and bundle.search.space, bundle.predict


def _without(values: dict[str, Any], path: list[str]) -> dict[str, Any]:
    first, *rest = path
    if rest and isinstance(values.get(first), dict):
        return values | {first: _without(values[first], rest)}
    return {key: value for key, value in values.items() if key != first}


@dataclass(frozen=True, eq=False)
class Difference:
    """One run minus another by one metric; of repeats and folds the mean of what both have.

    Attributes
    ----------
    metric : str
        As for `value`.
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

    metric: str
    mean: float
    low: float
    high: float
    single: NDArray[np.float64]
    sd: float
    targets: pl.DataFrame
    trainings: tuple[int, int]
    folds: tuple[int, int]

    @property
    def sure(self) -> int:
        """1: the interval lies above zero; -1: below it; 0: it holds zero, or there is none."""
        return (self.low > 0) - (self.high < 0)

    @property
    def words(self) -> str:
        """The difference with its interval, such as ``+0.012 (95% interval -0.003 to +0.027)``."""
        ends = "no interval" if isnan(self.low) else f"95% interval {self.low:+.3f} to {self.high:+.3f}"
        spread = "" if isnan(self.sd) else f"; SD over trainings {self.sd:.3f}"
        return f"{self.mean:+.3f} ({ends}{spread})"


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
    areas = {"auroc": run.measured.auroc.mean, "auprc": run.measured.auprc.mean}
    return areas[metric] if metric in areas else getattr(run.measured.classes, metric, None)


def values(group: Group, metric: str) -> list[float]:
    """Give the values of a run's trainings, as far as they have one."""
    return [number for run in group.members if (number := value(run, metric)) is not None]


def difference(ours: Group, theirs: Group, metric: str) -> Difference | None:
    """Compare two runs on one dataset, fold by fold; None where no fold has both on the same rows.

    Trainings that were not evaluated are left out. The interval of several folds treats their test rows as
    drawn independently of each other. It does not tell how much other seeds would differ; `Difference.sd`
    does.
    """
    common = [fold for fold in _common_folds(ours, theirs) if _same_rows([*fold[0], *fold[1]])]
    folds = [compared for fold in common if (compared := _in_fold(*fold, metric)) is not None]
    if not folds:
        return None
    mean = float(np.mean([fold.mean for fold in folds]))
    lowest, highest = LIMITS.get(metric, (0.0, 1.0))
    together = _together([fold.resampled for fold in folds])
    low, high = interval(together, mean, (lowest - highest, highest - lowest)).tolist()
    return Difference(
        metric,
        mean,
        low,
        high,
        *_singles(folds),
        _mean_by_target((fold.targets for fold in folds), ours="ours", theirs="theirs"),
        (sum(len(fold.first) for fold in folds), sum(len(fold.second) for fold in folds)),
        (len(folds), len({*ours.folds, *theirs.folds})),
    )


def other_rows(ours: Group, theirs: Group) -> bool:
    """Tell whether two runs are evaluated in a common fold, but nowhere on the same rows."""
    common = _common_folds(ours, theirs)
    return bool(common) and not any(_same_rows([*first, *second]) for first, second in common)


def _common_folds(ours: Group, theirs: Group) -> list[tuple[tuple[Run, ...], tuple[Run, ...]]]:
    """Give the evaluated trainings of both in each fold where both have some."""
    each = [(ours.in_fold(fold), theirs.in_fold(fold)) for fold in ours.folds]
    return [(first, second) for first, second in each if first and second]


def _same_rows(runs: Sequence[Run]) -> bool:
    """Tell whether all were measured on the same rows with the same labels, in the same order."""
    rows = {(run.split, run.measured and run.measured.rows) for run in runs}
    return len(rows) == 1 and all(run.measured for run in runs)


def _in_fold(ours: Sequence[Run], theirs: Sequence[Run], metric: str) -> _Fold | None:
    values = [[value(run, metric) for run in runs] for runs in (ours, theirs)]
    if any(None in each for each in values):
        return None
    first, second = (np.array(each, np.float64) for each in values)
    seeds = [[run.repeat.seed for run in runs] for runs in (ours, theirs)]
    matched = seeds[0] == seeds[1] or min(len(first), len(second)) == 1
    draws = {run.draw for run in (*ours, *theirs)}
    drawn = resampled(ours, metric), resampled(theirs, metric)
    same = len(draws) == 1 and None not in draws
    paired = drawn[0] - drawn[1] if same and drawn[0] is not None and drawn[1] is not None else None
    return _Fold(first, second, matched, paired, _both_scored(ours, theirs, metric))


def _singles(folds: Sequence[_Fold]) -> tuple[NDArray[np.float64], float]:
    """Differences of single trainings, and their standard deviation."""
    if all(fold.matched for fold in folds):
        single = np.concatenate([fold.first - fold.second for fold in folds])
    else:
        single = np.array([fold.mean for fold in folds])
        if len(folds) == 1:
            return single, float(np.sqrt(sum(v.var(ddof=1) for v in (folds[0].first, folds[0].second))))
    return single, float(single.std(ddof=1)) if len(single) > 1 else float("nan")


def resampled(runs: Sequence[Run], metric: str) -> NDArray[np.float64] | None:
    """Value of runs on the same rows in each of their resamples, their mean; None where there are none."""
    columns = [
        table[metric].fill_null(float("nan")).to_numpy()
        for run in runs
        if (table := run.on_split(run.resamples)) is not None and metric in table.columns
    ]
    return np.asarray(np.mean(columns, axis=0)) if len(columns) == len(runs) else None


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
    first, second = (
        _mean_by_target((run.on_split(run.metrics) for run in runs if metric in AREAS), **{name: metric})
        for name, runs in (("ours", ours), ("theirs", theirs))
    )
    return first.join(second, on="target", maintain_order="left").drop_nulls()


def _mean_by_target(tables: Iterable[pl.DataFrame | None], **columns: str) -> pl.DataFrame:
    """Mean of some columns, under new names, for each target, in the order in which targets first occur."""
    empty = pl.DataFrame(schema={"target": pl.String, **dict.fromkeys(columns, pl.Float64)})
    renamed = {name: pl.col(column) for name, column in columns.items()}
    known = [table.select("target", **renamed) for table in tables if table is not None]
    return pl.concat([empty, *known]).group_by("target", maintain_order=True).agg(pl.all().mean())
