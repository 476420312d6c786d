"""Sections of the report that compare runs with the reference target by target."""

from typing import Any

import numpy as np

from danq.drawing import shortened
from danq.evaluate.compare import difference
from danq.evaluate.runs import Group
from danq.metrics import AREAS
from danq.report.content import LONGEST_HEAD, SEARCH, Column, Section, table, text
from danq.report.plots import GREY, LONGEST_BUTTON, scatter_plot
from danq.report.results import Results
from danq.report.sections.compare import MOST_PAIRED, TITLES, mean_auroc, reference

_TITLES = {metric: TITLES[metric] for metric in AREAS}


def target_tables(results: Results) -> list[Section | None]:
    """One searchable table a dataset: every target, each run minus the reference."""
    families = results.families()
    return [
        _table(groups, f"danq_by_target_{number}", f" of {name}" if len(families) > 1 else "")
        for number, (name, groups) in enumerate(families.items())
    ]


def _table(groups: list[Group], id_: str, of: str) -> Section | None:
    against = reference(groups)
    shown = _shown([group for group in groups if group is not against])
    rows: dict[str, dict[str, Any]] = {}
    columns: dict[str, Column] = {}
    for number, group in enumerate(shown):
        for metric, title in _TITLES.items():
            key = f"r{number}_{metric}"
            meaning = f"{title} of {group.name} minus that of {against.name}"
            columns[key] = Column(
                f"{shortened(group.name, LONGEST_HEAD)}: Δ {title}", meaning, 4, signed=True
            )
            compared = difference(group, against, metric)
            for target, ours, theirs in [] if compared is None else compared.targets.iter_rows():
                rows.setdefault(target, {})[key] = ours - theirs
    description = (
        f"{SEARCH}Each run minus {text(against.name)} (Δ) on the same test rows, target by target. Of many "
        "targets some differ by chance: single ones are no proof. A click on the head of a column sorts."
    )
    if len(shown) + 1 < len(groups):
        description += f" Of more runs, the {len(shown)} with the highest mean AUROC are shown."
    return table(id_, f"Target by target{of}", description, "Target", columns, rows)


def _shown(others: list[Group]) -> list[Group]:
    """Choose the runs to show: the best, where they are many, in their order."""
    kept = sorted(others, key=mean_auroc, reverse=True)[:MOST_PAIRED]
    return [group for group in others if any(group is each for each in kept)]


def scatter(results: Results) -> Section | None:
    """AUROC of each target in the reference and in another run, one view a run."""
    views: dict[str, dict[str, dict[str, Any]]] = {}
    axes: list[tuple[str, str]] = []
    for groups in results.families().values():
        against = reference(groups)
        for group in groups:
            compared = None if group is against else difference(group, against, "auroc")
            if compared is None or compared.targets.is_empty():
                continue
            views[results.label(group)] = {
                text(row["target"]): {"x": round(row["theirs"], 4), "y": round(row["ours"], 4)}
                for row in compared.targets.iter_rows(named=True)
            }
            ours, theirs = (shortened(run.name, LONGEST_BUTTON) for run in (group, against))
            axes.append((f"AUROC of {theirs}", f"AUROC of {ours}"))
    if not views:
        return None
    lowest = min(value for view in views.values() for point in view.values() for value in point.values())
    return scatter_plot(
        "danq_against",
        "AUROC target by target",
        "Each point is a target; above the dotted line the run is better than the reference.",
        views,
        axes,
        {
            "square": True,
            "height": 600,
            "marker_size": 7,
            **_equality(np.floor(lowest * 20) / 20, len(views)),
        },
    )


def _equality(low: float, views: int) -> dict[str, Any]:
    """Axes from `low` to 1, and a dotted line where both runs are equal."""
    dots = [
        {"x": x, "y": x, "name": "equal", "color": GREY, "marker_size": 3, "annotate": False}
        for x in np.linspace(low, 1, 121).round(4).tolist()
    ]
    return {"xmin": low, "xmax": 1, "ymin": low, "ymax": 1, "extra_series": [dots for _ in range(views)]}
