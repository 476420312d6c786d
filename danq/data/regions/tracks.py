"""Tracks of a dataset: their table, and labels of all bins of a genome by them, eight targets at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.manifest import SPLITS, DatasetTarget
from danq.data.options import DatasetOptions
from danq.data.regions.bins import Bins, overlap_positives, summit_positives
from danq.errors import DanqError, check_name, first_few
from danq.files import read_lines
from danq.genome.fasta import Genome
from danq.genome.intervals import PlacedIntervals
from danq.genome.tracks import place_intervals
from danq.progress import progress

COLUMNS = ("target", "path", "rule", "feature", "group")
RULES = ("overlap", "summit")
_NEEDED = 2  # the first columns of COLUMNS, which have no default
_BITS = 8
_LABELS_AT_ONCE = 1 << 25  # bounds the memory at some 100 MB, however few the targets
_MANY_FAULTS = 20  # then the mistake is a general one, and reading on a waste of time


@dataclass(frozen=True)
class Target:
    """One label of a dataset and the track it comes from.

    Attributes
    ----------
    path : Path
        BED, narrowPeak, broadPeak or GFF3 file of the track.
    as_listed : str
        The path as the table has it.
    rule : str
        ``overlap``: bins covered by strictly more than the minimum; ``summit``: bins that hold a summit.
    feature : str or None
        Feature type to take from a GFF3.
    group : str
        Free text by which reports group targets; may be empty.
    source, line : Path, int
        Table it stands in, and its 1-based line.
    """

    name: str
    path: Path
    as_listed: str
    rule: str
    feature: str | None
    group: str
    source: Path
    line: int

    @property
    def origin(self) -> str:
        """``path:line`` of its line, for messages."""
        return f"{self.source}:{self.line}"


def read_targets(path: Path) -> list[Target]:
    """Read a table of targets: tab-separated, with a header line, in the order of the label columns.

    Its columns are ``target``, ``path`` and, optionally, ``rule``, ``feature`` and ``group``, in any order.
    Paths of tracks are relative to the table.

    Raises
    ------
    DanqError
        If columns are missing, unknown or repeated, a line is incomplete, a target name is repeated, a rule
        is unknown, a track does not exist or a GFF3 track names no feature.
    """
    columns: list[str] = []
    targets: dict[str, Target] = {}
    for number, line in read_lines(path):
        fields = [field.strip() for field in line.lstrip("\ufeff").split("\t")]
        if not any(fields):
            continue
        if not columns:
            columns = _header(path, number, fields)
            continue
        target = _target(path, number, columns, fields)
        if target.name in targets:
            earlier = targets[target.name].line
            raise DanqError(
                f"{target.origin}: target {target.name!r} stands in line {earlier} already; "
                "targets must be unique"
            )
        targets[target.name] = target
    if not targets:
        raise DanqError(f"{path}: expected a header line and at least one target, found none")
    return list(targets.values())


def _header(path: Path, number: int, fields: list[str]) -> list[str]:
    unknown = [field for field in fields if field not in COLUMNS]
    missing = [column for column in COLUMNS[:_NEEDED] if column not in fields]
    if unknown or missing or len(set(fields)) < len(fields):
        raise DanqError(
            f"{path}:{number}: expected tab-separated columns target, path and optionally "
            f"{', '.join(COLUMNS[_NEEDED:])}, each once; received {', '.join(map(repr, fields))}"
        )
    return fields


def _target(path: Path, number: int, columns: list[str], fields: list[str]) -> Target:
    origin = f"{path}:{number}"
    if len(fields) > len(columns):
        raise DanqError(f"{origin}: expected {len(columns)} columns, received {len(fields)}")
    value = dict.fromkeys(COLUMNS, "") | dict(zip(columns, fields, strict=False))
    for text in value.values():
        check_name(text, origin, "a value")
    for column in COLUMNS[:_NEEDED]:
        if not value[column]:
            raise DanqError(f"{origin}: expected a value in column {column}, received nothing")
    name, listed, rule, feature, group = (value[column] for column in COLUMNS)
    if rule and rule not in RULES:
        raise DanqError(f"{origin}: expected a rule of {', '.join(RULES)}; received {rule!r}")
    track = path.parent / listed
    if not track.is_file():
        raise DanqError(f"{origin}: expected a track file, found none at {track}")
    if not feature and {".gff", ".gff3"} & {suffix.lower() for suffix in track.suffixes}:
        raise DanqError(f"{origin}: expected a feature type in column feature for the GFF3 {track.name}")
    return Target(name, track, listed, rule or RULES[0], feature or None, group, path, number)


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
        Index into `SPLITS`, any other value for bins that are left out.
    options : DatasetOptions
        Its `min_overlap` and `empty_targets` count here.
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
                at = place_intervals(target.path, genome, aliases, target.feature)
                labelled = positive_bins(target.rule, bins, at, options.min_overlap)
                column[labelled] |= np.uint8(1 << bit)
                positives = np.bincount(split[labelled], minlength=len(SPLITS))[: len(SPLITS)].tolist()
                lost = len(at.unknown) > 0 and len(at.start) == 0
                if lost or (options.empty_targets == "refuse" and not any(positives)):
                    faults.append((target, why_no_positive(target, bins, at, options.min_overlap, genome)))
                described.append(_described(target, len(at.start), positives))
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


def _described(target: Target, regions: int, positives: list[int]) -> DatasetTarget:
    return DatasetTarget(
        name=target.name,
        group=target.group,
        rule=target.rule,
        path=target.as_listed,
        regions=regions,
        counts=dict(zip(SPLITS, positives, strict=True)),
    )


def why_no_positive(
    target: Target, bins: Bins, at: PlacedIntervals, min_overlap: float, genome: Genome
) -> str:
    """Say in one phrase why a target has no positive bin, and which key to try."""
    if len(at.start):
        if labelled := len(positive_bins(target.rule, bins, at, min_overlap)):
            return f"expected at least one positive bin; all its {labelled} positive bins are left out"
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
