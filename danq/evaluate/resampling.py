"""Which rows of a split are drawn, and what is kept of every resample."""

import hashlib
import logging
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.evaluate.bootstrap import BLOCK_BP, LEVEL, Resamples, blocks, draw, macro
from danq.evaluate.class_metrics import resampled_classes
from danq.evaluate.per_target import AREAS, known_labels
from danq.learn.predict.predictions import Predictions

log = logging.getLogger("danq")

RESAMPLES = 1000
AFFORDABLE = 3e10
"""Rows × targets × resamples up to which intervals are computed without being asked for (about a minute)."""
FEWEST_BLOCKS = 10
"""Blocks below which there is no interval: so few tell too little of how much other ones would differ."""
TARGET = "target_"
"""Begin of the names of columns with an array of one value a target."""
_ROWS_AT_ONCE = 1 << 16


def draw_rows(predictions: Predictions, resamples: int | None, seed: int) -> tuple[Resamples | None, str]:
    """Draw the resamples of a split, or say why there are none.

    Parameters
    ----------
    predictions : Predictions
    resamples : int or None
        How many; None for `RESAMPLES` where that is `AFFORDABLE`.
    seed : int

    Returns
    -------
    drawn : Resamples or None
    reason : str
        Why there are none; otherwise empty.
    """
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
        log.log(
            logging.INFO if resamples == 0 else logging.WARNING,
            "%s: no intervals, %s",
            predictions.split,
            reason,
        )
        return None, reason
    return draw(block, g, RESAMPLES if resamples is None else resamples, seed), ""


def describe_intervals(predictions: Predictions, drawn: Resamples) -> dict[str, Any]:
    """Tell of which blocks the resamples were drawn."""
    return {
        "level": LEVEL,
        "resamples": drawn.counts.shape[1],
        "blocks": drawn.counts.shape[0],
        "block": "row" if predictions.start is None else f"{BLOCK_BP} bp",
    }


def of_resamples(
    predictions: Predictions, areas: NDArray[np.float64] | None, drawn: Resamples | None
) -> pl.DataFrame:
    """Metrics of a split in every resample, as means and of each target: one row a resample.

    Parameters
    ----------
    areas : float64, shape (2, k, resamples), or None
        AUROC and AUPRC of each target in each resample.
    """
    given = np.zeros((2, 0, 0)) if areas is None else areas
    values = {name: macro(area) for name, area in zip(AREAS, given, strict=True)}
    if drawn is not None and has_classes(predictions):
        values |= resampled_classes(predictions.probabilities, known_labels(predictions), drawn)
    resample = np.arange(given.shape[2], dtype=np.int32)
    table = pl.DataFrame({"resample": resample, **values}).fill_nan(None)
    if areas is not None:
        each = {
            f"{TARGET}{name}": np.ascontiguousarray(area.T, np.float32)
            for name, area in zip(AREAS, areas, strict=True)
        }
        table = table.with_columns(**{name: pl.Series(values) for name, values in each.items()})
    return table.select(pl.lit(predictions.split).alias("split"), pl.all())


def has_classes(predictions: Predictions) -> bool:
    """Tell whether a row has one class: of several columns, or of positive and negative."""
    return predictions.task == "multiclass" or len(predictions.targets) == 1


def digest_rows(predictions: Predictions) -> str:
    """SHA-256 of names, order and labels of rows and targets: runs with the same one can be compared."""
    labels, digest = known_labels(predictions), hashlib.sha256()
    for names in (predictions.targets, predictions.ids):
        for first in range(0, len(names), _ROWS_AT_ONCE):
            digest.update("\0".join([*names[first : first + _ROWS_AT_ONCE].tolist(), ""]).encode())
        digest.update(b"\1")
    for first in range(0, len(labels), _ROWS_AT_ONCE):
        digest.update(np.packbits(labels[first : first + _ROWS_AT_ONCE] != 0, axis=1).tobytes())
    return digest.hexdigest()
