"""Line and bar plots of the report in the form MultiQC reads as custom content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from danq.report.content import Section, text
from danq.report.lettering import BUTTON_PX, cut

MOST_LINES = 24
"""Largest number of targets drawn in one plot; of more, a choice evenly spread from best to worst."""
GREY = "#9a9a9a"
PALETTE = ("#1f6fb4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#56b4e9")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Tab:
    """One view of a line plot: its name, its lines, and what differs from the other views.

    Attributes
    ----------
    name : str
        On the button that shows it.
    lines : mapping of str to points
        (x, y) by name of the line; x must not decrease.
    dashed : tuple of str
        Lines that are drawn dashed.
    ylab : str
        Label of the y axis, where it differs.
    groups : tuple of int
        Number of the colour of each line; each has its own where left out.
    """

    name: str
    lines: Mapping[str, Points]
    dashed: tuple[str, ...] = ()
    ylab: str = ""
    groups: tuple[int, ...] = ()


def line_plot(
    id_: str,
    title: str,
    description: str,
    axes: tuple[str, str],
    tabs: Sequence[Tab],
    diagonal: str = "",
    unit_square: bool = False,
    whole_steps: bool = False,
    logarithmic: bool = False,
) -> Section | None:
    """Make a line plot with a button a tab; None if no tab has a line.

    Parameters
    ----------
    axes : (str, str)
        Labels of x and y.
    diagonal : str
        Name of the line from (0, 0) to (1, 1), or an empty string for none.
    unit_square : bool
        Both axes go from 0 to 1.
    whole_steps : bool
        x are whole numbers such as epochs, and ticks stand at those only.
    logarithmic : bool
        The y axis is logarithmic.
    """
    tabs = [_short(tab) for tab in tabs if any(len(points) for points in tab.lines.values())]
    if not tabs:
        return None
    pconfig: dict[str, Any] = {
        "id": f"{id_}_plot",
        "title": text(title),
        "xlab": axes[0],
        "categories": whole_steps,
        "ylog": logarithmic,
    }
    pconfig |= _common(axes[1], tabs) | {"style": "lines" if unit_square else "lines+markers"}
    if unit_square:
        pconfig |= {"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 1}
    if diagonal:
        line = {"name": diagonal, "pairs": [[0, 0], [1, 1]], "dash": "dash", "color": GREY}
        pconfig["extra_series"] = [[line] for _ in tabs]
    config = {
        "section_name": text(title),
        "description": description,
        "plot_type": "linegraph",
        "pconfig": pconfig,
    }
    laid_out = _whole if whole_steps else _rising
    data = [
        {text(name): laid_out(points) for name, points in tab.lines.items() if len(points)} for tab in tabs
    ]
    return Section(id_, config, data)


def _short(tab: Tab) -> Tab:
    """Cut the names of lines for the legend, unless that makes them equal."""
    names = {name: cut(name, BUTTON_PX) for name in tab.lines}
    if len(set(names.values())) < len(names):
        return tab
    lines = {names[name]: points for name, points in tab.lines.items()}
    return replace(tab, lines=lines, dashed=tuple(names[name] for name in tab.dashed))


def _common(ylab: str, tabs: Sequence[Tab]) -> dict[str, Any]:
    return {
        "ylab": ylab,
        "smooth_points": None,
        "showlegend": True,
        "height": 560,
        "save_data_file": False,
        "series_label": False,
        "data_labels": [_label(tab, ylab) for tab in tabs],
        "colors": _colours(tabs[0]),
        "dash_styles": {text(name): "dash" for name in tabs[0].dashed},
    }


def _label(tab: Tab, ylab: str) -> dict[str, Any]:
    return {
        "name": text(cut(tab.name, BUTTON_PX)),
        "ylab": tab.ylab or ylab,
        "colors": _colours(tab),
        "dash_styles": {text(name): "dash" for name in tab.dashed},
    }


def _colours(tab: Tab) -> dict[str, str]:
    groups = tab.groups or tuple(range(len(tab.lines)))
    return {text(name): PALETTE[group % len(PALETTE)] for name, group in zip(tab.lines, groups, strict=True)}


def _whole(points: Points) -> list[list[float]]:
    return [[int(x), y] for x, y in points]


def _rising(points: Points) -> list[list[float]]:
    """Move points of equal x apart by less than is seen: the plot keeps one y an x."""
    rising: list[list[float]] = []
    for x, y in points:
        moved = max(x, rising[-1][0] + 1e-6) if rising else x
        rising.append([round(moved, 6), round(y, 5)])
    # steps at the very end must not leave the axis
    for index in range(len(rising) - 1, -1, -1):
        highest = 1.0 if index == len(rising) - 1 else rising[index + 1][0] - 1e-6
        if points[-1][0] <= 1 and rising[index][0] > highest:
            rising[index][0] = round(highest, 6)
    return rising


Bars = Mapping[str, Mapping[str, float]]


def bars(id_: str, title: str, description: str, views: Mapping[str, tuple[str, Bars]]) -> Section | None:
    """Make a bar plot of groups of bars; None if there is nothing to show.

    Parameters
    ----------
    views : mapping of str to (str, mapping)
        By the name of a tab: the label of its axis, and group → category → value.
    """
    filled = {name: (ylab, groups) for name, (ylab, groups) in views.items() if groups}
    if not filled:
        return None
    labels = [ylab for ylab, _ in filled.values()]
    categories = list(next(iter(next(iter(filled.values()))[1].values())))
    config = {
        "section_name": text(title),
        "description": description,
        "plot_type": "bargraph",
        "categories": [
            {
                name: {"name": name, "color": PALETTE[index % len(PALETTE)]}
                for index, name in enumerate(categories)
            }
            for _ in filled
        ],
        "pconfig": {
            "id": f"{id_}_plot",
            "title": text(title),
            "ylab": labels[0],
            "stacking": "group",
            "cpswitch": False,
            "sort_samples": False,
            "hide_zero_cats": False,
            "series_label": False,
            "save_data_file": False,
            "data_labels": [{"name": text(n), "ylab": y} for n, y in zip(filled, labels, strict=True)],
        },
    }
    data = [{text(group): dict(values) for group, values in groups.items()} for _, groups in filled.values()]
    return Section(id_, config, data)
