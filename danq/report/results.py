"""What a results directory holds, read once for the report."""

import json
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from danq.data.manifest import DatasetManifest
from danq.errors import DanqError
from danq.evaluate.compare import Group, grouped
from danq.evaluate.runs import Run, read_run, read_table
from danq.files import read_json_text
from danq.genome.fasta import GenomeManifest
from danq.learn.manifest import CHECKPOINT_DIRECTORY
from danq.learn.options import read_name
from danq.learn.trial_tables import TRIALS_FILE, Outcome, read_trials
from danq.report.callsets import Callset, read_callset
from danq.views.manifest import Viewed, read_views

log = logging.getLogger("danq")

_CONFIGURATION = "config.json"
"""What the workflow writes of its configuration into the results."""


@dataclass(frozen=True)
class Unfinished:
    """A run without a model, and the name of its dataset in the configuration, where that is known.

    Attributes
    ----------
    reason : {'unfinished', 'untrained'}
        It has a checkpoint to go on from; or the configuration names it and nothing of it is there.
    """

    name: str
    dataset: str | None
    reason: Literal["unfinished", "untrained"]


@dataclass(frozen=True)
class Results:
    """A results directory: runs in the order to show them, their datasets and all genomes by name, callsets.

    Attributes
    ----------
    views : tuple of Viewed
        Regions as runs saw them.
    jobs : DataFrame or None
        Columns job, seconds, peak memory (MB) and cores used on average, from the workflow's benchmarks.
    unfinished : tuple of Unfinished
        Runs without a model; none where runs were asked for by name.
    searches : mapping of str to list of Outcome
        Trials of the searches that chose options of these runs, the best first, by the search's name.
    """

    runs: tuple[Run, ...]
    datasets: dict[str, DatasetManifest]
    genomes: dict[str, GenomeManifest]
    jobs: pl.DataFrame | None
    callsets: tuple[Callset, ...]
    views: tuple[Viewed, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    searches: Mapping[str, list[Outcome]] = field(default_factory=dict)

    def label(self, run: Run | Group) -> str:
        """Give the name of a run, with its dataset where there are several."""
        several = len({each.family for each in self.runs}) > 1
        return f"{run.family} · {run.name}" if several else run.name

    def short_label(self, run: Group, beside: Sequence[Group]) -> str:
        """Give the name of a run, with its dataset where those beside it are on several."""
        return self.label(run) if len({each.family for each in beside}) > 1 else run.name

    @property
    def groups(self) -> tuple[Group, ...]:
        """Runs as the configuration names them, in order."""
        return grouped(self.runs)

    @property
    def drawn(self) -> tuple[Run, ...]:
        """One run of each group, where all would be too many lines."""
        return tuple((group.evaluated or group.members)[0] for group in self.groups)

    @property
    def first_drawn(self) -> str:
        """What to say of a plot of `drawn`."""
        several = len(self.groups) < len(self.runs)
        return " Of a run with several seeds or folds the first is drawn." if several else ""

    def families(self) -> dict[str, list[Group]]:
        """Sort groups by dataset as the configuration has it."""
        families: dict[str, list[Group]] = {}
        for group in self.groups:
            families.setdefault(group.family, []).append(group)
        return families

    def comparable(self) -> dict[str, list[Group]]:
        """Put groups together that are on one dataset, or were tested on the same rows of several.

        The keys are the names of the datasets.
        """
        sets: list[tuple[list[str], set[object], list[Group]]] = []
        for family, groups in self.families().items():
            names, members = [family], list(groups)
            rows: set[object] = {tested for group in groups for tested in group.tested}
            # whoever shares rows with these joins them, also where it only now connects two sets
            for joined in [each for each in sets if each[1] & rows]:
                sets.remove(joined)
                names, rows, members = joined[0] + names, joined[1] | rows, joined[2] + members
            sets.append((names, rows, members))
        return {", ".join(names): members for names, _, members in sets}


def read_results(
    path: Path, names: Sequence[str] = (), callsets: Collection[str] = (), viewing: Collection[str] = ()
) -> Results:
    """Read a results directory.

    Parameters
    ----------
    names, callsets, viewing : sequence of str, collection of str, collection of str
        Runs to read, in their order; callsets; runs whose views are read. Where no runs are named, all of
        them; where none of either, all of all.

    Raises
    ------
    DanqError
        If it holds no run, or lacks a named run or callset, or a file in it is damaged or of another format
        version.
    """
    bundles = _folders(path, "run", "runs/*/bundle.json", names, not names)
    if not bundles:
        raise DanqError(f"{path}: expected at least one run (runs/<name>/bundle.json), found none")
    for folder in sorted(path.glob("runs/*/evaluation/summary.json")) if not names else ():
        if not (folder.parents[1] / "bundle.json").is_file():
            log.warning("%s: of no model of danq, for there is no bundle; not shown", folder.parents[1])
    runs = _in_order([read_run(folder) for folder in bundles], names)
    datasets = _folders(path, "dataset", "datasets/*/dataset.json")
    genomes = _folders(path, "genome", "genomes/*/genome.json")
    scored = _folders(path, "callset", "scores/*/scores.json", callsets, not callsets and not names)
    viewed = _folders(path, "views of run", "views/*/views.json", viewing, not viewing and not names)
    # all are read, so that a damaged one is not passed over
    manifests = {folder.name: DatasetManifest.read(folder) for folder in datasets}
    used, shown = {run.dataset for run in runs}, {run.name for run in runs}
    return Results(
        tuple(runs),
        {name: manifest for name, manifest in manifests.items() if name in used},
        {folder.name: GenomeManifest.read(folder) for folder in genomes},
        _read_jobs(path / "benchmarks"),
        tuple(map(read_callset, scored)),
        tuple(view for folder in viewed for view in read_views(folder) if view.run in shown),
        # runs that are named are there
        () if names else _find_unfinished(path),
        _read_searches(path / "searches", runs),
    )


def _in_order(runs: list[Run], names: Sequence[str]) -> list[Run]:
    """Keep runs on one dataset together, in the order of the names, or else sorted with baselines last."""
    if names:
        runs = sorted(runs, key=lambda run: names.index(run.name))
        datasets = list(dict.fromkeys(run.family for run in runs))
        return sorted(runs, key=lambda run: datasets.index(run.family))

    def place(run: Run) -> tuple[Any, ...]:
        base, fold, seed = run.repeat
        return _natural(run.family), run.is_baseline, _natural(base), fold or 0, seed or 0

    return sorted(runs, key=place)


def _natural(name: str) -> tuple[str | int, ...]:
    """Key that sorts numbers in names by their value: try2 before try10."""
    parts = re.split(r"([0-9]+)", name)
    return tuple(int(part) if index % 2 else part for index, part in enumerate(parts))


def _folders(
    path: Path, what: str, pattern: str, names: Collection[str] = (), everything: bool = True
) -> list[Path]:
    """Find the named directories, or all, by their manifests."""
    folders = [manifest.parent for manifest in sorted(path.glob(pattern))]
    missing = sorted(set(names) - {folder.name for folder in folders})
    if missing:
        place = pattern.replace("*", missing[0])
        raise DanqError(f"{path}: expected the {what} {missing[0]} ({place}), found none")
    return [folder for folder in folders if everything or folder.name in names]


def _read_searches(folder: Path, runs: Sequence[Run]) -> dict[str, list[Outcome]]:
    """Read the trials of the searches that chose the runs' options, as far as they are there."""
    names = dict.fromkeys(run.bundle.search.name for run in runs if run.bundle.search is not None)
    # a bundle may have come here alone
    return {name: read_trials(folder / name) for name in names if (folder / name / TRIALS_FILE).is_file()}


def _read_jobs(folder: Path) -> pl.DataFrame | None:
    jobs = []
    for path in sorted(folder.glob("**/*.tsv")):
        table = read_table(path)
        if table is None or table.is_empty() or not {"s", "max_rss", "mean_load"} <= set(table.columns):
            continue
        numbers = table.select(pl.col("s", "max_rss", "mean_load").cast(pl.Float64, strict=False))
        name = path.relative_to(folder).with_suffix("").as_posix().replace("/", " ")
        jobs.append((name, numbers["s"].sum(), numbers["max_rss"].max(), numbers["mean_load"].mean()))
    columns = {"job": pl.String, "seconds": pl.Float64, "memory": pl.Float64, "load": pl.Float64}
    return pl.DataFrame(jobs, schema=columns, orient="row") if jobs else None


def _find_unfinished(results: Path) -> tuple[Unfinished, ...]:
    """Find the runs without a model."""
    configured = _configured(results / _CONFIGURATION)
    bundles = {read_name(path.parent.name).base for path in results.glob("runs/*/bundle.json")}
    begun = [
        path.parent.name
        for path in sorted(results.glob(f"runs/*/{CHECKPOINT_DIRECTORY}"))
        if not (path.parent / "bundle.json").is_file()
    ]
    known = bundles | {read_name(name).base for name in begun}
    unfinished = [Unfinished(name, configured.get(read_name(name).base), "unfinished") for name in begun]
    untrained = [name for name in configured if name not in known]
    return *unfinished, *(Unfinished(name, configured[name], "untrained") for name in untrained)


def _configured(path: Path) -> dict[str, str | None]:
    """Dataset of each run of the configuration; none where there is no file."""
    if not path.is_file():
        return {}
    try:
        runs: dict[str, Any] = json.loads(read_json_text(path)).get("runs") or {}
        datasets = {name: run.get("dataset") for name, run in runs.items()}
        return {name: set_ if isinstance(set_, str) else None for name, set_ in datasets.items()}
    except (ValueError, AttributeError, RecursionError):
        raise DanqError(f"{path}: expected the configuration as JSON, received something else") from None
