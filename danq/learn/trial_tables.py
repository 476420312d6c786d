"""Tables of a search's trials, ``rung<n>.tsv`` and ``trials.tsv``: written, and read back.

Importable without TensorFlow.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from danq.errors import DanqError, check_name
from danq.files import readable, sha256, staged
from danq.learn.trials import BestTrial, TrialResult, ranked, that_go_on
from danq.storage import damaged

TRIALS_FILE = "trials.tsv"
BEST, WHOLE, EARLY, FAILED = "best", "finished", "ended early", "failed"
_COLUMNS = ("trial", "status", "rung", "epochs", "best_epoch", "metric", "value", "seconds", "reason")
"""Of ``rung<n>.tsv`` and ``trials.tsv``; in the latter one column a parameter follows."""


class Outcome(NamedTuple):
    """A line of ``trials.tsv``: what became of a trial.

    Attributes
    ----------
    status : str
        `BEST`, `WHOLE`, `EARLY` or `FAILED`.
    value : float or None
        Of the validation `metric`, the best so far; None of a trial that failed, for the `reason`.
    parameters : dict
        The values drawn, by key.
    """

    trial: int
    status: str
    epochs: int
    metric: str
    value: float | None
    seconds: float | None
    reason: str
    parameters: dict[str, Any]


def read_trials(folder: Path) -> list[Outcome]:
    """Read ``trials.tsv`` from the directory of a search, the best trial first.

    Raises
    ------
    DanqError
        If the file is missing or damaged.
    """
    path = folder / TRIALS_FILE
    _check_sum(path)
    with readable(path), path.open(encoding="utf-8", newline="") as stream:
        try:
            outcomes = [_outcome(row) for row in csv.DictReader(stream, delimiter="\t")]
        except (ValueError, KeyError, TypeError, RecursionError, csv.Error) as error:
            raise DanqError(f"{path}: expected a table of trials ({error})") from None
    for each in outcomes:
        for text in (each.metric, each.reason, *each.parameters):
            check_name(text, path, "text")
    return outcomes


def _outcome(row: Mapping[str, str]) -> Outcome:
    value, seconds = (float(row[key]) if row[key] else None for key in ("value", "seconds"))
    parameters = {key: _parsed(cell) for key, cell in row.items() if key not in _COLUMNS}
    status, metric, reason = row["status"], row["metric"], row["reason"]
    if status not in (BEST, WHOLE, EARLY, FAILED):
        raise ValueError(f"expected a status of {BEST}, {WHOLE}, {EARLY} or {FAILED}, received {status!r}")
    return Outcome(int(row["trial"]), status, int(row["epochs"]), metric, value, seconds, reason, parameters)


def _parsed(cell: str) -> Any:
    """Read a drawn value back: JSON, or text as it is."""
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def write_rung(path: Path, results: Sequence[TrialResult]) -> list[int]:
    """Write which trials of a rung go on, best first; the numbers of those that do are returned.

    Raises
    ------
    DanqError
        If all have failed, or the file cannot be written.
    """
    further = that_go_on(results)
    rows = [_row(each, "goes on" if each.trial in further else _ended(each)) for each in ranked(results)]
    with staged(path.parent) as partial:
        _write_table(partial / path.name, _COLUMNS, rows)
    return further


def trials_of_rung(path: Path) -> list[int]:
    """Read which trials go on, from what `write_rung` wrote; a damaged file is refused."""
    _check_sum(path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream, delimiter="\t")
        return sorted(int(row["trial"]) for row in rows if row["status"] == "goes on")


def write_trials(
    out: Path,
    rungs: Sequence[Sequence[TrialResult]],
    parameters: Mapping[int, Mapping[str, Any]],
    space: str,
) -> BestTrial:
    """Write ``trials.tsv``, a line a trial, the best first and what ended early behind, and ``best.json``.

    Parameters
    ----------
    out : Path
        Directory of the search.
    rungs : sequence of sequences of TrialResult
        As `read_rungs` gives them.
    parameters : mapping of int to mapping
        The values drawn for each trial, by key.
    space : str
        Digest of what was drawn from.

    Raises
    ------
    DanqError
        If all trials of the last rung have failed, or the file cannot be written.
    """
    last = {each.trial: each for results in rungs for each in results}
    that_go_on(rungs[-1])
    order = sorted(last.values(), key=lambda each: (each.failed, -each.rung, each.place))
    rows = []
    for each in order:
        whole = WHOLE if each.rung == len(rungs) else EARLY
        status = FAILED if each.failed else BEST if each is order[0] else whole
        rows.append(_row(each, status) | {key: _cell(item) for key, item in parameters[each.trial].items()})
    best = BestTrial(
        search=order[0].search,
        trial=order[0].trial,
        parameters=dict(parameters[order[0].trial]),
        metric=order[0].metric,
        value=order[0].value,
        best_epoch=order[0].best_epoch,
        space=space,
    )
    with staged(out) as partial:
        _write_table(partial / TRIALS_FILE, (*_COLUMNS, *best.parameters), rows)
        best.write(partial)
    return best


def _ended(result: TrialResult) -> str:
    return FAILED if result.failed else EARLY


def _row(result: TrialResult, status: str) -> dict[str, Any]:
    return {
        "trial": result.trial,
        "status": status,
        "rung": result.rung,
        "epochs": len(result.history),
        "best_epoch": result.best_epoch,
        "metric": result.metric,
        "value": None if result.failed else result.value,
        "seconds": result.training.get("seconds"),
        "reason": result.reason,
    }


def _cell(item: Any) -> Any:
    return item if isinstance(item, str | int | float) and not isinstance(item, bool) else json.dumps(item)


def _write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    # a table has no manifest: that of the best trial stays as it is while the same one is best
    _sum_file(path).write_text(f"{sha256(path)}  {path.name}\n", encoding="utf-8")


def _check_sum(path: Path) -> None:
    """Compare a table with its SHA-256, where both are there."""
    beside = _sum_file(path)
    if path.is_file() and beside.is_file() and beside.read_text(encoding="utf-8")[:64] != sha256(path):
        raise damaged(path)


def _sum_file(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")
