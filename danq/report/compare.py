"""Sections of the report that compare runs on one dataset: means, differences, target by target."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from danq.drawing import shortened
from danq.evaluate.compare import LIMITS, Group, difference, mean_and_sd, other_rows, resampled, value
from danq.evaluate.intervals import interval
from danq.metrics import AREAS
from danq.report.content import LONGEST_HEAD, SEARCH, Column, Section, between, page, table, text
from danq.report.plots import GREY, LONGEST_BUTTON, Mark, Panel, forest, scatter_plot
from danq.report.results import Results

_TITLES = {"auroc": "AUROC", "auprc": "AUPRC", "accuracy": "accuracy", "macro_f1": "macro F1", "mcc": "MCC"}
_SD = (
    "sample standard deviation of this difference over seeds and folds; where the runs have other seeds, "
    "over folds, or within one fold the root of the sum of both runs' variances"
)
_MOST_PAIRED = 12
"""Runs on one dataset up to which every pair is compared; of more, each with the reference and the best."""


def reference(groups: Sequence[Group]) -> Group:
    """Run that others are compared with: the baseline, or else the first; of those that were evaluated."""
    known = [group for group in groups if group.evaluated] or groups
    return next((group for group in known if group.members[0].is_baseline), known[0])


def mean_auroc(group: Group) -> float:
    """Mean over trainings of the mean AUROC, -1 where there is none."""
    known = [area for run in group.evaluated if (area := value(run, "auroc")) is not None]
    return mean_and_sd(known)[0] if known else -1.0


def _others(groups: Sequence[Group]) -> tuple[Group, list[Group]]:
    """Take the reference apart from the runs that are compared with it."""
    against = reference(groups)
    return against, [group for group in groups if group is not against]


def _pairs(groups: Sequence[Group]) -> Iterator[tuple[Group, Group]]:
    """Every pair of runs on one dataset, the reference second wherever it takes part."""
    against, others = _others(groups)
    best = max(groups, key=mean_auroc) if any(group.evaluated for group in groups) else against
    if len(groups) <= _MOST_PAIRED:
        yield from combinations(others, 2)
    elif best is not against:
        yield from ((best, group) for group in others if group is not best)
    yield from ((group, against) for group in others)


def overview(results: Results) -> Section | None:
    """Every run's metrics as dots, and its difference from the reference, one drawing a metric."""
    body = ""
    families = results.families()
    for name, groups in families.items():
        drawings = "".join(_drawing(groups, metric) for metric in _TITLES)
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
        for ours, theirs in _pairs(groups)
        if other_rows(ours, theirs)
    ]
    if apart:
        description += (
            " Not compared, since they were measured on other rows, or on the same in another order: "
            f"{text('; '.join(apart))}."
        )
    return page("danq_overview", "Runs compared", description, body)


def _drawing(groups: Sequence[Group], metric: str) -> str:
    against, title = reference(groups), _TITLES[metric]
    labels = []
    for group in groups:
        known, n = len(group.evaluated), len(group.members)
        labels.append(group.name if known == n else f"{group.name} ({known} of {n})")
    mean = f"Mean {title}" if metric in AREAS else title[0].upper() + title[1:]
    scores = Panel(mean, [_score(group, metric) for group in groups])
    marks = [None if group is against else _difference(group, against, metric) for group in groups]
    return forest(labels, [scores, Panel(f"Difference from {against.name}", marks, zero=True)])


def _score(group: Group, metric: str) -> Mark | None:
    known = [number for run in group.members if (number := value(run, metric)) is not None]
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
    single = compared.single.tolist()
    return Mark(compared.mean, compared.low, compared.high, single if len(single) > 1 else ())


def differences(results: Results) -> Section | None:
    """One row for each pair of runs on one dataset, paired by target and resample."""
    rows = {
        f"{results.label(ours)} − {theirs.name}": _row(ours, theirs)
        for groups in results.families().values()
        for ours, theirs in _pairs(groups)
    }
    columns = {
        "trainings": Column("Trainings", "evaluated trainings of the first run and of the second"),
        "folds": Column("Folds", "folds that both were evaluated on, of all"),
    }
    for name, title in _TITLES.items():
        area, first = name in AREAS, "first run minus second"
        mean, over = (f"Mean Δ {title}", ", mean over targets") if area else (f"Δ {title}", "")
        better = "targets on which the first run is better, of those scored"
        columns |= {
            f"{name}_better": Column(f"{title} higher", better),
            f"{name}_mean": Column(mean, first + over),
            f"{name}_interval": Column("95% interval", "of this difference, both on the same resamples"),
            f"{name}_sd": Column("SD", _SD),
            f"{name}_median": Column(f"Median Δ {title}", f"{first}, median over targets"),
        }
    description = (
        f"Each pair of runs on the same test rows (of more than {_MOST_PAIRED} runs, each with the reference "
        "and with the best): the first minus the second (Δ). An interval without 0 "
        "says that the difference hardly comes from the choice of test rows: it is a bootstrap over 100-kb "
        "blocks of the genome (over rows for sequences without coordinates, texts and images) with the same "
        "blocks for both. How much other seeds would differ, only repeated runs tell (SD). "
        "Trainings that were not evaluated, and folds that only one run has, are left out."
    )
    return table("danq_comparison", "Differences between runs", description, "Difference", columns, rows)


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


def by_target(results: Results) -> list[Section | None]:
    """One searchable table a dataset: every target, each run minus the reference."""
    families = results.families()
    return [
        _target_table(groups, f"danq_by_target_{number}", f" of {name}" if len(families) > 1 else "")
        for number, (name, groups) in enumerate(families.items())
    ]


def _target_table(groups: Sequence[Group], id_: str, suffix: str) -> Section | None:
    against, others = _others(groups)
    # of many runs the best, in their order
    kept = sorted(others, key=mean_auroc, reverse=True)[:_MOST_PAIRED]
    shown = [group for group in others if any(group is each for each in kept)]
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, Column] = {}
    for number, group in enumerate(shown):
        for metric in AREAS:
            key, title = f"r{number}_{metric}", _TITLES[metric]
            head = f"{shortened(group.name, LONGEST_HEAD)}: Δ {title}"
            meaning = f"{title} of {group.name} minus that of {against.name}"
            columns[key] = Column(head, meaning, 4, signed=True)
            compared = difference(group, against, metric)
            for target, ours, theirs in [] if compared is None else compared.targets.iter_rows():
                rows.setdefault(target, {})[key] = ours - theirs
    description = (
        f"{SEARCH}Each run minus {text(against.name)} (Δ) on the same test rows, target by target. Of many "
        "targets some differ by chance: single ones are no proof. A click on the head of a column sorts."
    )
    if len(shown) < len(others):
        description += f" Of more runs, the {len(shown)} with the highest mean AUROC are shown."
    return table(id_, f"Target by target{suffix}", description, "Target", columns, rows)


def scatter(results: Results) -> Section | None:
    """AUROC of each target in the reference and in another run, one view a run."""
    views: dict[str, dict[str, dict[str, float]]] = {}
    axes: list[tuple[str, str]] = []
    for groups in results.families().values():
        against, others = _others(groups)
        for group in others:
            compared = difference(group, against, "auroc")
            if compared is None or compared.targets.is_empty():
                continue
            views[results.label(group)] = {
                text(target): {"x": round(theirs, 4), "y": round(ours, 4)}
                for target, ours, theirs in compared.targets.iter_rows()
            }
            names = [shortened(each.name, LONGEST_BUTTON) for each in (against, group)]
            axes.append((f"AUROC of {names[0]}", f"AUROC of {names[1]}"))
    if not views:
        return None
    lowest = min(area for view in views.values() for point in view.values() for area in point.values())
    low = float(np.floor(lowest * 20) / 20)
    equal = [
        {"x": x, "y": x, "name": "equal", "color": GREY, "marker_size": 3, "annotate": False}
        for x in np.linspace(low, 1, 121).round(4).tolist()
    ]
    settings = {"square": True, "height": 600, "marker_size": 7, "extra_series": [equal] * len(views)}
    settings |= {"xmin": low, "xmax": 1, "ymin": low, "ymax": 1}
    description = "Each point is a target; above the dotted line the run is better than the reference."
    return scatter_plot("danq_against", "AUROC target by target", description, views, axes, settings)
