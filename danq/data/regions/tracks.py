"""All tracks of a dataset as labels of all bins of a genome, eight targets at a time."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import SPLITS
from danq.data.options import DatasetOptions
from danq.data.regions.bins import Bins, overlap_positives, summit_positives
from danq.data.regions.targets import Target
from danq.errors import DanqError, first_few
from danq.genome.fasta import Genome
from danq.genome.intervals import PlacedIntervals
from danq.genome.tracks import place_intervals
from danq.progress import progress

_BITS = 8
_LABELS_AT_ONCE = 1 << 25  # bounds the memory at some 100 MB, however few the targets
_MANY_FAULTS = 20  # then the mistake is a general one, and reading on a waste of time


@dataclass(frozen=True, eq=False)
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
    options: DatasetOptions,
    aliases: Mapping[str, str] | None,
    scratch: Path,
) -> Tracks:
    """Read each track once and label the bins.

    Parameters
    ----------
    targets : list of Target
        Tracks in the order of the label columns.
    genome, bins : Genome and Bins
        The genome and what of it is labelled: its bins, or their sub-bins.
    split : uint8, shape (bins,)
        Index into `SPLITS`, any other value for bins that are left out.
    options : DatasetOptions
        Its `min_overlap` and `empty_targets` count here.
    aliases : mapping of str to str, optional
        Further contig names.
    scratch : Path
        File for `columns`, so that memory does not grow with targets times bins.

    Raises
    ------
    DanqError
        If a track cannot be read, or labels no bin of any split and `empty_targets` is ``refuse``; a track
        that has regions, but on no contig of the genome, is refused in any case.
    """
    positive = np.zeros(len(bins), bool)
    counts = np.zeros((len(SPLITS), len(targets)), np.int64)
    regions: list[int] = []
    renamed: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    faults: list[tuple[Target, str]] = []
    with scratch.open("wb") as stream, progress("labelling", len(targets), "tracks") as advance:
        for first in range(0, len(targets), _BITS):
            column = np.zeros(len(bins), np.uint8)
            for bit, target in enumerate(targets[first : first + _BITS]):
                at = place_intervals(target.path, genome, aliases, target.feature)
                labelled = _positives(target, bins, at, options.min_overlap)
                column[labelled] |= np.uint8(1 << bit)
                positives = np.bincount(split[labelled], minlength=len(SPLITS))[: len(SPLITS)]
                lost = len(at.unknown) > 0 and len(at.start) == 0
                if lost or (options.empty_targets == "refuse" and not positives.any()):
                    faults.append((target, _fault(target, at, len(labelled), genome)))
                counts[:, first + bit] = positives
                regions.append(len(at.start))
                renamed |= at.renamed
                unknown.update(at.unknown)
                advance(1)
            if len(faults) >= _MANY_FAULTS:
                break
            positive |= column != 0
            stream.write(column.data)
    _refuse(faults)
    columns = np.memmap(scratch, np.uint8, "r", shape=(-(-len(targets) // _BITS), len(bins)))
    return Tracks(columns, positive, counts, regions, renamed, dict(unknown))


def _positives(target: Target, bins: Bins, at: PlacedIntervals, min_overlap: float) -> NDArray[np.int64]:
    if target.rule == "summit":
        return summit_positives(bins, at.contig, at.summit)
    return overlap_positives(bins, at.contig, at.start, at.end, min_overlap)


def _fault(target: Target, at: PlacedIntervals, labelled: int, genome: Genome) -> str:
    """Say why a target has no positive bin."""
    if len(at.start):
        reason = f"all its {labelled} positive bins are left out" if labelled else "found none"
        return f"expected at least one positive bin; {reason}"
    if not at.unknown:
        return f"expected regions in {target.path}, found none"
    received, expected = (first_few(names, 3) for names in (at.unknown, genome.names))
    return (
        f"no contig of {target.path} is in the genome; expected names such as {expected}; received {received}"
    )


def _refuse(faults: list[tuple[Target, str]]) -> None:
    if not faults:
        return
    target, reason = faults[0]
    # all of them at once, so that one does not mend a table of hundreds line by line
    others = ", ".join(f"{other.name!r} (line {other.line})" for other, _ in faults[1:])
    more = f"; no positive bin either: {others}" if others else ""
    raise DanqError(f"{target.origin}: target {target.name!r}: {reason}{more}")


def packed_rows(
    columns: NDArray[np.uint8], targets: int, kept: NDArray[np.int64], bins: Bins, sub_bins: Bins
) -> Iterator[NDArray[np.uint8]]:
    """Turn labels of all sub-bins of a genome into packed rows of the kept bins, part by part.

    Parameters
    ----------
    columns : uint8, shape (ceil(targets / 8), sub_bins)
        Packed labels, one row for each eight targets, little end first; a memory map.
    targets : int
        Number of targets.
    kept : int64, shape (n,)
        Numbers of bins, ascending.
    bins, sub_bins : Bins
        Of the same genome; the same where bins are labelled as a whole.

    Yields
    ------
    uint8, shape (m, ceil(sub-bins of a bin * targets / 8))
        Labels of one bin a row, packed along targets within sub-bins.
    """
    each = bins.width // sub_bins.width
    rows = max(1, _LABELS_AT_ONCE // (each * max(targets, 64)))
    for low in range(0, len(kept), rows):
        contig, start = bins.locate(kept[low : low + rows])
        part = (sub_bins.first[contig] + start // sub_bins.width)[:, None] + np.arange(each)
        packed = np.ascontiguousarray(columns[:, part.ravel()].T)
        if each == 1:
            yield packed
            continue
        # a sub-bin does not end at a whole byte: its labels are taken apart and packed anew
        labels = np.unpackbits(packed, axis=1, count=targets, bitorder="little")
        yield np.packbits(labels.reshape(len(part), each * targets), axis=1, bitorder="little")
