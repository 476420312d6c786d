"""The figure of one region: predictions along it, peaks of the tracks under them, variants and effects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from markupsafe import Markup

from danq.drawing import INK, PALE, own_settings, shortened
from danq.report.callsets import label
from danq.report.plots import PALETTE, markup
from danq.score.measures import EFFECT, TARGET, column_of
from danq.views.manifest import Viewed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_TARGETS, MOST_VARIANTS = len(PALETTE), 200
"""Targets and variants of a figure that are drawn, the strongest ones."""
_LEFT, _WIDE, _RIGHT, _TOP = 60, 780, 190, 26
_LINES, _PEAK, _GAP, _VARIANTS, _CHANGE, _AXIS = 84, 10, 24, 92, 17, 44
"""Px: margins; heights of lines, a row of peaks, room between parts, effects, a target's change, an axis."""
_LOWEST_SCALE = 0.05
"""Probability that an axis reaches at least: what is never predicted is to look so."""
_NAME = 15
"""Px of a line of text."""
_OF_VARIANTS = 3
"""Targets at most that are drawn because the strongest variants change them."""
_MEANING = (
    "Lines: predicted probability at the centre of each bin. Bars: intervals of the tracks. Stems: effect of "
    "each variant."
)


@dataclass(frozen=True, eq=False)
class Locus:
    """What one figure shows: a region as a run sees it, and the scored alleles in it, the strongest first.

    `drawn` are the numbers of the targets that are shown, by group.
    """

    viewed: Viewed
    variants: pl.DataFrame
    drawn: Mapping[str, Sequence[int]]

    @property
    def colours(self) -> dict[int, str]:
        """Colour of each drawn target."""
        numbers = [number for group in self.drawn.values() for number in group]
        return dict(zip(numbers, PALETTE, strict=False))


def choose_targets(viewed: Viewed, variants: pl.DataFrame) -> dict[str, list[int]]:
    """Choose the targets to draw, at most `MOST_TARGETS`: numbers by group, in the order of the targets.

    First come those that the strongest of the variants (sorted so) change most, then those with the highest
    prediction in the region.
    """
    names = list(viewed.targets)
    changed = variants[TARGET].head(_OF_VARIANTS).to_list() if TARGET in variants.columns else []
    first = [names.index(name) for name in changed if name in names]
    highest = np.argsort(-viewed.probabilities.max(axis=0), kind="stable").tolist()
    chosen = sorted(list(dict.fromkeys([*first, *highest]))[:MOST_TARGETS])
    groups: dict[str, list[int]] = {}
    for number in chosen:
        groups.setdefault(viewed.groups[number], []).append(number)
    return groups


def locus_svg(locus: Locus) -> Markup:
    """Draw a region as an ``<svg>`` element, with numbers under the pointer."""
    with own_settings():
        remarks: dict[str, str] = {}
        figure = draw(locus, remarks)
        entry = locus.viewed.entry
        return markup(figure, f"{entry.title} by {locus.viewed.run}", remarks, _MEANING)


def draw(locus: Locus, remarks: dict[str, str]) -> "Figure":
    """Draw a region within `danq.drawing.own_settings`; what the pointer shows is added to `remarks`."""
    from matplotlib.figure import Figure

    peaks = _PEAK * locus.viewed.entry.peaks
    panels = [max(_LINES + peaks * len(each), _NAME * len(each)) for each in locus.drawn.values()]
    changes = _changes(locus)
    below = [_VARIANTS] if len(locus.variants) else []
    height = _TOP + sum(panels) + sum(below) + _GAP * (len(panels) + len(below)) + _AXIS
    height += (_CHANGE * len(changes) + 2 * _GAP + _AXIS) if changes else 0
    width = _LEFT + _WIDE + _RIGHT
    figure, top = Figure((width / 72, height / 72)), float(_TOP)

    def axes(tall: float) -> "Axes":
        nonlocal top
        made = figure.add_axes((_LEFT / width, 1 - (top + tall) / height, _WIDE / width, tall / height))
        made.spines[["top", "right"]].set_visible(False)
        top += tall + _GAP
        return made

    along = [axes(tall) for tall in (*panels, *below)]
    for number, ((group, numbers), panel) in enumerate(zip(locus.drawn.items(), along, strict=False)):
        _draw_targets(panel, locus, group, numbers, f"peak-{number}", remarks)
    if below:
        _draw_variants(along[-1], locus, remarks)
    for panel in along:
        _set_positions(panel, locus, last=panel is along[-1])
    if changes:
        top += _AXIS + _GAP
        _draw_changes(axes(_CHANGE * len(changes)), locus, changes)
    return figure


def _draw_targets(
    axes: "Axes", locus: Locus, group: str, numbers: Sequence[int], gid: str, remarks: dict[str, str]
) -> None:
    """Draw the predictions of a group of targets and, below 0, a row of peaks for each."""
    viewed, colours = locus.viewed, locus.colours
    highest = float(viewed.probabilities[:, list(numbers)].max(initial=_LOWEST_SCALE))
    row, height = highest * 1.08 * _PEAK / _LINES, axes.get_window_extent().height
    for place, number in enumerate(numbers):
        # bases are drawn at their 1-based position: the edge before base 1 lies at 0.5
        axes.plot(viewed.centre + 0.5, viewed.probabilities[:, number], color=colours[number], linewidth=1.6)
        name, line = shortened(viewed.targets[number], 26), 1 - _NAME * (place + 0.5) / height
        axes.text(1.012, line, name, transform=axes.transAxes, color=colours[number], va="center")
        for peak in viewed.peaks.filter(pl.col("target") == number).iter_rows(named=True):
            key = f"{gid}-{place}-{peak['start']}-{peak['end']}"
            length = peak["end"] - peak["start"]
            y, left = -row * (place + 0.6), peak["start"] + 0.5
            axes.barh(y, length, row * 0.6, left, color=colours[number], gid=key)
            where = f"{viewed.entry.contig}:{peak['start'] + 1:,}-{peak['end']:,}"
            remarks[key] = f"{viewed.targets[number]}: {where} ({length:,} bp)"
    axes.set_ylim(-row * len(numbers) if viewed.entry.peaks else 0, highest * 1.08)
    axes.yaxis.set_major_locator(_ticks(highest))
    axes.axhline(0, color=PALE, linewidth=0.6)
    axes.set_title(group or "prediction", loc="left", fontsize=10, color=INK, pad=3)


def _draw_variants(axes: "Axes", locus: Locus, remarks: dict[str, str]) -> None:
    """Draw a stem an allele: its logit difference in the target that it changes most."""
    names = {locus.viewed.targets[number]: colour for number, colour in locus.colours.items()}
    drawn = list(enumerate(locus.variants.head(MOST_VARIANTS).iter_rows(named=True)))
    for number, row in reversed(drawn):
        effect, colour = signed_effect(row, locus.viewed.targets), names.get(row[TARGET], PALE)
        axes.plot([row["pos"]] * 2, [0, effect], color=colour, linewidth=0.9)
        axes.plot([row["pos"]], [effect], "o", color=colour, markersize=4.5, gid=f"variant-{number}")
        remarks[f"variant-{number}"] = f"{label(row)}: {row[TARGET]} {effect:+.3f}"
    axes.axhline(0, color=PALE, linewidth=0.6)
    axes.margins(y=0.16)
    axes.set_title(
        "variants: logit difference (ALT − REF) in the target that each changes most", loc="left", fontsize=10
    )
    elsewhere = {row[TARGET] for _, row in drawn} - names.keys()
    if elsewhere:
        axes.text(1.012, 0.5, "grey: other targets", transform=axes.transAxes, color=PALE, va="center")


def signed_effect(row: Mapping[str, Any], targets: Sequence[str]) -> float:
    """Logit difference of an allele in the target that it changes most; where none was written, its size."""
    if row[TARGET] in targets:
        column = column_of(targets.index(row[TARGET]), row[TARGET], "logit_diff")
        if row.get(column) is not None:
            return float(row[column])
    return float(row[EFFECT])


def _changes(locus: Locus) -> list[tuple[int, float, float]]:
    """Probabilities of drawn targets with the reference and the alternate allele of the strongest variant."""
    if not len(locus.variants):
        return []
    row = locus.variants.row(0, named=True)
    changes = []
    for number in locus.colours:
        before, after = (
            row.get(column_of(number, locus.viewed.targets[number], of)) for of in ("p_ref", "p_alt")
        )
        if before is not None and after is not None:
            changes.append((number, float(before), float(after)))
    return changes


def _draw_changes(axes: "Axes", locus: Locus, changes: Sequence[tuple[int, float, float]]) -> None:
    """Draw, target by target, the prediction with the reference (hollow) and with the alternate allele."""
    for place, (number, before, after) in enumerate(changes):
        colour = locus.colours[number]
        axes.plot([before, after], [place, place], color=colour, linewidth=2)
        axes.plot([before], [place], "o", color=colour, markerfacecolor="white", markersize=6)
        axes.plot([after], [place], "o", color=colour, markersize=6)
        numbers = f"{shortened(locus.viewed.targets[number], 16)}  {before:.3f} → {after:.3f}"
        axes.text(1.012, place, numbers, transform=axes.get_yaxis_transform(), color=colour, va="center")
    axes.set_ylim(len(changes) - 0.4, -0.6)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlim(0, 1.02 * max(max(change[1:]) for change in changes) or 1.0)
    name = label(locus.variants.row(0, named=True))
    axes.set_title(f"{name}: reference (hollow) → alternate allele (filled)", loc="left", fontsize=10)
    axes.set_xlabel("predicted probability of the bin at the variant")


def _set_positions(axes: "Axes", locus: Locus, last: bool) -> None:
    """Let x be the 1-based position; the numbers stand under the last part."""
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    entry = locus.viewed.entry
    axes.set_xlim(entry.start + 0.5, entry.end + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel(f"position on {shortened(entry.contig, 50)} (bp, 1-based)")


def _ticks(high: float) -> Any:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    values: Iterable[float] = MaxNLocator(3).tick_values(0, high)
    return FixedLocator([value for value in values if 0 <= value <= high * 1.08])
