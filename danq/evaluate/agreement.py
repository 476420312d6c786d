"""How well scores agree with labels or measured effects: areas, correlations, and their intervals."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from danq.evaluate.intervals import BLOCK_BP, FEWEST_BLOCKS, RESAMPLES, Resamples, blocks, draw, interval
from danq.metrics import SCORED, auprc, auroc, rank, weighted_areas

FIGURES = {"auroc": "AUROC", "auprc": "AUPRC", "pearson": "Pearson", "spearman": "Spearman"}
"""Measures of agreement and their titles; each has columns `<name>_low` and `<name>_high` of its interval."""

_FEWEST = 3
_CELLS = 4_000_000
"""Ranks of resamples that are computed at once."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of some alleles, and what is resampled for intervals.

    Attributes
    ----------
    values : float64, shape (n,)
        Labels 0 and 1, or effects.
    labels : bool
        Whether they are labels.
    resamples : Resamples or None
        None without intervals.
    """

    values: NDArray[np.float64]
    labels: bool
    resamples: Resamples | None

    @property
    def blocks(self) -> int | None:
        """How many blocks are resampled."""
        return None if self.resamples is None else len(self.resamples.counts)

    def compare(self, scores: NDArray[np.float32]) -> dict[str, Any]:
        """Compare scores, shape (n,), with what is known: figures, their intervals, and `status`."""
        row: dict[str, Any] = {"n": len(scores), "blocks": self.blocks}
        row |= self._ranked(scores) if self.labels else self._correlated(scores)
        return row if row["status"] == SCORED else {**row, "blocks": None}

    def _ranked(self, scores: NDArray[np.float32]) -> dict[str, Any]:
        labels = self.values == 1
        ranking = rank(scores, labels)
        row = {"positives": ranking.n_positives, "status": ranking.status}
        if ranking.status != SCORED:
            return row
        row |= {"auroc": auroc(ranking), "auprc": auprc(ranking)}
        if self.resamples is not None:
            block, counts = self.resamples.block, self.resamples.counts
            areas = weighted_areas(scores, labels.astype(np.int8), block, counts)
            row |= _ends(row, dict(zip(("auroc", "auprc"), areas, strict=True)), (0.0, 1.0))
        return row

    def _correlated(self, scores: NDArray[np.float32]) -> dict[str, Any]:
        if len(scores) < _FEWEST:
            return {"status": "too_few"}
        if np.ptp(self.values) == 0 or np.ptp(scores) == 0:
            return {"status": "constant"}
        pair = self.values, scores.astype(np.float64)
        # Spearman's is Pearson's of the ranks, ties at their mean
        ranks = rankdata(pair[0]), rankdata(pair[1])
        row = {
            "pearson": float(np.corrcoef(*pair)[0, 1]),
            "spearman": float(np.corrcoef(*ranks)[0, 1]),
            "status": SCORED,
        }
        if self.resamples is not None:
            drawn = {"pearson": resampled_pearson(*pair, self.resamples)}
            drawn["spearman"] = resampled_spearman(*pair, self.resamples)
            row |= _ends(row, drawn, (-1.0, 1.0))
        return row


def _ends(
    row: dict[str, Any], drawn: dict[str, NDArray[np.float64]], limits: tuple[float, float]
) -> dict[str, float | None]:
    ends: dict[str, float | None] = {}
    for name, values in drawn.items():
        low, high = (None if np.isnan(end) else end for end in interval(values, row[name], limits).tolist())
        ends |= {f"{name}_low": low, f"{name}_high": high}
    return ends


def draw_alleles(contig: NDArray[np.str_], pos: NDArray[np.int64], seed: int) -> Resamples | None:
    """Draw resamples of alleles: of stretches of 100,000 bp, or of positions where they lie in few of these.

    Alleles that lie close by are not independent, those of one position least of all. None if there are fewer
    than `FEWEST_BLOCKS` positions.
    """
    for bp in (BLOCK_BP, 1):
        block, g = blocks(contig, pos, len(pos), bp)
        if g >= FEWEST_BLOCKS:
            return draw(block, g, RESAMPLES, seed)
    return None


def resampled_pearson(
    one: NDArray[np.float64], other: NDArray[np.float64], resamples: Resamples
) -> NDArray[np.float64]:
    """Correlate two arrays, shape (n,), in each resample: Pearson's r, shape (r,), NaN for constants."""
    one, other = one - one.mean(), other - other.mean()
    g = len(resamples.counts)
    terms = (np.ones_like(one), one, other, one * one, other * other, one * other)
    # what a block adds to each sum, as often as it is drawn
    sums = np.stack([np.bincount(resamples.block, term, g) for term in terms])
    return _correlation(*(sums @ resamples.counts.astype(np.float64)))


def resampled_spearman(
    one: NDArray[np.float64], other: NDArray[np.float64], resamples: Resamples
) -> NDArray[np.float64]:
    """Correlate the ranks of two arrays, which are ranked anew in each resample, as `resampled_pearson`."""
    orders = _ranker(one), _ranker(other)
    result = []
    width = max(1, _CELLS // max(1, len(one)))
    for first in range(0, resamples.counts.shape[1], width):
        weights = resamples.counts[resamples.block, first : first + width].astype(np.float64)
        x, y = (ranks(weights) for ranks in orders)
        terms = (np.ones_like(x), x, y, x * x, y * y, x * y)
        result.append(_correlation(*((weights * term).sum(axis=0) for term in terms)))
    return np.concatenate(result)


def _ranker(values: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Make what ranks values that count `weights` times, (n, r): ranks, less half the number of rows."""
    _, level = np.unique(values, return_inverse=True)
    order = np.argsort(level, kind="stable")
    ends = np.flatnonzero(np.diff(level[order], append=-1))

    def ranks(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        until = np.cumsum(weights[order], axis=0)[ends]
        before = np.concatenate([np.zeros((1, weights.shape[1])), until[:-1]])
        return ((before + until) / 2 - until[-1] / 2)[level]

    return ranks


def _correlation(*sums: NDArray[np.float64]) -> NDArray[np.float64]:
    n, x, y, xx, yy, xy = sums
    spread = (n * xx - x * x) * (n * yy - y * y)
    known = spread > 1e-12 * (n * xx + 1e-300) * (n * yy + 1e-300)
    return np.divide(
        n * xy - x * y, np.sqrt(np.where(known, spread, 1.0)), out=np.full(len(n), np.nan), where=known
    )
