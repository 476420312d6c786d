"""`danq export`: a bundle as one file for others."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

log = logging.getLogger("danq")


def export(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="Model bundle, which `danq train` wrote.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write.")],
    format: Annotated[
        Literal["archive"],
        typer.Option(help="archive: a ZIP of the bundle's files, which --model reads like the directory."),
    ] = "archive",
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="Leave out the command, names of inputs, times and machine: of the provenance versions "
            "alone stay. A signature would no longer hold and is left out, too.",
        ),
    ] = False,
) -> None:
    """Write a bundle as one file, for other machines and people."""
    from danq.learn.export import FORMATS

    FORMATS[format](model, out, private)
    log.info("%s: %.1f MB", out, out.stat().st_size / 1e6)
