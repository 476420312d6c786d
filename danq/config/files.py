"""The files a configuration names: what each dataset, run and callset reads, and whether it is all there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from danq.config import Config, model_options
from danq.data.examples.png import png_files
from danq.data.regions.targets import read_targets
from danq.errors import DanqError, first_few
from danq.genome.intervals import parse_region
from danq.variants.text import open_variants

_SHOWN = 8
_BACKGROUND = ("background.json", "background.npy")


def dataset_files(config: Config, name: str) -> list[Path]:
    """Files a dataset is made from besides its genome: tables, tracks, examples, excluded regions, aliases.

    Raises
    ------
    DanqError
        If the table of targets cannot be read or names a track that does not exist.
    """
    options = config.datasets[name]
    paths = [inner for _, path in _paths(options) for inner in _with_contents(path)]
    tracks = [target.path for target in read_targets(options.targets)] if options.targets else []
    return list(dict.fromkeys([*paths, *tracks]))


def _with_contents(path: Path) -> list[Path]:
    """Give a file itself, and of a folder of images each of them."""
    return png_files(path) if path.is_dir() else [path]


def run_files(config: Config, name: str) -> list[Path]:
    """Files a run reads besides its dataset: a model of one's own, motifs, a bundle to start from."""
    run = config.runs[name]
    files = [Path(run.model)] if run.model.endswith(".py") else []
    files += [path for _, path in _paths(_options(config, name))]
    start = run.train.init_from
    if start is not None and "/" in start:
        files.append(Path(start) / "bundle.json")
    return files


def callset_files(config: Config, name: str) -> list[Path]:
    """Files the scoring of a callset reads besides models and genome: variants, aliases, a background."""
    return [path for _, path in _callset_paths(config, name)]


def check_files(config: Config, source: str) -> None:
    """Refuse a configuration that names files which do not exist, or contradicts what stands in them.

    Raises
    ------
    DanqError
        With the key, what was expected and what was received.
    """
    # by path: what a run with many seeds lacks is told once
    missing = {
        path: f"{key}: expected a file, received '{path}' "
        + ("(a directory)" if path.is_dir() else "(no such file)")
        for key, path in reversed(list(_all_paths(config)))
        if not (path.is_file() or (path.is_dir() and _may_be_folder(config, key)))
    }
    if missing:
        raise DanqError(f"{source}: " + "; ".join(reversed(missing.values())))
    contents = (
        (f"datasets.{name}", path) for name in config.datasets for path in dataset_files(config, name)
    )
    for key, path in (*_all_paths(config), *contents):
        # a rule's input with braces is a pattern to Snakemake
        if set("{}") & set(str(path)):
            raise DanqError(f"{source}: {key}: expected a path without braces, received {path}")
    # a wrong name of a target would otherwise come to light after the training
    problems = [phrase for name in config.callsets for phrase in _callset_problems(config, name)]
    if problems:
        raise DanqError(f"{source}: " + "; ".join(problems))


def _may_be_folder(config: Config, key: str) -> bool:
    """Whether a key names the examples of a dataset of images, which may be a folder."""
    places = (f"datasets.{name}.examples" for name, one in config.datasets.items() if one.kind == "image")
    return any(key == place or key.startswith(f"{place}.") for place in places)


def _all_paths(config: Config) -> Iterator[tuple[str, Path]]:
    yield from _paths(config.genomes, "genomes")
    yield from _paths(config.datasets, "datasets")
    for name, run in config.runs.items():
        yield from _paths(_options(config, name), f"runs.{name}.options")
        start = run.train.init_from
        if start is not None and "/" in start:
            yield f"runs.{name}.train.init_from", Path(start) / "bundle.json"
    for name in config.callsets:
        yield from _callset_paths(config, name)


def _callset_paths(config: Config, name: str) -> Iterator[tuple[str, Path]]:
    callset, key = config.callsets[name], f"callsets.{name}"
    yield from _paths(callset.model_copy(update={"background": None}), key)
    if callset.background is not None:
        for file in _BACKGROUND:
            yield f"{key}.background", callset.background / file


def _callset_problems(config: Config, name: str) -> Iterator[str]:
    """Find variants that cannot be read, regions that are none, and what is no target of all the runs."""
    callset, key = config.callsets[name], f"callsets.{name}"
    try:
        open_variants(callset.vcf)
    except DanqError as error:
        yield f"{key}.vcf: {error}"
    for number, region in enumerate(callset.regions):
        try:
            parse_region(region)
        except DanqError as error:
            yield f"{key}.regions.{number}: {error}"
    first: list[str] = []
    for number, run in enumerate(callset.runs):
        table = config.datasets[config.runs[run].dataset].targets
        if table is None:
            continue
        targets = [target.name for target in read_targets(table)]
        first = first or targets
        if targets != first:
            yield f"{key}.runs.{number}: expected the targets of the other runs, received others in {table}"
    for part, wanted in (("targets", callset.targets), ("annotate", callset.annotate)):
        for number, target in enumerate(wanted):
            if first and target not in first:
                known = first_few(first, _SHOWN)
                yield f"{key}.{part}.{number}: expected a target ({known}), received '{target}'"


def _options(config: Config, name: str) -> BaseModel:
    run = config.runs[name]
    options = model_options(run.model)
    if isinstance(options, str):
        raise DanqError(f"runs.{name}.model: {options}")
    return options.model_validate(run.options)


def _paths(value: Any, key: str = "") -> Iterator[tuple[str, Path]]:
    """Every path within a typed value, with its key's path."""
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name), f"{key}.{name}")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _paths(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _paths(item, f"{key}.{number}")
