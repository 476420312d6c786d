"""`danq export`: a bundle as one file for others."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer

from danq.cli.options import Trusted
from danq.errors import DanqError

log = logging.getLogger("danq")


def export(
    model: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="Model bundle, which `danq train` wrote, or an archive of one."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="File to write; of a SavedModel the directory.")],
    format: Annotated[
        Literal["archive", "onnx", "savedmodel", "keras", "card"],
        typer.Option(
            help="archive: a ZIP of the bundle's files, which --model reads as the directory. onnx: the "
            "network for ONNX Runtime, with what it means in its metadata. savedmodel, keras: the network "
            "for TensorFlow, for Keras. card: the model card, Markdown."
        ),
    ] = "archive",
    dataset: Annotated[
        Path | None,
        typer.Option(
            help="Dataset that the model card describes.  [default: that of the same results directory]"
        ),
    ] = None,
    private: Annotated[
        bool,
        typer.Option(
            "--private",
            help="Of an archive: leave out the command, names of inputs, when and on what machine it was "
            "trained, and the golden rows: of the provenance versions and digests alone stay. A signature "
            "would no longer hold and is left out, too.",
        ),
    ] = False,
    trust_model_code: Trusted = None,
) -> None:
    """Write a bundle as one file, for other machines, programs and people."""
    from danq.learn.export import Exporting, export_bundle, opened_bundles

    if private and format != "archive":
        raise DanqError(f"--private: belongs to --format archive, received {format}")
    if dataset is not None and format not in ("archive", "card"):
        raise DanqError(f"--dataset: belongs to --format card and archive, received {format}")
    trusted = tuple(trust_model_code or ())
    with opened_bundles([model], trusted=trusted) as (bundle,):
        card = None
        if format in ("archive", "card"):
            from danq.report.model_card import card_of

            card = card_of(bundle, dataset, packed=model.is_file(), needed=format == "card")
        export_bundle(bundle, out, format, Exporting(private, trusted, card))
    files = out.rglob("*") if out.is_dir() else [out]
    log.info("%s: %.1f MB", out, sum(file.stat().st_size for file in files if file.is_file()) / 1e6)
