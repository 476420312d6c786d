"""Heat map and sequence logo of the mutants of a stretch, as one SVG that needs no other file."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from danq.explain.letters import COLOURS, OUTLINES
from danq.explain.mutants import ALTERNATES

_LEFT, _RIGHT, _TOP, _LOGO, _GAP, _ROW = 64, 24, 62, 132, 10, 20
_WIDEST_CELL, _NARROWEST_CELL, _FULL, _LEAST = 24.0, 2.0, 1040, 560
_LOSS, _GAIN = (33, 102, 172), (178, 24, 43)
_KNOWN_BASES = "ACGT"
_STYLE = (
    "text{font-family:Helvetica,Arial,'Liberation Sans',sans-serif;font-size:11px;fill:#333}"
    ".h{font-size:16px;font-weight:600;fill:#111}.m{text-anchor:middle}.e{text-anchor:end}"
    ".l{stroke:#999;stroke-width:1}.z{stroke:#777;stroke-width:1}.r{fill:#e6e6e6}.d{fill:#555}"
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
    def importance(self) -> NDArray[np.float64]:
        """Minus the mean effect of the three substitutions: float64, shape (n,); 0 where the base is N."""
        return np.where(self.ref < 4, -np.nansum(self.logit_diff[:, :4], axis=1, dtype=np.float64) / 3, 0.0)

    @property
    def limit(self) -> float:
        """End of the colour scale on both sides of 0."""
        return float(np.nanmax(np.abs(self.logit_diff), initial=0.0)) or 1.0

    @property
    def cell(self) -> float:
        """Width of a position in px."""
        return min(max(_FULL / len(self.ref), _NARROWEST_CELL), _WIDEST_CELL)


def svg(heat: HeatMap) -> str:
    """Draw a heat map under its sequence logo.

    Parameters
    ----------
    heat : HeatMap
        At least one position.

    Returns
    -------
    str
        An SVG document: a cell (class ``c``) for each mutant, a grey one (class ``r``) for each base of
        the genome.
    """
    n, rows = heat.logit_diff.shape
    plot = heat.cell * n
    width = max(_LEFT + plot + _RIGHT, _LEAST)
    floor = _TOP + _LOGO + _GAP + rows * _ROW
    height = floor + 84
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_px(width)} {height}" '
        f'width="{_px(width)}" height="{height}" role="img">',
        f"<title>{escape(_region(heat))}: mutants, {escape(heat.target)}</title>",
        f"<style>{_STYLE}</style>",
        _definitions(),
        f'<rect width="{_px(width)}" height="{height}" fill="#fff"/>',
        f'<text class="h" x="{_LEFT}" y="24">{escape(heat.target)}</text>',
        f'<text x="{_LEFT}" y="43">{escape(_region(heat))} · {n:,} bp · {escape(heat.runs)}</text>',
        *_logo(heat),
        *_cells(heat),
        *_axis(heat, floor),
        *_legend(heat, floor + 52, width - _RIGHT),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _definitions() -> str:
    outlines = (f'<path id="{base}" d="{d}" fill-rule="evenodd"/>' for base, d in OUTLINES.items())
    stops = "".join(
        f'<stop offset="{step / 10:.1f}" stop-color="{_colour(step / 5 - 1)}"/>' for step in range(11)
    )
    return f'<defs>{"".join(outlines)}<linearGradient id="scale">{stops}</linearGradient></defs>'


def _logo(heat: HeatMap) -> list[str]:
    values = heat.importance
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    unit = _LOGO / (high - low or 1.0)
    zero = _TOP + high * unit
    parts = [
        f'<text class="m" transform="translate(14 {_TOP + _LOGO // 2}) rotate(-90)">importance of base'
        "</text>",
        f'<line class="z" x1="{_LEFT}" x2="{_px(_LEFT + heat.cell * len(values))}" y1="{_px(zero)}" '
        f'y2="{_px(zero)}"/>',
        f'<text class="e" x="{_LEFT - 8}" y="{_px(zero + 4)}">0</text>',
    ]
    # a number that would touch the zero is left out
    parts += [
        f'<text class="e" x="{_LEFT - 8}" y="{_px(zero - value * unit + 4)}">{_number(value)}</text>'
        for value in (low, high)
        if abs(value) * unit > 14
    ]
    for place, (base, value) in enumerate(zip(heat.ref.tolist(), values.tolist(), strict=True)):
        tall = abs(value) * unit
        if base < 4 and tall >= 0.05:
            letter = _KNOWN_BASES[base]
            top = zero - tall if value > 0 else zero
            parts.append(
                f'<use href="#{letter}" fill="{COLOURS[letter]}" transform="translate('
                f"{_px(_LEFT + (place + 0.04) * heat.cell)} {_px(top)}) scale({_px(0.92 * heat.cell)} "
                f'{_px(tall)})"/>'
            )
    return parts


def _cells(heat: HeatMap) -> list[str]:
    rows = heat.logit_diff.shape[1]
    top = _TOP + _LOGO + _GAP
    parts = [
        f'<text class="e" x="{_LEFT - 8}" y="{top + row * _ROW + 14}">'
        f"{ALTERNATES[row] if row < 4 else 'deletion'}</text>"
        for row in range(rows)
    ]
    wide = _px(heat.cell)
    for place, base in enumerate(heat.ref.tolist()):
        if base > 3:
            continue
        left, name = _LEFT + place * heat.cell, f"{heat.contig}:{heat.start + place + 1:,}"
        for row in range(rows):
            box = f'x="{_px(left)}" y="{top + row * _ROW}" width="{wide}" height="{_ROW}"'
            value = float(heat.logit_diff[place, row])
            if row == base:
                parts.append(f'<rect class="r" {box}/>')
                parts.append(
                    f'<circle class="d" cx="{_px(left + heat.cell / 2)}" cy="{top + row * _ROW + _ROW // 2}" '
                    f'r="{_px(min(heat.cell * 0.3, 2.5))}"/>'
                )
            else:
                change = f"{_KNOWN_BASES[base]}&gt;{ALTERNATES[row]}"
                parts.append(
                    f'<rect class="c" {box} fill="{_colour(value / heat.limit)}"><title>'
                    f"{escape(name)} {change} {_number(value)}</title></rect>"
                )
    high = rows * _ROW
    parts.append(
        f'<rect x="{_LEFT}" y="{top}" width="{_px(heat.cell * len(heat.ref))}" height="{high}" '
        'fill="none" stroke="#bbb"/>'
    )
    return parts


def _axis(heat: HeatMap, floor: int) -> list[str]:
    n = len(heat.ref)
    step = _step(84 / heat.cell)
    first, last = heat.start + 1, heat.start + n
    ticks = range(-(-first // step) * step, last + 1, step)
    parts = []
    for tick in ticks:
        x = _px(_LEFT + (tick - first + 0.5) * heat.cell)
        parts.append(f'<line class="l" x1="{x}" x2="{x}" y1="{floor}" y2="{floor + 5}"/>')
        parts.append(f'<text class="m" x="{x}" y="{floor + 17}">{tick:,}</text>')
    middle = _px(_LEFT + heat.cell * n / 2)
    title = f"position on {escape(heat.contig)} (bp, 1-based)"
    parts.append(f'<text class="m" x="{middle}" y="{floor + 34}">{title}</text>')
    return parts


def _legend(heat: HeatMap, top: int, right: float) -> list[str]:
    wide, ends = 200, _number(heat.limit)
    left = right - wide - 10
    return [
        f'<rect class="r" x="{_LEFT}" y="{top}" width="12" height="12"/>',
        f'<circle class="d" cx="{_LEFT + 6}" cy="{top + 6}" r="2.5"/>',
        f'<text x="{_LEFT + 18}" y="{top + 10}">base of the genome</text>',
        f'<text class="e" x="{_px(left - 12)}" y="{top + 10}">logit difference (ALT − REF)</text>',
        f'<rect x="{_px(left)}" y="{top}" width="{wide}" height="12" fill="url(#scale)" stroke="#bbb"/>',
        f'<text class="m" x="{_px(left)}" y="{top + 26}">−{ends}</text>',
        f'<text class="m" x="{_px(left + wide / 2)}" y="{top + 26}">0</text>',
        f'<text class="m" x="{_px(left + wide)}" y="{top + 26}">+{ends}</text>',
    ]


def _region(heat: HeatMap) -> str:
    return f"{heat.contig}:{heat.start + 1:,}–{heat.start + len(heat.ref):,}"


def _colour(value: float) -> str:
    """Blue for a loss, red for a gain, white between: `value` from -1 to 1."""
    end = _GAIN if value > 0 else _LOSS
    return "#" + "".join(f"{round(255 + (one - 255) * abs(value)):02x}" for one in end)


def _step(least: float) -> int:
    """Give the smallest of 1, 2, 5, 10, 20, … that is not below `least`."""
    power = 1
    while True:
        for leading in (1, 2, 5):
            if leading * power >= least:
                return leading * power
        power *= 10


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _number(value: float) -> str:
    return f"{value:.2g}".replace("-", "−") if abs(value) < 1 else f"{value:.2f}".replace("-", "−")
