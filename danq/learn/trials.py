"""Trials of a search as they lie in its directory: what each measured, which go on, which is the best.

Importable without TensorFlow.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from danq.errors import DanqError
from danq.storage import Entry, Manifest, Name


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


class Searched(Entry):
    """The search that chose the options of a run: its name, its best trial, what it drew, and of what.

    Attributes
    ----------
    parameters : dict
        The values drawn, by key: ``options.units``, ``train.learning_rate``.
    space : str
        Digest of what was drawn from.
    """

    name: Name
    trial: int
    parameters: dict[str, Any]
    space: str


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
