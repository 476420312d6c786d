"""Which split bins and rows belong to: by regions of a genome, or dealt to the folds of a cross-validation.

Of the folds one tests, the next one validates and the others train.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.data.manifest import SPLITS
from danq.data.options import SplitOptions
from danq.data.regions.bins import Bins
from danq.errors import DanqError, first_few
from danq.genome.contigs import report_contigs, resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import Region, parse_region, window_start

TRAIN = SPLITS.index("train")

_JITTER = 0.25
"""Part by which the number of bins of a contig counts for more or less, so that seeds deal differently."""


@dataclass(frozen=True, eq=False)
class Territory:
    """One contig cut into stretches, each of which belongs to one split.

    Attributes
    ----------
    borders : int64, shape (m - 1,)
        0-based first base of every stretch but the first.
    split : uint8, shape (m,)
        Index of each stretch's split; neighbours differ.
    """

    borders: NDArray[np.int64]
    split: NDArray[np.uint8]


def territories(
    options: SplitOptions,
    genome: Genome,
    bins: Bins,
    source: str,
    aliases: Mapping[str, str] | None = None,
    taking: NDArray[np.bool_] | None = None,
) -> dict[int, Territory]:
    """Place validation and test on a genome, by regions or by dealing its contigs to folds; the rest trains.

    Parameters
    ----------
    source : str
        Where the options stand, for messages.
    aliases : mapping of str to str, optional
        Further contig names, as from `danq.genome.contigs.read_aliases`.
    taking : bool, shape (contigs,), optional
        Contigs that take part: the others are not dealt to folds, and no split names one.

    Returns
    -------
    dict of int to Territory
        By genome index; contigs that are absent train as a whole.

    Raises
    ------
    DanqError
        If a contig is unknown or takes no part, a region runs past its contig, or regions overlap; with
        folds, if there are more than contigs with bins, or none is named that tests.
    """
    if options.folds:
        return _fold_territories(options, options.folds, bins, source, taking)
    wanted = [
        (f"{source}: split.{key}", SPLITS.index(key), text, region)
        for key, texts in (("valid", options.valid), ("test", options.test))
        for text, region in _parsed(texts, f"{source}: split.{key}")
    ]
    # all names at once: what a name means depends on its neighbours
    names = [region.contig for *_, region in wanted]
    known = resolve_contigs(names, genome.names, f"{source}: split", aliases)
    report_contigs(f"{source}: split", known.renamed, {})
    index = known.index
    placed: dict[int, list[tuple[int, int, int, str]]] = {}
    for origin, split, text, (name, start, end) in wanted:
        if name not in index:
            raise DanqError(
                f"{origin}: expected a contig of the genome ({first_few(genome.names)}), received {name!r}"
            )
        if taking is not None and not taking[index[name]]:
            raise DanqError(
                f"{origin}: expected a contig that takes part, received {name!r}, which `contigs` or "
                "`exclude_contigs` leave out"
            )
        length = int(genome.lengths[index[name]])
        if start >= length or (end or 0) > length:
            raise DanqError(f"{origin}: expected a region within {name} ({length} bp), received {text!r}")
        placed.setdefault(index[name], []).append((start, length if end is None else end, split, text))
    return {
        contig: _territory(sorted(regions), int(genome.lengths[contig]), source)
        for contig, regions in placed.items()
    }


def _parsed(texts: list[str] | float, source: str) -> list[tuple[str, Region]]:
    if isinstance(texts, float):
        raise DanqError(f"{source}: expected contigs or regions, received a fraction")
    try:
        return [(text, parse_region(text)) for text in texts]
    except DanqError as error:
        raise DanqError(f"{source}: {error}") from None


def _territory(regions: list[tuple[int, int, int, str]], length: int, source: str) -> Territory:
    """Cut one contig by its regions (start, end, split, text), in the order of their starts."""
    stretches: list[tuple[int, int]] = []
    reached, previous = 0, ""
    for start, end, split, text in [*regions, (length, length, TRAIN, "")]:
        if start < reached:
            raise DanqError(f"{source}: split: regions must not overlap, received {previous!r} and {text!r}")
        if start > reached:
            stretches.append((reached, TRAIN))
        if end > start:
            stretches.append((start, split))
        reached, previous = end, text
    joined = [part for i, part in enumerate(stretches) if i == 0 or part[1] != stretches[i - 1][1]]
    starts, splits = zip(*joined, strict=True)
    return Territory(np.array(starts[1:], np.int64), np.array(splits, np.uint8))


def assign(
    bins: Bins, lengths: NDArray[np.int64], placed: dict[int, Territory], window: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.bool_]]:
    """Give each bin the split that holds it whole, and mark those whose window reaches further.

    `lengths` are those of the contigs in bp, int64; a window's part past a contig's end reaches nowhere.

    Returns
    -------
    split : uint8, shape (bins,)
        Index into `SPLITS`, for bins that are neither straddling nor at a boundary.
    straddling, boundary : bool, shape (bins,)
        Bins that no split holds whole; bins that one holds whole while their window reaches into another.
    """
    split = np.full(len(bins), TRAIN, np.uint8)
    straddling = np.zeros(len(bins), bool)
    boundary = np.zeros(len(bins), bool)
    for contig, territory in placed.items():
        part = slice(int(bins.first[contig]), int(bins.first[contig + 1]))
        start = np.arange(part.stop - part.start, dtype=np.int64) * bins.width
        left = window_start(start, bins.width, window)
        right = np.minimum(left + window, lengths[contig])
        low, high = _stretch(territory, start), _stretch(territory, start + bins.width - 1)
        split[part] = territory.split[low]
        straddling[part] = low != high
        reaching = (_stretch(territory, np.maximum(left, 0)) < low) | (_stretch(territory, right - 1) > high)
        boundary[part] = reaching & (low == high)
    return split, straddling, boundary


def _stretch(territory: Territory, position: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(territory.borders, position, side="right")


def split_of_fold(dealt: NDArray[np.int64], split: SplitOptions) -> NDArray[np.uint8]:
    """Turn the 0-based fold of each contig or row, int64 (n,), into its index into `SPLITS`, uint8 (n,).

    Raises
    ------
    DanqError
        If the options name no fold that tests.
    """
    if split.folds is None or split.fold is None:
        raise DanqError(f"split: expected `folds` and the `fold` that tests, received fold {split.fold}")
    ahead = (dealt - (split.fold - 1)) % split.folds
    parts = np.full(split.folds, TRAIN, np.uint8)
    parts[0], parts[1] = SPLITS.index("test"), SPLITS.index("valid")
    return parts[ahead]


def deal_contigs(bins: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal contigs to folds of about equal numbers of bins: large ones first, each to the smallest fold.

    Parameters
    ----------
    bins : int64, shape (contigs,)
        Bins of each contig.
    folds : int
        At most the number of contigs with bins, so that every fold gets one.

    Returns
    -------
    int64, shape (contigs,)
        Fold of each contig, 0-based.
    """
    generator = np.random.default_rng(seed)
    weights = bins * generator.uniform(1 - _JITTER, 1 + _JITTER, len(bins))
    dealt, filled = np.zeros(len(bins), np.int64), np.zeros(folds, np.int64)
    for contig in np.argsort(-weights, kind="stable"):
        dealt[contig] = filled.argmin()
        filled[dealt[contig]] += bins[contig]
    return generator.permutation(folds)[dealt]


def deal_rows(strata: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal the rows of each stratum to folds in random order, in equal numbers but for one row.

    `strata` is the stratum of each row, int64 (n,); the result is its fold, 0-based, int64 (n,).
    """
    generator = np.random.default_rng(seed)
    dealt, before = np.zeros(len(strata), np.int64), 0
    for stratum in np.unique(strata):
        members = generator.permutation(np.flatnonzero(strata == stratum))
        # strata go on where the last one stopped, or small ones would all fill the first folds
        dealt[members] = (before + np.arange(len(members))) % folds
        before += len(members)
    return dealt


def _fold_territories(
    split: SplitOptions, folds: int, bins: Bins, source: str, taking: NDArray[np.bool_] | None
) -> dict[int, Territory]:
    number = np.diff(bins.first)
    part = np.arange(len(number)) if taking is None else np.flatnonzero(taking)
    number = number[part]
    if folds > (number > 0).sum():
        raise DanqError(
            f"{source}: split.folds: expected at most {(number > 0).sum()}, the number of contigs of "
            f"{bins.width} bp or longer; received {folds}"
        )
    parts = split_of_fold(deal_contigs(number, folds, split.seed), split)
    whole = np.zeros(0, np.int64)
    return {contig: Territory(whole, parts[[at]]) for at, contig in enumerate(part.tolist())}


def with_contigs(split: SplitOptions, genome: Genome, placed: dict[int, Territory]) -> SplitOptions:
    """Name the contigs of validation and test of a fold, for the record."""
    named = {
        part: [genome.names[c] for c, territory in placed.items() if territory.split[0] == SPLITS.index(part)]
        for part in ("valid", "test")
    }
    return split.model_copy(update=named)
