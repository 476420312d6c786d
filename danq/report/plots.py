"""Plots of the report: lines, bars and points that MultiQC draws from custom content; dots with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from danq.drawing import INK, own_settings, shortened, svg
from danq.report.content import Section, section, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 24
"""Largest number of targets drawn in one plot; of more, a choice evenly spread from best to worst."""
LONGEST_BUTTON = 42
"""Letters of a name on a button above a plot, and in the title that it sets."""
GREY = "#9a9a9a"
PALETTE = ("#1f6fb4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#56b4e9")

_ROW, _PANEL, _GAP, _LONGEST_LABEL = 26, 300, 28, 36
"""Height of a line, width of a panel, room between panels in px; letters of a line's name."""

Points = Sequence[tuple[float, float]]
Bars = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Tab:
    """One view of a line plot: the name on its button, its lines, and what differs from the other views.

    Attributes
    ----------
    lines : mapping of str to points
        (x, y) by name of the line; x must not decrease.
    dashed : tuple of str
        Lines that are drawn dashed.
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
    """Make a line plot with a button a tab; None if no tab has a line. `axes` are the labels of x and y.

    Parameters
    ----------
    diagonal : str
        Name of the line from (0, 0) to (1, 1), or an empty string for none.
    unit_square : bool
        Both axes go from 0 to 1.
    whole_steps : bool
        x are whole numbers such as epochs, and ticks stand at those only.
    logarithmic : bool
        The y axis is.
    """
    tabs = [_short(tab) for tab in tabs if any(len(points) for points in tab.lines.values())]
    if not tabs:
        return None
    views = {
        tab.name: {
            "ylab": tab.ylab or axes[1],
            "colors": _colours(tab),
            "dash_styles": {text(name): "dash" for name in tab.dashed},
        }
        for tab in tabs
    }
    pconfig: dict[str, Any] = {
        "xlab": axes[0],
        "ylab": axes[1],
        "categories": whole_steps,
        "ylog": logarithmic,
        "style": "lines" if unit_square else "lines+markers",
        "smooth_points": None,
        "showlegend": True,
        "height": 560,
    }
    if unit_square:
        pconfig |= {"xmin": 0, "xmax": 1, "ymin": 0, "ymax": 1}
    if diagonal:
        line = {"name": diagonal, "pairs": [[0, 0], [1, 1]], "dash": "dash", "color": GREY}
        pconfig["extra_series"] = [[line] for _ in tabs]
    data = [
        {
            text(name): [[int(x), y] for x, y in points] if whole_steps else _rising(points)
            for name, points in tab.lines.items()
            if len(points)
        }
        for tab in tabs
    ]
    return _plot(id_, title, description, "linegraph", views, data, pconfig)


def _plot(
    id_: str,
    title: str,
    description: str,
    kind: str,
    views: Mapping[str, Mapping[str, Any]],
    data: Any,
    pconfig: dict[str, Any],
    **config: Any,
) -> Section:
    """Make a section whose plot has a button a view, by its name; the settings of the first come first."""
    buttons = [{"name": text(shortened(name, LONGEST_BUTTON)), **view} for name, view in views.items()]
    common = {"id": f"{id_}_plot", "title": text(title), "series_label": False, "save_data_file": False}
    pconfig = {**next(iter(views.values())), **pconfig, "data_labels": buttons, **common}
    return section(id_, title, description, kind, data, pconfig=pconfig, **config)


def _short(tab: Tab) -> Tab:
    """Shorten the names of lines for the legend, unless that makes them equal."""
    names = {name: shortened(name, LONGEST_BUTTON) for name in tab.lines}
    if len(set(names.values())) < len(names):
        return tab
    lines = {names[name]: points for name, points in tab.lines.items()}
    return replace(tab, lines=lines, dashed=tuple(names[name] for name in tab.dashed))


def _colours(tab: Tab) -> dict[str, str]:
    groups = tab.groups or tuple(range(len(tab.lines)))
    return {text(name): PALETTE[group % len(PALETTE)] for name, group in zip(tab.lines, groups, strict=True)}


def _rising(points: Points) -> list[list[float]]:
    """Move points of equal x apart by less than is seen: the plot keeps one y an x."""
    rising: list[list[float]] = []
    for x, y in points:
        moved = max(x, rising[-1][0] + 1e-6) if rising else x
        rising.append([round(moved, 6), round(y, 5)])
    # points at the very end must not leave the axis
    highest = 1.0 if points[-1][0] <= 1 else inf
    for point in reversed(rising):
        point[0] = min(point[0], round(highest, 6))
        highest = point[0] - 1e-6
    return rising


def bar_plot(id_: str, title: str, description: str, views: Mapping[str, tuple[str, Bars]]) -> Section | None:
    """Make a bar plot; None without bars. By the name of a tab: its axis, and group → category → value."""
    filled = {name: (ylab, groups) for name, (ylab, groups) in views.items() if groups}
    if not filled:
        return None
    first = next(iter(next(iter(filled.values()))[1].values()))
    coloured = {name: {"name": name, "color": colour} for name, colour in zip(first, PALETTE, strict=False)}
    labels = {name: {"ylab": ylab} for name, (ylab, _) in filled.items()}
    pconfig = {"stacking": "group", "cpswitch": False, "sort_samples": False, "hide_zero_cats": False}
    data = [{text(group): dict(values) for group, values in groups.items()} for _, groups in filled.values()]
    categories = [coloured] * len(filled)
    return _plot(id_, title, description, "bargraph", labels, data, pconfig, categories=categories)


def scatter_plot(
    id_: str,
    title: str,
    description: str,
    views: Mapping[str, Mapping[str, Any]],
    axes: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
) -> Section:
    """Make a plot of points with a button a view; `axes` are the labels of x and y of each.

    Parameters
    ----------
    views : mapping of str to mapping
        Points (a dict of x and y, or a list of such) by their names, by the name of a view.
    settings : mapping
        Further settings of MultiQC.
    """
    labels = {name: {"xlab": text(x), "ylab": text(y)} for name, (x, y) in zip(views, axes, strict=True)}
    pconfig = {"color": PALETTE[0], "showlegend": False, **settings}
    return _plot(id_, title, description, "scatter", labels, list(views.values()), pconfig)


@dataclass(frozen=True)
class Mark:
    """One line of a panel: a dot, the ends of its interval (NaN for none), a small circle a training."""

    value: float
    low: float = nan
    high: float = nan
    singles: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Marks of all lines on one axis, None for an empty line; with `zero` a dashed line stands at 0."""

    title: str
    marks: Sequence[Mark | None]
    zero: bool = False


def forest(labels: Sequence[str], panels: Sequence[Panel]) -> str:
    """Draw dots with intervals, panels side by side over the same lines, as one ``<svg>`` element.

    `labels` name the lines, top down. Without any mark the drawing is an empty string.
    """
    panels = [panel for panel in panels if any(panel.marks)]
    if not panels:
        return ""
    remarks = {f"label-{row}": label for row, label in enumerate(labels)}
    width, height = len(panels) * (_PANEL + _GAP) - _GAP, _ROW * len(labels)
    with own_settings():
        from matplotlib.figure import Figure

        figure = Figure((width / 72, height / 72), facecolor="none")
        for number, panel in enumerate(panels):
            box = (number * (_PANEL + _GAP) / width, 0, _PANEL / width, 1)
            remarks |= _draw_panel(figure.add_axes(box), panel, labels, f"panel-{number}")
        for row, label in enumerate(figure.axes[0].get_yticklabels()):
            label.set_gid(f"label-{row}")
        for axes in figure.axes[1:]:
            axes.tick_params(labelleft=False)
        drawing = svg(figure, " and ".join(panel.title for panel in panels), remarks=remarks, tight=True)
    # light letters on a dark page
    return drawing.replace("<svg", '<svg class="danq-forest"', 1).replace(INK, "currentColor")


def _draw_panel(axes: "Axes", panel: Panel, labels: Sequence[str], id_: str) -> dict[str, str]:
    """Draw one panel; what is shown under the pointer, by the id of a mark."""
    from matplotlib.ticker import MaxNLocator

    axes.set_title(shortened(panel.title, LONGEST_BUTTON), loc="left", fontsize=12, fontweight="bold")
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), [shortened(label, _LONGEST_LABEL) for label in labels], fontsize=12)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(axis="x", color=GREY, alpha=0.3)
    axes.spines[:].set_visible(False)
    axes.patch.set_visible(False)
    if panel.zero:
        axes.axvline(0, color=INK, linestyle=(0, (3, 3)), linewidth=1)
    remarks = {}
    for row, mark in enumerate(panel.marks):
        if mark is None:
            continue
        line: dict[str, Any] = {"color": PALETTE[row % len(PALETTE)], "gid": f"{id_}-{row}", "clip_on": False}
        remark = f"{labels[row]}: {mark.value:.4f}"
        if isfinite(mark.low) and isfinite(mark.high):
            axes.plot([mark.low, mark.high], [row, row], linewidth=2.5, **line)
            remark += f" ({mark.low:.4f} to {mark.high:.4f})"
        axes.plot(mark.singles, [row] * len(mark.singles), "o", markersize=6, markerfacecolor="none", **line)
        axes.plot([mark.value], [row], "o", markersize=9, markeredgewidth=0, **line)
        remarks[f"{id_}-{row}"] = remark
    return remarks
