"""What a results directory holds, read once for the report."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from danq.errors import DanqError
from danq.evaluate.callsets import Callset, read_callset
from danq.evaluate.evaluate import FORMAT_VERSION, KIND
from danq.evaluate.per_target import SCHEMA
from danq.files import read_manifest
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


@dataclass(frozen=True)
class Results:
    """A results directory: runs in order of dataset, baselines last; dataset manifests; jobs.

    Attributes
    ----------
    runs : tuple of Run
    datasets : dict of str to dict
        ``dataset.json`` by name, of the runs' datasets.
    genomes : dict of str to dict
        ``genome.json`` by name.
    jobs : DataFrame or None
        Columns job, seconds, peak memory (MB) and cores used on average, from the workflow's benchmarks.
    callsets : tuple of Callset
        Scored variants, in order of their names.
    """

    runs: tuple[Run, ...]
    datasets: dict[str, dict[str, Any]]
    genomes: dict[str, dict[str, Any]]
    jobs: pl.DataFrame | None
    callsets: tuple[Callset, ...] = ()

    def label(self, run: Run | Group) -> str:
        """Give the name of a run, with its dataset where there are several."""
        several = len({each.family for each in self.runs}) > 1
        family = run.dataset if isinstance(run, Group) else run.family
        return f"{family} · {run.name}" if several else run.name

    @property
    def groups(self) -> tuple[Group, ...]:
        """Runs as the configuration names them, in order."""
        found: dict[tuple[str, str], list[Run]] = {}
        for run in self.runs:
            found.setdefault((run.family, run.repeat.base), []).append(run)
        return tuple(Group(name, family, tuple(runs)) for (family, name), runs in found.items())

    @property
    def drawn(self) -> tuple[Run, ...]:
        """One run of each group, where all would be too many lines."""
        return tuple(group.members[0] for group in self.groups)

    def families(self) -> dict[str, list[Group]]:
        """Sort groups by dataset as the configuration has it."""
        found: dict[str, list[Group]] = {}
        for group in self.groups:
            found.setdefault(group.dataset, []).append(group)
        return found


def read_results(path: Path, names: Collection[str] = (), callsets: Collection[str] = ()) -> Results:
    """Read a results directory.

    Parameters
    ----------
    path : Path
        Directory of the results.
    names, callsets : collections of str
        Runs and callsets to read. Where only callsets are named, all runs; where none of either, all of both.

    Raises
    ------
    DanqError
        If it holds no run, or lacks a named run or callset, or a file in it is damaged or of another format
        version.
    """
    bundles = _chosen(path, "run", "runs/*/bundle.json", names, not names)
    if not bundles:
        raise DanqError(f"{path}: expected at least one run (runs/<name>/bundle.json), found none")
    runs = sorted(map(_read_run, bundles), key=_order)
    datasets = {
        manifest.parent.name: read_manifest(manifest, "dataset", 1)
        for manifest in sorted(path.glob("datasets/*/dataset.json"))
    }
    used = {run.dataset for run in runs}
    genomes = {
        manifest.parent.name: read_manifest(manifest, "genome", 1)
        for manifest in sorted(path.glob("genomes/*/genome.json"))
    }
    kept = {name: datasets[name] for name in datasets if name in used}
    scored = _chosen(path, "callset", "scores/*/scores.json", callsets, not callsets and not names)
    jobs = _read_jobs(path / "benchmarks")
    return Results(tuple(runs), kept, genomes, jobs, tuple(map(read_callset, scored)))


def _order(run: Run) -> tuple[str, bool, str, int, int]:
    told = run.repeat
    return run.family, run.is_baseline, told.base, told.fold or 0, told.seed or 0


def _chosen(path: Path, what: str, pattern: str, names: Collection[str], everything: bool) -> list[Path]:
    """Find the manifests of the named directories, or of all."""
    found = sorted(path.glob(pattern))
    missing = sorted(set(names) - {manifest.parent.name for manifest in found})
    if missing:
        place = pattern.replace("*", missing[0])
        raise DanqError(f"{path}: expected the {what} {missing[0]} ({place}), found none")
    return [manifest for manifest in found if everything or manifest.parent.name in names]


def _read_run(manifest: Path) -> Run:
    folder = manifest.parent
    evaluation = folder / "evaluation"
    summary = evaluation / "summary.json"
    return Run(
        name=folder.name,
        bundle=read_manifest(manifest, "bundle", 1),
        history=_read_tsv(folder / "history.tsv"),
        summary=read_manifest(summary, KIND, FORMAT_VERSION) if summary.is_file() else None,
        metrics=_read_tsv(evaluation / "metrics.tsv", SCHEMA),
        curves=_read_parquet(evaluation / "curves.parquet"),
        calibration=_read_tsv(evaluation / "calibration.tsv", {"run": pl.String, "target": pl.String}),
        resamples=_read_parquet(evaluation / "resamples.parquet"),
    )


def _read_tsv(path: Path, schema: dict[str, Any] | None = None) -> pl.DataFrame | None:
    if not path.is_file():
        return None
    try:
        table = pl.read_csv(path, separator="\t", schema_overrides=schema, infer_schema_length=None)
        return table.fill_nan(None)
    except pl.exceptions.PolarsError as error:
        raise DanqError(f"{path}: expected a table ({str(error).splitlines()[0]})") from None


def _read_parquet(path: Path) -> pl.DataFrame | None:
    if not path.is_file():
        return None
    try:
        return pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise DanqError(f"{path}: expected a Parquet table ({str(error).splitlines()[0]})") from None


def _read_jobs(folder: Path) -> pl.DataFrame | None:
    jobs = []
    for path in sorted(folder.glob("**/*.tsv")):
        table = _read_tsv(path)
        if table is None or table.is_empty() or not {"s", "max_rss", "mean_load"} <= set(table.columns):
            continue
        numbers = table.select(pl.col("s", "max_rss", "mean_load").cast(pl.Float64, strict=False))
        name = path.relative_to(folder).with_suffix("").as_posix().replace("/", " ")
        jobs.append((name, numbers["s"].sum(), numbers["max_rss"].max(), numbers["mean_load"].mean()))
    columns = {"job": pl.String, "seconds": pl.Float64, "memory": pl.Float64, "load": pl.Float64}
    return pl.DataFrame(jobs, schema=columns, orient="row") if jobs else None
