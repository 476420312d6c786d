"""What the workflow asks of a configuration: the files that each job reads, and their checks."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from danq.config import Config, Run, may_run
from danq.config.search import Trial, search_name, trials_of
from danq.config.views import misplaced_views
from danq.data.examples.images import png_files
from danq.data.regions.targets import read_targets
from danq.errors import DanqError, first_few
from danq.evaluate.truth_keys import truth_key
from danq.genome.contigs import read_aliases
from danq.genome.intervals import parse_region
from danq.genome.motifs import read_motifs
from danq.learn.manifest import ENSEMBLE
from danq.models import load_model_module
from danq.variants.genotypes import choose_samples
from danq.variants.text import open_variants


def require_configuration(path: str) -> None:
    """End the process with one line where the configuration that is read unless another is named is absent.

    Raises
    ------
    SystemExit
        With status 2, after one line on stderr.
    """
    if not Path(path).exists():
        sys.stderr.write(
            f"danq: {path}: no such file; name a configuration with --configfile FILE, or write one with "
            "`danq init` (danq init --help)\n"
        )
        raise SystemExit(2)


def any_of(names: Iterable[str]) -> str:
    """Regular expression that matches exactly these names, and nothing where there are none."""
    different = sorted(set(names))
    return _continued(different) if different else "(?!)"


def _continued(names: list[str]) -> str:
    # what names begin with stands there once: Snakemake copies the pattern for each file of each job
    branches = [
        re.escape(letter) + _continued([name[1:] for name in group]) if letter else ""
        for letter, group in groupby(names, key=lambda name: name[:1])
    ]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def dataset_files(config: Config, name: str, later: bool = False) -> list[Path]:
    """Files a dataset is made from besides its genome: tables, tracks, examples, excluded regions, aliases.

    Where tracks are made `later`, by other rules, they may be missing.

    Raises
    ------
    DanqError
        If the table of targets cannot be read or names a track that does not exist.
    """
    options = config.datasets[name]
    # of a folder of images, each of them
    paths = [file for _, path in _paths(options) for file in (png_files(path) if path.is_dir() else [path])]
    tracks = [target.path for target in read_targets(options.targets, later)] if options.targets else []
    return list(dict.fromkeys([*paths, *tracks]))


def run_files(config: Config, name: str) -> list[Path]:
    """Files a run reads besides its dataset: a model of one's own, motifs, a bundle's.

    Those of a run with a search are those of all its trials.
    """
    return list(dict.fromkeys(path for _, path in _run_paths_of(config, name, None)))


def trial_files(trial: Trial) -> list[Path]:
    """Files a trial reads besides its dataset, as `run_files` of a run."""
    return [path for _, path in _run_paths(trial.run, trial.name, None)]


def callset_files(config: Config, name: str) -> list[Path]:
    """Files the scoring of a callset reads besides models and genome: variants, aliases, a background."""
    return [path for _, path in _callset_paths(config, name)]


def check_files(
    config: Config, source: str, trusted: Sequence[Path] | None = (), later: bool = False
) -> None:
    """Refuse a configuration that names files which do not exist, or contradicts what stands in them.

    `trusted` as of `parse_config`: of other models of one's own, options are not known to be paths. With
    `later`, rules of another workflow may make data: all but tables of targets and what runs name.

    Raises
    ------
    DanqError
        With the key, what was expected and what was received.
    """
    paths = list(named_paths(config, trusted))
    images = [name for name, options in config.datasets.items() if options.kind == "image"]
    folders = tuple(f"datasets.{name}.examples" for name in images)
    # by path: what a run with many seeds lacks is told once
    missing = {
        path: f"{key}: expected a file, received '{path}' "
        + ("(a directory)" if path.is_dir() else "(no such file)")
        for key, path in reversed(paths)
        if not (path.is_file() or (path.is_dir() and key.startswith(folders)))
        and not (later and _may_come(key, path))
    }
    if missing:
        raise DanqError(f"{source}: " + "; ".join(reversed(missing.values())))
    contents = [
        (f"datasets.{name}", path) for name in config.datasets for path in dataset_files(config, name, later)
    ]
    for key, path in (*paths, *contents):
        # a rule's input with braces is a pattern to Snakemake
        if set("{}") & set(str(path)):
            raise DanqError(f"{source}: {key}: expected a path without braces, received {path}")
    # a wrong name of a target would otherwise come to light after the training
    problems = [phrase for name in config.callsets for phrase in _callset_problems(config, name, later)]
    for key, path in paths:
        if key.endswith(".options.motifs"):
            problems += _refusal(key, read_motifs, path)
    problems += misplaced_views(config)
    if problems:
        raise DanqError(f"{source}: " + "; ".join(problems))


def _may_come(key: str, path: Path) -> bool:
    """Whether another rule may make a file: one of data that is not there, and not read to plan the jobs."""
    return not (path.exists() or key.startswith("runs.") or key.endswith(".targets"))


def named_paths(config: Config, trusted: Sequence[Path] | None) -> Iterator[tuple[str, Path]]:
    """Every path that a configuration holds, with its key; `trusted` as of `parse_config`."""
    yield from _paths(config.genomes, "genomes")
    yield from _paths(config.datasets, "datasets")
    for name in config.runs:
        yield from _run_paths_of(config, name, trusted)
    for name in config.callsets:
        yield from _callset_paths(config, name)


def _run_paths_of(config: Config, name: str, trusted: Sequence[Path] | None) -> Iterator[tuple[str, Path]]:
    run = config.runs[name]
    yield from _run_paths(run, name, trusted)
    if run.search is not None and may_run(run.model, trusted):
        for trial in trials_of(config, search_name(name)):
            yield from _run_paths(trial.run, trial.name, trusted)


def _run_paths(run: Run, name: str, trusted: Sequence[Path] | None) -> Iterator[tuple[str, Path]]:
    key = f"runs.{name}"
    if run.model.endswith(".py"):
        yield f"{key}.model", Path(run.model)
    if run.model != ENSEMBLE and may_run(run.model, trusted):
        # as typed options: of the plain ones that the configuration holds, none is known to be a path
        yield from _paths(load_model_module(run.model).Options.model_validate(run.options), f"{key}.options")
    start = run.train.init_from
    if start is not None and "/" in start:
        bundle = Path(start)
        yield f"{key}.train.init_from", bundle if bundle.is_file() else bundle / "bundle.json"


def _callset_paths(config: Config, name: str) -> Iterator[tuple[str, Path]]:
    callset, key = config.callsets[name], f"callsets.{name}"
    yield from _paths(callset.model_copy(update={"background": None}), key)
    if callset.background is not None:
        for file in ("background.json", "background.npy"):
            yield f"{key}.background", callset.background / file


def _callset_problems(config: Config, name: str, later: bool) -> Iterator[str]:
    """Find files that cannot be read or lack what is asked of them, and what is no target of all the runs."""
    callset, key = config.callsets[name], f"callsets.{name}"
    awaited = later and not callset.vcf.exists()
    unreadable = [] if awaited else [*_refusal(f"{key}.vcf", open_variants, callset.vcf)]
    yield from unreadable
    if not (awaited or unreadable):
        variants = open_variants(callset.vcf)
        if callset.samples:
            yield from _refusal(f"{key}.samples", choose_samples, variants, callset.samples)
        for option in ("truth", "truth_group"):
            if known := getattr(callset, option):
                yield from _refusal(f"{key}.{option}", truth_key, variants, known, option)
    if callset.aliases is not None and not (later and not callset.aliases.exists()):
        yield from _refusal(f"{key}.aliases", read_aliases, callset.aliases)
    for number, region in enumerate(callset.regions):
        yield from _refusal(f"{key}.regions.{number}", parse_region, region)
    yield from _target_problems(config, name, later)


def _refusal(key: str, check: Callable[..., object], *arguments: object) -> Iterator[str]:
    """Give what a check refuses, with its key."""
    try:
        check(*arguments)
    except DanqError as error:
        yield f"{key}: {error}"


def _target_problems(config: Config, name: str, later: bool) -> Iterator[str]:
    callset, key = config.callsets[name], f"callsets.{name}"
    known: list[str] = []
    for number, run in enumerate(callset.runs):
        table = config.datasets[config.runs[run].dataset].targets
        if table is None:
            continue
        targets = [target.name for target in read_targets(table, later)]
        known = known or targets
        if targets != known:
            yield f"{key}.runs.{number}: expected the targets of the other runs, received others in {table}"
    for option, names in (("targets", callset.targets), ("annotate", callset.annotate)):
        for number, target in enumerate(names):
            if known and target not in known:
                yield (
                    f"{key}.{option}.{number}: expected a target ({first_few(known, 8)}), received '{target}'"
                )


def _paths(value: Any, key: str = "") -> Iterator[tuple[str, Path]]:
    """Every path within a typed value, with its key's path."""
    items: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        items = ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    for name, item in items:
        yield from _paths(item, f"{key}.{name}")
