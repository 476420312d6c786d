"""`danq summary`: layers, parameters and a diagram of a run's model."""

from pathlib import Path
from typing import Annotated

import typer

from danq.errors import DanqError


def summary(
    config: Annotated[Path, typer.Option(help="Configuration, YAML or JSON.", metavar="FILE")],
    run: Annotated[str, typer.Option(help="Name of the run in the configuration.", metavar="NAME")],
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the labelled dataset; without it, window and targets are read "
            "from the configuration.",
            metavar="DIR",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print the layers of a run's model with output shapes and parameters, and a diagram of it."""
    from danq.config import load_config

    read = load_config(config)
    if run not in read.runs:
        raise DanqError(f"{config}: expected --run of {', '.join(read.runs)}; received {run!r}")

    from danq.learn.summary import describe_model, sizes_of_dataset, sizes_of_options

    chosen = read.runs[run]
    sizes = sizes_of_dataset(dataset) if dataset else sizes_of_options(read.datasets[chosen.dataset])
    typer.echo(describe_model(chosen.model, chosen.options, sizes))
