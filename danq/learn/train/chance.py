"""The loss of a model that knows how frequent each target is, and nothing else."""

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset

_NEVER_SEEN = 1e-6
"""Probability of a target without positives, or negatives, in training: there is no finite logit for it."""


def chance_loss(
    data: Dataset,
    split: str,
    weights: NDArray[np.float32] | None,
    shares: NDArray[np.float32] | None,
) -> float | None:
    """Loss on a split of the logits that fit training rows best, the same for every row; None without rows.

    A model's loss is to be read against it: 1 − loss / this is the part of the labels' uncertainty that the
    model explains. Where a split has other base rates than training, both pay for it.

    Parameters
    ----------
    weights, shares : float32, shape (k,), or None
        As `row_loss` has them.
    """
    labels = data.labelled(split)
    if not labels.any():
        return None
    learnt, positive = (data.counts(each) / np.maximum(data.labelled(each), 1) for each in ("train", split))
    weight = np.ones(len(positive)) if weights is None else weights
    if data.task == "multiclass":
        return _cross_entropy(positive * weight, learnt * weight / (learnt * weight).sum())
    q = learnt * weight / np.maximum(learnt * weight + 1 - learnt, np.finfo(np.float64).tiny)
    share = np.ones(len(positive)) if shares is None else shares
    parts = ((positive * weight, q), (1 - positive, 1 - q))
    # every known label weighs the same
    share = share * labels / labels.sum()
    return sum(_cross_entropy(share * part, at) for part, at in parts)


def _cross_entropy(weights: NDArray[np.floating], probabilities: NDArray[np.float64]) -> float:
    """Sum of −weights · log(probabilities); what training has never seen costs as `_NEVER_SEEN` does."""
    known = np.maximum(probabilities, _NEVER_SEEN)
    return float(-(weights * np.log(known)).sum())
