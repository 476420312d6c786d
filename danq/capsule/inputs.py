"""The files that a configuration names, and the names that they have in a capsule."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import danq
from danq.capsule.manifest import leads_nowhere_else
from danq.config import Config, may_run, own_models
from danq.config.workflow import dataset_files, named_paths
from danq.data.regions.targets import Target, read_targets
from danq.errors import DanqError, first_few
from danq.learn.bundle_files import bundle_files
from danq.provenance import imported_files

_OUTSIDE = "outside"
"""Folder for files that lie outside the workflow's directory, whose paths may tell of people and machines."""


class MissingError(DanqError):
    """Files that a configuration names and that are not there."""


@dataclass(frozen=True)
class Frozen:
    """Inputs of a configuration as a capsule has them.

    Attributes
    ----------
    files : dict of str to Path
        Where each file lies, by its name in the capsule.
    keys : dict of str to tuple of str
        Keys of the configuration that name each file.
    config : dict
        The configuration with these names in place of paths.
    tables : dict of str to bytes
        Tables of targets, with these names in place of the tracks' paths where those lead elsewhere.
    names : dict of str to str
        Name in the capsule of each path that the configuration holds, where it is another one.
    """

    files: dict[str, Path]
    keys: dict[str, tuple[str, ...]]
    config: dict[str, Any]
    tables: dict[str, bytes]
    names: dict[str, str]


def frozen_inputs(config: Config, trusted: Sequence[Path] | None) -> Frozen:
    """Find every file that the workflow reads by a configuration, from the working directory on.

    Parameters
    ----------
    trusted : sequence of Path or None
        As of `parse_config`.

    Raises
    ------
    DanqError
        If one of them is missing, all missing ones in one line, a table of targets cannot be read, or a model
        of one's own is not trusted.
    """
    _refuse_missing(("model", model) for model in own_models(config, config.runs))
    if code := [model for model in own_models(config, config.runs) if not may_run(str(model), trusted)]:
        raise DanqError(
            f"models of one's own: {first_few(map(str, code))}; name each by --trust-model-code, for "
            "which of their options are files their code says"
        )
    named = list(named_paths(config, trusted))
    _refuse_missing(named)
    by_path: dict[Path, list[str]] = {}
    for key, path in [*named, *_tracks(config), *_imported(config)]:
        by_path.setdefault(path, []).append(key)
    _refuse_missing((keys[0], path) for path, keys in by_path.items())
    roots = dict.fromkeys([*by_path, *(Path(start) for start in _starts(config)), *_folders(config)])
    names = _names(roots)
    files: dict[str, Path] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for path, by in by_path.items():
        for name, file in _files(path, names):
            files[name] = file
            keys[name] = tuple(dict.fromkeys([*keys.get(name, ()), *by]))
    changed = {str(path): name for path, name in names.items() if str(path) != name}
    tables = {names[path]: _table(path, names) for path in _tables(config)}
    return Frozen(files, keys, _renamed(config.model_dump(mode="json"), changed), tables, changed)


def _refuse_missing(named: Iterable[tuple[str, Path]]) -> None:
    missing = {path: f"{key} ({path})" for key, path in named if not path.exists()}
    if missing:
        raise MissingError(f"inputs that are no longer there: {first_few(missing.values(), 20)}")


def _tables(config: Config) -> list[Path]:
    return list(dict.fromkeys(each.targets for each in config.datasets.values() if each.targets))


def _tracks(config: Config) -> Iterator[tuple[str, Path]]:
    """Files that stand in tables or folders that the configuration names."""
    for name in config.datasets:
        for path in dataset_files(config, name):
            yield f"datasets.{name}", path
    for start in _starts(config):
        bundle = Path(start)
        for file in bundle_files(bundle).values() if bundle.is_dir() else [bundle]:
            yield "init_from", file


def _starts(config: Config) -> list[str]:
    """Bundles, not runs of the configuration, that trainings start from."""
    starts = [run.train.init_from for run in config.runs.values()]
    return list(dict.fromkeys(start for start in starts if start is not None and "/" in start))


def _folders(config: Config) -> Iterator[Path]:
    """Folders that the configuration names for the files in them."""
    yield from (each.background for each in config.callsets.values() if each.background is not None)


def _imported(config: Config) -> Iterator[tuple[str, Path]]:
    """Python files of one's own that models of one's own import, and those that these import."""
    package = Path(danq.__file__).parent
    pending = own_models(config, config.runs)
    seen = {path.absolute() for path in pending}
    for path in pending:
        for other in sorted(imported_files(path)):
            if other.absolute() not in seen and not other.is_relative_to(package):
                seen.add(other.absolute())
                pending.append(other)
                yield f"imported by {path.name}", Path(os.path.relpath(other))


def _files(path: Path, names: Mapping[Path, str]) -> Iterator[tuple[str, Path]]:
    """Give a file with its name, below that of a folder that has a name itself; nothing of a folder."""
    if path.is_dir():
        return  # what is read of it is named by itself
    for folder in path.parents:
        if folder in names:
            yield f"{names[folder]}/{path.relative_to(folder).as_posix()}", path
            return
    yield names[path], path


def _names(paths: Iterable[Path]) -> dict[Path, str]:
    """Name paths by their way from the working directory; others by a number of their folder."""
    here, names, folders = Path.cwd(), dict[Path, str](), dict[str, int]()
    outside = []
    for path in paths:
        name = PurePosixPath(os.path.relpath(os.path.abspath(path), here)).as_posix()
        if leads_nowhere_else(name):
            names[path] = name
        else:
            outside.append(path)
    prefix = _OUTSIDE
    while any(name.split("/")[0] == prefix for name in names.values()):
        prefix += "_"
    for path in outside:
        folder, name = os.path.split(os.path.abspath(path))
        number = folders.setdefault(folder, len(folders) + 1)
        names[path] = f"{prefix}/{number}/{name.lstrip('.') or 'file'}"
    return names


def _table(path: Path, names: Mapping[Path, str]) -> bytes:
    """Give a table of targets, with the tracks' names where they do not lie beside it as it says."""
    targets, folder = read_targets(path), os.path.dirname(names[path])
    if all(os.path.normpath(os.path.join(folder, each.as_listed)) == names[each.path] for each in targets):
        return path.read_bytes()
    rows = ["target\tpath\trule\tfeature\tgroup", *(_row(each, folder, names) for each in targets)]
    return "".join(f"{row}\n" for row in rows).encode()


def _row(target: Target, folder: str, names: Mapping[Path, str]) -> str:
    track = os.path.relpath(names[target.path], folder or ".")
    return "\t".join([target.name, track, target.rule, target.feature or "", target.group])


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Put names in place of paths in something JSON-like."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, dict):
        return {key: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value
