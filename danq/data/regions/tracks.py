"""Labels of all bins of a genome by the tracks of a dataset, eight targets at a time."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.data.manifest import REASONS, SPLITS, DatasetTarget
from danq.data.options import DatasetOptions
from danq.data.regions.bins import Bins, overlap_positives, summit_positives
from danq.data.regions.targets import Target
from danq.errors import DanqError, first_few
from danq.genome.fasta import Genome
from danq.genome.intervals import PlacedIntervals, TrackRecords, in_words
from danq.genome.track_formats import NARROW_PEAK
from danq.genome.tracks import place_intervals, report_records
from danq.progress import progress

_BITS = 8
log = logging.getLogger("danq")

_NO_PART = "contig_left_out"
_LABELS_AT_ONCE = 1 << 25  # bounds the memory at some 100 MB, however few the targets
_MANY_FAULTS = 20  # then the mistake is a general one, and reading on a waste of time


@dataclass(frozen=True, eq=False)
class Labels:
    """What tracks make of every bin of a genome.

    Attributes
    ----------
    positive : bool, shape (bins,)
        Bins with at least one target.
    targets : list of k DatasetTarget
        Tracks as the manifest describes them.
    renamed, unknown : dict
        Contig names of the tracks → the genome's, where they differ; contigs that the genome lacks → their
        intervals.
    """

    positive: NDArray[np.bool_]
    targets: list[DatasetTarget]
    renamed: dict[str, str]
    unknown: dict[str, int]


def label_tracks(
    targets: list[Target],
    genome: Genome,
    bins: Bins,
    split: NDArray[np.uint8],
    taking: NDArray[np.bool_],
    options: DatasetOptions,
    aliases: Mapping[str, str] | None,
    write: Callable[[memoryview], object],
) -> Labels:
    """Read each track once and label the bins.

    Parameters
    ----------
    bins : Bins
        What is labelled: the bins of the genome, or their sub-bins.
    split : uint8, shape (bins,)
        Index into `SPLITS`, for bins that are left out len(SPLITS) plus that of the reason in `REASONS`.
    taking : bool, shape (contigs,)
        Contigs that take part; intervals on the others are counted.
    options : DatasetOptions
        Its `min_overlap`, `empty_targets` and `out_of_range` count here.
    write : callable
        Takes the packed labels, so that memory does not grow with targets times bins: for each eight targets
        (little end first) one byte a bin, in the order of the bins.

    Raises
    ------
    DanqError
        If a track cannot be read, or labels no bin of any split and `empty_targets` is ``refuse``; a track
        that has regions, but on no contig of the genome, is refused in any case.
    """
    positive = np.zeros(len(bins), bool)
    described: list[DatasetTarget] = []
    renamed: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    faults: list[tuple[Target, str]] = []
    with progress("labelling", len(targets), "tracks") as advance:
        for first in range(0, len(targets), _BITS):
            column = np.zeros(len(bins), np.uint8)
            for bit, target in enumerate(targets[first : first + _BITS]):
                at = place_intervals(
                    target.path, genome, aliases, target.feature, options.out_of_range
                ).within(taking)
                labelled = positive_bins(target.rule, bins, at, options.min_overlap)
                column[labelled] |= np.uint8(1 << bit)
                positives = np.bincount(split[labelled], minlength=len(SPLITS))[: len(SPLITS)].tolist()
                lost = len(at.unknown) > 0 and not (len(at.start) or at.records.left_out.get(_NO_PART))
                if lost or (options.empty_targets == "refuse" and not any(positives)):
                    faults.append(
                        (target, why_no_positive(target, bins, at, options.min_overlap, genome, split))
                    )
                described.append(_described(target, at.records, positives))
                renamed |= at.renamed
                unknown.update(at.unknown)
                advance(1)
            if len(faults) >= _MANY_FAULTS:
                break
            positive |= column != 0
            write(column.data)
    _refuse(faults)
    return Labels(positive, described, renamed, dict(unknown))


def positive_bins(rule: str, bins: Bins, at: PlacedIntervals, min_overlap: float) -> NDArray[np.int64]:
    """Find the bins that a track makes positive by a rule: their numbers, int64 (m,), ascending."""
    if rule == "summit":
        return summit_positives(bins, at.contig, at.summit)
    return overlap_positives(bins, at.contig, at.start, at.end, min_overlap)


def _described(target: Target, records: TrackRecords, positives: list[int]) -> DatasetTarget:
    return DatasetTarget(
        name=target.name,
        group=target.group,
        rule=target.rule,
        path=target.as_listed,
        regions=records.used,
        counts=dict(zip(SPLITS, positives, strict=True)),
        track=records,
    )


def why_no_positive(
    target: Target,
    bins: Bins,
    at: PlacedIntervals,
    min_overlap: float,
    genome: Genome,
    split: NDArray[np.uint8] | None = None,
) -> str:
    """Say in one phrase why a target has no positive bin, and which key to try; `split` as for labels."""
    if len(at.start):
        if len(labelled := positive_bins(target.rule, bins, at, min_overlap)):
            why = "" if split is None else f": {_why_left_out(split[labelled])}"
            return (
                f"expected at least one positive bin; all its {len(labelled)} positive bins are left out{why}"
            )
        median = f"{np.median(at.end - at.start):,.0f} bp (median)"
        if target.rule == "summit":
            hint = f"its summits lie in the short last bins of contigs; a `bin` below {bins.width} bp helps"
        else:
            hint = (
                f"none of its {len(at.start):,} intervals of {median} covers more than {min_overlap:.0%} of "
                f"a bin of {bins.width} bp; `rule: summit` for it in {target.source} labels the bins that "
                "hold their summits or midpoints, a smaller `min_overlap` or `bin` those that they cover"
            )
        return f"expected at least one positive bin; found none: {hint}"
    if not at.unknown or at.records.left_out.get(_NO_PART):
        reasons = first_few(
            f"{number:,} {in_words(reason)}" for reason, number in at.records.left_out.items()
        )
        return f"expected regions in {target.path}, found none" + (
            f"; left out: {reasons}" if reasons else ""
        )
    received, expected = (first_few(names, 3) for names in (at.unknown, genome.names))
    return (
        f"no contig of {target.path} is in the genome; expected names such as {expected}; received {received}"
    )


def _why_left_out(split: NDArray[np.uint8]) -> str:
    """Count bins by the reason why they are left out; those in a contig's rest have none of their own."""
    counts = np.bincount(split, minlength=len(SPLITS) + len(REASONS))[len(SPLITS) :]
    reasons = (f"{n:,} {words}" for n, words in zip(counts.tolist(), REASONS.values(), strict=False) if n)
    return ", ".join(reasons) or REASONS["short_last_bin"]


def _refuse(faults: list[tuple[Target, str]]) -> None:
    if not faults:
        return
    target, reason = faults[0]
    # all of them at once, so that one does not mend a table of hundreds line by line
    others = ", ".join(f"{other.name!r} (line {other.line})" for other, _ in faults[1:])
    more = f"; no positive bin either: {others}" if others else ""
    raise DanqError(f"{target.origin}: target {target.name!r}: {reason}{more}")


def report_tracks(targets: Sequence[DatasetTarget]) -> None:
    """Log as what tracks were read, and what became of records that are not used as they stand."""
    tracks = {target.name: target.track for target in targets if target.track is not None}
    formats = Counter(track.format for track in tracks.values())
    of_summits = [each for each in targets if each.rule == "summit"]
    midpoints = [each.name for each in of_summits if not each.track or each.track.format != NARROW_PEAK.name]
    by = f"; rule summit takes midpoints of {first_few(midpoints)}" if midpoints else ""
    log.info("tracks read as %s%s", ", ".join(f"{name} {n:,}" for name, n in formats.items()), by)
    report_records("tracks", tracks, {each.name for each in of_summits})


def packed_rows(
    columns: NDArray[np.uint8], targets: int, kept: NDArray[np.int64], bins: Bins, sub_bins: Bins
) -> Iterator[NDArray[np.uint8]]:
    """Turn labels of all sub-bins of a genome into packed rows of the kept bins, part by part.

    Parameters
    ----------
    columns : uint8, shape (ceil(targets / 8), sub_bins)
        What `label_tracks` wrote.
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
