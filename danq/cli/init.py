"""`danq init`: a starter configuration from one FASTA and BED files."""

import logging
from pathlib import Path
from typing import Annotated

import typer

log = logging.getLogger("danq")


def init(
    fasta: Annotated[Path, typer.Option(help="The genome: plain, gzip or bgzip FASTA.", metavar="FILE")],
    bed: Annotated[
        list[Path],
        typer.Option(
            help="BED, narrowPeak or broadPeak of one target, named for the file; may be repeated.",
            metavar="FILE",
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Directory of config.yaml and targets.tsv; neither may exist.", metavar="DIR")
    ],
    valid: Annotated[
        list[str] | None,
        typer.Option(
            help="Contig or region (chr7:1-2,000,000; 1-based) that validates; may be repeated. "
            "Chosen if left out: about a tenth of the genome.",
            metavar="REGION",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(help="As --valid, for the part that tests.", metavar="REGION", show_default=False),
    ] = None,
) -> None:
    """Write a starter configuration that runs as it is and shows what to adapt."""
    from danq.config import load_config
    from danq.config.starter import write_starter
    from danq.config.workflow import check_files

    path = write_starter(fasta, bed, out, valid or (), test or ())
    check_files(load_config(path), str(path))
    log.info("wrote %s; next: snakemake --cores all --configfile %s", path, path)
