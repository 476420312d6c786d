"""The search of a run: what is drawn for each trial, by seed and number, and the runs that trials are."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, Field, model_validator

from danq.config.space import Parameter, Range, Space, drawn_at, only_whole, points_of, uniform
from danq.data.options import Fraction
from danq.errors import DanqError
from danq.files import digest
from danq.learn.options import Repeat, TrainOptions, read_name
from danq.learn.trials import BestTrial
from danq.models import load_model_module
from danq.options import Closed

if TYPE_CHECKING:
    from danq.config import Config, Run

_TRIAL = re.compile(r"\.trial\d+$")


class Search(Closed):
    """Trials with options drawn at random; the run is then trained with those of the best."""

    trials: int = Field(20, ge=1, description="draws; more of them leave those that are trained as they are")
    seed: int = Field(
        1337, ge=0, description="seed of the draws; each depends on it, its number and the keys"
    )
    rungs: list[Fraction] = Field(
        [0.25],
        description="after these parts of its epochs the worse half of the trials, by `train.monitor` on "
        "validation, ends; none: all are trained to their end",
    )
    options: Space = Field(
        {}, description="options of the model to draw: a list of values, or a range with `low` and `high`"
    )
    train: Space = Field({}, description="keys of `train` to draw, in the same way")

    @model_validator(mode="after")
    def _one_after_the_other(self) -> "Search":
        if any(later <= rung for rung, later in zip(self.rungs, self.rungs[1:], strict=False)):
            raise ValueError(f"`rungs`: expected growing parts, received {self.rungs}")
        if not self.options and not self.train:
            raise ValueError("expected something to draw under `options` or `train`, received nothing")
        return self

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What is drawn, by key: ``options.units``, ``train.schedule.decay``."""
        flat: dict[str, Parameter] = {}
        for section in ("options", "train"):
            for key, drawn in getattr(self, section).items():
                if isinstance(drawn, dict):
                    flat |= {f"{section}.{key}.{name}": parameter for name, parameter in drawn.items()}
                else:
                    flat[f"{section}.{key}"] = drawn
        return flat

    @property
    def space(self) -> str:
        """Digest of the seed and of all that is drawn from."""
        drawn = {key: _plain(parameter) for key, parameter in self.parameters.items()}
        return digest({"seed": self.seed, "parameters": drawn})


def _plain(parameter: Parameter) -> Any:
    return parameter.model_dump() if isinstance(parameter, Range) else parameter


class Trial(NamedTuple):
    """One trial.

    Attributes
    ----------
    search, number : str, int
        Name of the search; from 1 on.
    drawn : dict
        The values drawn, by key.
    run : Run
        The run that it is.
    ends : list of int
        Epochs after which its rungs end.
    space : str
        Digest of what it was drawn from.
    """

    search: str
    number: int
    drawn: dict[str, Any]
    run: "Run"
    ends: list[int]
    space: str

    @property
    def name(self) -> str:
        """``<search>.trial7``."""
        return trial_name(self.search, self.number)


def trial_name(search: str, number: int) -> str:
    """Name of a trial."""
    return f"{search}.trial{number}"


def search_name(run: str) -> str:
    """Name of a run's search: repeats share one, folds have one each."""
    return Repeat(*read_name(run)[:2]).name


def comes_of(run: str, name: str) -> bool:
    """Whether a run, search or trial belongs to the run of a name, or to another repeat of it."""
    return read_name(name).base in {read_name(run).base, read_name(_TRIAL.sub("", run)).base}


def searches(config: "Config") -> dict[str, "Run"]:
    """Give the run of each search by the search's name; of repeats the first, whose seed trials have."""
    named: dict[str, Run] = {}
    for name, run in config.runs.items():
        if run.search is not None:
            named.setdefault(search_name(name), run)
    return named


def trial_names(config: "Config") -> dict[str, str]:
    """Name every trial, which draws none, with the search that it is of."""
    return {
        trial_name(name, number): name
        for name, run in searches(config).items()
        for number in range(1, 1 + (run.search.trials if run.search else 0))
    }


def trials(config: "Config") -> dict[str, Trial]:
    """Give every trial of every search by its name."""
    return {trial.name: trial for name in searches(config) for trial in trials_of(config, name)}


def trials_of(config: "Config", name: str) -> list[Trial]:
    """Give the trials of one search in the order of their numbers."""
    run = searches(config)[name]
    space = run.search.space if run.search else ""
    made = list[Trial]()
    for number, drawn in enumerate(draws(run), 1):
        trained = with_drawn(run, drawn)
        made.append(Trial(name, number, drawn, trained, rungs(run, trained.train.epochs), space))
    return made


def with_best(name: str, run: "Run", folder: Path) -> tuple["Run", BestTrial]:
    """Give a run with the options of its search's best trial, which ``<folder>/best.json`` names.

    Raises
    ------
    DanqError
        If the run has no search, or the file is of another search, or of other draws.
    """
    if run.search is None:
        raise DanqError(f"--search {folder}: expected a run with a search; {name!r} has none")
    best = BestTrial.read(folder)
    expected, received = (search_name(name), run.search.space), (best.search, best.space)
    known = dict(enumerate(draws(run), 1))
    if expected != received or known.get(best.trial) != best.parameters:
        raise DanqError(
            f"{folder / BestTrial.FILE}: expected the best trial of search {expected[0]!r} as it is "
            f"configured, received trial {best.trial} of other draws; run `danq search` again"
        )
    return with_drawn(run, best.parameters), best


def rungs(run: "Run", epochs: int) -> list[int]:
    """Give the epochs after which the rungs of a run's search end, the last at the end of all `epochs`.

    A model that fits itself has no epochs, and so one rung.
    """
    if run.search is None or hasattr(load_model_module(run.model), "fit"):
        return [epochs]
    return [*(math.ceil(part * epochs) for part in run.search.rungs), epochs]


def with_value(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Give sections with a value in its place; those that are handed in stay as they are."""
    first, *rest = path
    below = values.get(first)
    section = below if isinstance(below, Mapping) else {}
    return {**values, first: with_value(section, rest, value) if rest else value}


def with_drawn(run: "Run", drawn: Mapping[str, Any]) -> "Run":
    """Give the run that a trial is: as configured, with the drawn values in their places."""
    values: dict[str, Any] = {"options": run.options, "train": run.train.model_dump(mode="json")}
    for key, value in drawn.items():
        values = with_value(values, key.split("."), value)
    # strict, as JSON: a path is text there
    train = TrainOptions.model_validate_json(json.dumps(values["train"]), strict=True)
    update = {"options": values["options"], "train": train, "search": None, "repeats": 1}
    return run.model_copy(update=update)


def draws(run: "Run") -> Iterator[dict[str, Any]]:
    """Draw the values of each trial of a run's search, no two alike.

    A draw depends on the seed, on the space and on its number, not on how many there are. Where a space has
    no more points than trials, this does not end: `danq.config.search_checks` refuses such a search.
    """
    if run.search is None:
        return
    before = set[str]()
    whole = {key: takes_whole(run, key) for key in run.search.parameters}
    for number in range(1, run.search.trials + 1):
        attempt = 0
        while True:
            drawn = {
                key: drawn_at(parameter, whole[key], uniform(run.search.seed, key, number, attempt))
                for key, parameter in run.search.parameters.items()
            }
            text = json.dumps(drawn)
            if text not in before:
                break
            attempt += 1
        before.add(text)
        yield drawn


def points(run: "Run") -> float:
    """Count the different draws that a run's search can make; infinite where a range is continuous."""
    if run.search is None:
        return 0
    return math.prod(
        points_of(parameter, takes_whole(run, key)) for key, parameter in run.search.parameters.items()
    )


def takes_whole(run: "Run", key: str) -> bool:
    """Whether the key of a parameter takes whole numbers and no others."""
    section, *path = key.split(".")
    return only_whole(sections(run)[section], path)


def sections(run: "Run") -> Mapping[str, type[BaseModel]]:
    """Give what a run's sections hold that a search draws for."""
    return {"options": load_model_module(run.model).Options, "train": TrainOptions}
