"""Sections of the report that compare runs on the same test rows: means, differences, target by target."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from markupsafe import Markup

from danq.evaluate.compare import LIMITS, Group, difference, mean_and_sd, other_rows, resampled, values
from danq.evaluate.intervals import interval
from danq.metrics import AREAS
from danq.report.content import Column, Section, View, between, figure, headed, section, table
from danq.report.forest import Mark, Panel, forest
from danq.report.plots import point_view
from danq.report.results import Results
from danq.report.standing import standing

_TITLES = {"auroc": "AUROC", "auprc": "AUPRC", "accuracy": "accuracy", "macro_f1": "macro F1", "mcc": "MCC"}
_SD = (
    "sample standard deviation of this difference over seeds and folds; where the runs have other seeds, "
    "over folds, or within one fold the root of the sum of both runs' variances"
)
_MOST_PAIRED = 12
"""Runs on the same rows up to which every pair is compared; of more, each with the reference and the best."""


def reference(groups: Sequence[Group]) -> Group:
    """Run that others are compared with: the hardest baseline, or else the first; of those evaluated."""
    ranked = standing("", groups)
    known = [group for group in groups if group.evaluated] or groups
    return ranked.baseline or ranked.composition or known[0]


def _others(groups: Sequence[Group]) -> tuple[Group, list[Group]]:
    """Take the reference apart from the runs that are compared with it."""
    against = reference(groups)
    return against, [group for group in groups if group is not against]


def _pairs(groups: Sequence[Group]) -> Iterator[tuple[Group, Group]]:
    """Every pair of runs, the reference second wherever it takes part."""
    against, others = _others(groups)
    best = next(iter(standing("", groups).ranked), against)
    if len(groups) <= _MOST_PAIRED:
        yield from combinations(others, 2)
    elif best is not against:
        yield from ((best, group) for group in others if group is not best)
    yield from ((group, against) for group in others)


def overview(results: Results) -> Section | None:
    """Every run's metrics as dots, and its difference from the reference, one drawing a metric."""
    parts = [
        headed(name if several else "", *(_drawing(results, groups, metric) for metric in _TITLES))
        for name, groups, several in _comparable(results)
        if len(groups) > 1 or len(groups[0].members) > 1
    ]
    prose = (
        "Dots are runs, bars their 95% intervals over test rows. A run with several seeds or folds has a "
        "small circle for each training, and a bar of one standard deviation on either side of their mean. "
        "Where the interval of a difference does not reach the dashed line, the choice of test rows hardly "
        "explains it."
    )
    apart = [
        f"{results.label(ours)} and {results.label(theirs)}"
        for _, groups, _ in _comparable(results)
        for ours, theirs in _pairs(groups)
        if other_rows(ours, theirs)
    ]
    if apart:
        prose += (
            " Not compared, since they were measured on other rows, or on the same in another order: "
            f"{'; '.join(apart)}."
        )
    return section("overview", "Runs compared", "compared", prose, *parts, printed=True)


def _comparable(results: Results) -> list[tuple[str, list[Group], bool]]:
    """Give the name and runs of each set of comparable runs, and whether there are several sets."""
    comparable = results.comparable()
    return [(name, groups, len(comparable) > 1) for name, groups in comparable.items()]


def _drawing(results: Results, groups: Sequence[Group], metric: str) -> Markup:
    against, title = reference(groups), _TITLES[metric]
    labels = []
    for group in groups:
        known, n = len(group.evaluated), len(group.members)
        name = results.short_label(group, groups)
        labels.append(name if known == n else f"{name} ({known} of {n})")
    mean = f"Mean {title}" if metric in AREAS else title[0].upper() + title[1:]
    scores = Panel(mean, [_score(group, metric) for group in groups])
    marks = [None if group is against else _difference(group, against, metric) for group in groups]
    beside = Panel(f"Difference from {against.name}", marks, zero=True)
    return figure([View(mean, forest(labels, [scores, beside]))]) if any(scores.marks) else Markup()


def _score(group: Group, metric: str) -> Mark | None:
    known = values(group, metric)
    if not known:
        return None
    mean, sd = mean_and_sd(known)
    if sd is not None:
        return Mark(mean, mean - sd, mean + sd, known)
    drawn = resampled(group.evaluated, metric)
    if drawn is None:
        return Mark(mean)
    return Mark(mean, *interval(drawn, mean, LIMITS.get(metric, (0.0, 1.0))).tolist())


def _difference(ours: Group, theirs: Group, metric: str) -> Mark | None:
    compared = difference(ours, theirs, metric)
    if compared is None:
        return None
    single = compared.single.tolist() if len(compared.single) > 1 else ()
    return Mark(compared.mean, compared.low, compared.high, single)


def differences(results: Results) -> Section | None:
    """One row for each pair of runs on the same test rows, paired by target and resample."""
    rows = {
        f"{results.short_label(ours, groups)} − {results.short_label(theirs, groups)}": _row(ours, theirs)
        for _, groups, _ in _comparable(results)
        for ours, theirs in _pairs(groups)
    }
    columns = {
        "trainings": Column("Trainings", "evaluated trainings of the first run and of the second"),
        "folds": Column("Folds", "folds that both were evaluated on, of all"),
    }
    for name, title in _TITLES.items():
        area, first, group = name in AREAS, "first run minus second", f"Δ {title}"
        mean, over = ("Mean", ", mean over targets") if area else ("Value", "")
        better = "targets on which the first run is better, of those scored"
        columns |= {
            f"{name}_better": Column("Higher on", better, group=group),
            f"{name}_mean": Column(mean, first + over, group=group),
            f"{name}_interval": Column("95% interval", "of it, both on the same resamples", group=group),
            f"{name}_sd": Column("SD", _SD, group=group),
            f"{name}_median": Column("Median", f"{first}, median over targets", group=group),
        }
    prose = (
        f"Each pair of runs on the same test rows (of more than {_MOST_PAIRED} runs, each with the reference "
        "and with the best): the first minus the second (Δ). An interval without 0 says that the difference "
        "hardly comes from the choice of test rows; how much other seeds would differ, only repeated runs "
        "tell (SD). Trainings that were not evaluated, and folds that only one run has, are left out."
    )
    pairs = table("Difference", columns, rows)
    return section("differences", "Differences between runs", "compared", prose, pairs)


def _row(ours: Group, theirs: Group) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in _TITLES:
        compared = difference(ours, theirs, name)
        if compared is None:
            continue
        if max(compared.trainings) > 1:
            row["trainings"] = " and ".join(map(str, compared.trainings))
        if compared.folds[1] > 1:
            row["folds"] = "{} of {}".format(*compared.folds)
        row[f"{name}_mean"] = f"{compared.mean:+.4f}"
        row[f"{name}_interval"] = between(compared.low, compared.high, "+")
        row[f"{name}_sd"] = None if np.isnan(compared.sd) else f"{compared.sd:.4f}"
        if len(compared.targets):
            each = (compared.targets["ours"] - compared.targets["theirs"]).to_numpy()
            row[f"{name}_better"] = f"{int((each > 0).sum())} of {len(each)}"
            row[f"{name}_median"] = f"{np.median(each):+.4f}"
    return row


def by_target(results: Results) -> Section | None:
    """One table for runs on the same rows: every target, each run minus the reference."""
    parts = []
    prose = (
        "Each run minus the reference (Δ) on the same test rows, target by target. Of many targets some "
        "differ by chance: single ones are no proof."
    )
    for name, groups, several in _comparable(results):
        against, others = _others(groups)
        shown = _best(others)
        parts.append(headed(name if several else "", _target_table(results, against, shown)))
        prose += _left_out(shown, others)
    return section("by-target", "Target by target", "compared", prose, *parts)


def _best(others: Sequence[Group]) -> list[Group]:
    """Give the runs that are shown one by one: of many the best, in their order."""
    if len(others) <= _MOST_PAIRED:
        return list(others)
    kept = standing("", others).ranked[:_MOST_PAIRED]
    return [group for group in others if any(group is each for each in kept)]


def _left_out(shown: Sequence[Group], others: Sequence[Group]) -> str:
    if len(shown) == len(others):
        return ""
    return f" Of more runs, the {len(shown)} with the highest mean AUPRC are shown."


def _target_table(results: Results, against: Group, shown: Sequence[Group]) -> Markup:
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, Column] = {}
    for number, group in enumerate(shown):
        name = results.short_label(group, [against, *shown])
        for metric in AREAS:
            key, title = f"r{number}_{metric}", _TITLES[metric]
            meaning = f"{title} of {group.name} minus that of {against.name}"
            head = f"{name} − {against.name}"
            columns[key] = Column(f"Δ {title}", meaning, 4, head, signed=True)
            compared = difference(group, against, metric)
            for target, ours, theirs in [] if compared is None else compared.targets.iter_rows():
                rows.setdefault(target, {})[key] = ours - theirs
    return table("Target", columns, rows)


def scatter(results: Results) -> Section | None:
    """AUROC of each target in the reference and in another run, one view a run."""
    views = []
    prose = "Each point is a target; above the dashed line the run is better than the reference."
    for _, groups, _ in _comparable(results):
        against, others = _others(groups)
        prose += _left_out(_best(others), others)
        for group in _best(others):
            compared = difference(group, against, "auroc")
            if compared is None or compared.targets.is_empty():
                continue
            points = [
                (theirs, ours, f"{target}: {theirs:.4f} → {ours:.4f}")
                for target, ours, theirs in compared.targets.iter_rows()
            ]
            axes = (f"AUROC of {against.name}", f"AUROC of {group.name}")
            views.append(point_view(results.label(group), axes, points, equal=True))
    return section("against", "AUROC target by target", "compared", prose, figure(views))
