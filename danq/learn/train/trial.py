"""Train one trial of a search: up to where the search decides which of them go on, or to its end."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.data.manifest import DatasetManifest
from danq.errors import TrainingFailedError
from danq.files import digest, staged
from danq.kept import keep, take_back
from danq.learn.devices import sole_trainer
from danq.learn.manifest import CHECKPOINT_DIRECTORY
from danq.learn.train.fitting import RunOptions, Trained, training_digest
from danq.learn.train.run import best_epoch, fit_run, open_run
from danq.learn.train.state import CheckpointStore
from danq.learn.trials import TrialResult
from danq.learn.workers import ALONE
from danq.provenance import provenance

log = logging.getLogger("danq")


@dataclass(frozen=True)
class Part:
    """Which part of which trial.

    Attributes
    ----------
    search, trial, rung : str, int, int
        Name and numbers, from 1 on.
    until : int
        Epochs of the whole training after which this part ends.
    whole : bool
        Whether that is its end.
    """

    search: str
    trial: int
    rung: int
    until: int
    whole: bool


def train_trial(
    name: str,
    run: RunOptions,
    part: Part,
    dataset: Path,
    out: Path,
    work: Path,
    runs: Path,
    trusted: Sequence[Path] = (),
) -> None:
    """Train a trial up to the end of a rung and write ``<out>/trial.json``.

    The checkpoint in ``<work>/.checkpoint`` stays, for the next rung goes on from it, exactly, with the
    weights of an uninterrupted training; only the last rung removes it.

    Parameters
    ----------
    runs : Path
        Directory of all runs, where ``train.init_from`` finds a run by its name.
    trusted : sequence of Path
        As of `train_run`.

    Raises
    ------
    DanqError
        If data and options do not fit each other; a training that diverges, or does not fit into memory, is
        no error but a result.
    SystemExit
        With 128 + the signal's number, after a checkpoint, when the process was asked to stop.
    """
    with sole_trainer(ALONE, out, work):
        metric = run.train.monitor
        opened = open_run(name, run, dataset)
        content = training_digest(opened, run, runs, part.until)
        store, key = CheckpointStore(work / CHECKPOINT_DIRECTORY, content), digest([name, part.rung, content])
        # before its end a trial leaves a checkpoint anyway
        if part.whole and take_back(out, key):
            return
        try:
            trained = fit_run(opened, name, run, store, runs, trusted, part.until)
        except TrainingFailedError as error:
            measured = _failure(str(error))
        else:
            measured = _measured(trained, metric)
        _say(name, metric, measured)
        with staged(out) as partial:
            _result(run, part, dataset, measured).write(partial)
            if part.whole:
                keep(partial, out, key)
        if part.whole:
            store.remove()


def _say(name: str, metric: str, measured: dict[str, Any]) -> None:
    if measured["status"] == "failed":
        log.warning("%s: failed: %s", name, measured["reason"])
        return
    epochs, value, best = len(measured["history"]), measured["value"], measured["best_epoch"]
    log.info("%s: %d epochs, best validation %s %.4f at epoch %d", name, epochs, metric, value, best)


def _failure(reason: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"value": None, "best_epoch": None, "history": [], "training": {}}
    return {"status": "failed", "reason": reason, **nothing}


def _measured(trained: Trained, metric: str) -> dict[str, Any]:
    """Give what was measured of a training, without what is no number, which JSON does not know."""
    best = best_epoch(trained.history, metric)
    value = best.get(f"valid_{metric}")
    if value is None:
        return _failure(f"validation {metric} is not defined")
    if diverged := trained.training.get("diverged"):
        return _failure(f"training diverged: {diverged}")
    rows = [{key: item if item == item else None for key, item in row.items()} for row in trained.history]
    return {
        "status": "trained",
        "reason": None,
        "value": value,
        "best_epoch": best["epoch"],
        "history": rows,
        "training": trained.training,
    }


def _result(run: RunOptions, part: Part, dataset: Path, measured: dict[str, Any]) -> TrialResult:
    data = DatasetManifest.read(dataset)
    options = {"options": dict(run.options), "train": run.train.model_dump(mode="json")}
    return TrialResult(
        search=part.search,
        trial=part.trial,
        rung=part.rung,
        model=run.model,
        **options,
        metric=run.train.monitor,
        **measured,
        provenance=provenance({"dataset": data.digest}, {"model": run.model, **options}),
    )
