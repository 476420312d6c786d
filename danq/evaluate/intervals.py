"""95% intervals by bootstrap over blocks of the genome, because neighbouring windows are not independent."""

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.learn.predict.predictions import Predictions

log = logging.getLogger("danq")

BLOCK_BP = 100_000
"""Length of a resampled stretch of the genome in bp."""
LEVEL = 0.95
RESAMPLES = 1000
AFFORDABLE = 3e10
"""Rows × targets × resamples up to which intervals are computed without being asked for (about a minute)."""
_NORMAL_95 = 1.959964
FEWEST_BLOCKS = 10
"""Blocks below which there is no interval: so few tell too little of how much other ones would differ."""


@dataclass(frozen=True)
class Resamples:
    """How often each block occurs in each resample.

    Attributes
    ----------
    block : int64, shape (n,)
        Block of each row, 0..g-1.
    counts : uint8, shape (g, resamples)
        Each column sums to g.
    """

    block: NDArray[np.int64]
    counts: NDArray[np.uint8]


def blocks(
    contig: NDArray[np.str_] | None, start: NDArray[np.int64] | None, n: int, bp: int = BLOCK_BP
) -> tuple[NDArray[np.int64], int]:
    """Give each row the number of its block, `bp` of a contig or the row alone; how many there are."""
    if contig is None or start is None or n == 0:
        return np.arange(n, dtype=np.int64), n
    _, name = np.unique(contig, return_inverse=True)
    stretch = start // bp
    _, block = np.unique(name * (int(stretch.max()) + 1) + stretch, return_inverse=True)
    return block.astype(np.int64), int(block.max()) + 1


def draw(block: NDArray[np.int64], g: int, resamples: int, seed: int) -> Resamples:
    """Draw `resamples` times g of g blocks with replacement; the same arguments give the same draw."""
    rng = np.random.default_rng(seed)
    counts = np.empty((g, resamples), np.uint8)
    for column in range(resamples):
        counts[:, column] = np.minimum(np.bincount(rng.integers(0, g, g), minlength=g), 255)
    return Resamples(block, counts)


def draw_rows(predictions: Predictions, resamples: int | None, seed: int) -> tuple[Resamples | None, str]:
    """Draw the resamples of a split, `RESAMPLES` for None where that is `AFFORDABLE`, or say why not."""
    n, k = predictions.probabilities.shape
    block, g = blocks(predictions.contig, predictions.start, n)
    reason = ""
    if resamples == 0:
        reason = "not asked for"
    elif g < FEWEST_BLOCKS:
        reason = f"{g} {'block' if g == 1 else 'blocks'}, at least {FEWEST_BLOCKS} are needed"
    elif resamples is None and n * k * RESAMPLES > AFFORDABLE:
        reason = f"{n:,} rows of {k:,} targets would take long; ask for them with --resamples"
    if reason:
        level = logging.INFO if resamples == 0 else logging.WARNING
        log.log(level, "%s: no intervals, %s", predictions.split, reason)
        return None, reason
    return draw(block, g, RESAMPLES if resamples is None else resamples, seed), ""


def interval(
    values: NDArray[np.floating[Any]], estimate: float, limits: tuple[float, float] = (0.0, 1.0)
) -> NDArray[np.float64]:
    """Give the interval at `LEVEL` around what was measured.

    A row that is drawn twice ties with itself, which raises the average precision of the resamples. So the
    percentile interval of the resamples (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13)
    is moved back by their bias, the mean of the resamples minus the estimate (ch. 10). Few positive rows
    raise the estimate itself above the value of endless rows by about as much again: to hold that value as
    well, the interval is stretched by the bias on that side. Without bias it is the percentile interval.
    How often it holds the true value, and why it is kept, stands in docs/formats.md.

    Parameters
    ----------
    values : float, shape (resamples,)
        NaN where a resample has no value.
    estimate : float
        The same quantity on the rows themselves.
    limits : (float, float)
        Lowest and highest value that the quantity can have.

    Returns
    -------
    float64, shape (2,)
        Low and high end, with the estimate between them; NaN where it or half of the resamples are not known.
    """
    rising = np.sort(np.asarray(values, np.float64))  # NaN come last
    n = int((~np.isnan(rising)).sum())
    if n < max(2, len(rising) / 2) or np.isnan(estimate):
        return np.full(2, np.nan)
    place = np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2]) * (n - 1)
    before = np.floor(place).astype(np.int64)
    below, above = rising[before], rising[np.minimum(before + 1, n - 1)]
    low, high = below + (place - before) * (above - below)
    bias = np.nansum(np.asarray(values, np.float64)) / n - estimate
    low = min(low - bias - max(bias, 0.0), estimate)
    high = max(high - bias - min(bias, 0.0), estimate)
    return np.clip([low, high], *limits)


def positives_needed(auroc: float, half_width: float) -> int:
    """Positives among many negatives for which the 95% interval of an AUROC is `half_width` either way.

    Hanley & McNeil 1982 (doi 10.1148/radiology.143.1.7063747), where negatives are so many that they add
    nothing: variance ``(A / (2 - A) - A²) / positives``.
    """
    variance = auroc / (2 - auroc) - auroc**2
    return max(1, math.ceil(variance * (_NORMAL_95 / half_width) ** 2))


def macro(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of values (k, resamples) over targets in each resample, without NaN; NaN where all are."""
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.divide(total, n, out=np.full(values.shape[1], np.nan), where=n > 0)
