"""Write Nextflow modules and Galaxy tools out of danq's own command line: its options, defaults, words.

    python packaging/generate.py

What the command line cannot say stands in `TOOLS`: which options are files of which kind, and which make no
sense where another system runs the jobs. A new option of a verb is in both by the next call; a test compares.
"""

import inspect
import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin
from xml.sax.saxutils import quoteattr

import jinja2
import typer

from danq.cli import app

HERE = Path(__file__).parent
VERSION_COMMAND = "danq --version | sed 's/^danq //'"
# in Galaxy a VCF is tabular as well: `is_of_type` would not tell them apart
IS_VCF = "vcf.ext != 'tabular'"
ANY_CLUSTER = "the other system cuts work and chooses threads"
CODE = "a shared service runs no code of a model's"


@dataclass(frozen=True)
class Data:
    """An option that names a file: its formats in Galaxy, its names in Nextflow."""

    formats: str
    pattern: str
    optional: bool = False


@dataclass(frozen=True)
class Output:
    """A file that a verb writes: its name, place, Galaxy's format, words.

    Attributes
    ----------
    path : str
        Where Nextflow finds it, below or beside ``${prefix}``.
    format : str
        ``""`` of what Galaxy makes itself.
    needs : str
        Expression of Galaxy's that is true where it is written; ``""`` where it always is.
    """

    name: str
    path: str
    format: str
    words: str
    needs: str = ""

    @property
    def optional(self) -> bool:
        """Whether it is not always written."""
        return bool(self.needs)


@dataclass(frozen=True)
class Tool:
    """A verb as a tool: a title, its files, and options left out with the reason."""

    verb: str
    title: str
    data: dict[str, Data]
    outputs: tuple[Output, ...]
    left_out: dict[str, str]


TOOLS = (
    Tool(
        "score",
        "what alleles change in the predictions of a trained sequence model",
        {
            "vcf": Data("vcf,vcf_bgzip,bcf,tabular", "*.{vcf,vcf.gz,bcf,tsv}"),
            "model": Data("zip", "*.zip"),
            "genome": Data("fasta", "*.{fa,fasta,fa.gz}"),
            "aliases": Data("tabular", "*.tsv", optional=True),
        },
        (
            Output(
                "scores", "${prefix}/scores.{parquet,tsv}", "parquet", "One row an allele: what it changes"
            ),
            Output(
                "ledger", "${prefix}/ledger.tsv", "tabular", "Every allele: scored, or the reason why not"
            ),
            Output(
                "annotated",
                "${prefix}/annotated.vcf.gz",
                "vcf_bgzip",
                "The input with the summary in INFO",
                IS_VCF,
            ),
            Output("index", "${prefix}/annotated.vcf.gz.{tbi,csi}", "", "Index of the annotated VCF", IS_VCF),
            Output(
                "haplotypes",
                "${prefix}/haplotypes.{parquet,tsv}",
                "parquet",
                "With samples: one row a window of a whole haplotype",
                "options['sample_repeated']",
            ),
            Output(
                "agreement",
                "${prefix}/truth.tsv",
                "tabular",
                "With truth: how well the scores agree with it",
                "options['truth']",
            ),
            Output(
                "compared",
                "${prefix}/truth.parquet",
                "parquet",
                "With truth: scores and truth of each allele",
                "options['truth']",
            ),
            Output("manifest", "${prefix}/scores.json", "json", "Options, digests of inputs, versions"),
        ),
        {
            **dict.fromkeys(("config", "callset", "results"), "the other system has its own configuration"),
            **dict.fromkeys(("work", "shard", "receipt", "reuse", "threads", "dry_run"), ANY_CLUSTER),
            **dict.fromkeys(("trust_model_code", "require_signature"), CODE),
            "background": "a directory",
            "out": "an output",
        },
    ),
    Tool(
        "predict",
        "probabilities of a trained sequence model for sequences or regions",
        {
            "fasta": Data("fasta,fasta.gz", "*.{fa,fasta,fa.gz}", optional=True),
            "bed": Data("bed", "*.{bed,narrowPeak}", optional=True),
            "genome": Data("fasta", "*.{fa,fasta,fa.gz}", optional=True),
            "model": Data("zip", "*.zip"),
            "aliases": Data("tabular", "*.tsv", optional=True),
        },
        (Output("predictions", "${prefix}.tsv", "tabular", "One row a sequence or region, with its flags"),),
        {
            **dict.fromkeys(("dataset", "split", "examples", "column", "encoding"), "for models in training"),
            **dict.fromkeys(("shard", "work", "receipt", "threads"), ANY_CLUSTER),
            **dict.fromkeys(("trust_model_code", "require_signature"), CODE),
            **dict.fromkeys(("tracks", "track_format"), "a directory"),
            "out": "an output",
        },
    ),
)


@dataclass(frozen=True)
class Option:
    """An option of a verb as the command line has it."""

    name: str
    flag: str
    kind: Literal["flag", "choice", "integer", "float", "text", "path"]
    choices: tuple[str, ...]
    many: bool
    help: str
    default: Any
    least: float | None
    most: float | None

    @property
    def words(self) -> str:
        """The help in one line, without what only a terminal needs."""
        return " ".join(re.sub(r"; may be repeated", "", self.help).split())


def options_of(verb: str) -> list[Option]:
    """Read the options of a verb out of the command line.

    Raises
    ------
    ValueError
        If an option is of a kind that has no place in the tools yet.
    """
    return [_option(parameter) for parameter in _command(verb).params]


def _command(verb: str) -> Any:
    return typer.main.get_command(app).get_command(None, verb)  # type: ignore[attr-defined, arg-type]


def _option(parameter: Any) -> Option:
    annotation = parameter.type_descriptor.annotation
    if get_origin(annotation) in (list, UnionType):
        annotation = get_args(annotation)[0]
    choices = tuple(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ()
    kinds = {bool: "flag", int: "integer", float: "float", str: "text", Path: "path"}
    kind = "choice" if choices else kinds.get(annotation)
    if kind is None:
        raise ValueError(f"{parameter.opts[0]}: no place for options of type {annotation}")
    return Option(
        parameter.name, parameter.opts[0], kind, choices, bool(parameter.multiple), parameter.help or "",
        parameter.default, parameter.min, parameter.max,
    )  # type: ignore[arg-type]  # fmt: skip


def shown_options(tool: Tool) -> list[Option]:
    """Options of a tool's verb that are neither files nor left out, in the command line's order.

    Raises
    ------
    ValueError
        If the tool names an option that the verb has not, or a path is neither a file of it nor left out.
    """
    options = options_of(tool.verb)
    unknown = set(tool.data) - {option.name for option in options}
    if unknown:
        raise ValueError(f"danq {tool.verb} has no option {', '.join(sorted(unknown))}")
    shown = [option for option in options if option.name not in {*tool.data, *tool.left_out}]
    if paths := [option.flag for option in shown if option.kind == "path"]:
        raise ValueError(f"danq {tool.verb} {', '.join(paths)}: say in TOOLS what kind of file it is")
    return shown


def generated() -> dict[Path, str]:
    """Give every generated file, by its path below this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["attribute"] = quoteattr
    environment.filters["yaml"] = lambda text: "'" + text.replace("'", "''") + "'"
    version = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]["version"]
    files = {}
    for tool in TOOLS:
        helps = {option.name: option for option in options_of(tool.verb)}
        values = {"tool": tool, "options": shown_options(tool), "helps": helps}
        values |= {
            "version": version,
            "version_command": VERSION_COMMAND,
            "help": inspect.cleandoc(_command(tool.verb).help),
        }
        module = Path("nextflow/modules/danq") / tool.verb
        for template, path in (
            ("galaxy.xml.j2", Path("galaxy") / f"danq_{tool.verb}.xml"),
            ("main.nf.j2", module / "main.nf"),
            ("meta.yml.j2", module / "meta.yml"),
            ("environment.yml.j2", module / "environment.yml"),
        ):
            files[path] = environment.get_template(template).render(**values)
    return files


def main() -> None:
    """Write every generated file, and say which changed."""
    for path, text in generated().items():
        place = HERE / path
        if not place.is_file() or place.read_text() != text:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main()
