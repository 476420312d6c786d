"""What a configuration means without saying so: runs of base composition, repeats and folds as plain runs."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from danq.learn.manifest import ENSEMBLE
from danq.learn.options import EnsembleOptions, PredictOptions, Repeat, TrainOptions, named
from danq.models import MODELS
from danq.views.options import as_view

if TYPE_CHECKING:
    from danq.config import Callset, Config, Run
    from danq.data.options import DatasetOptions


COMPOSITION = "composition"
"""Model of the runs that are added."""


def with_composition(config: "Config") -> "Config":
    """Add a run of base composition to each DNA dataset that has runs, but none of that model.

    It is called ``composition``, or ``composition_<dataset>`` where there are several; a dataset's key
    `composition` leaves it out, as do labels of sub-bins, which it cannot learn. Where its name is taken it
    is not added, which `expansion_problems` finds.
    """
    runs = dict(config.runs)
    for name, dataset in _composition_runs(config).items():
        if name not in runs:
            run = type(next(iter(config.runs.values())))
            # its counts are of both strands already
            predict = PredictOptions(reverse_complement="none")
            runs[name] = run(model=COMPOSITION, dataset=dataset, predict=predict)
    return config.model_copy(update={"runs": runs})


def _composition_runs(config: "Config") -> dict[str, str]:
    """Name of each run to add → its dataset."""
    used = {run.dataset for run in config.runs.values()}
    of_dna = [name for name, data in config.datasets.items() if data.kind == "dna" and name in used]
    having = {run.dataset for run in config.runs.values() if run.model == COMPOSITION}
    return {
        COMPOSITION if len(of_dna) == 1 else f"{COMPOSITION}_{name}": name
        for name in of_dna
        if name not in having and config.datasets[name].composition and config.datasets[name].steps is None
    }


def expanded(config: "Config") -> "Config":
    """Replace what is to be repeated by its repeats; a configuration without any comes back as it is.

    Run ``r`` with three seeds becomes ``r.seed1337`` to ``r.seed1339``; dataset ``d`` in folds ``d.fold1``
    and so on, and each run on it ``r.fold1`` and so on, or ``r.fold1.seed1337``. All of them score the
    callsets that name ``r``.
    """
    datasets: dict[str, DatasetOptions] = {}
    for name, options in config.datasets.items():
        for each in _folds(config, name):
            split = options.split and options.split.model_copy(update={"fold": each.fold})
            datasets[each.name] = options.model_copy(update={"split": split}) if each.fold else options
    runs: dict[str, Run] = {}
    for name, run in config.runs.items():
        for each in _repeats(config, name):
            seed = run.train.seed if each.seed is None else each.seed
            changes = {
                "dataset": Repeat(run.dataset, each.fold).name,
                "repeats": 1,
                "train": run.train.model_copy(update={"seed": seed}),
            }
            if run.model == ENSEMBLE:
                members = [_members(config, entry, each.fold) for entry in run.options["members"]]
                changes["options"] = run.options | {"members": members}
            runs[each.name] = run.model_copy(update=changes)
    callsets: dict[str, Callset] = {}
    for name, callset in config.callsets.items():
        names = [each.name for run in callset.runs for each in _repeats(config, run)]
        callsets[name] = callset.model_copy(update={"runs": names})
    views = []
    for view in map(as_view, config.views):
        names = [each.name for run in view.runs for each in _repeats(config, run)]
        views.append(view.model_copy(update={"runs": names}))
    changes = {"datasets": datasets, "runs": runs, "callsets": callsets, "views": views}
    return config.model_copy(update=changes)


def expansion_problems(config: "Config") -> Iterator[str]:
    """Find names that are taken by others, and runs that start from a run with repeats.

    The configuration is as `with_composition` gives it.
    """
    for name, dataset in _composition_runs(config).items():
        yield (
            f"runs.{name}: expected another name, for this is that of the run of base composition on dataset "
            f"'{dataset}' (left out by datasets.{dataset}.composition: false)"
        )
    for section, names, repeats in (
        ("datasets", config.datasets, _folds),
        ("runs", config.runs, _repeats),
    ):
        made = [(name, each.name) for name in names for each in repeats(config, name)]
        times = Counter(each for _, each in made)
        for name, each in made:
            if times[each] > 1 and name != each:
                yield f"{section}.{name}: expected a free name for its repeat '{each}', which is taken"
    for name, run in config.runs.items():
        start = run.train.init_from
        number = len(_repeats(config, start)) if start in config.runs else 1
        if number > 1:
            yield (
                f"runs.{name}.train.init_from: expected a run that is trained once, received '{start}', "
                f"which is trained {number} times (seeds or folds)"
            )


def ensemble_problems(config: "Config", name: str) -> Iterator[str]:
    """Find what an ensemble cannot be the mean of, and what it has no use for."""
    run, seen = config.runs[name], set[str]()
    if run.repeats > 1:
        yield f"runs.{name}.repeats: expected 1 for an ensemble of runs, received {run.repeats}"
    for key, unset in (("search", run.search is None), ("train", run.train == TrainOptions())):
        if not unset:
            yield f"runs.{name}.{key}: expected nothing, for an ensemble is not trained; received some"
    for place, entry in enumerate(EnsembleOptions(**run.options).members):
        for member in named(entry):
            key = f"runs.{name}.options.members.{place}"
            other = config.runs.get(member)
            if other is None or other.model == ENSEMBLE:
                models = ", ".join(each for each in config.runs if config.runs[each].model != ENSEMBLE)
                yield f"{key}: expected a run with a model of its own ({models}), received '{member}'"
            elif other.dataset != run.dataset:
                expected = f"expected a run on dataset '{run.dataset}'"
                yield f"{key}: {expected}, received '{member}' on '{other.dataset}'"
            elif member in seen:
                yield f"{key}: expected each run once, received '{member}' again"
            seen.add(member)


def members_of(config: "Config", run: str) -> list[str]:
    """List the runs that an ensemble is the mean of; none of another run."""
    options = config.runs[run].options
    if config.runs[run].model != ENSEMBLE:
        return []
    return [member for entry in EnsembleOptions(**options).members for member in named(entry)]


def computed_by_numpy(config: "Config", run: str) -> bool:
    """Whether no GPU computes a run: a linear model, or a mean of linear ones."""
    models = [config.runs[member].model for member in members_of(config, run) or [run]]
    return all(hasattr(MODELS.get(model), "logits") for model in models)


def _members(config: "Config", entry: str | list[str], fold: int | None) -> str | list[str]:
    """Members of an ensemble for an entry: a run with its repeats is a list of them, which weighs as one."""
    names = [each.name for name in named(entry) for each in _repeats(config, name) if each.fold == fold]
    return names[0] if len(names) == 1 else names


def _folds(config: "Config", name: str) -> list[Repeat]:
    split = config.datasets[name].split
    if split is None or split.folds is None or split.fold is not None:
        return [Repeat(name)]
    return [Repeat(name, fold) for fold in range(1, split.folds + 1)]


def _repeats(config: "Config", name: str) -> list[Repeat]:
    run = config.runs[name]
    # an unknown dataset is refused elsewhere
    folds = [each.fold for each in _folds(config, run.dataset)] if run.dataset in config.datasets else [None]
    first = run.train.seed
    seeds = [None] if run.repeats == 1 else list(range(first, first + run.repeats))
    return [Repeat(name, fold, seed) for fold in folds for seed in seeds]
