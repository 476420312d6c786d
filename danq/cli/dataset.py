"""`danq dataset`: label the bins of a genome, or read labelled sequences."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import ConfigFile

log = logging.getLogger("danq")


def dataset(
    config: ConfigFile,
    name: Annotated[str, typer.Option(help="Name of the dataset in the configuration.", metavar="NAME")],
    out: Annotated[Path, typer.Option(help="Directory of the dataset.", metavar="DIR")],
    genome: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the encoded genome, from `danq genome`; "
            "results/genomes/<genome of the dataset> if left out. Labelled sequences need none.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Label the bins of a genome, or read labelled examples, into a dataset directory.

    Bins have the configured size in bp, start at 0 of each contig and are labelled by the tracks of the table
    of targets. Written are windows.parquet (contig, start, end, split; 0-based half-open) or examples.parquet
    with codes.npy of sequences or images.npy, labels.npy (bits), and dataset.json with the counts of each
    target and split.
    """
    from danq.config import entry, load_config

    settings = load_config(config)
    options, genome_name = entry(settings.datasets, name, "--name", config), settings.genome_of(name)
    if genome_name is None:
        from danq.data.examples.making import build_example_dataset

        manifest = build_example_dataset(options, name, out)
    else:
        from danq.data.regions.making import build_region_dataset
        from danq.genome.fasta import open_genome

        opened = open_genome(genome or Path("results/genomes") / genome_name)
        options = options.model_copy(update={"genome": genome_name})
        manifest = build_region_dataset(options, name, opened, out)
    rows = ", ".join(f"{split} {number:,}" for split, number in manifest.n.items())
    log.info("wrote %s: %d targets, rows: %s", out, len(manifest.targets), rows)
