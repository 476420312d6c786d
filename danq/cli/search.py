"""`danq search`: which trials of a run's search go on, and which is the best."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import ConfigFile
from danq.errors import DanqError

log = logging.getLogger("danq")


def search(
    config: ConfigFile,
    name: Annotated[str, typer.Option(help="Name of the search, which is that of its run.", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="Directory of the search, where its trials lie.", metavar="DIR")],
    rung: Annotated[
        int | None,
        typer.Option(min=1, help="Decide which trials go on after this rung.  [default: choose the best]"),
    ] = None,
) -> None:
    """Compare the trials of a search by what validation says of them.

    With --rung, rung<N>.tsv says which go on: the better half, of equal ones the first. Without, after the
    last rung, best.json says which is the best and trials.tsv what became of each.
    """
    from danq.config import entry, load_config
    from danq.config.search import searches, trials_of
    from danq.learn.trial_tables import write_rung, write_trials
    from danq.learn.trials import read_rungs

    settings = load_config(config, trusted=None, run=name)
    entry(searches(settings), name, "--name", config)
    trials = trials_of(settings, name)
    number = len(trials[0].ends)
    if rung is not None and rung >= number:
        raise DanqError(f"--rung: expected at most {number - 1} for {name}, received {rung}")
    results = read_rungs(out, len(trials), rung or number)
    if rung is not None:
        further = write_rung(out / f"rung{rung}.tsv", results[-1])
        log.info("%s: %d of %d trials go on after rung %d", name, len(further), len(results[-1]), rung)
        return
    best = write_trials(out, results, {trial.number: trial.drawn for trial in trials}, trials[0].space)
    log.info("%s: trial %d is the best, validation %s %.4f", name, best.trial, best.metric, best.value)
