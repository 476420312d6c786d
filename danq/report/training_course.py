"""What the trainings of the runs say of what to change, run by run put together in one finding a kind."""

import re

from danq.errors import first_few
from danq.evaluate.compare import Group
from danq.evaluate.runs import Run
from danq.learn.ending import Kind, Remark, ended, remarks
from danq.learn.options import read_name
from danq.report.findings import Finding, Level
from danq.report.results import Results
from danq.report.standing import Standing, is_network

TITLES: dict[Kind, str] = {
    "diverged": "Training diverged",
    "untrained": "Learnt nothing beyond chance",
    "rising": "Stopped while validation was still rising",
    "overfit": "Training far better than validation",
}
MISSING = {"unfinished": "Training is not finished", "untrained": "Run was not trained"}
_MISSING_MEANS = {
    "unfinished": (
        "a checkpoint, but no model",
        "It was interrupted, or is under way: run the workflow again, and it goes on from its checkpoint.",
    ),
    "untrained": (
        "no model",
        "It is in the configuration, but has no model here: run the workflow again.",
    ),
}
"""Why a run has no model → what is there in its place, and what to do."""
_MEANINGS: dict[Kind, str] = {
    "diverged": "The model is that of the best epoch before; a calmer training may get further.",
    "untrained": "Predictions are no better than a random ranking; nothing can be read from them.",
    "rising": "The model had not learnt what it could: a longer training is likely to be better.",
    "overfit": "In the end the model learnt its training rows by heart; regularisation or more data help.",
}
_LEVELS: dict[Kind, Level] = {"diverged": "amber", "untrained": "red", "rising": "amber", "overfit": "amber"}
_MOST_RUNS = 3


def remarks_of(run: Run) -> list[Remark]:
    """Give what the course of a run's training says."""
    bundle = run.bundle
    rows = [] if run.history is None else list(run.history.iter_rows(named=True))
    return remarks(bundle.train, bundle.training, bundle.best, rows, bundle.data_kind)


def remark_of(group: Group, kind: Kind) -> Remark | None:
    """Give what the first training of a run says of one kind, where one does."""
    return next((remark for run in group.members for remark in remarks_of(run) if remark.kind == kind), None)


def key_of(group: Group, key: str) -> str:
    """Name the keys of a run in full, such as ``runs.danq.train.epochs: 48``."""
    return re.sub(r"\b(?=(train|options)\.)", f"runs.{read_name(group.name).base}.", key)


def trained(group: Group) -> Finding:
    """Say whether the trainings of a run came to their end."""
    found = [(run, remark) for run in group.members for remark in remarks_of(run) if remark.kind != "overfit"]
    if found:
        run, remark = found[0]
        title, level = TITLES[remark.kind], _LEVELS[remark.kind]
        several = f" ({len({run.name for run, _ in found})} of {len(group.members)} trainings)"
        how = "diverged: " if remark.kind == "diverged" else ""
        figure = f"{run.name} {how}{remark.figure}{several if len(group.members) > 1 else ''}"
        return Finding(level, title, figure, _MEANINGS[remark.kind], key_of(group, remark.key))
    run = group.members[0]
    epochs, reason = run.bundle.training.get("epochs"), ended(run.bundle.train, run.bundle.training)
    if reason is None or run.history is None:
        meaning = "It is not trained in epochs, or its history is not there."
        return Finding("none", "No epochs to look at", run.name, meaning)
    how = "all that were asked for" if reason == "epochs" else "when validation had not got better for long"
    figure = (
        f"{run.name}: {epochs} epochs, {how}; the weights are those of epoch {run.bundle.best.get('epoch')}"
    )
    return Finding("green", "Trained to its end", figure, "Validation was not rising any more.")


def course(runs: Standing) -> list[Finding]:
    """One finding a kind, of all networks on a dataset; the run that is judged comes first."""
    groups = [group for group in (*runs.ranked, *runs.unmeasured) if is_network(group)]
    groups.sort(key=lambda group: group is not runs.subject)
    findings = []
    for kind, title in TITLES.items():
        said = [(group, remark) for group in groups if (remark := remark_of(group, kind)) is not None]
        if not said:
            continue
        first, remark = said[0]
        figure = "; ".join(f"{_counted(group, kind)}: {each.figure}" for group, each in said[:_MOST_RUNS])
        if len(said) > _MOST_RUNS:
            figure += f"; and {len(said) - _MOST_RUNS} more runs"
        level = _LEVELS[kind] if first is runs.subject else "amber"
        findings.append(Finding(level, title, figure, _MEANINGS[kind], key_of(first, remark.key)))
    return findings


def _counted(group: Group, kind: Kind) -> str:
    of, n = (
        len(group.members),
        sum(remark.kind == kind for run in group.members for remark in remarks_of(run)),
    )
    return group.name if of == 1 else f"{group.name} ({n} of {of} trainings)"


def missing(results: Results, runs: Standing, first: bool) -> list[Finding]:
    """Say which runs on a dataset have no model; those of no dataset that is known with the `first` one."""
    here = {group.family for group in (*runs.ranked, *runs.unmeasured)}
    others = set(results.families()) - here
    findings = []
    for reason, title in MISSING.items():
        names = [
            run.name
            for run in results.unfinished
            if run.reason == reason and (run.dataset in here or (first and run.dataset not in others))
        ]
        if names:
            there, meaning = _MISSING_MEANS[reason]
            findings.append(Finding("amber", title, f"{there}: {first_few(names)}", meaning))
    return findings
