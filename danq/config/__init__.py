"""The configuration as typed models: read, checked and refused in one line before any job starts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from danq.config.expand import ensemble_problems, expanded, expansion_problems, members_of, with_composition
from danq.config.reading import describe, filled, one_line, plain, read_mapping
from danq.config.rows import row_problems
from danq.config.search import Search, comes_of
from danq.config.search_checks import name_problems, search_problems
from danq.config.views import genome_of_view, run_problems, view_problems
from danq.data.options import DatasetOptions
from danq.errors import DanqError, first_few
from danq.learn.manifest import ENSEMBLE
from danq.learn.options import EnsembleOptions, PredictOptions, TrainOptions
from danq.models import load_model_module
from danq.options import Closed
from danq.score.options import ScoreOptions
from danq.storage import Name
from danq.views.options import View, as_view

_Entry = TypeVar("_Entry")


class GenomeSource(Closed):
    """A genome, with how it is encoded."""

    fasta: Path = Field(description="FASTA file: plain, gzip or bgzip")
    shards: int = Field(
        1, ge=1, description="jobs the encoding is cut into, where jobs are short; the genome is the same"
    )


class Run(Closed):
    """One model trained on one dataset."""

    model: str = Field(
        description="name of a model, the path of a Python file (.py) that defines one, or `ensemble`: the "
        "mean of the logits of other runs, which `options.members` names"
    )
    dataset: str = Field(description="name of a dataset of this configuration")
    repeats: int = Field(
        1,
        ge=1,
        description="trainings with the seeds `train.seed`, `train.seed` + 1, …; two and more are runs of "
        "their own, `<run>.seed1337`, …",
    )
    options: dict[str, Any] = Field({}, description="options of the model")
    train: TrainOptions = Field(TrainOptions(), description="how the model is trained")
    search: Search | None = Field(
        None, description="options to be chosen by trials; `repeats` counts trainings with the chosen ones"
    )
    predict: PredictOptions = Field(PredictOptions(), description="how the trained model predicts")
    shards: int = Field(
        1, ge=1, description="jobs that each prediction of a split is cut into; the predictions are the same"
    )


class _Scored(Closed):
    """What is scored and by what; a base of its own so that these keys come before the options."""

    vcf: Path = Field(
        description="variants: VCF (plain, gzip, bgzip), BCF, or a TSV that starts with chr:pos:ref:alt"
    )
    genome: str | None = Field(
        None, description="name of the genome the variants lie on; may be left out where there is only one"
    )
    runs: list[str] = Field(
        min_length=1, description="runs whose models score; several are one ensemble, with its spread"
    )
    shards: int = Field(1, ge=1, description="jobs the scoring is cut into; the results are the same")
    views: int = Field(
        5,
        ge=0,
        le=50,
        description="places looked at in the report: 500 bp on either side of the strongest variants, those "
        "within one place counted once; 0: none",
    )


# of two bases pydantic takes the fields of the last one first
class Callset(ScoreOptions, _Scored):
    """Variants that trained models score."""


class Config(Closed):
    """Everything the workflow makes: genomes, datasets, runs and scored callsets by name."""

    genomes: dict[Name, Path | GenomeSource] = Field(
        {}, description="FASTA file of each genome: plain, gzip or bgzip; or a section with it and more"
    )
    datasets: dict[Name, DatasetOptions] = Field(min_length=1, description="datasets by name")
    runs: dict[Name, Run] = Field(min_length=1, description="runs by name")
    callsets: dict[Name, Callset] = Field({}, description="variants to score, by name")
    views: list[str | View] = Field(
        [],
        description="regions the report looks at: `chr4:410,000-411,000` (1-based, both ends included), or "
        "sections with a region and more",
    )

    def genome_source(self, genome: str) -> GenomeSource:
        """Find the FASTA of a genome, and how it is encoded."""
        source = self.genomes[genome]
        return GenomeSource(fasta=source) if isinstance(source, Path) else source

    def genome_of(self, dataset: str) -> str | None:
        """Name of the genome of a dataset; None where its examples bring their own sequences."""
        options = self.datasets[dataset]
        return None if options.targets is None else options.genome or next(iter(self.genomes))

    def genome_of_callset(self, callset: str) -> str:
        """Name of the genome that the variants of a callset lie on."""
        return self.callsets[callset].genome or next(iter(self.genomes))


def load_config(path: Path, trusted: Sequence[Path] | None = (), run: str | None = None) -> Config:
    """Read and check a configuration file, YAML or JSON; `trusted` and `run` as of `parse_config`.

    Raises
    ------
    DanqError
        If it cannot be read, holds a key twice, or is refused by `parse_config`.
    """
    return parse_config(read_mapping(path), str(path), trusted, run)


def own_models(config: Config, runs: Iterable[str]) -> list[Path]:
    """Find the Python files that these runs, or an ensemble's members, name as their models, each once."""
    models = (config.runs[run].model for name in runs for run in [name, *members_of(config, name)])
    return list(dict.fromkeys(Path(model) for model in models if model.endswith(".py")))


def may_run(model: str, trusted: Sequence[Path] | None) -> bool:
    """Whether the module of a model may be loaded: one of danq's own, or a file that is trusted."""
    if trusted is None or not model.endswith(".py"):
        return True
    return Path(model).absolute() in [file.absolute() for file in trusted]


def entry(section: Mapping[str, _Entry], name: str, option: str, file: Path) -> _Entry:
    """Find what an option of the command line names in a section of a configuration.

    Raises
    ------
    DanqError
        If the section has no such name; the message tells those it has.
    """
    if name not in section:
        known = first_few(section) or "none"
        raise DanqError(f"{file}: expected {option} of {known}; received {name!r}")
    return section[name]


def parse_config(
    raw: Mapping[str, Any], source: str, trusted: Sequence[Path] | None = (), run: str | None = None
) -> Config:
    """Check a configuration, fill in every default, those of each run's model included, and expand it.

    What comes back holds plain runs and datasets only: runs of base composition have been added, repeats and
    folds have become runs and datasets of their own. To expand such a configuration again changes nothing.

    Parameters
    ----------
    raw : mapping
        The configuration as read, JSON-like.
    source : str
        What error messages start with, for example the file's name.
    trusted : sequence of Path, or None
        Python files of models that may be run; None: every one that the configuration names. A file that is
        not among them is not looked at, and the options of its runs stay as they were given.
    run : str, optional
        The one run, search or trial that is to be made: the model files of others are not looked at.

    Raises
    ------
    DanqError
        In one line with, for each problem, the key's path, what was expected and what was received.
    """
    values = plain(raw)
    try:
        config = filled(Config, values)
    except ValidationError as error:
        raise DanqError(one_line(source, describe(error, Config, values))) from None
    problems = [*_references(config), *_circles(config), *_callsets(config), *view_problems(config)]
    # not before: what is added is nothing that other keys could have meant
    config = with_composition(config)
    problems += expansion_problems(config)
    runs = dict[str, Run]()
    for name, each in config.runs.items():
        runs[name] = each.model_copy(update={"predict": _prediction(config, each)})
        others = run is not None and not comes_of(run, name)
        if not may_run(each.model, () if others else trusted):
            continue
        try:
            module = None if each.model == ENSEMBLE else load_model_module(each.model)
            kind = EnsembleOptions if module is None else module.Options
            options = filled(kind, each.options)
        except DanqError as error:
            problems.append(f"runs.{name}.model: {error}")
        except ValidationError as error:
            problems += describe(error, kind, each.options, ("runs", name, "options"))
        else:
            runs[name] = runs[name].model_copy(update={"options": options.model_dump(mode="json")})
            if module is None:
                problems += ensemble_problems(config, name)
            else:
                problems += row_problems(config, name, module, options)
                problems += search_problems(name, runs[name], _kind(config, each))
    if problems:
        raise DanqError(one_line(source, problems))
    result = expanded(config.model_copy(update={"runs": runs}))
    if taken := [*name_problems(result)]:
        raise DanqError(one_line(source, taken))
    return result


def _prediction(config: Config, run: Run) -> PredictOptions:
    """How a run predicts; rows that are no DNA have no other strand, whatever the default."""
    if _kind(config, run) == "dna":
        return run.predict
    return run.predict.model_copy(update={"reverse_complement": "none"})


def _kind(config: Config, run: Run) -> str:
    """Give the kind of a run's rows; an unknown dataset, which is refused elsewhere, is of DNA."""
    return config.datasets[run.dataset].kind if run.dataset in config.datasets else "dna"


def _references(config: Config) -> Iterator[str]:
    """Find names that other sections refer to and that are not there."""
    for name, dataset in config.datasets.items():
        yield from _genome(config, f"datasets.{name}", dataset.genome, dataset.targets is not None)
    for number, view in enumerate(map(as_view, config.views)):
        yield from _genome(config, f"views.{number}", view.genome, True)
    for name, run in config.runs.items():
        if run.dataset not in config.datasets:
            known = ", ".join(config.datasets)
            yield f"runs.{name}.dataset: expected one of {known}, received '{run.dataset}'"
        start = run.train.init_from
        if start in config.runs and config.runs[start].model == ENSEMBLE:
            key = f"runs.{name}.train.init_from"
            yield f"{key}: expected a run with a model of its own, received the ensemble '{start}'"
        if start is not None and "/" not in start and start not in config.runs:
            others = ", ".join(other for other in config.runs if other != name) or "there is no other run"
            yield (
                f"runs.{name}.train.init_from: expected a run ({others}) or a bundle's directory "
                f"or archive with a / in it, received '{start}'"
            )


def _genome(config: Config, section: str, genome: str | None, needed: bool) -> Iterator[str]:
    known = ", ".join(config.genomes) or "the names under `genomes` (there are none)"
    if genome is not None and genome not in config.genomes:
        yield f"{section}.genome: expected one of {known}, received '{genome}'"
    elif needed and genome is None and len(config.genomes) != 1:
        yield f"{section}.genome: expected one of {known}, received nothing"


def _callsets(config: Config) -> Iterator[str]:
    """Find callsets whose genome or runs are not there, or whose runs cannot score together."""
    for name, callset in config.callsets.items():
        yield from _genome(config, f"callsets.{name}", callset.genome, True)
        windows = dict[int, str]()
        yield from run_problems(config, f"callsets.{name}.runs", callset.runs)
        for run in callset.runs:
            dataset = config.datasets.get(config.runs[run].dataset) if run in config.runs else None
            if dataset is not None and dataset.kind == "dna":
                windows.setdefault(dataset.window, run)
        if len(windows) > 1:
            sizes = " and ".join(f"{bp} bp ({run})" for bp, run in windows.items())
            yield f"callsets.{name}.runs: expected runs with one size of window, received {sizes}"


def _circles(config: Config) -> Iterator[str]:
    """Find runs that start, by way of others, from themselves."""
    for name in config.runs:
        chain, start = [name], config.runs[name].train.init_from
        while start in config.runs and start not in chain:
            chain.append(start)
            start = config.runs[start].train.init_from
        if start == name:
            yield f"runs.{name}.train.init_from: the run starts from itself ({' -> '.join([*chain, name])})"


def unused(config: Config) -> list[str]:
    """Genomes and datasets that nothing uses, one phrase each."""
    genomes = {config.genome_of(name) for name in config.datasets}
    genomes |= {config.genome_of_callset(name) for name in config.callsets}
    genomes |= {genome_of_view(config, as_view(view)) for view in config.views}
    datasets = {run.dataset for run in config.runs.values()}
    return [f"genomes.{name}: nothing uses it" for name in config.genomes if name not in genomes] + [
        f"datasets.{name}: no run uses it" for name in config.datasets if name not in datasets
    ]
