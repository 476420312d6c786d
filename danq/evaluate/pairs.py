"""Whether a model tells its targets apart: how predictions, and labels, of pairs of targets correlate."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.learn.predict.predictions import Predictions

SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("run", "split"), pl.String),
    "first_index": pl.Int32,
    "first": pl.String,
    "second_index": pl.Int32,
    "second": pl.String,
    **dict.fromkeys(("labels", "predictions"), pl.Float64),
}
"""Columns of `pairs.tsv` in order."""
DISTINCT = 0.5
"""Correlation of the labels of two targets below which a model should tell them apart; targets that are alike
themselves are not counted."""
ALIKE = 0.95
"""Median correlation of the logits, or effects, of such targets from which on they are predicted alike: what
tells two targets from each other is then a fortieth of the variance of their logits, (1 − r) / 2."""
_MOST_TARGETS, _MOST_ROWS = 64, 20_000


class Alike(NamedTuple):
    """Of `pairs` pairs whose labels correlate by less than `DISTINCT`, the median correlations."""

    pairs: int
    labels: float
    predictions: float

    @property
    def told(self) -> bool:
        """Whether the targets are predicted alike although they are not alike."""
        return self.predictions >= ALIKE

    @property
    def words(self) -> str:
        """Both correlations in words."""
        return (
            f"over {self.pairs:,} pairs of targets the median correlation is {self.predictions:.3f}, "
            f"of their labels {self.labels:.3f}"
        )


def pair_table(predictions: Predictions, labels: NDArray[np.int8]) -> pl.DataFrame:
    """Rows of `pairs.tsv`: Pearson's r of the logits, and of the labels, of each pair of targets.

    Either is over the rows in which the labels of both targets are known.

    Of many targets and rows, 64 and 20,000 evenly spread ones are compared. A pair without a value, for one
    of the targets never varies, is left out, and so are classes, of which one excludes the others.
    """
    if predictions.task == "multiclass" or len(predictions.targets) < 2:
        return pl.DataFrame(schema=SCHEMA)
    rows, targets = spread(len(predictions), _MOST_ROWS), spread(len(predictions.targets), _MOST_TARGETS)
    each: tuple[tuple[str, NDArray[Any]], ...] = (("labels", labels), ("predictions", predictions.logits))
    known = labels[rows][:, targets] >= 0
    values = {name: correlations(array[rows][:, targets], known) for name, array in each}
    first, second = np.triu_indices(len(targets), 1)
    names = predictions.targets
    table = pl.DataFrame(
        {
            "run": [predictions.run] * len(first),
            "split": [predictions.split] * len(first),
            "first_index": targets[first],
            "first": names[targets[first]].tolist(),
            "second_index": targets[second],
            "second": names[targets[second]].tolist(),
            **{name: matrix[first, second].round(6) for name, matrix in values.items()},
        },
        schema=SCHEMA,
    )
    return table.fill_nan(None).drop_nulls()


def spread(n: int, most: int) -> NDArray[np.int64]:
    """Give the indices of n things, of more than `most` so many evenly spread ones."""
    return np.linspace(0, max(n - 1, 0), min(n, most)).round().astype(np.int64)


def correlations(values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """Pearson's r between the columns of an array (n, k), shape (k, k); NaN of columns that never vary.

    With `known`, bool (n, k), each pair is compared in the rows in which both are.
    """
    if not len(values):
        return np.full((values.shape[1],) * 2, np.nan)
    known = np.ones(values.shape, bool) if known is None else known
    there, exact = known.astype(np.float64), np.where(known, values.astype(np.float64), 0.0)
    # a shift changes no correlation, and keeps the squares of large means out of the differences
    centred = np.where(known, exact - exact.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
    n = np.maximum(there.T @ there, 1)
    sums = centred.T @ there / n
    variance = (centred**2).T @ there / n - sums**2
    # what is left of a constant by rounding is no variation
    variance[variance <= (1e-6 * np.abs(exact).max(axis=0))[:, None] ** 2] = np.nan
    return np.asarray((centred.T @ centred / n - sums * sums.T) / np.sqrt(variance * variance.T))


def distinct(pairs: pl.DataFrame | None) -> pl.DataFrame:
    """Take those pairs of a table of pairs whose labels say that they are different targets."""
    return pl.DataFrame(schema=SCHEMA) if pairs is None else pairs.filter(pl.col("labels") < DISTINCT)


def alike(pairs: pl.DataFrame | None, effects: Mapping[tuple[str, str], float] | None = None) -> Alike | None:
    """Compare predictions, or `effects` of variants by pair of names, with labels; None without any pair."""
    kept = distinct(pairs)
    if effects is not None:
        values = [effects.get(pair) for pair in kept.select("first", "second").iter_rows()]
        kept = kept.with_columns(pl.Series("predictions", values, pl.Float64)).fill_nan(None).drop_nulls()
    labels, predictions = (kept[name].median() for name in ("labels", "predictions"))
    if not isinstance(labels, float) or not isinstance(predictions, float):
        return None
    return Alike(len(kept), labels, predictions)
