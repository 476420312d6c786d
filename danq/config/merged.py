"""The configuration that Snakemake merged: checked when a workflow starts, and written for its jobs."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from danq.config import Config, parse_config, unused
from danq.config.reading import read_mapping
from danq.config.workflow import check_files
from danq.errors import DanqError, printable
from danq.files import atomic, write_json


def checked_config(
    merged: Mapping[str, Any],
    files: Sequence[str | Path],
    overrides: Mapping[str, Any] | None = None,
    shared: bool = True,
    far_away: bool = False,
    module: bool = False,
) -> Config:
    """Check the merged configuration of a workflow; end the process with one line if it is refused.

    Parameters
    ----------
    merged : mapping
        The configuration after files and ``--config k=v`` were merged.
    files : sequence of paths
        The configuration files; read again, because merging hides keys given twice.
    overrides : mapping, optional
        What ``--config`` gave; Snakemake hands over its numbers and truth values as text.
    shared : bool
        Whether jobs see the same directories, rather than results going through a storage.
    far_away : bool
        Whether this is a job that sees no files of the user's but those with absolute paths.
    module : bool
        Whether the workflow is part of another one, whose rules may make files that are missing.

    Returns
    -------
    Config
        Far away without the callsets whose variants are not there.

    Raises
    ------
    SystemExit
        With status 2, after one line on stderr, so that no job starts and no traceback is shown.
    """
    source = str(files[-1]) if files else "configuration"
    try:
        for path in files:
            read_mapping(Path(path))
        # who starts a workflow has jobs run by a configuration of their own
        for part in _mappings(overrides or {}):
            merged = _merged(merged, part)
        config = parse_config(merged, source, trusted=None)
        if not shared:
            _refuse_shards(config, source)
        if far_away:
            # checked where the workflow started
            there = {name: callset for name, callset in config.callsets.items() if callset.vcf.is_file()}
            return config.model_copy(update={"callsets": there})
        check_files(config, source, trusted=None, later=module)
    except DanqError as error:
        sys.stderr.write(f"danq: {printable(str(error))}\n")
        raise SystemExit(2) from None
    for phrase in unused(config):
        sys.stderr.write(f"danq: warning: {printable(f'{source}: {phrase}')}\n")
    return config


def _refuse_shards(config: Config, source: str) -> None:
    """Refuse work in shards, which is handed on in a directory that all jobs see."""
    shards = {f"genomes.{name}": config.genome_source(name).shards for name in config.genomes}
    for section in ("runs", "callsets"):
        shards |= {f"{section}.{name}": value.shards for name, value in getattr(config, section).items()}
    for key, number in shards.items():
        if number > 1:
            raise DanqError(
                f"{source}: {key}.shards: expected 1 where results go through a storage, received {number}"
            )


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Give what the command line gave, and each mapping in it: a module's configuration lies below a key."""
    if isinstance(value, Mapping):
        yield value
        for item in value.values():
            yield from _mappings(item)


def _merged(below: Any, above: Any) -> Any:
    """Put what the command line gave over the merged configuration, its numbers as numbers.

    Of a workflow that uses this one as a module, the command line may say other things: what the
    configuration does not hold already is none of it.
    """
    if isinstance(above, Mapping):
        if not isinstance(below, Mapping):
            return below
        return {**below, **{key: _merged(below[key], value) for key, value in above.items() if key in below}}
    if isinstance(above, list):
        return [_merged(*pair) for pair in zip(below, above, strict=True)] if below == above else below
    if not isinstance(above, str) or below != above:
        return below
    try:
        scalar = yaml.safe_load(above)
    except yaml.YAMLError:
        return above
    return scalar if scalar is None or isinstance(scalar, bool | int | float) else above


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
