"""Effects of every single-base mutant, block by block: what the table, the tracks and the heat maps show."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.explain.figures import HeatMap
from danq.explain.mutants import ALTERNATES, Mutants, mutants
from danq.explain.regions import Regions
from danq.score.effects import score_windows
from danq.score.options import ScoreOptions
from danq.score.runner import Runner
from danq.variants.haplotypes import Windows

log = logging.getLogger("danq")

MOST_DRAWN, LONGEST_DRAWN, LARGEST = 20, 1_000, 3
"""Regions drawn; bp of a region that is drawn; targets drawn of a region where none was asked for."""

_LETTERS = np.array(list(ALTERNATES))
_NUMBERS = ("diff", "logit_diff")


@dataclass(frozen=True)
class OutputTargets:
    """Targets that are written: their indices among the model's, names as ``<index>_<target>``.

    They are all of the model's unless the user `named` some.
    """

    index: tuple[int, ...]
    names: tuple[str, ...]
    named: bool


@dataclass(frozen=True, eq=False)
class Mutated:
    """n positions of one or more regions with the effects of their a mutants each on k targets.

    Attributes
    ----------
    diff, logit_diff : float32, shape (n, a, k)
        ALT minus REF of the probability and of the log-odds.
    """

    mutants: Mutants
    diff: NDArray[np.float32]
    logit_diff: NDArray[np.float32]

    def mean_of_substitutions(self) -> NDArray[np.float32]:
        """Mean `logit_diff` of each position's three substitutions: float32, shape (n, k)."""
        return self.logit_diff[:, :3].mean(axis=1, dtype=np.float64).astype(np.float32)

    def runs_of(self, keys: NDArray[np.integer]) -> Iterator[slice]:
        """Positions that follow one another with one key, such as their contig or region."""
        borders = [0, *(np.flatnonzero(np.diff(keys)) + 1), len(keys)]
        return (slice(int(first), int(last)) for first, last in pairwise(borders))


def saturate(
    runners: Sequence[Runner],
    regions: Regions,
    longest: int,
    deletions: bool,
    options: ScoreOptions,
) -> Iterator[Mutated]:
    """Mutate every base of the regions and compute what that changes, by the mean of several models.

    At most `longest` bp share a window, as from `danq.explain.mutants.longest_piece`.

    Raises
    ------
    DanqError
        If a model gives no numbers.
    """
    targets = len(runners[0].targets)
    for block in mutants(regions, runners[0].window, longest, deletions, targets):
        windows = Windows(block.reference, block.alternate, block.group, (), np.arange(len(block.group)))
        effects = score_windows(runners, windows, options.strands)
        shape = (*block.alt.shape, targets)
        yield Mutated(block, effects.diff.reshape(shape), effects.logit_diff.reshape(shape))


def row_schema(targets: OutputTargets) -> pa.Schema:
    """Columns of the table: `contig`, `pos` (1-based), `ref`, `alt`, then two numbers of each target."""
    places = [("contig", pa.string()), ("pos", pa.int64()), ("ref", pa.string()), ("alt", pa.string())]
    numbers = [(f"{name}__{number}", pa.float32()) for name in targets.names for number in _NUMBERS]
    return pa.schema(places + numbers)


def table_rows(block: Mutated, contigs: Sequence[str], targets: OutputTargets) -> pa.Table:
    """One row a mutant; `contigs` are the names of the genome's."""
    at, each = block.mutants, block.mutants.alt.shape[1]
    columns = [
        pa.array(contigs, pa.string()).take(pa.array(np.repeat(at.contig, each))),
        pa.array(np.repeat(at.position + 1, each)),
        pa.array(np.repeat(_LETTERS[at.ref], each).tolist(), pa.string()),
        pa.array(_LETTERS[at.alt.ravel()].tolist(), pa.string()),
    ]
    for index in targets.index:
        columns += [pa.array(getattr(block, number)[..., index].ravel()) for number in _NUMBERS]
    return pa.table(columns, schema=row_schema(targets))


class HeatMaps:
    """Heat maps of some regions, made from mutants that come block by block; their title names the `runs`.

    Drawn are the first `MOST_DRAWN` regions of at most `LONGEST_DRAWN` bp, and of each the targets that the
    user named, or else the `LARGEST` with the largest effects in it.
    """

    def __init__(self, regions: Regions, targets: OutputTargets, runs: str) -> None:
        self._regions, self._targets, self._runs = regions, targets, runs
        short = np.flatnonzero(regions.end - regions.start <= LONGEST_DRAWN)
        if len(short) < len(regions):
            number, most = len(regions) - len(short), f"{LONGEST_DRAWN:,}"
            log.info("%d regions are longer than %s bp and not drawn", number, most)
        if len(short) > MOST_DRAWN:
            log.info("the first %d of %d regions are drawn", MOST_DRAWN, len(short))
        self._drawn = frozenset(short[:MOST_DRAWN].tolist())
        self._region, self._values = -1, np.empty((0, 0, 0), np.float32)

    def add(self, block: Mutated) -> Iterator[tuple[str, HeatMap]]:
        """Take the next mutants; give the heat maps of regions that they follow, with names for files."""
        at = block.mutants
        for rows in block.runs_of(at.region):
            region = int(at.region[rows.start])
            if region not in self._drawn:
                continue
            first, end = int(self._regions.start[region]), int(self._regions.end[region])
            if region != self._region:
                yield from self.last()
                self._region = region
                shape = (end - first, at.alt.shape[1] + 1, len(self._targets.index))
                self._values = np.full(shape, np.nan, np.float32)
            place = (at.position[rows] - first)[:, None]
            self._values[place, at.alt[rows]] = block.logit_diff[rows][:, :, list(self._targets.index)]

    def last(self) -> Iterator[tuple[str, HeatMap]]:
        """Give the heat maps of the region whose last mutants have come; call it also at the end."""
        if self._region < 0:
            return
        contig, start, end = self._regions.place(self._region)
        name = self._regions.genome.names[contig]
        ref = np.asarray(self._regions.genome.contig(contig)[start:end])
        for place in self._largest():
            target, values = self._targets.names[place], self._values[:, :, place]
            heat = HeatMap(target.partition("_")[2], name, self._runs, start, ref, values)
            yield f"{target}.{name}_{start + 1}-{end}", heat
        self._region = -1

    def _largest(self) -> Sequence[int]:
        if self._targets.named:
            return range(len(self._targets.index))
        largest = np.nanmax(np.abs(self._values), axis=(0, 1))
        places: list[int] = np.argsort(-largest, kind="stable")[:LARGEST].tolist()
        names = ", ".join(self._targets.names[place] for place in places)
        log.info("%s: largest effects on %s", self._regions.text(self._region), names)
        return places
