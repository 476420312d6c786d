"""Intervals looked at before anything is labelled: their lengths choose rule, bin and window."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from danq.config.starter.track_files import CHOSEN
from danq.data.regions.targets import Target
from danq.errors import DanqError, first_few
from danq.genome.intervals import Intervals
from danq.genome.tracks import read_intervals
from danq.progress import progress

_BIN, _BROAD_BIN = 200, 500
"""bp; the first is that of DeepSEA and DanQ."""
_BROAD = 2000
"""bp; where every track has such intervals, bins of 200 bp would be near copies of each other."""
_POINT_WINDOW, _WINDOW = 3, 5
"""Bins in a window: around points a bin on either side is sequence enough; otherwise DanQ's 1,000 bp."""
_WHY_POINTS = ": three bins, as intervals are short; more takes longer in proportion"
_WHY_WINDOW = ": five bins; fewer train faster in proportion"


@dataclass(frozen=True)
class Lengths:
    """Intervals of one track: their number, bp of median, shortest and longest, whether there are summits."""

    intervals: int
    median: float
    shortest: int
    longest: int
    summits: bool


@dataclass(frozen=True)
class Fit:
    """What suits the intervals of some tracks.

    Attributes
    ----------
    bin, window : int
        bp.
    rules : tuple of str
        ``overlap`` or ``summit`` for each track.
    reasons : dict of str to str
        Why, by key: ``seen``, ``targets``, ``bin`` and ``window``.
    """

    bin: int
    window: int
    rules: tuple[str, ...]
    reasons: dict[str, str]


def look_at(targets: Sequence[Target]) -> list[Lengths]:
    """Read the tracks once for the lengths of their intervals.

    Raises
    ------
    DanqError
        If a track cannot be read, or has no interval; all of the latter are named.
    """
    lengths, empty = list[Lengths](), list[Target]()
    with progress("reading", len(targets), "tracks") as advance:
        for target in targets:
            at = _intervals(target)
            covering = (at.end > at.start) & ~at.no_signal
            bp = (at.end - at.start)[covering]
            if len(bp):
                # a summit that is not the midpoint comes from the file
                summits = bool((at.summit != (at.start + at.end) // 2)[covering].any())
                median, ends = float(np.median(bp)), (int(bp.min()), int(bp.max()))
                lengths.append(Lengths(len(bp), median, *ends, summits))
            else:
                empty.append(target)
            advance(1)
    if empty:
        names = first_few((str(target.path) for target in empty), 20)
        leave_out = first_few((f"--without {target.name!r}" for target in empty), 3)
        raise DanqError(f"expected at least one interval in each track, found none in {names}; {leave_out}")
    return lengths


def _intervals(target: Target) -> Intervals:
    try:
        return read_intervals(target.path, target.feature)
    except DanqError as error:
        if "`feature`" not in str(error):
            raise
        raise DanqError(f"{error}; a table for --tracks-from with a column `feature` names it") from None


def fit_to(lengths: Sequence[Lengths], targets: Sequence[Target], bin: int | None, window: int | None) -> Fit:
    """Choose bin, window and each target's rule by the median lengths of its intervals.

    An interval shorter than a bin can lie so across the border of two that it covers neither by half, so
    tracks of them are labelled by ``summit``. Bins have 200 bp, and 500 where all tracks have intervals of
    2,000 bp and more. Windows have three bins where all intervals are short, and five otherwise: a training
    takes time in proportion to them.

    Parameters
    ----------
    bin, window : int or None
        bp that are fixed already.

    Raises
    ------
    DanqError
        If the window is shorter than the bin.
    """
    medians = [each.median for each in lengths]
    broad = min(medians) >= _BROAD
    chosen_bin = bin or (_BROAD_BIN if broad else _BIN)
    points = max(medians) < chosen_bin
    chosen_window = window or chosen_bin * (_POINT_WINDOW if points else _WINDOW)
    if chosen_window < chosen_bin:
        raise DanqError(f"--window: expected at least the bin's {chosen_bin} bp, received {chosen_window}")
    rules = tuple(
        ("summit" if each.median < chosen_bin else "overlap") if target.rule == CHOSEN else target.rule
        for each, target in zip(lengths, targets, strict=True)
    )
    reasons = {
        "seen": _seen(lengths),
        "targets": _why_rules(lengths, targets, rules, chosen_bin),
        "bin": "bp at its centre that are labelled" + ("" if bin or not broad else "; intervals are broad"),
        "window": "bp seen by the model" + ("" if window else _WHY_POINTS if points else _WHY_WINDOW),
    }
    return Fit(chosen_bin, chosen_window, rules, {key: reason for key, reason in reasons.items() if reason})


def _seen(lengths: Sequence[Lengths]) -> str:
    medians = [each.median for each in lengths]
    number = sum(each.intervals for each in lengths)
    summits = sum(each.summits for each in lengths)
    of_tracks = f"{len(lengths)} track{'s' * (len(lengths) > 1)} with {number:,} intervals"
    shortest, longest = min(each.shortest for each in lengths), max(each.longest for each in lengths)
    span = f"{shortest:,} to {longest:,} bp" if shortest < longest else f"{longest:,} bp"
    middle = " to ".join(f"{bp:,.0f}" for bp in dict.fromkeys([min(medians), max(medians)]))
    median = f", medians {middle} bp" if shortest < longest else ""
    return f"{of_tracks} of {span}{median}" + (f"; {summits} with summits" if summits else "")


def _why_rules(lengths: Sequence[Lengths], targets: Sequence[Target], rules: Sequence[str], bin: int) -> str:
    if all(target.rule != CHOSEN for target in targets):
        return "rules as listed"
    summit = rules.count("summit")
    if not summit:
        return f"rule overlap: median lengths are at least the bin's {bin} bp"
    kinds = {each.summits for each, rule in zip(lengths, rules, strict=True) if rule == "summit"}
    where = {True: "summit", False: "midpoint"}
    point = " or ".join(where[kind] for kind in sorted(kinds, reverse=True))
    many = "all" if summit == len(rules) else f"{summit} of {len(rules)}"
    return (
        f"rule summit for {many}: shorter than a bin (median), so the bin that holds the {point} is positive"
    )
