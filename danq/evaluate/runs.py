"""What was measured of a training, read back, and the trainings that a configured run consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from danq.errors import DanqError
from danq.evaluate.manifest import Evaluation, MeasuredSplit
from danq.evaluate.per_target import SCHEMA, TARGET
from danq.learn.manifest import BundleManifest
from danq.learn.repeats import Repeat, read_name

BASELINE = "kmer_logistic"
"""Model that other runs on the same dataset are compared with."""


@dataclass(frozen=True)
class Run:
    """One run, as far as it has got; parts that are not there are None.

    Attributes
    ----------
    name : str
        Name of its directory.
    bundle : BundleManifest
        ``bundle.json``.
    history : DataFrame or None
        ``history.tsv``.
    summary : Evaluation or None
        ``evaluation/summary.json``.
    metrics, curves, calibration, resamples : DataFrame or None
        The tables beside it, without the resamples of single targets.
    """

    name: str
    bundle: BundleManifest
    history: pl.DataFrame | None
    summary: Evaluation | None
    metrics: pl.DataFrame | None
    curves: pl.DataFrame | None
    calibration: pl.DataFrame | None
    resamples: pl.DataFrame | None

    @property
    def dataset(self) -> str:
        """Name of the dataset it was trained on."""
        return self.bundle.dataset.name

    @property
    def is_baseline(self) -> bool:
        """Whether it is what other runs are measured by."""
        return self.bundle.model == BASELINE

    @property
    def repeat(self) -> Repeat:
        """Which fold and seed of which run this is, if its name says so and its bundle agrees."""
        repeat = read_name(self.name)
        if repeat.seed is not None and repeat.seed != self.bundle.train.get("seed"):
            return Repeat(self.name)
        if repeat.fold is not None and repeat.fold != read_name(self.dataset).fold:
            return Repeat(self.name)
        return repeat

    @property
    def family(self) -> str:
        """Name of the dataset as the configuration has it, without the fold."""
        return self.dataset if self.repeat.fold is None else read_name(self.dataset).base

    @property
    def split(self) -> str:
        """Split whose metrics are shown: test, or else what was evaluated last."""
        splits = list(self.summary.splits) if self.summary else []
        return "test" if "test" in splits or not splits else str(splits[-1])

    @property
    def measured(self) -> MeasuredSplit | None:
        """Means over targets on `split`."""
        return self.summary.splits.get(self.split) if self.summary else None

    def on_split(self, table: pl.DataFrame | None) -> pl.DataFrame | None:
        """Rows of one of its tables that belong to `split`; None where there are none."""
        rows = None if table is None else table.filter(split=self.split)
        return None if rows is None or rows.is_empty() else rows


def read_run(manifest: Path) -> Run:
    """Read a run by its ``bundle.json``, with what `danq evaluate` wrote beside it.

    Raises
    ------
    DanqError
        If a file is damaged or of another format version.
    """
    folder = manifest.parent
    evaluation = folder / "evaluation"
    return Run(
        name=folder.name,
        bundle=BundleManifest.read(manifest.parent),
        history=read_table(folder / "history.tsv"),
        summary=Evaluation.read(evaluation) if (evaluation / Evaluation.FILE).is_file() else None,
        metrics=read_table(evaluation / "metrics.tsv", SCHEMA),
        curves=read_table(evaluation / "curves.parquet"),
        calibration=read_table(evaluation / "calibration.tsv", {"run": pl.String, "target": pl.String}),
        resamples=read_table(evaluation / "resamples.parquet", without=f"^{TARGET}.*$"),
    )


def read_table(
    path: Path, types: dict[str, Any] | None = None, without: str | None = None
) -> pl.DataFrame | None:
    """Read a TSV with names in its first line, or a Parquet table; None where there is no such file.

    Parameters
    ----------
    path : Path
    types : dict, optional
        Types of columns of a TSV; NaN becomes null.
    without : str, optional
        Columns of a Parquet table that are not read, as a regular expression from ``^`` to ``$``.

    Raises
    ------
    DanqError
        If it is no such table.
    """
    if not path.is_file():
        return None
    what = "Parquet table" if path.suffix == ".parquet" else "table"
    try:
        if path.suffix == ".parquet":
            return pl.scan_parquet(path).select(pl.exclude(without) if without else pl.all()).collect()
        table = pl.read_csv(path, separator="\t", schema_overrides=types, infer_schema_length=None)
        return table.fill_nan(None)
    except pl.exceptions.PolarsError as error:
        raise DanqError(f"{path}: expected a {what} ({str(error).splitlines()[0]})") from None


@dataclass(frozen=True)
class Group:
    """A run as the configuration names it: one training, or one for each fold and seed.

    Attributes
    ----------
    name, dataset : str
        As the configuration has them; of a training that stands by itself its own name.
    members : tuple of Run
        At least one, in order of fold and seed.
    """

    name: str
    dataset: str
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
    return (
        len(shapes) == 1
        and len(repeats) == len(runs)
        and len(data) == len({fold for fold, _ in data})
        and all(_configured(run) == _configured(runs[0]) for run in runs)
    )


def _configured(run: Run) -> tuple[Any, ...]:
    """All that was set of a training, but for its seed."""
    train = {name: value for name, value in run.bundle.train.items() if name != "seed"}
    return run.bundle.model, run.bundle.options, train, run.bundle.predict


def same_rows(runs: Sequence[Run]) -> bool:
    """Tell whether all were measured on the same rows with the same labels, in the same order."""
    measured = [run.measured for run in runs]
    digests = {None if each is None else each.rows for each in measured}
    return len(digests) == 1 and None not in digests and len({run.split for run in runs}) == 1
