"""``danq report``: a results directory becomes one HTML page."""

import logging
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def report(
    results: Annotated[
        Path, typer.Option(help="Results directory: runs, datasets, genomes, scores, benchmarks.")
    ],
    out: Annotated[Path, typer.Option(help="The HTML file; it holds everything and needs no network.")],
    run: Annotated[
        list[str] | None, typer.Option(help="Show this run only; may be repeated.  [default: all]")
    ] = None,
    callset: Annotated[
        list[str] | None,
        typer.Option(
            help="Show the scores of this callset only; may be repeated.  [default: all; with --run none]"
        ),
    ] = None,
    views: Annotated[
        list[str] | None,
        typer.Option(
            help="Show the regions that this run looked at only; may be repeated.  [default: all; with --run "
            "none]"
        ),
    ] = None,
) -> None:
    """Write one page that compares the runs of a results directory and shows its variant scores.

    Runs without predictions or evaluation are shown with what they have.
    """
    from danq.report.page import write_report

    write_report(results, out, run or (), callset or (), views or ())
    log.info("%s: %.1f MB", out, out.stat().st_size / 1e6)
