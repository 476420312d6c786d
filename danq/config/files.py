"""The files a configuration names: what each dataset and run reads, and whether all of it is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from danq.config import Config, model_options
from danq.data.targets import read_targets
from danq.errors import DanqError


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
    return sorted(path.rglob("*.png")) if path.is_dir() else [path]


def run_files(config: Config, name: str) -> list[Path]:
    """Files a run reads besides its dataset: a model of one's own, motifs, a bundle to start from."""
    run = config.runs[name]
    files = [Path(run.model)] if run.model.endswith(".py") else []
    files += [path for _, path in _paths(_options(config, name))]
    start = run.train.init_from
    if start is not None and "/" in start:
        files.append(Path(start) / "bundle.json")
    return files


def check_files(config: Config, source: str) -> None:
    """Refuse a configuration that names files which do not exist, or a table of targets that is wrong.

    Raises
    ------
    DanqError
        With the key, what was expected and what was received.
    """
    problems = [
        f"{key}: expected a file, received '{path}' {'(a directory)' if path.is_dir() else '(no such file)'}"
        for key, path in _all_paths(config)
        if not (path.is_file() or (path.is_dir() and _may_be_folder(config, key)))
    ]
    if problems:
        raise DanqError(f"{source}: " + "; ".join(problems))
    for name in config.datasets:
        dataset_files(config, name)


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
