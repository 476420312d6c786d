"""Which bins of a genome are kept: by split, exclusions, unknown bases, and the draw of negatives."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from danq.data.manifest import REASONS, SPLITS
from danq.data.options import DatasetOptions, Negatives
from danq.data.regions.bins import Bins, covered_bins
from danq.data.splits import TRAIN, Territory, assign
from danq.errors import DanqError, first_few
from danq.genome.alphabet import C, G, N
from danq.genome.contigs import report_contigs
from danq.genome.fasta import Bases, Genome
from danq.genome.intervals import TrackRecords, window_start
from danq.genome.tracks import place_intervals, report_records
from danq.progress import progress

log = logging.getLogger("danq")

NOWHERE = 255
"""Split of a bin that is left out."""
GC_STRATA = 50
_BASES_AT_ONCE = 1 << 24


def window_composition(
    genome: Genome, bins: Bins, window: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Count N and GC in the window of so many bp that is centred on each bin of a genome.

    Returns
    -------
    unknown : int32, shape (bins,)
        bp of N, with the part of the window past the contig's ends.
    gc : float32, shape (bins,)
        G and C as a part of the known bases; 0 where all are unknown.
    """
    unknown = np.empty(len(bins), np.int32)
    gc = np.empty(len(bins), np.float32)
    with progress("counting bases", len(bins), "bins") as advance:
        for contig in range(len(genome.names)):
            own = slice(int(bins.first[contig]), int(bins.first[contig + 1]))
            unknown[own], gc[own] = contig_composition(genome.contig(contig), bins.width, window)
            advance(own.stop - own.start)
    return unknown, gc


def contig_composition(
    codes: Bases, width: int, window: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Count N and GC as `window_composition` does, for the bins of so many bp of one contig."""
    number = len(codes) // width
    unknown, gc = np.empty(number, np.int32), np.empty(number, np.float32)
    # running sums over a part of a contig: over all of it they would take eight bytes a base
    bins_at_once = max(1, _BASES_AT_ONCE // width)
    for low in range(0, number, bins_at_once):
        part = slice(low, min(low + bins_at_once, number))
        left = window_start(np.arange(part.start, part.stop) * width, width, window)
        known, strong = _counts(codes, left, window)
        unknown[part] = window - known
        gc[part] = strong / np.maximum(known, 1)
    return unknown, gc


def _counts(
    codes: Bases, left: NDArray[np.int64], window: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Count known bases, and G and C, of windows that start at ascending `left`."""
    begin, end = np.clip(left, 0, len(codes)), np.clip(left + window, 0, len(codes))
    stretch = codes[begin[0] : end[-1]]
    edges = np.stack([begin, end]) - begin[0]
    known, strong = (_before(wanted, edges) for wanted in (stretch != N, (stretch == C) | (stretch == G)))
    return known[1] - known[0], strong[1] - strong[0]


def _before(wanted: NDArray[np.bool_], position: NDArray[np.int64]) -> NDArray[np.int32]:
    """Count the wanted bases before each position."""
    # sums run over bytes of eight bases, several times faster than over single bases
    packed = np.append(np.packbits(wanted, bitorder="little"), np.uint8(0))
    total = np.zeros(len(packed), np.int32)
    np.cumsum(np.bitwise_count(packed[:-1]), out=total[1:], dtype=np.int32)
    byte = position >> 3
    rest = packed[byte] & ((1 << (position & 7)) - 1).astype(np.uint8)
    return total[byte] + np.bitwise_count(rest)


@dataclass(frozen=True, eq=False)
class Admission:
    """Which split each bin has, and why the others have none.

    Attributes
    ----------
    split : uint8, shape (bins,)
        Index into `SPLITS`, or `NOWHERE`.
    left_out : dict of str to int
        Bins by reason; a bin has one, the first that applies.
    reason : uint8, shape (bins,)
        The split, or len(SPLITS) plus the index into `REASONS` of why there is none.
    of_split : dict of str to dict of str to int
        The same for each split: of bins whose place belongs to it.
    exclude : dict of str to TrackRecords
        What became of the records of each file of exclusions.
    """

    split: NDArray[np.uint8]
    left_out: dict[str, int]
    reason: NDArray[np.uint8]
    of_split: dict[str, dict[str, int]]
    exclude: dict[str, TrackRecords]

    @property
    def admitted(self) -> int:
        """Count the bins that are somewhere."""
        return int((self.split != NOWHERE).sum())


def admit(
    options: DatasetOptions,
    placed: dict[int, Territory],
    genome: Genome,
    bins: Bins,
    unknown: NDArray[np.int32],
    taking: NDArray[np.bool_],
    aliases: Mapping[str, str] | None,
) -> Admission:
    """Give each bin its split, or `NOWHERE` and a count under the first reason to leave it out.

    Parameters
    ----------
    options : DatasetOptions
        `window`, `max_n` and `exclude` count here.
    placed : dict of int to Territory
        From `danq.data.splits.territories`.
    unknown : int32, shape (bins,)
        From `window_composition`.
    taking : bool, shape (contigs,)
        Contigs that take part.

    Raises
    ------
    DanqError
        If a file of exclusions cannot be read, or none of its contigs is in the genome.
    """
    split, straddling, boundary = assign(bins, genome.lengths, placed, options.window)
    excluded, exclude = _excluded(options, genome, bins, aliases)
    reasons = {
        "contig": ~np.repeat(taking, np.diff(bins.first)),
        "straddling": straddling,
        "boundary": boundary,
        "excluded": excluded,
        "too_many_n": unknown > allowed_n(options),
    }
    left_out = {"short_last_bin": bins.short}
    of_split: dict[str, dict[str, int]] = {part: {} for part in SPLITS}
    of_bin = split.copy()
    for reason, where in reasons.items():
        first = where & (split != NOWHERE)
        lost = split[first]
        left_out[reason] = len(lost)
        of_bin[first] = len(SPLITS) + [*REASONS].index(reason)
        for part, number in zip(SPLITS, np.bincount(lost, minlength=len(SPLITS)).tolist(), strict=True):
            of_split[part][reason] = number
        split[where] = NOWHERE
    return Admission(split, left_out, of_bin, of_split, exclude)


def allowed_n(options: DatasetOptions) -> int:
    """Bases of a window that may be N."""
    most = Fraction(str(options.max_n))
    return options.window * most.numerator // most.denominator


def _excluded(
    options: DatasetOptions, genome: Genome, bins: Bins, aliases: Mapping[str, str] | None
) -> tuple[NDArray[np.bool_], dict[str, TrackRecords]]:
    """Mark bins of which at least one base is excluded; the rest of their windows does not matter."""
    excluded = np.zeros(len(bins), bool)
    records: dict[str, TrackRecords] = {}
    for path in options.exclude:
        regions = place_intervals(path, genome, aliases, out_of_range=options.out_of_range)
        records[str(path)] = regions.records
        excluded[covered_bins(bins, regions.contig, regions.start, regions.end)[0]] = True
        if regions.unknown and not len(regions.start):
            raise DanqError(
                f"{path}: no contig of it is in the genome; expected names such as "
                f"{first_few(genome.names, 3)}; received {first_few(regions.unknown, 3)}"
            )
        report_contigs(str(path), regions.renamed, regions.unknown)
    report_records("exclude", records)
    return excluded, records


def kept_bins(
    options: DatasetOptions, split: NDArray[np.uint8], positive: NDArray[np.bool_], gc: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Choose the bins that become rows: all of validation and test, training bins as `keep` says.

    Parameters
    ----------
    options : DatasetOptions
        `keep` and `seed` count here.
    split, positive, gc : uint8, bool and float32, shape (bins,)
        From `admit`; whether a bin has at least one target; from `window_composition`.

    Returns
    -------
    int64, shape (n,)
        Numbers of the bins, ascending.
    """
    if options.keep == "all":
        return np.flatnonzero(split != NOWHERE)
    kept = (split != NOWHERE) & ((split != TRAIN) | positive)
    if isinstance(options.keep, Negatives):
        training = split == TRAIN
        pool = np.flatnonzero(training & ~positive)
        kept[draw_negatives(options.keep, np.flatnonzero(training & positive), pool, gc, options.seed)] = True
    return np.flatnonzero(kept)


def draw_negatives(
    options: Negatives,
    positive: NDArray[np.int64],
    negative: NDArray[np.int64],
    gc: NDArray[np.float32],
    seed: int,
) -> NDArray[np.int64]:
    """Choose which negative bins are kept.

    With ``match: gc`` the bins are drawn within `GC_STRATA` equal strata of window GC content, in proportion
    to the positives in each; a stratum with too few negatives gives all it has, and the shortage is logged.

    Parameters
    ----------
    positive, negative : int64, shapes (p,) and (q,)
        Numbers of the positive and negative training bins.
    gc : float32, shape (bins,)
        GC part of each bin's window.

    Returns
    -------
    int64, shape (m,)
        Numbers of the kept negative bins, ascending.
    """
    random = np.random.Generator(np.random.Philox(seed))
    # the running total is rounded, not each stratum, so that the ratio holds over all of them
    if options.match == "gc":
        wanted = np.bincount(_stratum(gc[positive]), minlength=GC_STRATA)
        stratum = _stratum(gc[negative])
        order = np.argsort(stratum, kind="stable")
        groups = np.split(negative[order], np.searchsorted(stratum[order], np.arange(1, GC_STRATA)))
    else:
        wanted, groups = np.array([len(positive)]), [negative]
    quota = np.diff(np.floor(np.cumsum(wanted) * options.negatives_per_positive + 0.5), prepend=0)
    drawn = [
        random.choice(group, min(int(number), len(group)), replace=False)
        for group, number in zip(groups, quota, strict=True)
    ]
    negatives = np.sort(np.concatenate(drawn))
    if len(negatives) < quota.sum():
        log.warning("negatives: wanted %d training bins, found %d that match", quota.sum(), len(negatives))
    return negatives


def _stratum(gc: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.minimum((gc * GC_STRATA).astype(np.int64), GC_STRATA - 1)
