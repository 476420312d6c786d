"""Options that several verbs have in common, and what those which score open.

An option that may be repeated has a name in the singular.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from danq.score.options import ScoreOptions
from danq.score.options import Strands as StrandRule
from danq.threads import use_threads

if TYPE_CHECKING:
    from danq.score.job import Job


def option_of(field: str, *names: str, **more: Any) -> Any:
    """Option of a field of `ScoreOptions`, explained in its words, with its default.

    The option itself has no default, so that `on_command_line` can tell whether it was given. Its `names` are
    left out where they are the field's.
    """
    info = ScoreOptions.model_fields[field]
    default = f"  [default: {info.default}]" if isinstance(info.default, str) else ""
    text = str(info.description) + ("; may be repeated" if info.default == [] else "")
    return typer.Option(*names, help=f"{text[0].upper()}{text[1:]}.{default}", show_default=False, **more)


def work_option(default: str) -> Any:
    """Option for the directory of work that goes on after an interruption, and is shared by shards."""
    return typer.Option(
        help="Directory for unfinished work, from which what was interrupted goes on; shards share it."
        f"  [default: {default}]"
    )


def on_command_line(**values: Any) -> dict[str, Any]:
    """Those of some options that stand on the command line."""
    return {name: value for name, value in values.items() if value is not None and value not in ([], False)}


@contextmanager
def opened_job(
    models: Sequence[Path],
    genome: Path,
    vcf: Path,
    scoring: ScoreOptions,
    trusted: Sequence[Path],
    asked: Sequence[Path],
    signers: Path | None,
    threads: int | None,
) -> "Iterator[Job]":
    """Open all that is scored, archives of bundles unpacked for as long as that takes.

    The code of `trusted` files is run; one that the user `asked` to trust must be that of a bundle.
    """
    from danq.genome.indexed import open_genome_or_fasta
    from danq.learn.export import opened_bundles
    from danq.score.job import open_job
    from danq.score.models import read_models
    from danq.variants.text import regular_file

    opened = open_genome_or_fasta(genome)
    with regular_file(vcf) as (file, name), opened_bundles(models, signers, asked) as bundles:
        known = read_models(bundles, opened, scoring, threads, trusted, models)
        yield open_job(known, opened, file, scoring, name)


MODEL = typer.Option(
    "--model",
    help="Model bundle: the directory `danq train` wrote, or an archive of `danq export`; may be repeated: "
    "several are one ensemble.",
)
GENOME = typer.Option("--genome", help="Encoded genome, the directory `danq genome` wrote; or a FASTA.")
VCF = typer.Option(
    "--vcf",
    help="Variants: VCF (plain, gzip, bgzip), BCF, or a TSV that starts with chr:pos:ref:alt; `-` reads "
    "standard input.",
)
TRUST = typer.Option(
    "--trust-model-code",
    metavar="FILE",
    help="Python file of a model of one's own that may be run, if it is the one the bundle was trained with; "
    "may be repeated. A bundle by itself never has code run: such models compute whole windows.",
)
SIGNERS = typer.Option(
    "--require-signature",
    metavar="FILE",
    help="Allowed signers, as `ssh-keygen -Y verify` reads them: a bundle that none of them signed "
    "(`danq sign`) is refused.",
)
Signers = Annotated[Path | None, SIGNERS]
Trusted = Annotated[list[Path] | None, TRUST]
Models = Annotated[list[Path], MODEL]
GenomeOrFasta = Annotated[Path, GENOME]
Variants = Annotated[Path, VCF]
Strands = Annotated[StrandRule | None, option_of("strands")]
RefMismatch = Annotated[Literal["skip", "error", "swap"] | None, option_of("ref_mismatch")]
Regions = Annotated[list[str] | None, option_of("regions", "--region", metavar="REGION")]
Targets = Annotated[list[str] | None, option_of("targets", "--target", metavar="TARGET")]
PassOnly = Annotated[bool, option_of("pass_only", "--pass-only")]
Aliases = Annotated[Path | None, option_of("aliases")]
BatchSize = Annotated[int | None, option_of("batch_size", min=2)]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        callback=use_threads,
        help="Threads that compute. The same number gives the same bytes on any cores of one machine.  "
        "[default: the cores that the job may use]",
    ),
]
TrackFormat = Annotated[Literal["bigwig", "bedgraph"], typer.Option(help="Format of the tracks.")]
TableFormat = Annotated[Literal["parquet", "tsv"], typer.Option(help="Format of the table, and its suffix.")]
ShardText = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Compute only the I-th of N shards of the work; the same command without --shard then puts "
        "all together.",
    ),
]
Receipt = Annotated[Path | None, typer.Option(help="JSON file to write when the work of --shard is done.")]
ConfigFile = Annotated[Path, typer.Option(help="Configuration, YAML or JSON.", metavar="FILE")]
RunName = Annotated[str, typer.Option(help="Name of the run in the configuration.", metavar="NAME")]
DatasetFolder = Annotated[
    Path, typer.Option(help="Directory of the labelled dataset, from `danq dataset`.", metavar="DIR")
]
