"""`danq train`: train a run of the configuration on a dataset."""

from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import ConfigFile, DatasetFolder, RunName, Threads
from danq.errors import DanqError


def train(
    config: ConfigFile,
    run: RunName,
    dataset: DatasetFolder,
    out: Annotated[
        Path,
        typer.Option(
            help="Directory of the bundle; runs named by `init_from` or `members` are looked for beside it.",
            metavar="DIR",
        ),
    ],
    genome: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the encoded genome, where it is not the one the dataset was made with.",
            metavar="DIR",
        ),
    ] = None,
    search: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the run's search, from `danq search`: its best trial's options are taken.",
            metavar="DIR",
        ),
    ] = None,
    threads: Threads = None,
    reuse: Annotated[
        bool,
        typer.Option(
            "--reuse", help="Take a finished training of equal content beside --out in place of a new one."
        ),
    ] = False,
) -> None:
    """Train a run of the configuration and write its bundle: the files that docs/formats.md lists.

    A run of model `ensemble` is made of the bundles of its members, which are looked for beside OUT.

    Asked to stop (by SIGTERM, as at a time limit, a closed terminal or Ctrl-C), it writes a checkpoint into
    OUT/.checkpoint and ends with status 143 (130); the same command then goes on from there, exactly, as long
    as data, options and code are the same.
    """
    from danq.config import entry, load_config, own_models
    from danq.config.search import with_best
    from danq.data.manifest import DatasetManifest
    from danq.learn.manifest import ENSEMBLE
    from danq.learn.options import EnsembleOptions
    from danq.learn.trials import Searched

    settings = load_config(config, trusted=None, run=run)
    options = entry(settings.runs, run, "--run", config)
    name = DatasetManifest.read(dataset).name
    if name != options.dataset:
        raise DanqError(
            f"{dataset}: expected dataset {options.dataset!r}, which run {run!r} names; received {name!r}"
        )

    models = own_models(settings, settings.runs)
    if options.model == ENSEMBLE:
        from danq.jobs import sole_writer
        from danq.learn.ensemble import join_runs

        chosen = EnsembleOptions(**options.options)
        with sole_writer(out):
            join_runs(run, chosen, options.predict, dataset, out, out.parent, genome, models)
        return
    searched = None
    if search is not None:
        options, best = with_best(run, options, search)
        searched = Searched(name=best.search, trial=best.trial, parameters=best.parameters, space=best.space)
    elif options.search is not None:
        raise DanqError(f"--search: expected the directory of its search, for run {run!r} has one")

    from danq.learn.train.run import train_run

    train_run(run, options, dataset, out, out.parent, genome, models, searched, reuse)
