"""One training with what was measured of it, and the trainings that a configured run consists of."""

from dataclasses import dataclass
from typing import Any

import polars as pl

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
    bundle : dict
        ``bundle.json``.
    history : DataFrame or None
        ``history.tsv``.
    summary : dict or None
        ``evaluation/summary.json``.
    metrics, curves, calibration, resamples : DataFrame or None
        The tables beside it.
    """

    name: str
    bundle: dict[str, Any]
    history: pl.DataFrame | None
    summary: dict[str, Any] | None
    metrics: pl.DataFrame | None
    curves: pl.DataFrame | None
    calibration: pl.DataFrame | None
    resamples: pl.DataFrame | None

    @property
    def dataset(self) -> str:
        """Name of the dataset it was trained on."""
        return str(self.bundle["dataset"]["name"])

    @property
    def is_baseline(self) -> bool:
        """Whether it is what other runs are measured by."""
        return bool(self.bundle["model"] == BASELINE)

    @property
    def repeat(self) -> Repeat:
        """Which fold and seed of which run this is, if its name says so and its bundle agrees."""
        told = read_name(self.name)
        if told.seed is not None and told.seed != self.bundle.get("train", {}).get("seed"):
            return Repeat(self.name)
        if told.fold is not None and told.fold != read_name(self.dataset).fold:
            return Repeat(self.name)
        return told

    @property
    def family(self) -> str:
        """Name of the dataset as the configuration has it, without the fold."""
        return self.dataset if self.repeat.fold is None else read_name(self.dataset).base

    @property
    def split(self) -> str:
        """Split whose metrics are shown: test, or else what was evaluated last."""
        splits = list(self.summary["splits"]) if self.summary else []
        return "test" if "test" in splits or not splits else str(splits[-1])

    @property
    def measured(self) -> dict[str, Any] | None:
        """Means over targets on `split`."""
        found = self.summary["splits"].get(self.split) if self.summary else None
        return None if found is None else dict(found)

    def on_split(self, table: pl.DataFrame | None) -> pl.DataFrame | None:
        """Rows of one of its tables that belong to `split`; None where there are none."""
        chosen = None if table is None else table.filter(split=self.split)
        return None if chosen is None or chosen.is_empty() else chosen


@dataclass(frozen=True)
class Group:
    """A run as the configuration names it: one training, or one for each fold and seed.

    Attributes
    ----------
    name, dataset : str
        As the configuration has them.
    members : tuple of Run
        At least one, in order of fold and seed.
    """

    name: str
    dataset: str
    members: tuple[Run, ...]

    @property
    def folds(self) -> tuple[int | None, ...]:
        """Folds in order; one None without folds."""
        return tuple(dict.fromkeys(run.repeat.fold for run in self.members))

    def in_fold(self, fold: int | None) -> tuple[Run, ...]:
        """Members whose test rows are the same."""
        return tuple(run for run in self.members if run.repeat.fold == fold)
