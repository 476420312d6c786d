"""``danq predict``: a bundle's predictions of a split, a FASTA, regions, texts or images."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from danq.errors import DanqError

if TYPE_CHECKING:
    from danq.learn.manifest import BundleManifest
    from danq.learn.predict.rows import Source


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
    examples: Annotated[
        Path | None,
        typer.Option(
            help="Texts (CSV, TSV, Parquet) or images (.npz with an array x, Parquet, folder of PNG files), "
            "with or without labels."
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Column of the texts or images of --examples.  [default: text or image]"),
    ] = None,
    encoding: Annotated[
        Literal["utf-8", "latin-1"] | None,
        typer.Option(help="Of CSV and TSV files of texts.  [default: utf-8]"),
    ] = None,
    genome: Annotated[
        Path | None,
        typer.Option(help="Encoded genome: the directory `danq genome` wrote; a FASTA will do for --bed."),
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
    """Predict a dataset's split, the records of a FASTA, the bins under regions, or texts or images.

    A row's numbers do not depend on the other rows, up to rounding. Rows carry the flags `padded` (the window
    reaches past the end of its contig or record) and `many_n` (more than half of it is N).
    """
    from danq.learn.manifest import BundleManifest
    from danq.learn.predict.outputs import Output

    output = Output(out, tuple(target or ()), tracks, track_format)
    rows = _SourceOptions(dataset, split, fasta, bed, examples, column, encoding, genome, aliases, tile)
    rows.check()
    info = BundleManifest.read(model)
    output.choose(info.targets)
    source = rows.source(info)
    output.check_positions(source.contigs)
    # everything cheap has been checked before TensorFlow is loaded
    from danq.learn.bundle import load_bundle
    from danq.learn.predict.predictor import Predictor, predict_source

    predict_source(Predictor(load_bundle(model), batch_size, reverse_complement), source, output)


class _SourceOptions(NamedTuple):
    """The options that say what is predicted."""

    dataset: Path | None
    split: str | None
    fasta: Path | None
    bed: Path | None
    examples: Path | None
    column: str | None
    encoding: str | None
    genome: Path | None
    aliases: Path | None
    tile: bool

    def check(self) -> None:
        """Refuse options that do not go together."""
        sources = ("dataset", "fasta", "bed", "examples")
        named = [f"--{name}" for name in sources if getattr(self, name) is not None]
        if len(named) != 1:
            raise DanqError(
                "expected exactly one of --dataset, --fasta, --bed and --examples; "
                f"received {' and '.join(named) or 'none'}"
            )
        if self.dataset is not None and self.split is None:
            raise DanqError("--dataset: expected --split train, valid or test with it")
        if self.bed is not None and self.genome is None:
            raise DanqError("--bed: expected --genome DIR or FASTA with it")
        belongs = {
            "split": ("--dataset",),
            "genome": ("--dataset", "--bed"),
            "aliases": ("--bed",),
            "tile": ("--fasta",),
            "column": ("--examples",),
            "encoding": ("--examples",),
        }
        for option, to in belongs.items():
            if getattr(self, option) not in (None, False) and named[0] not in to:
                raise DanqError(f"--{option}: belongs to {' or '.join(to)}, received {named[0]}")

    def source(self, info: "BundleManifest") -> "Source":
        """Open what is predicted."""
        from danq.learn.predict.sequence_sources import bed_source, fasta_source
        from danq.learn.predict.sources import dataset_source, example_source

        if self.fasta is not None:
            return fasta_source(self.fasta, info, self.tile)
        if self.bed is not None and self.genome is not None:
            return bed_source(self.bed, self.genome, info, self.aliases)
        if self.examples is not None:
            return example_source(self.examples, info, self.column, self.encoding)
        return dataset_source(Path(self.dataset or ""), self.split or "", info, self.genome)
