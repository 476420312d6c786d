"""`danq summary`: layers, parameters and a diagram of a run's model."""

from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import ConfigFile
from danq.errors import DanqError


def summary(
    config: ConfigFile,
    run: Annotated[
        str,
        typer.Option(
            help="Name of the run in the configuration, or of a trial of its search.", metavar="NAME"
        ),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the labelled dataset; without it, window and targets are read "
            "from the configuration.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Print the layers of a run's model with output shapes and parameters, and a diagram of it."""
    from danq.config import entry, load_config
    from danq.config.search import trial_names, trials_of
    from danq.learn.manifest import ENSEMBLE

    settings = load_config(config, trusted=None, run=run)
    search = trial_names(settings).get(run)
    trials = {trial.name: trial.run for trial in trials_of(settings, search)} if search else {}
    options = entry(settings.runs | trials, run, "--run", config)

    if options.model == ENSEMBLE:
        raise DanqError(f"runs.{run}: expected a run with a model of its own, received an ensemble")
    from danq.learn.summary import describe_model, sizes_of_dataset, sizes_of_options

    sizes = sizes_of_dataset(dataset) if dataset else sizes_of_options(settings.datasets[options.dataset])
    typer.echo(describe_model(options.model, options.options, sizes))
