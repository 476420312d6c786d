"""A drawing of dots with intervals: values of runs, and their differences, line by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from danq.drawing import INK, own_settings
from danq.report.content import text
from danq.report.plots import PALETTE, markup, name_rows, prepare

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _PANEL, _GAP = 26, 300, 28
"""Height of a line, width of a panel, room between panels in px."""


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


def forest(labels: Sequence[str], panels: Sequence[Panel]) -> Markup:
    """Draw dots with intervals, panels side by side over the same lines, as one ``<svg>`` element.

    `labels` name the lines, top down. Without any mark there is no drawing.
    """
    panels = [panel for panel in panels if any(panel.marks)]
    if not panels:
        return Markup()
    remarks: dict[str, str] = {}
    width, height = len(panels) * (_PANEL + _GAP) - _GAP, _ROW * len(labels)
    with own_settings():
        from matplotlib.figure import Figure

        figure = Figure((width / 72, height / 72), facecolor="none")
        for number, panel in enumerate(panels):
            box = (number * (_PANEL + _GAP) / width, 0, _PANEL / width, 1)
            remarks |= _draw_panel(figure.add_axes(box), panel, labels, f"panel-{number}")
        remarks |= name_rows(figure.axes[0], labels)
        for axes in figure.axes[1:]:
            axes.tick_params(labelleft=False)
        return markup(figure, " and ".join(panel.title for panel in panels), remarks, tight=True)


def _draw_panel(axes: "Axes", panel: Panel, labels: Sequence[str], id_: str) -> dict[str, str]:
    """Draw one panel; what is shown under the pointer, by the id of a mark."""
    from matplotlib.ticker import MaxNLocator

    prepare(axes, panel.title, ("", ""))
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)), [""] * len(labels))
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(labelcolor=INK)
    axes.grid(visible=False, axis="y")
    axes.spines[:].set_visible(False)
    if panel.zero:
        axes.axvline(0, color=INK, linestyle=(0, (3, 3)), linewidth=1)
    remarks = {}
    for row, mark in enumerate(panel.marks):
        if mark is None:
            continue
        line: dict[str, Any] = {"color": PALETTE[row % len(PALETTE)], "gid": f"{id_}-{row}", "clip_on": False}
        remark = f"{text(labels[row])}: {mark.value:.4f}"
        if isfinite(mark.low) and isfinite(mark.high):
            axes.plot([mark.low, mark.high], [row, row], linewidth=2.5, **line)
            remark += f" ({mark.low:.4f} to {mark.high:.4f})"
        axes.plot(mark.singles, [row] * len(mark.singles), "o", markersize=6, markerfacecolor="none", **line)
        axes.plot([mark.value], [row], "o", markersize=9, markeredgewidth=0, **line)
        remarks[f"{id_}-{row}"] = remark
    return remarks
