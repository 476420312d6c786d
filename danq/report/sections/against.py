"""Sections of the report that compare runs with the reference target by target."""

from typing import Any

import numpy as np
import polars as pl

from danq.evaluate.differences import difference
from danq.evaluate.per_target import AREAS
from danq.evaluate.runs import Group
from danq.evaluate.target_differences import target_differences
from danq.report.content import SEARCH, Column, Section, between, listing, table, text
from danq.report.lettering import BUTTON_PX, NAME_PX, cut
from danq.report.plots import GREY, PALETTE
from danq.report.results import Results
from danq.report.sections.compare import MOST_PAIRED, TITLES, mean_auroc, reference

_AXIS_PX = 360
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
    sure: list[list[object]] = []
    for number, group in enumerate(shown):
        counts: list[object] = []
        for metric, title in _TITLES.items():
            key = f"r{number}_{metric}"
            told = f"{title} of {group.name} minus that of {against.name}"
            columns[key] = Column(f"{cut(group.name, NAME_PX)}: Δ {title}", told, 4, signed=True)
            columns[f"{key}_between"] = Column("95% interval", f"{told}, both on the same resamples")
            found = target_differences(group, against, metric)
            for target, value, low, high in found.iter_rows():
                into = rows.setdefault(target, {})
                into[key] = value
                into[f"{key}_between"] = None if np.isnan(low) else between(low, high, "+")
            counts += _sure(found)
        sure += [[group.name, *counts]] if len(counts) == 2 else []
    description = _description(against, len(shown) if len(shown) + 1 < len(groups) else 0, sure)
    return table(id_, f"Target by target{of}", description, "Target", columns, rows)


def _description(against: Group, chosen: int, sure: list[list[object]]) -> str:
    description = (
        f"{SEARCH}Each run minus {text(against.name)} (Δ) on the same test rows, target by target; the "
        "intervals are of these differences, by bootstrap over the same blocks for both. A click on the head "
        "of a column sorts."
    )
    if chosen:
        description += f" Of more runs, the {chosen} with the highest mean AUROC are shown."
    if sure:
        heads = ["Intervals without 0", *(f"{title}, higher and lower" for title in _TITLES.values())]
        description += listing(heads, sure) + (
            "Of equal runs, about 5 in 100 intervals would miss 0 by chance, so that of many targets some "
            "do: single ones are no proof."
        )
    return description


def _shown(others: list[Group]) -> list[Group]:
    """Choose the runs to show: the best, where they are many, in their order."""
    kept = sorted(others, key=mean_auroc, reverse=True)[:MOST_PAIRED]
    return [group for group in others if any(group is each for each in kept)]


def _sure(found: pl.DataFrame) -> list[str]:
    """Count the targets whose interval lies above 0 and below; nothing without intervals."""
    known = found.filter(pl.col("low").is_not_nan())
    if known.is_empty():
        return []
    higher, lower = int((known["low"] > 0).sum()), int((known["high"] < 0).sum())
    return [f"{higher:,} and {lower:,} of {len(known):,}"]


def scatter(results: Results) -> Section | None:
    """AUROC of each target in the reference and in another run, one view a run."""
    views: dict[str, dict[str, dict[str, Any]]] = {}
    labels = []
    for groups in results.families().values():
        against = reference(groups)
        for group in groups:
            found = None if group is against else difference(group, against, "auroc")
            if found is None or found.targets.is_empty():
                continue
            name = cut(results.label(group), BUTTON_PX)
            views[results.label(group)] = {
                text(row["target"]): {"x": round(row["theirs"], 4), "y": round(row["ours"], 4)}
                for row in found.targets.iter_rows(named=True)
            }
            axes = {
                "xlab": f"AUROC of {text(cut(against.name, _AXIS_PX))}",
                "ylab": f"AUROC of {text(cut(group.name, _AXIS_PX))}",
            }
            labels.append({"name": text(name), **axes})
    if not views:
        return None
    lowest = min(value for view in views.values() for point in view.values() for value in point.values())
    config = {
        "section_name": "AUROC target by target",
        "description": "Each point is a target; above the dotted line the run is better than the reference.",
        "plot_type": "scatter",
        "pconfig": {
            "id": "danq_against_plot",
            "title": "AUROC of each target",
            "xlab": labels[0]["xlab"],
            "ylab": labels[0]["ylab"],
            "square": True,
            "height": 600,
            "marker_size": 7,
            "color": PALETTE[0],
            "showlegend": False,
            "series_label": False,
            "save_data_file": False,
            "data_labels": labels,
            **_equality(float(np.floor(lowest * 20) / 20), len(views)),
        },
    }
    return Section("danq_against", config, list(views.values()))


def _equality(low: float, views: int) -> dict[str, Any]:
    """Axes from `low` to 1, and a dotted line where both runs are equal."""
    dots = [
        {"x": x, "y": x, "name": "equal", "color": GREY, "marker_size": 3, "annotate": False}
        for x in np.linspace(low, 1, 121).round(4).tolist()
    ]
    return {"xmin": low, "xmax": 1, "ymin": low, "ymax": 1, "extra_series": [dots for _ in range(views)]}
