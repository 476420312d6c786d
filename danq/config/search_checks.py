"""What is wrong with a search, told before any job: keys, values, corners and draws, and what it costs."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from danq.config.reading import describe, filled
from danq.config.search import (
    draws,
    points,
    rungs,
    search_name,
    searches,
    sections,
    takes_whole,
    trial_names,
    with_drawn,
    with_value,
)
from danq.config.space import Parameter, Range, is_section

if TYPE_CHECKING:
    from danq.config import Config, Run

_FIXED = {
    **dict.fromkeys(("seed", "monitor"), "its trials could not be compared"),
    **dict.fromkeys(("init_from",), "all trials start from the same weights"),
    **dict.fromkeys(
        ("require_gpu", "distribute", "workers", "tensorboard", "checkpoint_minutes", "deterministic"),
        "this one does not change what is learnt",
    ),
}
"""Keys of `train` that are not drawn, and why."""
_WEIGHTS = ("positive_weight", "target_weight")
_OF_DNA = ("reverse_complement", "shift")


def search_problems(name: str, run: "Run", kind: str) -> list[str]:
    """Find what is wrong with the search of a run, whose options are complete, on rows of a kind.

    Returns
    -------
    list of str
        One phrase ``key: expected …, received …`` a problem; of what cannot be drawn from nothing is drawn.
    """
    if run.search is None:
        return []
    section = f"runs.{name}.search"
    if run.train.distribute == "multi_worker":
        return [
            f"runs.{name}.train.distribute: expected none or mirrored with a search, each of whose trials is "
            "one process; received multi_worker"
        ]
    problems = [*_keys(section, run, kind)]
    problems += [
        phrase
        for key, parameter in run.search.parameters.items()
        for phrase in _corners(name, run, key, parameter)
    ]
    if problems:
        return problems
    if (most := points(run)) < run.search.trials:
        return [
            f"{section}.trials: expected at most {most:.0f}, for so many different draws there are; "
            f"received {run.search.trials}"
        ]
    return [
        phrase for number, drawn in enumerate(draws(run), 1) for phrase in _draw(section, run, number, drawn)
    ]


def _keys(section: str, run: "Run", kind: str) -> Iterator[str]:
    """Find sections that are none, values given twice, and keys that cannot be drawn."""
    search = run.search
    if search is None:
        return
    for part, model in sections(run).items():
        for key, drawn in getattr(search, part).items():
            if isinstance(drawn, dict) != is_section(model, key) and key in model.model_fields:
                forms = ("a section with keys of its own", "a list of values, or `low` and `high`")
                expected, received = forms if is_section(model, key) else reversed(forms)
                yield f"{section}.{part}.{key}: expected {expected}, received {received}"
    for key, parameter in search.parameters.items():
        values = [json.dumps(value) for value in parameter] if isinstance(parameter, list) else []
        if len(set(values)) < len(values):
            yield f"{section}.{key}: expected each value once, received [{', '.join(values)}]"
        step = None if isinstance(parameter, list) else parameter.step
        if step is not None and step % 1 and takes_whole(run, key):
            yield f"{section}.{key}.step: expected a whole number, as the key takes, received {step:g}"
    for key in search.train:
        if key in _FIXED:
            yield f"{section}.train.{key}: expected another key, for {_FIXED[key]}"
        if key in _WEIGHTS and run.train.monitor == "loss":
            yield (
                f"{section}.train.{key}: expected `train.monitor` auroc or auprc, for losses with other "
                "weights cannot be compared; received loss"
            )
        if key in _OF_DNA and kind != "dna":
            yield f"{section}.train.{key}: expected a key for rows of kind {kind}; this one is for DNA"


def _corners(name: str, run: "Run", key: str, parameter: Parameter) -> Iterator[str]:
    """Find values of a parameter, of a range its ends, that the key does not take."""
    section, *path = key.split(".")
    model = sections(run)[section]
    base = run.options if section == "options" else run.train.model_dump(mode="json")
    phrases = set[str]()
    for corner in _ends(run, key, parameter):
        values = with_value(base, path, corner)
        try:
            filled(model, values)
        except ValidationError as error:
            for phrase in describe(error, model, values, ("runs", name, "search", section)):
                # what several keys say together is a matter of the draws
                if phrase.startswith(f"runs.{name}.search.{key}") and phrase not in phrases:
                    phrases.add(phrase)
                    yield phrase


def _ends(run: "Run", key: str, parameter: Parameter) -> list[Any]:
    if not isinstance(parameter, Range):
        return parameter
    ends = (parameter.low, parameter.high)
    # an end that is not whole is refused as it is
    return [int(end) if takes_whole(run, key) and end.is_integer() else end for end in ends]


def _draw(section: str, run: "Run", number: int, drawn: Mapping[str, Any]) -> Iterator[str]:
    """Find a draw whose values are refused together."""
    shown = ", ".join(f"{key} {value}" for key, value in drawn.items())
    try:
        trial = with_drawn(run, drawn)
        filled(sections(run)["options"], trial.options)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        yield f"{section}: trial {number} ({shown}): {first['msg'].removeprefix('Value error, ')}"


def name_problems(config: "Config") -> Iterator[str]:
    """Find, of plain runs, those whose searches would share a name, and those with the name of a trial."""
    named = searches(config)
    for name, run in config.runs.items():
        if run.search is None:
            continue
        search = search_name(name)
        if run.model_copy(update={"train": named[search].train}) != named[search]:
            yield f"runs.{name}.search: expected a name of its own, but another search is {search!r} as well"
    for trial, search in trial_names(config).items():
        if trial in config.runs:
            yield f"runs.{search}.search: expected a free name for its trial {trial!r}, which is taken"


def cost(config: "Config", search: str) -> str:
    """Say how many trainings a search costs, those of the best trial included."""
    run = searches(config)[search]
    if run.search is None:
        return ""
    ends, left, whole, parts = rungs(run, run.train.epochs), run.search.trials, 0.0, list[str]()
    for number, end in enumerate(ends):
        before = ends[number - 1] if number else 0
        whole += left * (end - before) / ends[-1]
        if number < len(ends) - 1:
            place = f"epoch {end} of {ends[-1]}"
            if "train.epochs" in run.search.parameters:
                place = f"{run.search.rungs[number]:.0%} of their epochs"
            parts.append(f"{left // 2} end after {place}")
            left = -(-left // 2)
    finals = sum(
        each.search is not None and search_name(name) == search for name, each in config.runs.items()
    )
    ended = f" ({', '.join(parts)})" if parts else ""
    times = "once" if finals == 1 else f"{finals} times"
    return (
        f"{run.search.trials} trials{ended}, of which the best is trained again {times}: "
        f"{run.search.trials + finals} trainings, as long as {round(whole + finals, 1):g} whole ones"
    )
