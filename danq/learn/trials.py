"""Trials of a search as they lie in its directory: what each measured, which go on, which is the best.

Importable without TensorFlow.
"""

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from danq.errors import DanqError
from danq.files import atomic, staged
from danq.storage import Manifest

TRIALS_FILE = "trials.tsv"
BEST, WHOLE, EARLY, FAILED = "best", "trained to its end", "ended early", "failed"
_COLUMNS = ("trial", "status", "rung", "epochs", "best_epoch", "metric", "value", "seconds", "reason")
"""Of ``rung<n>.tsv`` and ``trials.tsv``; in the latter one column a parameter follows."""


class TrialResult(Manifest):
    """``trial.json``: how far a trial was trained in one rung of its search, and what validation says of it.

    Attributes
    ----------
    trial, rung : int
        Numbers, from 1 on.
    options, train : dict
        Of the model and the training, all defaults included.
    status, reason : str, str or None
        Whether these options could be trained; why not.
    metric, value, best_epoch : str, float or None, int or None
        Validation value that decides, its best so far, and at which epoch that was.
    history : list of dict
        One entry an epoch; empty of a trial that failed.
    """

    KIND, FILE = "trial", "trial.json"

    search: str
    trial: int
    rung: int
    model: str
    options: dict[str, Any]
    train: dict[str, Any]
    status: Literal["trained", "failed"]
    reason: str | None
    metric: Literal["loss", "auroc", "auprc"]
    value: float | None
    best_epoch: int | None
    history: list[dict[str, Any]]
    training: dict[str, Any]
    provenance: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether it cannot be ranked: not trained, or its value is no finite number."""
        return self.status == "failed" or self.value is None or not math.isfinite(self.value)

    @property
    def place(self) -> tuple[Any, ...]:
        """Key that sorts trials of one rung from best to worst; of equal ones the first drawn comes first."""
        if self.failed:
            return (True, 0.0, self.trial)
        value = self.value or 0.0
        return (False, value if self.metric == "loss" else -value, self.trial)


class BestTrial(Manifest):
    """``best.json``: the best trial of a search, whose options the run takes over.

    It holds nothing of the other trials: as long as the same one is best, it stays byte for byte as it is.

    Attributes
    ----------
    parameters : dict
        The values drawn, by key: ``options.units``, ``train.learning_rate``.
    space : str
        Digest of what was drawn from.
    """

    KIND, FILE = "search", "best.json"

    search: str
    trial: int
    parameters: dict[str, Any]
    metric: str
    value: float
    best_epoch: int | None
    space: str


def trial_folder(search: Path, rung: int, trial: int) -> Path:
    """Directory of a trial's result within that of its search."""
    return search / f"rung{rung}" / f"trial{trial}"


def ranked(results: Sequence[TrialResult]) -> list[TrialResult]:
    """Sort the trials of one rung from best to worst, those that failed last."""
    return sorted(results, key=lambda result: result.place)


def that_go_on(results: Sequence[TrialResult]) -> list[int]:
    """Choose the trials of one rung that are trained further: the better half, of an odd number one more.

    Trials that failed are the worst and never go on.

    Raises
    ------
    DanqError
        If all have failed.
    """
    best = ranked(results)
    if all(result.failed for result in best):
        first = min(results, key=lambda result: result.trial)
        raise DanqError(
            f"search {first.search}: expected a trial that can be trained; all {len(results)} failed in rung "
            f"{first.rung}, the first of them (trial {first.trial}): {first.reason}"
        )
    most = -(-len(best) // 2)
    return sorted(result.trial for result in best[:most] if not result.failed)


def read_rungs(folder: Path, trials: int, rungs: int) -> list[list[TrialResult]]:
    """Read the results of a search rung by rung: of all trials in the first, then of those that go on.

    Parameters
    ----------
    folder : Path
        Directory of the search.
    trials, rungs : int
        Trials of the first rung; rungs to read.

    Raises
    ------
    DanqError
        If a result is missing or damaged, or all trials of a rung have failed.
    """
    numbers = list(range(1, trials + 1))
    read = []
    for rung in range(1, rungs + 1):
        read.append([TrialResult.read(trial_folder(folder, rung, trial)) for trial in numbers])
        numbers = that_go_on(read[-1])
    return read


def write_rung(path: Path, results: Sequence[TrialResult]) -> list[int]:
    """Write which trials of a rung go on, best first; the numbers of those that do are returned.

    Raises
    ------
    DanqError
        If all have failed, or the file cannot be written.
    """
    further = that_go_on(results)
    rows = [_row(each, "goes on" if each.trial in further else _ended(each)) for each in ranked(results)]
    with atomic(path) as partial:
        _write_table(partial, _COLUMNS, rows)
    return further


def trials_of_rung(path: Path) -> list[int]:
    """Read which trials go on, from what `write_rung` wrote."""
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
