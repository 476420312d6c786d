"""``danq browse``: what was looked at, as a page of igv.js that opens from disk."""

import logging
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def browse(
    results: Annotated[
        Path, typer.Argument(help="Results directory: views, genomes, scores.", metavar="RESULTS")
    ],
    out: Annotated[Path, typer.Option(help="The HTML file; it holds everything and needs no network.")],
    run: Annotated[
        list[str] | None,
        typer.Option(help="Show the predictions of this run only; may be repeated.  [default: all]"),
    ] = None,
    genome: Annotated[
        str | None, typer.Option(help="Genome to show, where runs looked at several.", metavar="NAME")
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            help="Show this target only; may be repeated.  [default: at most 12 of a run, those predicted "
            "highest]"
        ),
    ] = None,
    igv_js: Annotated[
        Path | None,
        typer.Option(
            help="igv.min.js of the npm package igv.  [default: that of the Python package "
            "igv-notebook, if installed]"
        ),
    ] = None,
) -> None:
    """Write a page in which the regions that runs looked at can be browsed, without a network.

    It shows the sequence, predictions (bigWig), the tracks' intervals, and variants with their effects, of
    these regions alone; at most 64 MB.
    """
    from danq.report.browse import igv_library, write_browser

    library = igv_library(igv_js)
    write_browser(results, out, library, run or (), genome, target or ())
    log.info("%s: %.1f MB", out, out.stat().st_size / 1e6)
