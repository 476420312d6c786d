"""``danq predict``: a bundle's predictions of a split, a FASTA, regions, texts or images."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from danq.cli.options import Receipt, ShardText, Signers, Threads, TrackFormat, Trusted, work_option
from danq.errors import DanqError, refuse
from danq.parts import read_shard

if TYPE_CHECKING:
    from danq.learn.linear import Engine
    from danq.learn.manifest import BundleManifest
    from danq.learn.predict.predictor import Predictor
    from danq.learn.predict.rows import Source

_BELONGS = {
    "split": ("--dataset",),
    "genome": ("--dataset", "--bed", "--region"),
    "aliases": ("--bed", "--region"),
    "stride": ("--bed", "--region", "--genome"),
    "centre": ("--bed",),
    "tile": ("--fasta", "--bed", "--genome"),
    "column": ("--examples",),
    "encoding": ("--examples",),
}
"""Options → options of which they need one."""


def predict(
    model: Annotated[
        Path,
        typer.Option(help="Model bundle: the directory `danq train` wrote, or an archive of `danq export`."),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .npz, .parquet or .tsv by its name; not needed with --tracks or --shard."
        ),
    ] = None,
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
        typer.Option(
            help="Regions of --genome: one row each, in the order of the file, centred as --centre says; "
            "with --tile every bin that overlaps one, once."
        ),
    ] = None,
    centre: Annotated[
        Literal["midpoint", "summit"] | None,
        typer.Option(
            help="What of a region of --bed lies at the centre of its window; summits are those of a "
            "narrowPeak.  [default: midpoint]"
        ),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(
            help="Region of --genome, `chr7:1,001-2,000` (1-based), every bin of it; may be repeated."
        ),
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
        typer.Option(
            help="Encoded genome, the directory `danq genome` wrote, or a FASTA; with --tile alone every bin "
            "of it."
        ),
    ] = None,
    aliases: Annotated[
        Path | None, typer.Option(help="Table of further contig names for --bed and --region (name, alias).")
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With --tile and --region: predict bins that start at multiples of so many bp and are "
            "centred in a region; tracks have so many bp around each centre.  [default: bins side by side]",
        ),
    ] = None,
    tile: Annotated[
        bool,
        typer.Option(
            "--tile",
            help="Cover each record of --fasta or --bed, or all of --genome, with bins of the model's size.",
        ),
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
    engine: Annotated[
        Literal["keras", "onnx"],
        typer.Option(
            help="keras: TensorFlow, or NumPy where the model needs no more. onnx: ONNX Runtime on CPUs, "
            "without TensorFlow; needs the extra danq[onnx]."
        ),
    ] = "keras",
    threads: Threads = None,
    trust_model_code: Trusted = None,
    require_signature: Signers = None,
    track_format: TrackFormat = "bigwig",
    work: Annotated[Path | None, work_option("none: an interrupted prediction begins anew")] = None,
    shard: ShardText = None,
    receipt: Receipt = None,
) -> None:
    """Predict a dataset's split, records of a FASTA or BED, bins of regions or a genome, or texts or images.

    A row's numbers do not depend on the other rows, up to rounding. Rows carry the flags `padded` (the window
    reaches past the end of its contig or record) and `many_n` (more than half of it is N).
    """
    from danq.learn.export import opened_bundles
    from danq.learn.manifest import BundleManifest, code_behind, read_members
    from danq.learn.predict.outputs import Output
    from danq.provenance import verb_digest

    part = read_shard(shard, receipt, work)
    if out is None and tracks is None and part is None:
        raise DanqError("expected --out FILE or --tracks DIR, or --shard; received none of them")
    output = Output(out, tuple(target or ()), tracks, track_format)
    reading: dict[str, Any] = {"split": split, "genome": genome, "aliases": aliases, "tile": tile}
    reading |= {"centre": centre, "stride": stride, "column": column, "encoding": encoding}
    sources = {"dataset": dataset, "fasta": fasta, "bed": bed, "region": region or None, "examples": examples}
    _check(sources, reading)
    trusted = trust_model_code or []
    with opened_bundles([model], require_signature, trusted) as (bundle,):
        info = BundleManifest.read(bundle)
        output.choose(info.targets)
        source = _source(info, sources, reading)
        output.check_positions(source.contigs)
        # everything cheap has been checked before TensorFlow is loaded
        from danq.learn.predict.in_parts import Prediction, predict_in_parts
        from danq.learn.predict.predictor import predict_source

        predictor = partial(_predictor, bundle, trusted, engine, batch_size, reverse_complement)
        if work is None:
            predict_source(predictor(), source, output)
            return
        how = {
            "batch_size": batch_size,
            "reverse_complement": reverse_complement,
            "engine": None if engine == "keras" else engine,
        }
        options = info.predict | {name: value for name, value in how.items() if value is not None}
        code = verb_digest("predict", *code_behind(read_members(bundle), trusted))
        asked = Prediction(info, source, output, options, code, predictor)
        predict_in_parts(asked, work, part, receipt)


def _predictor(bundle: Path, trusted: list[Path], engine: "Engine", *how: Any) -> "Predictor":
    """Load a bundle, to predict as the options say."""
    from danq.learn.linear import open_by_engine
    from danq.learn.predict.predictor import Predictor

    return Predictor(open_by_engine(bundle, trusted, engine), *how)


def _source(info: "BundleManifest", sources: dict[str, Any], reading: dict[str, Any]) -> "Source":
    """Open the one thing that is predicted, as the options say that it is read."""
    from danq.learn.predict.record_sources import bed_source
    from danq.learn.predict.sequence_sources import (
        fasta_source,
        genome_source,
        region_source,
        tiled_bed_source,
    )
    from danq.learn.predict.sources import dataset_source, example_source

    placed = reading["genome"], info, reading["aliases"]
    if not any(sources.values()):
        return genome_source(reading["genome"], info, reading["stride"])
    if sources["fasta"] is not None:
        return fasta_source(sources["fasta"], info, reading["tile"])
    if sources["bed"] is not None and reading["tile"]:
        return tiled_bed_source(sources["bed"], *placed, reading["stride"])
    if sources["bed"] is not None:
        return bed_source(sources["bed"], *placed, reading["centre"] or "midpoint")
    if sources["region"]:
        return region_source(sources["region"], *placed, reading["stride"])
    if sources["examples"] is not None:
        return example_source(sources["examples"], info, reading["column"], reading["encoding"])
    return dataset_source(sources["dataset"], reading["split"], info, reading["genome"])


def _check(sources: dict[str, Any], options: dict[str, Any]) -> None:
    """Refuse options that do not go together: one says what is predicted, the others how it is read."""
    named = [f"--{name}" for name, source in sources.items() if source is not None]
    if not named and options["genome"] is not None and options["tile"]:
        named = ["--genome"]
    if len(named) != 1:
        raise DanqError(
            "expected exactly one of --dataset, --fasta, --bed, --region and --examples, or --genome with "
            f"--tile; received {' and '.join(named) or 'none'}"
        )
    (source,) = named
    broken = {
        "--dataset: expected --split train, valid or test with it": source == "--dataset"
        and options["split"] is None,
        f"{source}: expected --genome DIR or FASTA with it": source in ("--bed", "--region")
        and options["genome"] is None,
        "--stride: expected --tile with it, or --region": source == "--bed"
        and options["stride"] is not None
        and not options["tile"],
        "--centre: expected no --tile, which covers regions from end to end": options["centre"] is not None
        and options["tile"],
    }
    foreign = [
        f"--{option}: belongs to {' or '.join(to)}, received {source}"
        for option, to in _BELONGS.items()
        if options[option] not in (None, False) and source not in (*to, f"--{option}")
    ]
    refuse([*(message for message, wrong in broken.items() if wrong), *foreign])
