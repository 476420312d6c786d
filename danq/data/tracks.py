"""All tracks of a dataset as labels of all bins of a genome, eight targets at a time."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import SPLITS
from danq.data.labels import Bins, overlap_positives, summit_positives
from danq.data.targets import Target
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.intervals import PlacedIntervals, place, read_intervals
from danq.progress import progress

_BITS = 8


@dataclass(frozen=True)
class Tracks:
    """Labels of every bin of a genome, and what was met on the way.

    Attributes
    ----------
    columns : uint8, shape (ceil(k / 8), bins)
        Packed labels, one row for each eight targets (little end first); a memory map.
    positive : bool, shape (bins,)
        Bins with at least one target.
    counts : int64, shape (3, k)
        Positive bins of each split and target.
    regions : list of k int
        Intervals of each track on contigs of the genome.
    renamed : dict of str to str
        Contig names of the tracks and the genome's names for them, where they differ.
    unknown : dict of str to int
        Contigs that the genome does not have, and how many intervals lie on them.
    """

    columns: NDArray[np.uint8]
    positive: NDArray[np.bool_]
    counts: NDArray[np.int64]
    regions: list[int]
    renamed: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, int] = field(default_factory=dict)


def label_tracks(
    targets: list[Target],
    genome: Genome,
    bins: Bins,
    split: NDArray[np.uint8],
    min_overlap: float,
    aliases: Mapping[str, str] | None,
    scratch: Path,
) -> Tracks:
    """Read each track once and label the bins.

    Parameters
    ----------
    targets : list of Target
        Tracks in the order of the label columns.
    genome : Genome
        The genome.
    bins : Bins
        Its bins.
    split : uint8, shape (bins,)
        Index into `SPLITS`, any other value for bins that are left out.
    min_overlap : float
        Part of a bin that must be exceeded under the rule ``overlap``.
    aliases : mapping of str to str, optional
        Further contig names.
    scratch : Path
        File for `columns`, so that memory does not grow with targets times bins.

    Raises
    ------
    DanqError
        If a track cannot be read, lies on no contig of the genome, or labels no bin of any split.
    """
    positive = np.zeros(len(bins), bool)
    counts = np.zeros((len(SPLITS), len(targets)), np.int64)
    regions: list[int] = []
    renamed: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    with scratch.open("wb") as stream, progress("labelling", len(targets), "tracks") as advance:
        for first in range(0, len(targets), _BITS):
            column = np.zeros(len(bins), np.uint8)
            for bit, target in enumerate(targets[first : first + _BITS]):
                intervals = _read(target, genome, aliases)
                labelled = _positives(target, bins, intervals, min_overlap)
                column[labelled] |= np.uint8(1 << bit)
                counts[:, first + bit] = _counts(target, split[labelled])
                regions.append(len(intervals.start))
                renamed |= intervals.renamed
                unknown.update(intervals.unknown)
                advance(1)
            positive |= column != 0
            stream.write(column.data)
    columns = np.memmap(scratch, np.uint8, "r", shape=(-(-len(targets) // _BITS), len(bins)))
    return Tracks(columns, positive, counts, regions, renamed, dict(unknown))


def _read(target: Target, genome: Genome, aliases: Mapping[str, str] | None) -> PlacedIntervals:
    intervals = place(read_intervals(target.path, target.feature), genome, target.path, aliases)
    if len(intervals.start):
        return intervals
    about = f"{target.origin}: target {target.name!r}"
    if not intervals.unknown:
        raise DanqError(f"{about}: expected regions in {target.path}, found none")
    received, expected = (", ".join(list(names)[:3]) for names in (intervals.unknown, genome.names))
    raise DanqError(
        f"{about}: no contig of {target.path} is in the genome; "
        f"expected names such as {expected}; received {received}"
    )


def _positives(target: Target, bins: Bins, at: PlacedIntervals, min_overlap: float) -> NDArray[np.int64]:
    if target.rule == "summit":
        return summit_positives(bins, at.contig, at.summit)
    return overlap_positives(bins, at.contig, at.start, at.end, min_overlap)


def _counts(target: Target, split: NDArray[np.uint8]) -> NDArray[np.int64]:
    counts = np.bincount(split, minlength=len(SPLITS))[: len(SPLITS)]
    if not counts.any():
        found = f"all {len(split)} of its positive bins are left out" if len(split) else "found none"
        raise DanqError(
            f"{target.origin}: target {target.name!r}: expected at least one positive bin; {found}"
        )
    return counts
