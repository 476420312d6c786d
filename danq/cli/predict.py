"""``danq predict``: a bundle's predictions of a split, a FASTA or regions."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from danq.errors import DanqError


def predict(
    model: Annotated[Path, typer.Option(help="Model bundle: the directory `danq train` wrote.")],
    out: Annotated[Path, typer.Option(help="File to write: .npz, .parquet or .tsv by its name.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Dataset whose rows are predicted, with --split.")
    ] = None,
    split: Annotated[
        Literal["train", "valid", "test"] | None, typer.Option(help="Split of the dataset.")
    ] = None,
    fasta: Annotated[
        Path | None,
        typer.Option(
            help="Sequences to predict, plain or gzip. Records shorter than the window are centred, filled "
            "up with N and flagged; longer ones need --tile."
        ),
    ] = None,
    bed: Annotated[
        Path | None,
        typer.Option(help="Regions of --genome: every bin that overlaps one is predicted once."),
    ] = None,
    genome: Annotated[
        Path | None, typer.Option(help="Encoded genome: the directory `danq genome` wrote.")
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option(help="Table of further contig names for --bed (name, alias).")
    ] = None,
    tile: Annotated[
        bool, typer.Option("--tile", help="Cover each record of --fasta with tiles of the model's bin size.")
    ] = False,
    reverse_complement: Annotated[
        Literal["mean", "none"] | None,
        typer.Option(help="mean: average both strands.  [default: as the run was configured]"),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Rows of a forward pass.  [default: as the run was configured]"),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="Write this target only; may be repeated.  [default: all]")
    ] = None,
    tracks: Annotated[
        Path | None,
        typer.Option(help="Also write one genome track a target into this directory (probabilities)."),
    ] = None,
    track_format: Annotated[
        Literal["bigwig", "bedgraph"], typer.Option(help="Format of the tracks.")
    ] = "bigwig",
) -> None:
    """Predict the rows of a dataset's split, the records of a FASTA, or the bins under regions of a genome.

    A row's numbers do not depend on the other rows. Rows carry the flags `padded` (the window reaches past
    the end of its contig or record) and `many_n` (more than half of it is N).
    """
    from danq.files import read_manifest
    from danq.learn.output import Output

    output = Output(out, tuple(target or ()), tracks, track_format)
    _check_options(dataset, split, fasta, bed, genome, aliases, tile)
    info = read_manifest(model / "bundle.json", "bundle", 1)
    output.choose(tuple(info["targets"]))
    source = _source(info, dataset, split, fasta, bed, genome, aliases, tile)
    output.check_positions(source.contigs)
    # everything cheap has been checked before TensorFlow is loaded
    from danq.learn.bundle import load_bundle
    from danq.learn.predict import Predictor, predict_source

    predict_source(Predictor(load_bundle(model), batch_size, reverse_complement), source, output)


def _source(
    info: dict[str, Any],
    dataset: Path | None,
    split: str | None,
    fasta: Path | None,
    bed: Path | None,
    genome: Path | None,
    aliases: Path | None,
    tile: bool,
) -> Any:
    if fasta is not None:
        from danq.learn.fasta_source import fasta_source

        return fasta_source(fasta, info, tile)
    if bed is not None and genome is not None:
        from danq.learn.region_source import bed_source

        return bed_source(bed, genome, info, aliases)
    from danq.learn.sources import dataset_source

    return dataset_source(Path(dataset or ""), split or "", info, genome)


def _check_options(
    dataset: Path | None,
    split: str | None,
    fasta: Path | None,
    bed: Path | None,
    genome: Path | None,
    aliases: Path | None,
    tile: bool,
) -> None:
    given = {"--dataset": dataset, "--fasta": fasta, "--bed": bed}
    named = [name for name, path in given.items() if path is not None]
    if len(named) != 1:
        raise DanqError(
            f"expected exactly one of --dataset, --fasta and --bed; received {' and '.join(named) or 'none'}"
        )
    rules = (
        (dataset is not None and split is None, "--dataset: expected --split train, valid or test with it"),
        (dataset is None and split is not None, f"--split: belongs to --dataset, received {named[0]}"),
        (bed is not None and genome is None, "--bed: expected --genome DIR with it"),
        (
            fasta is not None and genome is not None,
            "--genome: belongs to --dataset or --bed, received --fasta",
        ),
        (bed is None and aliases is not None, f"--aliases: belongs to --bed, received {named[0]}"),
        (fasta is None and tile, f"--tile: belongs to --fasta, received {named[0]}"),
    )
    for broken, message in rules:
        if broken:
            raise DanqError(message)
