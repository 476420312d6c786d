"""Runs of a results directory that have no model: interrupted, under way, or never trained."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from danq.errors import DanqError
from danq.files import read_json_text
from danq.learn.manifest import CHECKPOINT_DIRECTORY
from danq.learn.options import read_name

CONFIGURATION = "config.json"
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


def find_unfinished(results: Path) -> tuple[Unfinished, ...]:
    """Find the runs without a model.

    Raises
    ------
    DanqError
        If the configuration in the results is damaged.
    """
    configured = _configured(results / CONFIGURATION)
    bundles = {read_name(path.parent.name).base for path in results.glob("runs/*/bundle.json")}
    begun = [
        path.parent.name
        for path in sorted(results.glob(f"runs/*/{CHECKPOINT_DIRECTORY}"))
        if not (path.parent / "bundle.json").is_file()
    ]
    known = bundles | {read_name(name).base for name in begun}
    found = [Unfinished(name, configured.get(read_name(name).base), "unfinished") for name in begun]
    found += [Unfinished(name, configured[name], "untrained") for name in configured if name not in known]
    return tuple(found)


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
