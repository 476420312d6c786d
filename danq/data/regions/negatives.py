"""Drawing negative training bins, at random or with the GC content of the positives."""

import logging

import numpy as np
from numpy.typing import NDArray

from danq.data.options import Negatives

log = logging.getLogger("danq")

GC_STRATA = 50


def draw_negatives(
    options: Negatives,
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
    gc: NDArray[np.float32] | None,
    seed: int,
) -> NDArray[np.int64]:
    """Choose which negative bins are kept.

    With ``match: gc`` the bins are drawn within `GC_STRATA` equal strata of window GC content, in proportion
    to the positives in each; a stratum with too few negatives gives all it has, and the shortage is logged.

    Parameters
    ----------
    options : Negatives
        Ratio and matching.
    positive, negative : int64, shapes (p,) and (q,)
        Numbers of the positive and negative training bins.
    gc : float32, shape (bins,), or None
        GC part of each bin's window; needed for ``match: gc``.
    seed : int
        Seed of the draw.

    Returns
    -------
    int64, shape (m,)
        Numbers of the kept negative bins, ascending.
    """
    random = np.random.Generator(np.random.Philox(seed))
    # the running total is rounded, not each stratum, so that the ratio holds over all of them
    if options.match == "gc" and gc is not None:
        wanted = np.bincount(_stratum(gc[positive]), minlength=GC_STRATA)
        groups = _groups(negative, _stratum(gc[negative]))
    else:
        wanted, groups = np.array([len(positive)]), [negative]
    quota = np.diff(np.floor(np.cumsum(wanted) * options.negatives_per_positive + 0.5), prepend=0)
    kept = [
        random.choice(group, min(int(number), len(group)), replace=False)
        for group, number in zip(groups, quota, strict=True)
    ]
    chosen = np.sort(np.concatenate(kept))
    if len(chosen) < quota.sum():
        log.warning("negatives: wanted %d training bins, found %d that match", quota.sum(), len(chosen))
    return chosen


def _stratum(gc: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.minimum((gc * GC_STRATA).astype(np.int64), GC_STRATA - 1)


def _groups(numbers: NDArray[np.int64], stratum: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(stratum, kind="stable")
    borders = np.searchsorted(stratum[order], np.arange(1, GC_STRATA))
    return np.split(numbers[order], borders)
