"""The parts that validate and test: a tenth of the data each, more where targets or intervals need it.

The search goes from some starts and, unit by unit, takes the change that lowers a cost most: positives and
blocks that are missing weigh most, then a size other than a tenth, then targets that are more or less
frequent in the part than elsewhere. The same data give the same parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.config.starter.grains import Grains, gather, regions_of
from danq.errors import DanqError
from danq.evaluate.intervals import BLOCK_BP, FEWEST_BLOCKS
from danq.genome.fasta import Genome

FEWEST_POSITIVES = 20
"""Positives of a target that a part should hold at least."""
_SPARE = 2
"""Positives beyond these of regions: windows of bins at their borders reach out of them, and are lost."""
_AIM, _LARGEST, _LARGEST_OF_SMALL = 0.1, 0.2, 0.25
"""Of the data, for each part; the last where a fifth of them is fewer than the blocks an interval needs."""
_SPARED = 4
"""A target with fewer than so many times the positives a part should hold is not sought after."""
_MOST = 0.35
"""Of the positives of a target, for each part."""
_EMPTY, _TOO_LARGE = 1e6, 1e9
"""Costs of a part without anything in it, and of one too large, to which its share is added."""
_STARTS, _SEED = 10, 1
_DATA, _BP, _UNITS = -3, -2, -1
"""Last columns of sums over units, or over parts, float64 (…, targets + 3): bp of data, bp, and units. Before
them stand the positives of each target."""


@dataclass(frozen=True, eq=False)
class _Aim:
    """What a part should hold: the totals it is a share of, its largest share, and what it needs."""

    total: NDArray[np.float64]
    largest: float
    positives: NDArray[np.float64]
    bp: float

    def lack(self, part: NDArray[np.float64]) -> NDArray[np.float64]:
        """Positives and blocks that are missing, as parts of what is needed: float64, shape (n,)."""
        total, positives = np.maximum(self.total[:_DATA], 1), part[..., :_DATA]
        short = np.maximum(self.positives - positives, 0) / np.maximum(self.positives, 1)
        # what a part has too many of, the training lacks
        short = short + np.maximum(positives - np.maximum(_MOST * total, 2), 0) / total
        blocks = np.maximum(self.bp - part[..., _DATA], 0) / max(self.bp, 1)
        return 3 * short.sum(axis=-1) + 10 * blocks

    def cost(self, part: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far parts are from what they should be: float64, shape (n,)."""
        share = part[..., _DATA] / self.total[_DATA]
        of_targets = part[..., :_DATA] / np.maximum(self.total[:_DATA], 1)
        uneven = np.abs(of_targets - share[..., None]).mean(axis=-1)
        cost = self.lack(part) + np.abs(share - _AIM) / _AIM + 5 * uneven + 0.02 * part[..., _UNITS]
        too_large = np.maximum(share, part[..., _BP] / self.total[_BP]) > self.largest
        cost = np.where(too_large, _TOO_LARGE * (1 + share), cost)
        return np.where(part[..., _UNITS] == 0, _EMPTY, cost)


def choose_parts(
    genome: Genome,
    grains: Grains,
    positives: NDArray[np.int64],
    outside: NDArray[np.bool_],
    taken: set[int],
    wanted: tuple[str, ...],
) -> dict[str, list[str]]:
    """Choose what validates and what tests: whole contigs, or regions where contigs are few or too large.

    Each part has about a tenth of the data (grains with a positive bin of any target; all grains where these
    are few), and up to a fifth where less holds fewer than 10 blocks of 100 kb or fewer than 20 positives of
    a target that has 80; of genomes so small that a fifth is fewer blocks, up to a quarter.

    Parameters
    ----------
    positives : int64, shape (targets, grains)
        Positive bins of each target.
    outside : bool, shape (grains,)
        Grains that were not looked at; what is not chosen of a contig may hold some.
    taken : set of int
        Contigs of which nothing is to be chosen.
    wanted : tuple of str
        Names of the parts to choose.

    Returns
    -------
    dict of str to list of str
        Contigs or regions (1-based) of each wanted part; they do not overlap.

    Raises
    ------
    DanqError
        If there is no place for them.
    """
    inside = np.where(outside, 0, grains.bp)
    data = np.where(positives.any(axis=0), grains.bp, 0)
    if _LARGEST_OF_SMALL * data.sum() < FEWEST_BLOCKS * BLOCK_BP:
        # a few positives here and there say nothing of where there are data
        data = inside
    best, least = None, np.inf
    for weight, pieces in ((data, False), (data, True), (inside, True)):
        units = gather(genome, grains, weight, taken, pieces)
        size = [units.total(weight), units.total(grains.bp), np.ones(units.number)]
        sums = np.vstack([units.total(positives), *size]).T
        aim = _aim(grains, positives, weight, _SPARE * pieces)
        part = _search(sums, aim, len(wanted))
        lacks = [float(aim.lack(_part(sums, part, number))) for number in range(1, len(wanted) + 1)]
        if len(np.unique(part[part > 0])) < len(wanted):
            continue
        # whole contigs are easier to tell and to compare, so regions have to be much better
        if sum(lacks) < least:
            best, least = np.append(part, 0)[units.of_grain], sum(lacks) / 2
        if least == 0:
            break
    if best is None:
        raise DanqError(
            f"the genome is too short to hold parts of it out, or its data lie in too few places: "
            f"{int(grains.bp.sum()):,} bp, {int(grains.bp[positives.any(axis=0)].sum()):,} bp of them in "
            f"stretches of {grains.size:,} bp with a positive bin; --valid and --test name parts of your own"
        )
    return {name: regions_of(genome, grains, best == number) for number, name in enumerate(wanted, 1)}


def _aim(grains: Grains, positives: NDArray[np.int64], weight: NDArray[np.int64], spare: int) -> _Aim:
    of_target = positives.sum(axis=1).astype(np.float64)
    bp, blocks = float(weight.sum()), FEWEST_BLOCKS * BLOCK_BP
    largest = _LARGEST if _LARGEST * bp >= blocks else _LARGEST_OF_SMALL
    needed = np.where(
        of_target >= _SPARED * FEWEST_POSITIVES, FEWEST_POSITIVES + spare, of_target * _AIM // 1
    )
    total = np.array([*of_target, bp, grains.bp.sum(), 0], np.float64)
    # where blocks are too few in any case, no more is held out for their sake
    return _Aim(total, largest, needed, blocks if largest * bp >= blocks else 0)


def _part(units: NDArray[np.float64], part: NDArray[np.int64], number: int) -> NDArray[np.float64]:
    return np.asarray(units[part == number].sum(axis=0))


def _search(units: NDArray[np.float64], aim: _Aim, parts: int) -> NDArray[np.int64]:
    """Give each unit 0, or the number 1, 2, … of the part that holds it out: int64, shape (units,)."""
    random = np.random.default_rng(_SEED)
    best, least = np.zeros(len(units), np.int64), np.inf
    for start in range(_STARTS if len(units) else 0):
        # the first one from everything in training, the others from parts of about the size aimed at
        held_out = (random.random(len(units)) < parts * _AIM) & (start > 0)
        part = _descend(
            units, aim, np.where(held_out, random.integers(1, parts + 1, len(held_out)), 0), parts
        )
        cost = sum(float(aim.cost(_part(units, part, number))) for number in range(1, parts + 1))
        if cost < least - 1e-9:
            best, least = part, cost
    return best


def _descend(units: NDArray[np.float64], aim: _Aim, part: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Change parts as long as a change lowers the cost: the best move, or the best swap where none does."""
    while True:
        sums = {number: _part(units, part, number) for number in range(1, parts + 1)}
        change, moved = _best_move(units, aim, part, sums)
        if change > -1e-9:
            change, moved = _best_swap(units, aim, part, sums)
        if change > -1e-9:
            return part
        for unit, number in moved.items():
            part[unit] = number


def _best_move(
    units: NDArray[np.float64], aim: _Aim, part: NDArray[np.int64], sums: Mapping[int, NDArray[np.float64]]
) -> tuple[float, dict[int, int]]:
    """Find the unit whose move to another part, or to training, lowers the cost most."""
    best, moved = 0.0, dict[int, int]()
    leaving = np.zeros(len(part))
    for number, own in sums.items():
        inside = np.flatnonzero(part == number)
        leaving[inside] = aim.cost(own - units[inside]) - aim.cost(own)
    if leaving.min() < best:
        best, moved = float(leaving.min()), {int(leaving.argmin()): 0}
    for number, own in sums.items():
        change = aim.cost(own + units) - aim.cost(own) + leaving
        change[part == number] = np.inf
        if change.min() < best:
            best, moved = float(change.min()), {int(change.argmin()): number}
    return best, moved


def _best_swap(
    units: NDArray[np.float64], aim: _Aim, part: NDArray[np.int64], sums: Mapping[int, NDArray[np.float64]]
) -> tuple[float, dict[int, int]]:
    """Find the two units of different parts, or of a part and training, that had better change places."""
    best, moved = 0.0, dict[int, int]()
    for unit in np.flatnonzero(part).tolist():
        number = int(part[unit])
        change = aim.cost(sums[number] - units[unit] + units) - aim.cost(sums[number])
        for other, own in sums.items():
            if other != number:
                inside = np.flatnonzero(part == other)
                change[inside] += aim.cost(own - units[inside] + units[unit]) - aim.cost(own)
        change[part == number] = np.inf
        if change.min() < best:
            other = int(change.argmin())
            best, moved = float(change.min()), {unit: int(part[other]), other: number}
    return best, moved
