"""The figure of a saturation mutagenesis: a heat map of every mutant's effect under a sequence logo."""

from collections import defaultdict
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from danq.explain.layout import FOOTER, GAP, HEADER, LEFT, LOGO, RIGHT, ROW, Layout, lay_out
from danq.explain.letters import COLOURS, OUTLINES
from danq.explain.scales import diverging, number, ticks
from danq.genome.alphabet import LETTERS, N

_LEVELS = 32
_INK, _PALE, _EMPTY, _REFERENCE = "#1f2933", "#66717d", "#e9ecef", "#9aa5b1"
_FONT = "Helvetica Neue,Helvetica,Arial,Liberation Sans,sans-serif"
_MEANING = (
    "Logo: the height of a letter is minus the mean logit difference of replacing the base. Cells: logit "
    "difference (ALT − REF) of each mutant; grey letters mark the base of the genome."
)


@dataclass(frozen=True, eq=False)
class HeatMap:
    """What one picture shows.

    Attributes
    ----------
    target, contig, runs : str
        Whose logit differences, where, by which bundles.
    start : int
        0-based first position, in bp.
    ref : uint8, shape (n,)
        Bases of the stretch as 0..4 for A, C, G, T, N.
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


def svg(heat: HeatMap) -> str:
    """Draw a heat map under its sequence logo, in lines of at most 120 bp that share their scales.

    The height of a letter is what its base contributes: minus the mean effect of replacing it. A letter
    that points downwards stands where mutations raise the prediction. Grey columns are N.

    Parameters
    ----------
    heat : HeatMap
        At least one position.

    Returns
    -------
    str
        An SVG document that needs no other file and no font for its letters.
    """
    contribution = heat.contribution
    layout = lay_out(contribution, heat.logit_diff)
    starts = range(0, len(heat.ref), layout.columns)
    height = HEADER + len(starts) * layout.line + FOOTER
    parts = _opening(heat, layout, height)
    for line, first in enumerate(starts):
        part = slice(first, first + layout.columns)
        parts.append(f'<g transform="translate({LEFT},{HEADER + line * layout.line})">')
        parts += _cells(heat.ref[part], heat.logit_diff[part], layout)
        parts += _logo(heat.ref[part], contribution[part], layout)
        parts += _axis(heat.start + first, len(heat.ref[part]), layout)
        parts += _remarks(heat, contribution, range(len(heat.ref))[part], layout)
        parts.append("</g>")
    middle = LEFT + layout.columns * layout.cell / 2
    parts.append(
        f'<text x="{middle:g}" y="{height - 12}" text-anchor="middle" fill="{_PALE}">'
        f"position on {_fitted(heat.contig, 50)} (bp, 1-based)</text>"
    )
    return "\n".join([*parts, "</svg>", ""])


def _opening(heat: HeatMap, layout: Layout, height: int) -> list[str]:
    subtitle = " · ".join(text for text in (heat.place, f"{len(heat.ref):,} bp", heat.runs) if text)
    room = layout.width - LEFT - RIGHT - 210
    title, subtitle = _fitted(heat.target, room / 9.2), _fitted(subtitle, room / 5.9)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {height}" '
        f'width="{layout.width}" height="{height}" role="img" font-family="{_FONT}" font-size="11" '
        f'fill="{_INK}">',
        f"<title>{escape(heat.place)}: mutants, {escape(heat.target)}</title>",
        f"<desc>{_MEANING}</desc>",
        "<defs>",
        *(f'<path id="danq-{base}" d="{d}" fill-rule="evenodd"/>' for base, d in OUTLINES.items()),
        "</defs>",
        f'<rect width="{layout.width}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="30" font-size="17" font-weight="600">{title}</text>',
        f'<text x="{LEFT}" y="49" fill="{_PALE}">{subtitle}</text>',
        *_colour_bar(layout),
    ]


def _fitted(text: str, room: float) -> str:
    return escape(text if len(text) <= room else text[: int(room) - 1] + "…")


def _colour_bar(layout: Layout) -> list[str]:
    width, height, steps = 180, 9, 60
    parts = [
        f'<g transform="translate({layout.width - RIGHT - width},31)">',
        f'<text x="{width // 2}" y="-7" text-anchor="middle">logit difference (ALT − REF)</text>',
        '<g shape-rendering="crispEdges">',
    ]
    step = width // steps
    for place in range(steps):
        colour = diverging((2 * place + 1) / steps - 1)
        parts.append(f'<rect x="{place * step}" width="{step}" height="{height}" fill="{colour}"/>')
    parts.append(f'</g><g font-size="10" fill="{_PALE}" text-anchor="middle">')
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        x = width * (share + 1) / 2
        parts.append(f'<path d="M{x:g} {height}v3" stroke="{_PALE}"/>')
        parts.append(f'<text x="{x:g}" y="{height + 14}">{number(share * layout.limit)}</text>')
    return [*parts, "</g></g>"]


def _cells(ref: NDArray[np.uint8], logit_diff: NDArray[np.float32], layout: Layout) -> list[str]:
    """Cells of equal colour are one path, so that a figure stays small."""
    wide = layout.cell - layout.apart
    box = f"h{wide}v{ROW - 1}h-{wide}z"
    by_colour: dict[str, list[str]] = defaultdict(list)
    marks = []
    for column, base in enumerate(ref.tolist()):
        x = column * layout.cell
        for row, value in enumerate(logit_diff[column].tolist()):
            # levels instead of a colour for each value
            level = round(value / layout.limit * _LEVELS) / _LEVELS if np.isfinite(value) else None
            colour = _EMPTY if level is None else diverging(level)
            by_colour[colour].append(f"M{x} {layout.row(row)}{box}")
        if base != N:
            letter = min(wide - 3.0, 8.0)
            marks.append(
                _letter(LETTERS[base], x + (wide - letter) / 2, layout.row(base) + 3, letter, ROW - 7)
            )
    drawn = [f'<path fill="{colour}" d="{"".join(boxes)}"/>' for colour, boxes in sorted(by_colour.items())]
    cells = ['<g shape-rendering="crispEdges">', *drawn, "</g>"]
    return [*cells, f'<g fill="{_REFERENCE}">', *marks, "</g>", *_row_names(layout)]


def _row_names(layout: Layout) -> list[str]:
    names = [
        f'<g fill="{COLOURS[base]}">{_letter(base, -17, layout.row(row) + 2.5, 8.5, ROW - 6)}</g>'
        for row, base in enumerate(OUTLINES)
    ]
    if layout.rows > 4:
        y = layout.row(4) + 11
        names.append(f'<text x="-8" y="{y}" font-size="10.5" text-anchor="end" fill="{_PALE}">del</text>')
    return names


def _letter(base: str, x: float, y: float, width: float, height: float) -> str:
    return (
        f'<use href="#danq-{base}" transform="translate({x:.6g},{y:.6g}) scale({width:.4g},{height:.4g})"/>'
    )


def _logo(ref: NDArray[np.uint8], contribution: NDArray[np.float64], layout: Layout) -> list[str]:
    zero = layout.level(0.0)
    parts = [
        f'<g font-size="10" fill="{_PALE}" text-anchor="end"><path d="M0 0V{LOGO}" stroke="{_PALE}"/>',
        f'<text transform="translate(-44,{LOGO // 2}) rotate(-90)" text-anchor="middle">contribution</text>',
    ]
    for tick in ticks(layout.low, layout.high, 5):
        y = f"{layout.level(tick):.5g}"
        parts.append(f'<path d="M-4 {y}H0" stroke="{_PALE}"/>')
        parts.append(f'<text x="-7" y="{y}" dy=".35em">{number(tick)}</text>')
    parts.append("</g>")
    by_base: dict[str, list[str]] = defaultdict(list)
    for column, (base, value) in enumerate(zip(ref.tolist(), contribution.tolist(), strict=True)):
        height = zero - layout.level(value)
        if base != N and abs(height) >= 0.05:
            # a negative height turns the letter upside down
            x, wide = (column + 0.04) * layout.cell, 0.92 * layout.cell
            by_base[LETTERS[base]].append(_letter(LETTERS[base], x, zero - height, wide, height))
    for base, drawn in sorted(by_base.items()):
        parts += [f'<g class="logo" fill="{COLOURS[base]}">', *drawn, "</g>"]
    width = len(ref) * layout.cell
    return [*parts, f'<path d="M0 {zero:.5g}H{width}" stroke="{_PALE}" stroke-width=".6"/>']


def _axis(start: int, length: int, layout: Layout) -> list[str]:
    """Ticks at round 1-based positions under the cells."""
    top = LOGO + GAP + layout.heat + 3
    widest = 6.2 * len(f"{start + length:,}") + 14
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step * layout.cell >= widest)
    minor = 1 if step < 10 else step // 5
    marks, labels = [], []
    for column in range(length):
        position, x = start + 1 + column, (column + 0.5) * layout.cell - layout.apart / 2
        if position % step == 0:
            marks.append(f"M{x:g} {top}v6")
            labels.append(f'<text x="{x:g}" y="{top + 17}">{position:,}</text>')
        elif position % minor == 0:
            marks.append(f"M{x:g} {top}v3")
    return [
        f'<path d="{"".join(marks)}" stroke="{_PALE}"/>',
        f'<g class="axis" font-size="10" text-anchor="middle" fill="{_PALE}">',
        *labels,
        "</g>",
    ]


def _remarks(heat: HeatMap, contribution: NDArray[np.float64], places: range, layout: Layout) -> list[str]:
    """Numbers of each position, shown under the pointer."""
    parts = ['<g fill="none" pointer-events="all">']
    for column, index in enumerate(places):
        base = LETTERS[heat.ref[index]]
        said = [f"{heat.contig}:{heat.start + index + 1:,} {base}"]
        if base != "N":
            said.append(f"contribution {number(contribution[index])}")
        said += [
            f"{base}>{name} {number(value)}"
            for name, value in zip((*OUTLINES, "del"), heat.logit_diff[index].tolist(), strict=False)
            if np.isfinite(value)
        ]
        x, height = column * layout.cell, LOGO + GAP + layout.heat
        title = f"<title>{escape('; '.join(said))}</title>"
        parts.append(f'<rect x="{x}" width="{layout.cell}" height="{height}">{title}</rect>')
    return [*parts, "</g>"]
