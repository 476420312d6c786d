"""Intervals from BED, narrowPeak, broadPeak, gappedPeak, bedGraph, GFF3 and GTF, and their place on a genome.

No record is lost without a word: each is an interval that is used, or is counted under the reason why not.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError, check_name, first_few
from danq.files import open_binary, read_whole
from danq.genome.contigs import ContigMap, report_contigs, resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import IN_WORDS, OF_SUMMITS, Intervals, OutOfRange, PlacedIntervals, TrackRecords
from danq.genome.track_formats import GFF_SUFFIXES, TrackFormat, format_of, suffix_of
from danq.genome.track_readers import (
    NO_SUMMIT,
    RECORD,
    Record,
    bed_frame,
    bed_records,
    gff_frame,
    gff_records,
    gff_types,
)

log = logging.getLogger("danq")


def read_intervals(path: Path, feature: str | None = None, names: bool = False) -> Intervals:
    """Read the intervals of a file, plain or gzip.

    Header lines (``#``, ``track``, ``browser``), blank lines and CRLF are accepted. BED columns are separated
    by tabs, or by runs of spaces in a line without tabs. A file without any interval gives empty arrays.

    Parameters
    ----------
    path : Path
        ``.gff``, ``.gff3`` and ``.gtf`` are GFF; of others, `danq.genome.track_formats.format_of` tells
        the format. Columns behind those of the format are not looked at.
    feature : str, optional
        Type of the wanted features; needed for GFF and refused for the others.
    names : bool
        Keep the names in column 4, too.

    Raises
    ------
    DanqError
        If the file cannot be read or a line is malformed; the message names the line.
    """
    if (gff := suffix_of(path) in GFF_SUFFIXES) and feature is None:
        types = ", ".join(sorted(gff_types(path))) or "none"
        raise DanqError(
            f"{path}: a GFF file needs `feature`, the type of the wanted features; it has {types}"
        )
    if feature is not None and not gff:
        raise DanqError(f"{path}: `feature` {feature!r} is for GFF files; expected .gff, .gff3 or .gtf")
    with open_binary(path) as stream:
        data = read_whole(path, stream)
    form = format_of(path, data)
    data = data.replace(b"\r\n", b"\n") if b"\r" in data else data
    frame = None
    if b"\r" not in data:
        frame = bed_frame(data, form, names) if feature is None else gff_frame(data, feature)
    if frame is None:
        frame = pl.DataFrame(list(_records(path, form, feature, data)), schema=RECORD, orient="row")
    return _intervals(path, form, frame, names)


def _records(path: Path, form: TrackFormat, feature: str | None, data: bytes) -> Iterator[Record]:
    return bed_records(path, form, data) if feature is None else gff_records(path, feature)


def _intervals(path: Path, form: TrackFormat, frame: pl.DataFrame, named: bool) -> Intervals:
    names = frame["contig"].unique(maintain_order=True)
    for name in names:
        check_name(name, path, "a contig")
    contig = frame["contig"].cast(pl.Enum(names)).to_physical().to_numpy().astype(np.int32)
    start, end, offset = (frame[column].to_numpy() for column in ("start", "end", "offset"))
    middle = (start + end) // 2
    # any offset is sound that lies within the interval; the one base between two has its own
    sound = (offset >= 0) & (offset < np.maximum(end - start, 1))
    no_signal = np.zeros(frame.height, bool)
    if form.signal:
        # 0 is what a bedGraph says of the genome between regions
        value = frame["value"].to_numpy()
        no_signal = (value == 0) | np.isnan(value)
    labels = frame["name"].to_list() if named else None
    for label in set(labels or ()):
        check_name(label, path)
    return Intervals(
        names=tuple(names),
        contig=contig,
        start=start,
        end=end,
        summit=np.where(sound, start + offset, middle),
        format=form.name,
        summit_outside=~sound & (offset != NO_SUMMIT),
        no_summit=form.summit & (offset == NO_SUMMIT),
        no_signal=no_signal,
        ragged=frame["ragged"].to_numpy() if "ragged" in frame.columns else np.zeros(frame.height, bool),
        labels=labels,
    )


def place_intervals(
    path: Path,
    genome: Genome,
    aliases: Mapping[str, str] | None = None,
    feature: str | None = None,
    out_of_range: OutOfRange = "clip",
) -> PlacedIntervals:
    """Read the intervals of a file onto the contigs of a genome; what has no place there is only counted.

    Left out are, under the first reason that applies, intervals on unknown contigs, those of zero length, and
    those that lie past the end of their contig as a whole.

    Parameters
    ----------
    aliases, feature
        As from `danq.genome.contigs.read_aliases`, and as for `read_intervals`.
    out_of_range : {'clip', 'skip', 'refuse'}
        Whether an interval that reaches out of its contig is cut off there (its summit then moves to the
        nearest base within), left out or refused.

    Raises
    ------
    DanqError
        As `read_intervals`, and if a contig name is ambiguous or, with `refuse`, an interval reaches out of
        its contig; the message names the line.
    """
    intervals = read_intervals(path, feature)
    resolved, contig = contigs_of(intervals, genome, path, aliases)
    reason = _reasons(intervals, contig, genome.lengths, out_of_range)
    if (refused := np.flatnonzero(reason == "refused")).size:
        raise _beyond(path, feature, intervals, int(refused[0]), genome, int(contig[refused[0]]))
    used = reason == ""
    contig, start, end, summit = (a[used] for a in (contig, intervals.start, intervals.end, intervals.summit))
    low, high = np.maximum(start, 0), np.minimum(end, genome.lengths[contig])
    left_out = Counter(reason[~used].tolist())
    adjusted = {
        "clipped": int(((low > start) | (high < end)).sum()),
        "summit_outside": int((intervals.summit_outside & used).sum()),
        "no_summit": int((intervals.no_summit & used).sum()),
        "ragged": int((intervals.ragged & used).sum()),
    }
    counts = np.bincount(intervals.contig, minlength=len(intervals.names)).tolist()
    of_name = dict(zip(intervals.names, counts, strict=True))
    return PlacedIntervals(
        contig=contig,
        start=low,
        end=high,
        summit=np.clip(summit, low, high - 1),
        unknown={name: of_name[name] for name in resolved.unknown},
        renamed=resolved.renamed,
        records=TrackRecords(
            format=intervals.format,
            read=len(reason),
            used=len(start),
            left_out=dict(sorted(left_out.items())),
            adjusted={name: number for name, number in adjusted.items() if number},
        ),
    )


def contigs_of(
    intervals: Intervals, genome: Genome, path: Path, aliases: Mapping[str, str] | None
) -> tuple[ContigMap, NDArray[np.int32]]:
    """Match the contig names of a file's intervals, and give each the genome's index, int32 (n,), or -1."""
    resolved = resolve_contigs(intervals.names, genome.names, str(path), aliases)
    indices = np.array([resolved.index.get(name, -1) for name in intervals.names], np.int32)
    return resolved, indices[intervals.contig] if len(indices) else intervals.contig


def _reasons(
    intervals: Intervals, contig: NDArray[np.int32], lengths: NDArray[np.int64], out_of_range: OutOfRange
) -> NDArray[np.str_]:
    """Say of each interval why it is left out: str, shape (n,), empty for those that are used."""
    start, end, length = intervals.start, intervals.end, lengths[contig]
    whole = (start >= 0) & (end <= length)
    refused = ~whole & (out_of_range == "refuse")
    lost = ~whole if out_of_range == "skip" else (start >= length) | (end <= 0)
    reasons = {
        "unknown_contig": contig < 0,
        "zero_length": start == end,
        "no_signal": intervals.no_signal,
        "refused": refused,
        "out_of_range": lost,
    }
    return np.select(list(reasons.values()), list(reasons), "")


def _beyond(
    path: Path, feature: str | None, intervals: Intervals, row: int, genome: Genome, contig: int
) -> DanqError:
    place = intervals.names[intervals.contig[row]], intervals.start[row], intervals.end[row]
    with open_binary(path) as stream:
        data = read_whole(path, stream)
    records = _records(path, format_of(path, data), feature, data)
    line = next(record.line for record in records if record[1:4] == place)
    ends = f"begins at {place[1]:,}" if place[1] < 0 else f"ends at {place[2]:,}"
    return DanqError(
        f"{path}:{line}: expected an interval within {genome.names[contig]!r} of "
        f"{genome.lengths[contig]:,} bp, received one that {ends}; `out_of_range` clip or skip allows it"
    )


def report_placed(path: Path, placed: PlacedIntervals) -> None:
    """Log what became of the contig names and the records of a file."""
    report_contigs(str(path), placed.renamed, placed.unknown)
    report_records(str(path), {"": placed.records})


def report_records(what: str, records: Mapping[str, TrackRecords], summits: Collection[str] = ()) -> None:
    """Warn, reason by reason, of the records of some files that were left out or adjusted.

    `records` are by the name that messages call a file, empty where `what` names the only one; of those
    named in `summits` the summits matter.
    """
    for reason, words in IN_WORDS.items():
        each = {
            name: entry.left_out | entry.adjusted
            for name, entry in records.items()
            if reason not in OF_SUMMITS or name in summits
        }
        of_reason = {name: counts[reason] for name, counts in each.items() if counts.get(reason)}
        if not of_reason:
            continue
        total, read = sum(of_reason.values()), sum(entry.read for entry in records.values())
        done = "kept" if any(reason in entry.adjusted for entry in records.values()) else "left out"
        named = first_few(f"{name} {number:,}" for name, number in of_reason.items() if name)
        where = f": {named}" if named else ""
        log.warning("%s: %d of %d records %s (%s)%s", what, total, read, done, words, where)
