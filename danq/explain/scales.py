"""Axes and colours of the figures: round limits, round ticks, one diverging scale."""

import math
from itertools import pairwise

_ROUND = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_STEPS = (1.0, 2.0, 5.0, 10.0)

_STOPS = (
    (-1.0, (13, 59, 122)),
    (-0.66, (47, 116, 184)),
    (-0.33, (144, 188, 223)),
    (0.0, (250, 250, 250)),
    (0.33, (247, 180, 150)),
    (0.66, (215, 85, 70)),
    (1.0, (138, 14, 36)),
)


def round_up(value: float) -> float:
    """Smallest round number that is not below a positive value; 1 for 0 and for no number."""
    if not (math.isfinite(value) and value > 0):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in _ROUND if step * power >= value * (1 - 1e-9)), 10 * power)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of a round step within [low, high], 0 among them where it lies there.

    Parameters
    ----------
    low, high : float
        Ends of the axis, low < high.
    most : int
        Most ticks, at least 2.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for step in (factor * scale * power for scale in (1.0, 10.0) for factor in _STEPS):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [number * step for number in range(first, last + 1)]
    return [0.0]


def number(value: float) -> str:
    """Write a tick: three significant digits, a true minus sign, no needless zeros."""
    return f"{value:.3g}".replace("-", "−") if value else "0"


def diverging(fraction: float) -> str:
    """Colour between blue (-1), nearly white (0) and red (1), as ``#rrggbb``."""
    place = min(max(fraction, -1.0), 1.0)
    for (low, left), (high, right) in pairwise(_STOPS):
        if place <= high:
            share = (place - low) / (high - low)
            return "#" + "".join(
                f"{round(a + (b - a) * share):02x}" for a, b in zip(left, right, strict=True)
            )
    raise ValueError(fraction)
