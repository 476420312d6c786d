"""`danq init`: a starter configuration from one FASTA and tracks, or from labelled sequences."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from danq.cli.options import on_command_line

if TYPE_CHECKING:
    from danq.config.starter.regions import Starter


def init(
    out: Annotated[
        Path,
        typer.Option(
            help="Directory of config.yaml and targets.tsv, which must not exist yet.", metavar="DIR"
        ),
    ],
    tracks: Annotated[
        list[str] | None,
        typer.Argument(
            help="Tracks (BED, narrowPeak or broadPeak of one target, named for the file), folders of them, "
            "quoted patterns such as 'peaks/**/*.bed.gz', lists or tables as for --tracks-from; also mixed.",
            metavar="TRACK",
        ),
    ] = None,
    fasta: Annotated[
        Path | None,
        typer.Option(help="The genome: plain, gzip or bgzip FASTA.", metavar="FILE"),
    ] = None,
    bed: Annotated[
        list[str] | None,
        typer.Option(help="As TRACK; may be repeated.", metavar="TRACK"),
    ] = None,
    tracks_from: Annotated[
        list[Path] | None,
        typer.Option(
            help="File with a track, folder or pattern in each line, or a table of targets (columns target, "
            "path, rule, feature, group), as for GFF3; paths are relative to it. May be repeated.",
            metavar="FILE",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Target to leave out, by name or pattern; may be repeated.", metavar="TARGET"),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            help="Labelled sequences in place of genome and tracks: FASTA, CSV, TSV or Parquet. --valid and "
            "--test are then a file or a fraction (0.1 unless the file has a column `split`).",
            metavar="FILE",
        ),
    ] = None,
    label_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of labels of --examples, `label` if left out; may be repeated.", metavar="NAME"
        ),
    ] = None,
    sequence_column: Annotated[
        str | None,
        typer.Option(help="Column of the sequences of --examples, `sequence` if left out.", metavar="NAME"),
    ] = None,
    positive: Annotated[
        str | None,
        typer.Option(
            help="Of two classes of --examples the positive one; `1`, else the last by number or letter, if "
            "left out.",
            metavar="CLASS",
        ),
    ] = None,
    valid: Annotated[
        list[str] | None,
        typer.Option(
            help="Contig or region (chr7:1-2,000,000; 1-based) that validates; may be repeated. Chosen if "
            "left out: a tenth to a fifth of the genome, with 10 blocks of 100 kb and 20 positives a target "
            "where there are as many.",
            metavar="REGION",
        ),
    ] = None,
    test: Annotated[
        list[str] | None,
        typer.Option(help="As --valid, for the part that tests.", metavar="REGION"),
    ] = None,
    bin: Annotated[
        int | None,
        typer.Option(
            help="bp that are labelled; by the lengths of the intervals if left out.", min=1, metavar="BP"
        ),
    ] = None,
    window: Annotated[
        int | None,
        typer.Option(help="bp that the model sees; 3 or 5 bins if left out.", min=1, metavar="BP"),
    ] = None,
    contig: Annotated[
        list[str] | None,
        typer.Option(
            help="Contig that takes part, by name or quoted pattern (chr1, 'chr[0-9]*'); may be repeated. "
            "All if left out, but for --exclude-contig.",
            metavar="NAME",
        ),
    ] = None,
    exclude_contig: Annotated[
        list[str] | None,
        typer.Option(
            help="Contig that takes no part, by name or quoted pattern ('*_random'); may be repeated. "
            "Alternate loci, patches, HLA alleles, decoys and EBV if left out.",
            metavar="NAME",
        ),
    ] = None,
    all_contigs: Annotated[
        bool, typer.Option("--all-contigs", help="Leave out no contig, alternate loci and decoys neither.")
    ] = False,
) -> None:
    """Look at genome and tracks, and write a starter configuration that runs as it is.

    Rule, bin and window follow from the lengths of the intervals, validation and test parts and the recipe of
    the training from what they label. Printed are the positives of each target and split, and the commands to
    run next.
    """
    from danq.config.starter.text import command_lines
    from danq.errors import DanqError

    places = [*(bed or []), *(tracks or [])]
    contigs = {"contig": contig, "exclude_contig": exclude_contig, "all_contigs": all_contigs}
    inputs = {"fasta": fasta, "tracks": tracks, "bed": bed, "tracks_from": tracks_from, "without": without}
    of_genomes = _named(on_command_line(**inputs, bin=bin, window=window, **contigs))
    columns = {"label_column": label_column, "sequence_column": sequence_column}
    of_examples = _named(on_command_line(**columns, positive=positive))
    if examples is not None:
        if of_genomes:
            raise DanqError(
                f"--examples: expected no {of_genomes} beside it, for labelled sequences have none"
            )
        sequences = "sequence" if sequence_column is None else sequence_column
        labels = label_column or []
        starter = _of_examples(examples, out, valid or [], test or [], labels, sequences, positive)
    elif of_examples:
        raise DanqError(f"{of_examples}: expected --examples with labelled sequences, received none")
    elif fasta is None:
        raise DanqError("--fasta: expected the genome of the tracks, or --examples with labelled sequences")
    else:
        from danq.config.starter.regions import Choices, Tracks, write_starter
        from danq.data.options import SECONDARY_CONTIGS

        if all_contigs and exclude_contig:
            raise DanqError("--all-contigs: expected no --exclude-contig beside it")
        excluded = () if all_contigs else exclude_contig or SECONDARY_CONTIGS
        sources = Tracks(fasta, places, tracks_from or (), without or ())
        choices = Choices(valid or (), test or (), bin, window, contig or (), excluded)
        starter = write_starter(sources, out, choices)
    _show(starter)
    typer.echo("\n".join([f"wrote {starter.config}; next:", *command_lines(starter.config, _program())]))


def _program() -> str:
    """Tell how a shell finds this danq: by its path where its environment is not activated."""
    beside = Path(sys.executable).with_name("danq")
    return "danq" if shutil.which("danq") or not beside.is_file() else str(beside)


def _named(options: dict[str, Any]) -> str:
    """Join the names of options as they are written; tracks need none."""
    return ", ".join(name if name == "tracks" else f"--{name.replace('_', '-')}" for name in options)


def _of_examples(
    examples: Path,
    out: Path,
    valid: list[str],
    test: list[str],
    labels: list[str],
    sequences: str,
    positive: str | None,
) -> "Starter":
    from danq.config.starter.examples import write_example_starter
    from danq.errors import refuse

    refuse(
        f"{option}: expected one file or fraction of examples, received {len(values)}"
        for option, values in (("--valid", valid), ("--test", test))
        if len(values) > 1
    )
    first_valid, first_test = (values[0] if values else None for values in (valid, test))
    return write_example_starter(examples, out, first_valid, first_test, labels, sequences, positive)


def _show(starter: "Starter") -> None:
    """Print rows and positives of each split, as a table on a terminal and as plain columns elsewhere."""
    splits = list(starter.rows)
    rows = [["all rows", *(f"{number:,}" for number in starter.rows.values())]]
    rows += [[target.name, *(f"{target.counts[split]:,}" for split in splits)] for target in starter.targets]
    rows += [
        [f"{target.name}, not known", *(f"{target.unknown[split]:,}" for split in splits)]
        for target in starter.targets
        if target.unknown is not None
    ]
    head = ["positives of target", *splits]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*head)
        for column in table.columns[1:]:
            column.justify = "right"
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    else:
        width = max(len(row[0]) for row in [head, *rows])
        for first, *others in [head, *rows]:
            typer.echo(f"{first:<{width}}" + "".join(f"{cell:>11}" for cell in others))
    for split, words in starter.parts.items():
        typer.echo(f"{split}: {words}")
