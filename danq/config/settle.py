"""What the workflow asks of the configuration: checked once at the start, written once for the jobs."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from danq.config import Config, parse_config, unused
from danq.config.files import check_files
from danq.config.reading import read_mapping
from danq.errors import DanqError
from danq.files import atomic, write_json


def settle(merged: Mapping[str, Any], files: Sequence[str | Path]) -> Config:
    """Check the merged configuration of a workflow; end the process with one line if it is refused.

    Parameters
    ----------
    merged : mapping
        The configuration after files and ``--config k=v`` were merged.
    files : sequence of paths
        The configuration files; read again, because merging hides keys given twice.

    Raises
    ------
    SystemExit
        With status 2, after one line on stderr, so that no job starts and no traceback is shown.
    """
    source = str(files[-1]) if files else "configuration"
    try:
        for path in files:
            read_mapping(Path(path))
        config = parse_config(merged, source)
        check_files(config, source)
    except DanqError as error:
        sys.stderr.write(f"danq: {error}\n")
        raise SystemExit(2) from None
    for phrase in unused(config):
        sys.stderr.write(f"danq: warning: {source}: {phrase}\n")
    return config


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
