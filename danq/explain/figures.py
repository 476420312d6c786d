"""The figure of a saturation mutagenesis: a heat map of every mutant's effect under a sequence logo."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.drawing import PALE, own_settings, shortened, svg
from danq.genome.alphabet import LETTERS, N

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path as Outline

COLOURS = {"A": "#1e9348", "C": "#2457b8", "G": "#eb9b00", "T": "#cf2a3a"}
_LEFT, _RIGHT, _HEADER, _FOOTER, _AXIS = 62, 40, 76, 12, 36
_LOGO, _GAP, _ROW = 96, 8, 15
"""Heights in px of a logo, of the room under it, and of a row of cells; above, the margins of the figure."""
_MOST_COLUMNS, _WIDTH, _WIDEST_CELL, _NARROWEST, _COLOUR_BAR = 120, 1080, 28, 560, 180
_LEVELS = 49
"""Colours of the scale: an odd number, so that 0 is in the middle of one."""
_EMPTY, _REFERENCE = "#dde1e6", "#8a95a1"
_MEANING = (
    "Logo: the height of a letter is minus the mean logit difference of replacing the base. Cells: logit "
    "difference (ALT − REF) of each mutant; grey letters mark the base of the genome."
)


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What one picture shows: the logit differences of a target along a contig, by some runs.

    Attributes
    ----------
    start : int
        0-based first position, in bp.
    ref : uint8, shape (n,)
        Bases of the region as 0..4 for A, C, G, T, N.
    logit_diff : float32, shape (n, 4 or 5)
        Of A, C, G, T and deletion at each position; NaN where there is no mutant.
    """

    target: str
    contig: str
    runs: str
    start: int
    ref: NDArray[np.uint8]
    logit_diff: NDArray[np.float32]

    @property
    def contribution(self) -> NDArray[np.float64]:
        """Minus the mean effect of the three substitutions: float64, shape (n,); 0 where the base is N."""
        total = np.nansum(self.logit_diff[:, :4], axis=1, dtype=np.float64)
        return np.where(self.ref != N, -total / 3, 0.0)

    @property
    def place(self) -> str:
        """For example ``chr7:1,001–1,050``."""
        return f"{self.contig}:{self.start + 1:,}–{self.start + len(self.ref):,}"


def heat_map_svg(heat: HeatMap) -> str:
    """Draw a heat map of at least one position as an SVG document, with numbers under the pointer."""
    with own_settings():
        remarks = {f"position-{n}": remark for n, remark in enumerate(_remarks(heat))}
        return svg(draw(heat), f"{heat.place}: mutants, {heat.target}", _MEANING, remarks) + "\n"


def draw(heat: HeatMap) -> "Figure":
    """Draw a heat map under its sequence logo, in lines of at most 120 bp that share their scales.

    The height of a letter is what its base contributes: minus the mean effect of replacing it. A letter
    that points downwards stands where mutations raise the prediction. Grey columns are N.
    """
    from matplotlib.figure import Figure

    length, rows = heat.logit_diff.shape
    lines = -(-length // _MOST_COLUMNS)
    # whole tens, so that the axes of all lines have their ticks in the same places
    columns = length if lines == 1 else -(-length // (10 * lines)) * 10
    cell = min(_WIDEST_CELL, _WIDTH // columns)
    line_height = _LOGO + _GAP + rows * _ROW + _AXIS
    width = _LEFT + max(columns * cell, _NARROWEST) + _RIGHT
    height = _HEADER + lines * line_height + _FOOTER
    sheet = _Sheet(Figure((width / 72, height / 72)), width, height)
    room = width - _LEFT - _RIGHT - _COLOUR_BAR - 20
    subtitle = " · ".join(text for text in (heat.place, f"{length:,} bp", heat.runs) if text)
    sheet.write(_LEFT, 30, shortened(heat.target, room // 11), fontsize=17, fontweight="bold")
    sheet.write(_LEFT, 49, shortened(subtitle, room // 6), fontsize=11, color=PALE)
    colours = _colours(heat.logit_diff)
    _draw_colour_bar(sheet.axes(width - _RIGHT - _COLOUR_BAR, 31, _COLOUR_BAR, 9), colours)
    contribution = heat.contribution
    for line in range(lines):
        part = slice(line * columns, min((line + 1) * columns, length))
        top, wide = _HEADER + line * line_height, (part.stop - part.start) * cell
        _draw_logo(sheet.axes(_LEFT, top, wide, _LOGO), heat, part, contribution)
        _draw_cells(sheet.axes(_LEFT, top + _LOGO + _GAP, wide, rows * _ROW), heat, part, colours)
    axis = f"position on {shortened(heat.contig, 50)} (bp, 1-based)"
    sheet.write(_LEFT + columns * cell / 2, height - 14, axis, ha="center", color=PALE)
    return sheet.figure


class _Sheet(NamedTuple):
    """A figure whose parts are placed in px from its top left."""

    figure: "Figure"
    width: int
    height: int

    def axes(self, left: float, top: float, wide: float, tall: float) -> "Axes":
        box = (left / self.width, 1 - (top + tall) / self.height, wide / self.width, tall / self.height)
        axes = self.figure.add_axes(box)
        axes.spines[:].set_visible(False)
        return axes

    def write(self, left: float, baseline: float, text: str, **style: Any) -> None:
        self.figure.text(left / self.width, 1 - baseline / self.height, text, **style)


def _colours(logit_diff: NDArray[np.float32]) -> dict[str, Any]:
    """Give colours from blue for losses to red for gains, equally far from 0, as arguments of a mesh."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    largest = float(np.nanmax(np.abs(logit_diff), initial=0.0)) or 1.0
    # the scale ends at a round number
    limit = float(MaxNLocator(5).tick_values(0, largest)[-1])
    colour_map = colormaps["RdBu_r"].resampled(_LEVELS).with_extremes(bad=_EMPTY)
    return {"cmap": colour_map, "norm": Normalize(-limit, limit)}


def _draw_colour_bar(axes: "Axes", colours: dict[str, Any]) -> None:
    limit = colours["norm"].vmax
    edges, values = np.linspace(-limit, limit, _LEVELS + 1), np.linspace(-limit, limit, _LEVELS)
    # edges of their own colour, or light lines show between the levels
    axes.pcolormesh(edges, [0, 1], values[None], edgecolors="face", linewidth=0.5, **colours)
    ticks = limit * np.linspace(-1, 1, 5)
    axes.set_xticks(ticks, [number(tick) for tick in ticks])
    axes.set_yticks([])
    axes.set_title("logit difference (ALT − REF)", fontsize=11, pad=5)


def _draw_logo(axes: "Axes", heat: HeatMap, part: slice, contribution: NDArray[np.float64]) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = min(float(contribution.min()), 0.0), max(float(contribution.max()), 0.0)
    axes.set_ylim(low, high if high > low else 1.0)
    _set_positions(axes, heat, part)
    axes.tick_params(which="both", bottom=False, labelbottom=False)
    for base, colour in COLOURS.items():
        at = [n for n in _positions(heat, part, base) if contribution[n]]
        # a negative height turns the letter upside down
        _add_letters(axes, base, [(heat.start + 0.54 + n, 0.0, 0.92, contribution[n]) for n in at], colour)
    axes.axhline(0, color=PALE, linewidth=0.6)
    axes.spines["left"].set_visible(True)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    axes.set_ylabel("contribution")


def _draw_cells(axes: "Axes", heat: HeatMap, part: slice, colours: dict[str, Any]) -> None:
    """Draw a row a mutant, A at the top, and the letter of the genome's base in its empty cell."""
    rows = heat.logit_diff.shape[1]
    edges = heat.start + 0.5 + np.arange(part.start, part.stop + 1)
    cells = np.ma.masked_invalid(heat.logit_diff[part].T)
    axes.pcolormesh(edges, np.arange(rows + 1) - 0.5, cells, edgecolors="white", linewidth=0.8, **colours)
    axes.set_ylim(rows - 0.5, -0.5)
    for row, base in enumerate(COLOURS):
        boxes = [(heat.start + 0.75 + n, row + 0.3, 0.5, -0.6) for n in _positions(heat, part, base)]
        _add_letters(axes, base, boxes, _REFERENCE)
    axes.set_yticks(range(rows), [*COLOURS, "del"][:rows], fontweight="bold")
    for label, colour in zip(axes.get_yticklabels(), COLOURS.values(), strict=False):
        label.set_color(colour)
    axes.tick_params(left=False)
    _set_positions(axes, heat, part)
    _add_remarked(axes, heat, part)


def _set_positions(axes: "Axes", heat: HeatMap, part: slice) -> None:
    """Let x be the 1-based position, with ticks at round ones as far apart as their labels need."""
    from matplotlib.ticker import MultipleLocator, StrMethodFormatter

    axes.set_xlim(heat.start + part.start + 0.5, heat.start + part.stop + 0.5)
    cell = axes.get_window_extent().width / (part.stop - part.start)
    widest = 6.6 * len(f"{heat.start + part.stop:,}") + 14
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step * cell >= widest)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_minor_locator(MultipleLocator(1 if step < 10 else step // 5))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _positions(heat: HeatMap, part: slice, base: str) -> list[int]:
    """Where a base stands in a part of the region."""
    return [n for n in range(part.start, part.stop) if heat.ref[n] == LETTERS.index(base)]


def _add_letters(axes: "Axes", base: str, boxes: Sequence[tuple[float, ...]], colour: str) -> None:
    """Fill boxes (x, y, width, height) with one letter; all are one path, so that a figure stays small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline
    from matplotlib.transforms import Affine2D

    outlines = [
        _outline(base).transformed(Affine2D().scale(width, height).translate(x, y))
        for x, y, width, height in boxes
    ]
    if outlines:
        axes.add_patch(PathPatch(Outline.make_compound_path(*outlines), facecolor=colour, linewidth=0))


@cache
def _outline(base: str) -> "Outline":
    """Outline of a letter in a unit square, of the font that comes with matplotlib."""
    from matplotlib import get_data_path
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    font = FontProperties(fname=Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf"))
    outline = TextPath((0, 0), base, size=1, prop=font)
    box = outline.get_extents()
    return Affine2D().translate(-box.x0, -box.y0).scale(1 / box.width, 1 / box.height).transform_path(outline)


def _add_remarked(axes: "Axes", heat: HeatMap, part: slice) -> None:
    """Lay a clear box over each position, from the top of its logo to its last cell, for its remark."""
    from matplotlib.patches import Rectangle

    bottom, top = heat.logit_diff.shape[1] - 0.5, -0.5 - (_GAP + _LOGO) / _ROW
    # a box without any colour is left out of the file
    style: dict[str, Any] = {"color": "white", "alpha": 0.004, "clip_on": False, "linewidth": 0}
    for index in range(part.start, part.stop):
        corner = (heat.start + index + 0.5, bottom)
        axes.add_patch(Rectangle(corner, 1, top - bottom, gid=f"position-{index}", **style))


def _remarks(heat: HeatMap) -> Iterator[str]:
    """Numbers of each position."""
    contribution = heat.contribution
    for index, base in enumerate(LETTERS[code] for code in heat.ref.tolist()):
        parts = [f"{heat.contig}:{heat.start + index + 1:,} {base}"]
        parts += [f"contribution {number(contribution[index])}"] if base != "N" else []
        parts += [
            f"{base}>{name} {number(value)}"
            for name, value in zip((*COLOURS, "del"), heat.logit_diff[index].tolist(), strict=False)
            if np.isfinite(value)
        ]
        yield "; ".join(parts)


def number(value: float) -> str:
    """Write a number in three significant digits, with a true minus sign and no needless zeros."""
    return f"{value:.3g}".replace("-", "−") if value else "0"
