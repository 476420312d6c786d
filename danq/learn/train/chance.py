"""The loss of a model that knows how frequent each target is, and nothing else."""

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset


def chance_loss(
    data: Dataset,
    split: str,
    weights: NDArray[np.float32] | None,
    shares: NDArray[np.float32] | None,
) -> float | None:
    """Lowest loss on a split that the same logits for every row reach; None without rows.

    A model's loss is to be read against it: 1 − loss / this is the part of the labels' uncertainty that the
    model explains.

    Parameters
    ----------
    weights, shares : float32, shape (k,), or None
        As `row_loss` has them.
    """
    rows = data.labelled(split)
    if not rows:
        return None
    positive = data.counts(split) / rows
    weighted = positive if weights is None else positive * weights
    if data.task == "multiclass":
        return _cross_entropy(weighted, weighted / weighted.sum())
    negative = 1 - positive
    q = weighted / np.maximum(weighted + negative, np.finfo(np.float64).tiny)
    share = np.ones(len(positive)) if shares is None else shares
    parts = (_cross_entropy(share * part, at) for part, at in ((weighted, q), (negative, 1 - q)))
    return sum(parts) / len(positive)


def _cross_entropy(weights: NDArray[np.floating], probabilities: NDArray[np.float64]) -> float:
    """Sum of −weights · log(probabilities), where what never happens costs nothing."""
    happens = (weights > 0) & (probabilities > 0)
    return float(-(weights[happens] * np.log(probabilities[happens])).sum())
