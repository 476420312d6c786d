"""A genome read, and cut in grains of about a resampling block, gathered to units that can be held out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.regions.admission import contig_composition
from danq.data.regions.bins import Bins
from danq.errors import DanqError
from danq.evaluate.intervals import BLOCK_BP
from danq.genome.fasta import Genome
from danq.genome.fasta_text import encoded_pieces
from danq.genome.intervals import Region, parse_region

_FINEST = 40
"""Grains of a genome of fewer blocks."""
_FEWEST_BINS, _FEWEST_WINDOWS = 10, 2
"""Of a grain: bins whose windows reach out of their part are lost."""
_SMALL, _LARGE = 1 / 60, 1 / 20
"""Parts of the data: smaller contigs are gathered to units, larger ones may be cut into several."""
_CANDIDATES = 0.9
"""Part of the data on the longest contigs, beside which small ones are fragments and always train."""
NO_UNIT = -1
_GAP = 20
"""Mean distances of positive bins in a stretch that was hardly looked at."""


@dataclass(frozen=True, eq=False)
class Grains:
    """Stretches of equal length from the start of each contig, the last one of a contig with what is left.

    Attributes
    ----------
    size : int
        bp, a multiple of the bin.
    first : int64, shape (contigs + 1,)
        Number of each contig's first grain.
    bp : int64, shape (grains,)
        Length of each.
    """

    size: int
    first: NDArray[np.int64]
    bp: NDArray[np.int64]

    def within(self, contigs: NDArray[np.bool_]) -> "Grains":
        """Take the length from the grains of all but some contigs, bool (contigs,): nothing counts there."""
        return replace(self, bp=np.where(np.repeat(contigs, np.diff(self.first)), self.bp, 0))

    def count(self, bins: Bins, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count bins, given by their numbers, in each grain: int64, shape (grains,)."""
        contig, start = bins.locate(number)
        return np.bincount(self.first[contig] + start // self.size, minlength=len(self.bp))


@dataclass(frozen=True, eq=False)
class Units:
    """What is held out as a whole: contigs, several small ones together, or parts of large ones.

    Attributes
    ----------
    of_grain : int64, shape (grains,)
        Unit of each grain, or `NO_UNIT` for what always trains.
    number : int
        How many units there are.
    """

    of_grain: NDArray[np.int64]
    number: int

    def total(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Sum values of grains, int64 (…, grains), over each unit: int64, shape (…, units)."""
        order = np.argsort(self.of_grain, kind="stable")
        begins = np.searchsorted(self.of_grain[order], np.arange(self.number))
        if not self.number:
            return values[..., :0]
        # every unit has a grain, and those of none come first
        return np.add.reduceat(values[..., order], begins, axis=-1)


def read_composition(
    fasta: Path, bin: int, window: int
) -> tuple[Genome, tuple[NDArray[np.int32], NDArray[np.float32]]]:
    """Read a FASTA once, with one contig at a time in memory and nothing written.

    Returns
    -------
    genome : Genome
        Without its bases.
    composition : tuple of int32 and float32, shape (bins,)
        Of each bin's window, as `danq.data.regions.admission.window_composition` counts it.

    Raises
    ------
    DanqError
        If it is no FASTA of nucleotides, a contig comes twice or has no sequence.
    """
    if fasta.is_dir():
        raise DanqError(
            f"{fasta}: expected one FASTA file, received a directory; `cat` joins several, .gz too"
        )
    lengths = dict[str, int]()
    unknown, gc = list[NDArray[np.int32]](), list[NDArray[np.float32]]()

    def finish(name: str, codes: bytearray) -> None:
        if codes:
            lengths[name] = len(codes)
            of_contig = contig_composition(np.frombuffer(codes, np.uint8), bin, window)
            unknown.append(of_contig[0])
            gc.append(of_contig[1])

    name, codes = "", bytearray()
    for piece in encoded_pieces(fasta):
        if piece.header.name != name:
            finish(name, codes)
            name, codes = piece.header.name, bytearray()
        codes += piece.codes
    finish(name, codes)
    each = np.array(list(lengths.values()), np.int64)
    genome = Genome(fasta, tuple(lengths), np.cumsum(each) - each, each, (), "")
    return genome, (np.concatenate(unknown), np.concatenate(gc))


def cut(genome: Genome, bin: int, window: int) -> Grains:
    """Cut a genome into grains of 100 kb, or of a fortieth of it where it is small."""
    total = int(genome.lengths.sum())
    size = min(BLOCK_BP, max(total // _FINEST, _FEWEST_BINS * bin, _FEWEST_WINDOWS * window))
    size = max(size // bin, 1) * bin
    number = -(-genome.lengths // size)
    first = np.zeros(len(number) + 1, np.int64)
    np.cumsum(number, out=first[1:])
    bp = np.full(int(first[-1]), size, np.int64)
    bp[first[1:] - 1] = genome.lengths - (number - 1) * size
    return Grains(size, first, bp)


def gather(genome: Genome, grains: Grains, weight: NDArray[np.int64], taken: set[int], pieces: bool) -> Units:
    """Gather grains to units.

    Parameters
    ----------
    weight : int64, shape (grains,)
        bp of data in each grain.
    taken : set of int
        Contigs that are held out already, or that train.
    pieces : bool
        Cut contigs with more than a twentieth of the data into parts of about so much.
    """
    total = int(weight.sum())
    of_grain = np.full(len(weight), NO_UNIT, np.int64)
    number, room = 0, 0.0
    for contig in _candidates(genome, grains, weight, taken):
        own = slice(int(grains.first[contig]), int(grains.first[contig + 1]))
        of_contig = int(weight[own].sum())
        if of_contig < _SMALL * total:
            if room <= 0:
                number, room = number + 1, _SMALL * total
            of_grain[own], room = number - 1, room - of_contig
            continue
        parts = max(1, round(of_contig / (_LARGE * total))) if pieces else 1
        of_grain[own] = number + _parts_of(weight[own], parts) if parts > 1 else number
        number, room = number + parts, 0.0
    return _renumbered(of_grain)


def _candidates(genome: Genome, grains: Grains, weight: NDArray[np.int64], taken: set[int]) -> list[int]:
    """Contigs with data that can be named in a split, without the shortest, in the order of the genome."""
    of_contig = np.add.reduceat(weight, grains.first[:-1])
    before = 0
    kept = []
    for contig in np.argsort(-of_contig, kind="stable").tolist():
        fragment = before >= _CANDIDATES * weight.sum() and of_contig[contig] < _SMALL * weight.sum()
        if fragment or not of_contig[contig]:
            break
        before += int(of_contig[contig])
        if contig not in taken and _has_plain_name(genome.names[contig]):
            kept.append(contig)
    return sorted(kept)


def _has_plain_name(name: str) -> bool:
    """Whether a name is read as that of a contig, and not as a region of one."""
    try:
        return parse_region(name) == Region(name, 0, None)
    except DanqError:
        return False


def _parts_of(weight: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Part of each grain of a contig, of about equal weight; what has none at the ends is in no part."""
    before = np.cumsum(weight) - weight
    part = np.minimum(before * parts // max(int(weight.sum()), 1), parts - 1)
    inside = np.flatnonzero(weight)
    part[: inside[0]] = NO_UNIT
    part[inside[-1] + 1 :] = NO_UNIT
    return part


def _renumbered(of_grain: NDArray[np.int64]) -> Units:
    """Leave out units without any grain."""
    present = np.unique(of_grain[of_grain != NO_UNIT])
    numbers = np.searchsorted(present, of_grain)
    return Units(np.where(of_grain == NO_UNIT, NO_UNIT, numbers), len(present))


def without_data(grains: Grains, positives: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the grains of stretches in which no target has a positive bin, if they make most of the genome.

    A stretch counts if it is 20 times as long as the mean distance of the positive bins of the target that
    has most of them: by chance, or by what is known of genomes, there are next to none of these.

    Parameters
    ----------
    positives : int64, shape (targets, grains)
        Positive bins of each target.

    Returns
    -------
    bool, shape (grains,)
        None is marked if the stretches make half of the genome or less.
    """
    total, most = int(grains.bp.sum()), int(positives.sum(axis=1).max())
    empty = positives.sum(axis=0) == 0
    # contigs end to end, or no small one could be found empty
    for start, end in np.flatnonzero(np.diff(empty, prepend=False, append=False)).reshape(-1, 2).tolist():
        if grains.bp[start:end].sum() <= _GAP * total / most:
            empty[start:end] = False
    return empty if grains.bp[empty].sum() > total / 2 else np.zeros_like(empty)


def stretches_of(
    genome: Genome, grains: Grains, chosen: NDArray[np.bool_]
) -> Iterator[tuple[str, int, int, bool]]:
    """Join the grains that are chosen, bool (grains,): contig, 0-based start and end, whether it is whole."""
    for contig in np.flatnonzero(np.add.reduceat(chosen, grains.first[:-1])).tolist():
        own = chosen[grains.first[contig] : grains.first[contig + 1]]
        length = int(genome.lengths[contig])
        edges = np.flatnonzero(np.diff(own, prepend=False, append=False)) * grains.size
        for start, end in np.minimum(edges, length).reshape(-1, 2).tolist():
            yield genome.names[contig], start, end, end - start == length


def regions_of(genome: Genome, grains: Grains, chosen: NDArray[np.bool_]) -> list[str]:
    """Name the grains that are chosen, bool (grains,), as contigs or regions of them (1-based)."""
    return [
        name if whole else f"{name}:{start + 1:,}-{end:,}"
        for name, start, end, whole in stretches_of(genome, grains, chosen)
    ]
