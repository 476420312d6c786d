"""What the workflow asks of the configuration: checked once at the start, written once for the jobs."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from danq.config import Config, parse_config, unused
from danq.config.files import check_files
from danq.config.reading import read_mapping
from danq.errors import DanqError
from danq.files import atomic, write_json


def settle(
    merged: Mapping[str, Any], files: Sequence[str | Path], given: Mapping[str, Any] | None = None
) -> Config:
    """Check the merged configuration of a workflow; end the process with one line if it is refused.

    Parameters
    ----------
    merged : mapping
        The configuration after files and ``--config k=v`` were merged.
    files : sequence of paths
        The configuration files; read again, because merging hides keys given twice.
    given : mapping, optional
        What ``--config`` gave; Snakemake hands over its numbers and truth values as text.

    Raises
    ------
    SystemExit
        With status 2, after one line on stderr, so that no job starts and no traceback is shown.
    """
    source = str(files[-1]) if files else "configuration"
    try:
        for path in files:
            read_mapping(Path(path))
        config = parse_config(_updated(merged, given or {}), source)
        check_files(config, source)
    except DanqError as error:
        sys.stderr.write(f"danq: {error}\n")
        raise SystemExit(2) from None
    for phrase in unused(config):
        sys.stderr.write(f"danq: warning: {source}: {phrase}\n")
    return config


def _updated(merged: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Put what the command line gave into the merged configuration, its numbers as numbers."""
    result = dict(merged)
    for key, value in given.items():
        below = result.get(key)
        if isinstance(value, Mapping):
            result[key] = _updated(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = _retyped(value)
    return result


def _retyped(value: Any) -> Any:
    if isinstance(value, list):
        return [_retyped(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _retyped(item) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    try:
        read = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    return read if read is None or isinstance(read, bool | int | float) else value


def write_once(config: Config, path: Path) -> None:
    """Write the configuration with all defaults as JSON, if the file does not hold it already."""
    value = config.model_dump(mode="json")
    try:
        if json.loads(path.read_text(encoding="utf-8")) == value:
            return
    except (OSError, ValueError):
        pass  # absent or damaged: written anew
    with atomic(path) as partial:
        write_json(partial, value)


def any_of(names: Iterable[str]) -> str:
    """Regular expression that matches exactly these names, and nothing where there are none."""
    return "|".join(re.escape(name) for name in names) or "(?!)"
