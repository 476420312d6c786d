"""Options that the verbs which score have in common, with their help."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from danq.score.options import ScoreOptions


def told(field: str, **more: Any) -> Any:
    """Option of a field of `ScoreOptions`, explained in its words.

    Parameters
    ----------
    field : str
        Name of the field.
    **more
        Further arguments of ``typer.Option``.
    """
    text = str(ScoreOptions.model_fields[field].description)
    return typer.Option(*more.pop("names", ()), help=f"{text[0].upper()}{text[1:]}.", **more)


Models = Annotated[
    list[Path],
    typer.Option(
        "--model",
        help="Model bundle: the directory `danq train` wrote; may be repeated: several are one ensemble.",
    ),
]
GenomeOrFasta = Annotated[
    Path, typer.Option(help="Encoded genome, the directory `danq genome` wrote; or a FASTA.")
]
Variants = Annotated[
    Path,
    typer.Option(
        help="Variants: VCF (plain, gzip, bgzip), BCF, or a TSV that starts with chr:pos:ref:alt; `-` reads "
        "standard input."
    ),
]
Strands = Annotated[Literal["scores", "predictions", "forward"], told("strands")]
RefMismatch = Annotated[Literal["skip", "error", "swap"], told("ref_mismatch")]
Regions = Annotated[list[str] | None, told("regions", names=("--region", "--regions"), metavar="REGION")]
Targets = Annotated[list[str] | None, told("targets", names=("--target", "--targets"), metavar="TARGET")]
PassOnly = Annotated[bool, told("pass_only", names=("--pass-only",))]
Aliases = Annotated[Path | None, told("aliases")]
BatchSize = Annotated[int | None, told("batch_size", min=2)]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of a forward pass.  [default: all cores]")]
TableFormat = Annotated[Literal["parquet", "tsv"], typer.Option(help="Format of the table, and its suffix.")]
