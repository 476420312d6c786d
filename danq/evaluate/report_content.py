"""Sections of the report in the form MultiQC reads as custom content."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_LINES = 24
"""Largest number of targets drawn in one plot; of more, a choice evenly spread from best to worst."""
GREY = "#9a9a9a"
PALETTE = ("#1f6fb4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#56b4e9")

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Section:
    """One section: what MultiQC is told of it, and its data."""

    id: str
    config: dict[str, Any]
    data: Any

    def content(self) -> dict[str, Any]:
        """Contents of its ``_mqc.json`` file."""
        return {"id": self.id, **self.config, "data": self.data}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title, description : str
        Head of the column, and what it means, with its unit.
    decimals : int or None
        Decimals shown; None for text.
    low, high : float or None
        Range of the bar behind the number; no bar without `colour`.
    colour : str
        Colour scale of the bar, or an empty string.
    hidden : bool
        Shown only when the reader chooses it.
    """

    title: str
    description: str
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    colour: str = ""
    hidden: bool = False

    def header(self) -> dict[str, Any]:
        """Give what MultiQC is told of the column."""
        given: dict[str, Any] = {
            "title": text(self.title),
            "description": text(self.description),
            "hidden": self.hidden,
            "scale": self.colour or False,
        }
        if self.decimals is not None:
            given["format"] = "{:,." + str(self.decimals) + "f}"
        return given | {
            key: value for key, value in (("min", self.low), ("max", self.high)) if value is not None
        }


def text(value: object) -> str:
    """Escape what comes from names and files, so that it is shown as it is.

    MultiQC takes names of rows for paths and keeps what stands after the last slash: slashes are escaped too.
    """
    return html.escape(str(value)).replace("/", "&#47;")


def between(low: float | None, high: float | None, sign: str = "") -> str | None:
    """Write an interval; None where there is none."""
    if low is None or high is None:
        return None
    return f"{low:{sign}.3f} to {high:{sign}.3f}" if sign else f"{low:.3f}–{high:.3f}"


def table(
    id_: str,
    title: str,
    description: str,
    first: str,
    columns: Mapping[str, Column],
    rows: Mapping[str, Mapping[str, Any]],
) -> Section | None:
    """Make a table; None if no row holds a value. Columns without any value are left out.

    Parameters
    ----------
    id_, title, description : str
        `description` is HTML.
    first : str
        Head of the column of row names.
    columns : mapping of str to Column
    rows : mapping of str to mapping
        Values by row name and column; None where there is none.
    """
    data = {
        text(name): {
            key: text(row[key]) if isinstance(row[key], str) else row[key]
            for key in columns
            if row.get(key) is not None
        }
        for name, row in rows.items()
    }
    used = {key for row in data.values() for key in row}
    if not used:
        return None
    config = {
        "section_name": text(title),
        "description": description,
        "plot_type": "table",
        "headers": {key: column.header() for key, column in columns.items() if key in used},
        "pconfig": {
            "id": f"{id_}_table",
            "title": text(title),
            "col1_header": text(first),
            "sort_rows": False,
            "no_violin": True,
            "save_file": False,
        },
    }
    return Section(id_, config, data)


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
    """
    tabs = [tab for tab in tabs if any(len(points) for points in tab.lines.values())]
    if not tabs:
        return None
    pconfig: dict[str, Any] = {
        "id": f"{id_}_plot",
        "title": text(title),
        "xlab": axes[0],
        "ylab": axes[1],
        "smooth_points": None,
        "showlegend": True,
        "height": 560,
        "style": "lines" if unit_square else "lines+markers",
        "save_data_file": False,
        "data_labels": [_label(tab, axes[1]) for tab in tabs],
        "series_label": False,
        "colors": _colours(tabs[0]),
        "dash_styles": {text(name): "dash" for name in tabs[0].dashed},
    }
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
    data = [
        {text(name): _rising(points) for name, points in tab.lines.items() if len(points)} for tab in tabs
    ]
    return Section(id_, config, data)


def _label(tab: Tab, ylab: str) -> dict[str, Any]:
    return {
        "name": text(tab.name),
        "ylab": tab.ylab or ylab,
        "colors": _colours(tab),
        "dash_styles": {text(name): "dash" for name in tab.dashed},
    }


def _colours(tab: Tab) -> dict[str, str]:
    groups = tab.groups or tuple(range(len(tab.lines)))
    return {text(name): PALETTE[group % len(PALETTE)] for name, group in zip(tab.lines, groups, strict=True)}


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


def bars(
    id_: str, title: str, description: str, ylab: str, tabs: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> Section | None:
    """Make a bar plot: tab → bar group → category → value; None if there is nothing to show."""
    filled = {name: groups for name, groups in tabs.items() if groups}
    if not filled:
        return None
    categories = list(next(iter(next(iter(filled.values())).values())))
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
            "ylab": ylab,
            "stacking": "group",
            "cpswitch": False,
            "sort_samples": False,
            "hide_zero_cats": False,
            "series_label": False,
            "save_data_file": False,
            "data_labels": [{"name": text(name), "ylab": ylab} for name in filled],
        },
    }
    data = [{text(group): dict(values) for group, values in groups.items()} for groups in filled.values()]
    return Section(id_, config, data)


def page(id_: str, title: str, description: str, body: str) -> Section | None:
    """Make a section of HTML; None if it is empty."""
    if not body:
        return None
    return Section(id_, {"section_name": text(title), "description": description, "plot_type": "html"}, body)


def listing(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a plain HTML table; an empty string without rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{text(name)}</th>" for name in heads)
    body = "".join(
        f"<tr><th>{text(row[0])}</th>" + "".join(f"<td>{text(value)}</td>" for value in row[1:]) + "</tr>"
        for row in rows
    )
    return (
        f'<table class="table table-sm danq-list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
