"""Sections of the report that compare runs on one dataset: means, differences, target by target."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from danq.evaluate.compare import (
    CALLS,
    LIMITS,
    Difference,
    difference,
    mean_and_sd,
    other_rows,
    resampled,
    value,
)
from danq.evaluate.intervals import interval
from danq.evaluate.runs import Group
from danq.metrics import AREAS
from danq.report.content import Column, Section, between, page, table, text
from danq.report.plots import Mark, Panel, forest
from danq.report.results import Results

TITLES = {"auroc": "AUROC", "auprc": "AUPRC", "accuracy": "accuracy", "macro_f1": "macro F1", "mcc": "MCC"}
_MEAN = {
    metric: f"Mean {title}" if metric in AREAS else title[0].upper() + title[1:]
    for metric, title in TITLES.items()
}
_SD = (
    "sample standard deviation of this difference over seeds and folds; where the runs have other seeds, "
    "over folds, or within one fold the root of the sum of both runs' variances"
)
MOST_PAIRED = 12
"""Runs on one dataset up to which every pair is compared; of more, each with the reference and the best."""


def pairs(groups: list[Group]) -> Iterator[tuple[Group, Group]]:
    """Every pair of runs on one dataset, the reference second wherever it takes part."""
    against, first = reference(groups), best(groups)
    others = [group for group in groups if group is not against]
    if len(groups) <= MOST_PAIRED:
        yield from combinations(others, 2)
    elif first is not against:
        yield from ((first, group) for group in others if group is not first)
    yield from ((group, against) for group in others)


def reference(groups: list[Group]) -> Group:
    """Run that others are compared with: the baseline, or else the first; of those that were evaluated."""
    known = [group for group in groups if group.evaluated] or groups
    return next((group for group in known if group.members[0].is_baseline), known[0])


def best(groups: list[Group]) -> Group:
    """Run with the highest mean AUROC; the reference where there is none."""
    return max(groups, key=mean_auroc) if any(group.evaluated for group in groups) else reference(groups)


def mean_auroc(group: Group) -> float:
    """Mean over trainings of the mean AUROC, -1 where there is none."""
    known = [found for run in group.evaluated if (found := value(run, "auroc")) is not None]
    return mean_and_sd(known)[0] if known else -1.0


def differences(results: Results) -> Section | None:
    """One row for each pair of runs on one dataset, paired by target and resample."""
    compared = {
        f"{results.label(ours)} − {theirs.name}": (ours, theirs)
        for groups in results.families().values()
        for ours, theirs in pairs(groups)
    }
    rows = {name: _row(*pair) for name, pair in compared.items()}
    columns = {
        "trainings": Column("Trainings", "evaluated trainings of the first run and of the second"),
        "folds": Column("Folds", "folds that both were evaluated on, of all"),
    }
    for name, title in TITLES.items():
        if name in AREAS:
            told = "targets on which the first run is better, of those scored"
            columns[f"{name}_better"] = Column(f"{title} higher", told)
        told = "first run minus second" + (", mean over targets" if name in AREAS else "")
        columns |= {
            f"{name}_mean": Column(f"{'Mean ' if name in AREAS else ''}Δ {title}", told),
            f"{name}_interval": Column("95% interval", "of this difference, both on the same resamples"),
            f"{name}_sd": Column("SD", _SD),
        }
        if name in AREAS:
            told = "first run minus second, median over targets"
            columns[f"{name}_median"] = Column(f"Median Δ {title}", told)
    description = (
        f"Each pair of runs on the same test rows (of more than {MOST_PAIRED} runs, each with the reference "
        "and with the best): the first minus the second (Δ). An interval without 0 "
        "says that the difference hardly comes from the choice of test rows: it is a bootstrap over 100-kb "
        "blocks of the genome (over rows for sequences without coordinates, texts and images) with the same "
        "blocks for both. How much other seeds would differ, only repeated runs tell (SD). "
        "Trainings that were not evaluated, and folds that only one run has, are left out."
    )
    return table("danq_comparison", "Differences between runs", description, "Difference", columns, rows)


def _row(ours: Group, theirs: Group) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in (*AREAS, *CALLS):
        found = difference(ours, theirs, name)
        if found is None:
            continue
        if max(found.trainings) > 1:
            row["trainings"] = " and ".join(map(str, found.trainings))
        if found.folds[1] > 1:
            row["folds"] = "{} of {}".format(*found.folds)
        row[f"{name}_mean"] = f"{found.mean:+.4f}"
        row[f"{name}_interval"] = None if np.isnan(found.low) else between(found.low, found.high, "+")
        row[f"{name}_sd"] = None if np.isnan(found.sd) else f"{found.sd:.4f}"
        if len(found.targets):
            each = (found.targets["ours"] - found.targets["theirs"]).to_numpy()
            row[f"{name}_better"] = f"{int((each > 0).sum())} of {len(each)}"
            row[f"{name}_median"] = f"{np.median(each):+.4f}"
    return row


def overview(results: Results) -> Section | None:
    """Every run's metrics as dots, and its difference from the reference, one drawing a metric."""
    body = ""
    families = results.families()
    for name, groups in families.items():
        drawings = "".join(_drawing(groups, metric) for metric in TITLES)
        if drawings and (len(groups) > 1 or len(groups[0].members) > 1):
            body += (f"<h4>{text(name)}</h4>" if len(families) > 1 else "") + drawings
    description = (
        "Dots are runs. A run that was trained once has its 95% interval over test rows; one with several "
        "seeds or folds has a small circle for each training, and a bar of one standard deviation on either "
        "side of their mean. Differences have the interval of the table below: where it does not reach the "
        "dashed line, the choice of test rows hardly explains the difference."
    )
    apart = [
        f"{results.label(ours)} and {theirs.name}"
        for groups in families.values()
        for ours, theirs in pairs(groups)
        if other_rows(ours, theirs)
    ]
    if apart:
        description += (
            " Not compared, since they were measured on other rows, or on the same in another order: "
            f"{text('; '.join(apart))}."
        )
    return page("danq_overview", "Runs compared", description, body)


def _drawing(groups: list[Group], metric: str) -> str:
    against = reference(groups)
    scores = Panel(_MEAN[metric], [_score(group, metric) for group in groups])
    marks = [
        None if group is against else _difference(difference(group, against, metric)) for group in groups
    ]
    title = f"Difference from {against.name}"
    labels = [
        group.name
        if len(group.evaluated) == len(group.members)
        else f"{group.name} ({len(group.evaluated)} of {len(group.members)})"
        for group in groups
    ]
    return forest(labels, [scores, Panel(title, marks, zero=True)])


def _score(group: Group, metric: str) -> Mark | None:
    known = [found for run in group.members if (found := value(run, metric)) is not None]
    if not known:
        return None
    mean, sd = mean_and_sd(known)
    if sd is not None:
        return Mark(mean, mean - sd, mean + sd, known)
    drawn = resampled(group.evaluated, metric)
    if drawn is None:
        return Mark(mean)
    return Mark(mean, *interval(drawn, mean, LIMITS.get(metric, (0.0, 1.0))).tolist())


def _difference(found: Difference | None) -> Mark | None:
    if found is None:
        return None
    single = found.single.tolist()
    return Mark(found.mean, found.low, found.high, single if len(single) > 1 else ())
