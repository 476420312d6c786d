"""Cross-validation: contigs or rows are dealt to folds; one tests, the next validates, the rest trains."""

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import SPLITS
from danq.data.options import SplitOptions
from danq.data.regions.labels import Bins
from danq.data.splits import Territory
from danq.errors import DanqError
from danq.genome.fasta import Genome

_JITTER = 0.25
"""Part by which the number of bins of a contig counts for more or less, so that seeds deal differently."""


def split_of_fold(dealt: NDArray[np.int64], split: SplitOptions) -> NDArray[np.uint8]:
    """Say what is done with what was dealt.

    Parameters
    ----------
    dealt : int64, shape (n,)
        Fold of each contig or row, 0-based.
    split : SplitOptions
        With `folds` and `fold`.

    Returns
    -------
    uint8, shape (n,)
        Index into `SPLITS`.

    Raises
    ------
    DanqError
        If the options name no fold.
    """
    if split.folds is None or split.fold is None:
        raise DanqError(f"split: expected `folds` and the `fold` that tests, received fold {split.fold}")
    ahead = (dealt - (split.fold - 1)) % split.folds
    parts = np.full(split.folds, SPLITS.index("train"), np.uint8)
    parts[0], parts[1] = SPLITS.index("test"), SPLITS.index("valid")
    return parts[ahead]


def deal_contigs(bins: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal contigs to folds of about equal numbers of bins: large ones first, each to the smallest fold.

    Parameters
    ----------
    bins : int64, shape (contigs,)
        Bins of each contig.
    folds : int
        At most the number of contigs with bins.
    seed : int
        The same arguments give the same deal.

    Returns
    -------
    int64, shape (contigs,)
        Fold of each contig, 0-based; every fold has one with bins.
    """
    generator = np.random.default_rng(seed)
    weights = bins * generator.uniform(1 - _JITTER, 1 + _JITTER, len(bins))
    dealt, filled = np.zeros(len(bins), np.int64), np.zeros(folds, np.int64)
    for contig in np.argsort(-weights, kind="stable"):
        dealt[contig] = filled.argmin()
        filled[dealt[contig]] += bins[contig]
    return generator.permutation(folds)[dealt]


def deal_rows(strata: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal the rows of each stratum to folds in random order.

    Parameters
    ----------
    strata : int64, shape (n,)
        Stratum of each row.
    folds : int
        Folds have equal numbers of rows of each stratum, but for one row.
    seed : int
        The same arguments give the same deal.

    Returns
    -------
    int64, shape (n,)
        Fold of each row, 0-based.
    """
    generator = np.random.default_rng(seed)
    dealt, given = np.zeros(len(strata), np.int64), 0
    for stratum in np.unique(strata):
        members = generator.permutation(np.flatnonzero(strata == stratum))
        # strata go on where the last one stopped, or small ones would all fill the first folds
        dealt[members] = (given + np.arange(len(members))) % folds
        given += len(members)
    return dealt


def fold_territories(split: SplitOptions, genome: Genome, bins: Bins, source: str) -> dict[int, Territory]:
    """Place the contigs of a fold's validation and test on a genome.

    Parameters
    ----------
    split : SplitOptions
        With `folds` and `fold`.
    genome : Genome
        The genome.
    bins : Bins
        Its bins.
    source : str
        Where the options stand, for messages.

    Returns
    -------
    dict of int to Territory
        By genome index, as `danq.data.splits.territories` gives them.

    Raises
    ------
    DanqError
        If there are more folds than contigs with bins, or no fold is named.
    """
    folds, number = split.folds or 0, np.diff(bins.first)
    if folds > (number > 0).sum():
        raise DanqError(
            f"{source}: split.folds: expected at most {(number > 0).sum()}, the number of contigs of "
            f"{bins.width} bp or longer; received {folds}"
        )
    parts = split_of_fold(deal_contigs(number, folds, split.seed), split)
    whole = np.zeros(0, np.int64)
    return {contig: Territory(whole, parts[[contig]]) for contig in range(len(genome.names))}


def with_contigs(split: SplitOptions, genome: Genome, placed: dict[int, Territory]) -> SplitOptions:
    """Name the contigs of validation and test of a fold, for the record."""
    named = {
        part: [genome.names[c] for c, territory in placed.items() if territory.split[0] == SPLITS.index(part)]
        for part in ("valid", "test")
    }
    return split.model_copy(update=named)
