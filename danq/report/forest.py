"""Dots with intervals on a line each, drawn as SVG: how runs score and differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from danq.report.content import text
from danq.report.lettering import cut, width
from danq.report.plots import GREY, PALETTE

_ROW, _TOP, _BOTTOM, _PANEL, _GAP = 26, 34, 30, 300, 28
_WIDEST, _BOLD = 260, 1.15
_TICKS = 4


@dataclass(frozen=True)
class Mark:
    """One line of a panel.

    Attributes
    ----------
    value, low, high : float
        Dot and ends of the interval; no interval where an end is NaN.
    singles : sequence of float
        Small dots, one a training.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    singles: Sequence[float] = ()


@dataclass(frozen=True)
class Panel:
    """Marks of all lines on one axis.

    Attributes
    ----------
    title : str
        What the axis measures.
    marks : sequence of Mark or None
        One a line, None for an empty one.
    zero : bool
        The axis holds 0, and a line stands there.
    """

    title: str
    marks: Sequence[Mark | None]
    zero: bool = False


def forest(labels: Sequence[str], panels: Sequence[Panel]) -> str:
    """Draw panels side by side over the same lines; an empty string if there is nothing to draw.

    Parameters
    ----------
    labels : sequence of str
        Names of the lines, top down.
    panels : sequence of Panel
        As many marks each as there are labels.

    Returns
    -------
    str
        One ``<svg>`` element.
    """
    shown = [panel for panel in panels if any(panel.marks)]
    if not shown:
        return ""
    short = [cut(label, _WIDEST) for label in labels]
    left = 18 + max(map(width, short))
    whole = left + len(shown) * (_PANEL + _GAP)
    height = _TOP + _ROW * len(labels) + _BOTTOM
    parts = [
        f'<svg class="danq-forest" role="img" viewBox="0 0 {whole:.0f} {height}" width="{whole:.0f}" '
        f'height="{height}" fill="currentColor" font-size="13">'
    ]
    for number, label in enumerate(labels):
        parts.append(
            f'<text x="{left - 12:.0f}" y="{_line(number) + 4}" text-anchor="end">{text(short[number])}'
            f"<title>{text(label)}</title></text>"
        )
    for number, panel in enumerate(shown):
        parts += _panel(panel, labels, left + number * (_PANEL + _GAP))
    return "".join([*parts, "</svg>"])


def _line(number: int) -> int:
    return _TOP + _ROW * number + _ROW // 2


def _panel(panel: Panel, labels: Sequence[str], left: float) -> list[str]:
    marks = [mark for mark in panel.marks if mark is not None]
    held = [x for mark in marks for x in (mark.value, mark.low, mark.high, *mark.singles) if isfinite(x)]
    ticks = tick_values(min([*held, 0.0] if panel.zero else held), max([*held, 0.0] if panel.zero else held))
    low, span = ticks[0], ticks[-1] - ticks[0]
    bottom = _TOP + _ROW * len(panel.marks)

    def at(x: float) -> str:
        return f"{left + _PANEL * (x - low) / span:.1f}"

    title = text(cut(panel.title, (_PANEL + _GAP - 8) / _BOLD))
    parts = [
        f'<text x="{left:.0f}" y="18" font-weight="600">{title}<title>{text(panel.title)}</title></text>'
    ]
    for tick in ticks:
        bold = (
            'stroke="currentColor" stroke-dasharray="3 3"' if panel.zero and tick == 0 else f'stroke="{GREY}"'
        )
        opacity = 0.9 if panel.zero and tick == 0 else 0.3
        parts.append(f'<path d="M{at(tick)} {_TOP}V{bottom}" {bold} stroke-opacity="{opacity}"/>')
        parts.append(
            f'<text x="{at(tick)}" y="{bottom + 17}" text-anchor="middle" font-size="11">'
            f"{_number(tick, span)}</text>"
        )
    for number, mark in enumerate(panel.marks):
        if mark is not None:
            parts += _mark(mark, labels[number], _line(number), at, PALETTE[number % len(PALETTE)])
    return parts


def _mark(mark: Mark, label: str, y: int, at: Callable[[float], str], colour: str) -> list[str]:
    interval = isfinite(mark.low) and isfinite(mark.high)
    told = f"{label}: {mark.value:.4f}" + (f" ({mark.low:.4f} to {mark.high:.4f})" if interval else "")
    parts = [f'<g fill="{colour}" stroke="{colour}"><title>{text(told)}</title>']
    if interval:
        parts.append(f'<path d="M{at(mark.low)} {y}H{at(mark.high)}" stroke-width="2.5"/>')
    parts += [
        f'<circle cx="{at(x)}" cy="{y}" r="2.6" fill="none" stroke-opacity="0.75"/>'
        for x in mark.singles
        if isfinite(x)
    ]
    return [*parts, f'<circle cx="{at(mark.value)}" cy="{y}" r="4.5"/></g>']


def tick_values(low: float, high: float) -> list[float]:
    """Round values that enclose `low` to `high`, evenly spaced, three at least."""
    span = max(high - low, 1e-6)
    power = 10.0 ** floor(log10(span / _TICKS))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= span / _TICKS)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    # equal values still need an axis around them
    last = max(last, first + 2)
    return [round(number * step, 9) for number in range(first, last + 1)]


def _number(value: float, span: float) -> str:
    decimals = max(0, ceil(-log10(span / _TICKS)) + (0 if span >= 1 else 1))
    written = f"{value:.{decimals}f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
