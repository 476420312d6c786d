"""Drawings of the report: lines, bars and points, by matplotlib as SVG."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from danq.drawing import PALE, own_settings, shortened, svg
from danq.report.content import Key, View, text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 24
"""Largest number of targets drawn in one plot; of more, a choice evenly spread from best to worst."""
LONGEST_TITLE = 42
"""Letters of a name in a title or the label of an axis."""
GREY = "#9a9a9a"
PALETTE = ("#1f6fb4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#56b4e9")

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 30, 46
"""Room around a pair of axes in px."""
_LONGEST_LABEL = 36
"""Letters of the name of a row."""
_WHOLE = 20
"""Range of an axis from which on its marks are whole numbers."""
_MOST_MARKERS = 800
"""Points of a drawing up to which each has a marker, with its numbers under the pointer."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Line:
    """A line of a plot: its name in the legend, points with x that does not decrease, colour by `group`."""

    name: str
    points: Points
    group: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Plot:
    """One pair of axes with lines.

    Attributes
    ----------
    axes : (str, str)
        Labels of x and y.
    unit_square, diagonal : bool
        Both axes go from 0 to 1; a dashed line joins (0, 0) and (1, 1).
    whole_steps, logarithmic : bool
        x are whole numbers such as epochs; the y axis is logarithmic.
    dotted, joined : bool
        Points have markers with their numbers under the pointer; lines join them.
    """

    title: str
    axes: tuple[str, str]
    lines: Sequence[Line]
    unit_square: bool = False
    diagonal: bool = False
    whole_steps: bool = False
    logarithmic: bool = False
    dotted: bool = True
    joined: bool = True

    @property
    def marked(self) -> bool:
        """Whether points have markers: not where they would be too many to tell apart."""
        return self.dotted and sum(len(line.points) for line in self.lines) <= _MOST_MARKERS


def line_view(
    name: str, plots: Iterable[Plot], columns: int = 2, size: tuple[int, int] = (400, 360)
) -> View | None:
    """Draw plots side by side with one legend for all; None if no plot has a line.

    Lines of one `group` have one colour. `columns` plots stand in a row, each of a size (width, height) in
    px.
    """
    plots = [plot for plot in plots if any(line.points for line in plot.lines)]
    if not plots:
        return None
    lines = [line for plot in plots for line in plot.lines if line.points]
    colours = gradient(1 + max(line.group for line in lines))
    with own_settings():
        figure, places = sheet(len(plots), min(columns, len(plots)), size)
        remarks: dict[str, str | Sequence[str]] = {}
        for number, (plot, axes) in enumerate(zip(plots, places, strict=True)):
            remarks |= _draw_lines(axes, plot, colours, f"plot-{number}")
        drawing = markup(figure, f"{name}: {', '.join(plot.title for plot in plots)}", remarks)
    keys = {
        (line.name, line.dashed): Key(text(line.name), colours[line.group], line.dashed) for line in lines
    }
    return View(text(name), drawing, tuple(keys.values()))


def gradient(n: int) -> Sequence[str]:
    """Give `n` colours: distinct ones where they are few, else from dark to light."""
    if n <= len(PALETTE):
        return PALETTE[:n]
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colormaps["viridis"](0.93 * number / (n - 1))) for number in range(n)]


def sheet(n: int, columns: int, size: tuple[int, int]) -> "tuple[Figure, list[Axes]]":
    """Make a figure of `n` pairs of axes, `columns` in a row, each of a size (width, height) in px."""
    from matplotlib.figure import Figure

    rows, (wide, tall) = -(-n // columns), size
    width, height = columns * wide, rows * tall
    figure = Figure((width / 72, height / 72), facecolor="none")
    places = []
    for number in range(n):
        row, column = divmod(number, columns)
        left, bottom = column * wide + _LEFT, height - (row + 1) * tall + _BOTTOM
        inner = (wide - _LEFT - _RIGHT) / width, (tall - _TOP - _BOTTOM) / height
        places.append(figure.add_axes((left / width, bottom / height, *inner)))
    return figure, places


def prepare(axes: "Axes", title: str, labels: tuple[str, str]) -> None:
    """Give a pair of axes its title, the labels of x and y, and a quiet look."""
    axes.set_title(shortened(text(title), LONGEST_TITLE), loc="left", fontsize=12, fontweight="bold")
    x, y = (shortened(text(label), LONGEST_TITLE) for label in labels)
    axes.set_xlabel(x, fontsize=11)
    axes.set_ylabel(y, fontsize=11)
    axes.tick_params(length=0, pad=5, labelsize=10.5)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.patch.set_visible(False)


def _draw_lines(axes: "Axes", plot: Plot, colours: Sequence[str], id_: str) -> dict[str, str | Sequence[str]]:
    prepare(axes, plot.title, plot.axes)
    _set_axes(axes, plot)
    remarks: dict[str, str | Sequence[str]] = {}
    for number, line in enumerate(plot.lines):
        if not line.points:
            continue
        gid, name = f"{id_}-{number}", text(line.name)
        style: dict[str, Any] = {"color": colours[line.group], "clip_on": False}
        x, y = zip(*line.points, strict=True)
        if plot.joined or not plot.marked:
            axes.plot(x, y, gid=gid, linewidth=1.6, linestyle=(0, (5, 3)) if line.dashed else "-", **style)
            remarks[gid] = name
        if plot.marked:
            axes.plot(x, y, "o", gid=f"{gid}-marks", markersize=4, markeredgewidth=0, **style)
            across = plot.axes[0].lower()
            remarks[f"{gid}-marks"] = [f"{name}, {across} {a:.6g}: {b:.5g}" for a, b in line.points]
    return remarks


def _set_axes(axes: "Axes", plot: Plot) -> None:
    from matplotlib.ticker import MaxNLocator, NullFormatter, ScalarFormatter, StrMethodFormatter

    if plot.unit_square:
        ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xticks=ticks, yticks=ticks)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=plot.whole_steps, steps=[1, 2, 5, 10]))
    if plot.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(which="minor", length=0)
    elif not plot.unit_square:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
        axes.ticklabel_format(axis="y", scilimits=(-5, 6))
    if plot.diagonal:
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (3, 3)), linewidth=1)


def bar_view(name: str, axis: str, groups: Mapping[str, Mapping[str, float]]) -> View | None:
    """Draw lying bars, one for each category of each group, groups top down; None without any."""
    if not groups:
        return None
    categories = list(next(iter(groups.values())))
    colours = dict(zip(categories, gradient(len(categories)), strict=True))
    tall, thick = len(groups) * (8 * len(categories) + 10), 0.8 / max(len(categories), 1)
    # as much room for names as the longest needs
    left = 24 + 8 * min(max(map(len, groups)), _LONGEST_LABEL)
    width, height = left + 450, tall + 60
    with own_settings():
        from matplotlib.figure import Figure

        figure = Figure((width / 72, height / 72), facecolor="none")
        axes = figure.add_axes((left / width, 46 / height, 430 / width, tall / height))
        prepare(axes, "", (axis, ""))
        axes.grid(visible=False, axis="y")
        remarks = {}
        for row, (group, values) in enumerate(groups.items()):
            for number, (category, value) in enumerate(values.items()):
                gid = f"bar-{row}-{number}"
                y = row + (number - (len(categories) - 1) / 2) * thick
                axes.barh(y, value, thick, color=colours[category])[0].set_gid(gid)
                remarks[gid] = f"{text(group)}, {category}: {value:,.6g}"
        remarks |= name_rows(axes, list(groups))
        axes.set_ylim(len(groups) - 0.5, -0.5)
        drawing = markup(figure, name, remarks)
    return View(text(name), drawing, tuple(Key(category, colour) for category, colour in colours.items()))


def point_view(
    name: str,
    axes: tuple[str, str],
    points: Sequence[tuple[float, float, str]],
    equal: bool = False,
    lowest: float | None = None,
) -> View:
    """Draw points (x, y, what is shown under the pointer); `axes` are the labels of x and y.

    Parameters
    ----------
    equal : bool
        Both axes have the same range, up to 1, and a dashed line where they are equal.
    lowest : float, optional
        Where the y axis begins.
    """
    x, y = [point[0] for point in points], [point[1] for point in points]
    with own_settings():
        from matplotlib.ticker import MaxNLocator, StrMethodFormatter

        figure, (drawn,) = sheet(1, 1, (480, 460) if equal else (820, 380))
        prepare(drawn, "", axes)
        drawn.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        drawn.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        if equal:
            low = int(20 * min(*x, *y)) / 20
            room = (low - 0.02 * (1 - low), 1 + 0.02 * (1 - low))
            drawn.set(xlim=room, ylim=room)
            drawn.plot([low, 1], [low, 1], color=GREY, linestyle=(0, (3, 3)), linewidth=1)
        else:
            # positions, or small numbers
            many = max(x, default=0) - min(x, default=0) >= _WHOLE
            drawn.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}" if many else "{x:.6g}"))
            drawn.axhline(0, color=PALE, linewidth=0.8)
        drawn.plot(x, y, "o", gid="points", color=PALETTE[0], markersize=5, markeredgewidth=0, clip_on=False)
        drawn.set_ylim(bottom=lowest if lowest is not None else drawn.get_ylim()[0])
        drawing = markup(figure, name, {"points": [text(point[2]) for point in points]})
    return View(text(name), drawing)


def name_rows(axes: "Axes", names: Sequence[str]) -> dict[str, str]:
    """Write the names of rows beside them, and whole under the pointer."""
    shown = [shortened(text(name), _LONGEST_LABEL) for name in names]
    axes.set_yticks(range(len(names)), shown, fontsize=12)
    for row, label in enumerate(axes.get_yticklabels()):
        label.set_gid(f"label-{row}")
    return {f"label-{row}": text(name) for row, name in enumerate(names)}


def markup(
    figure: "Figure",
    title: str,
    remarks: Mapping[str, str | Sequence[str]],
    description: str = "",
    tight: bool = False,
) -> Markup:
    """Write a figure for a page, which needs no names of vocabularies; as `danq.drawing.svg` does."""
    root, rest = svg(figure, text(title), description, remarks, tight).split(">", 1)
    return Markup(re.sub(r' xmlns(:\w+)?="[^"]*"', "", root) + ">" + rest)
