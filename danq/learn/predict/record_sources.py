"""One row a record of a BED: the window centred on its midpoint or summit, in the order of the file."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, first_few
from danq.genome.alphabet import N
from danq.genome.contigs import read_aliases, report_contigs
from danq.genome.fasta import Genome
from danq.genome.indexed import open_genome_or_fasta
from danq.genome.intervals import Intervals, TrackRecords
from danq.genome.track_formats import NARROW_PEAK
from danq.genome.track_writer import TrackPlaces
from danq.genome.tracks import contigs_of, read_intervals, report_records
from danq.learn.manifest import BundleManifest
from danq.learn.predict.predictions import UNPREDICTED
from danq.learn.predict.rows import Rows, Source, bounds
from danq.learn.predict.sources import check_dna, compare_genomes, contig_lengths

log = logging.getLogger("danq")

Centre = Literal["midpoint", "summit"]
"""What of a record lies at the centre of its window."""
_REASONS = dict(
    zip(
        UNPREDICTED,
        ("on contigs that the genome does not have", "centred before or past the ends of their contigs"),
        strict=True,
    )
)
"""Why a record cannot be predicted, as its flag says it, in words."""


@dataclass(frozen=True, eq=False)
class _Records:
    """Records of a file on a genome.

    Attributes
    ----------
    contig : int32, shape (n,)
        Index of the genome's contig, or -1.
    centre : int64, shape (n,)
        0-based.
    reason : str, shape (n,)
        Of `_REASONS`, or empty.
    """

    intervals: Intervals
    genome: Genome
    contig: NDArray[np.int32]
    centre: NDArray[np.int64]
    reason: NDArray[np.str_]

    def rows(self, first: int, last: int, window: int) -> Rows:
        """Cut the windows of some records; of those that have none all is N."""
        part = slice(first, last)
        contig, start, end = self.contig[part], self.intervals.start[part], self.intervals.end[part]
        reason = self.reason[part]
        left = self.centre[part] - window // 2
        raw = np.full((len(left), window), N, np.uint8)
        placed = reason == ""
        raw[placed] = self.genome.windows(contig[placed], left[placed], window)
        padded = (left < 0) | (left + window > self.genome.lengths[contig])
        rows = range(first, last)
        names = [self._contig_name(row) for row in rows]
        return Rows([*map(self.name, rows)], raw, padded, names, start, end, reason=reason)

    def name(self, row: int) -> str:
        """Name of a record in column 4, or its place where it has none."""
        label = self.intervals.labels[row] if self.intervals.labels else ""
        place = f"{self._contig_name(row)}:{self.intervals.start[row]}-{self.intervals.end[row]}"
        return place if label in ("", ".") else label

    def _contig_name(self, row: int) -> str:
        index = int(self.contig[row])
        return self.intervals.names[self.intervals.contig[row]] if index < 0 else self.genome.names[index]


def bed_source(
    bed: Path, genome: Path, info: BundleManifest, aliases: Path | None = None, centre: Centre = "midpoint"
) -> Source:
    """Take one row for each record of a BED, in its order, under its name (column 4) or its place.

    The window is centred on the record's midpoint or summit, however long it is; contig, start and end of the
    row are the record's. A record on an unknown contig, or whose centre lies outside of its contig, is a row
    without numbers, whose flag says why.

    Parameters
    ----------
    bed : Path
        BED or a relative, narrowPeak for summits; plain or gzip.
    genome : Path
        Directory of the encoded genome, or a FASTA.
    aliases : Path, optional
        Table of further contig names.

    Raises
    ------
    DanqError
        If the model reads no DNA or classifies sub-bins, a file cannot be read, it has no summits but they
        are asked for, or no record can be predicted.
    """
    check_dna(info, "--bed")
    if info.step:
        raise DanqError(f"--bed: expected --tile for a model that classifies steps of {info.step} bp")
    opened = open_genome_or_fasta(genome)
    compare_genomes(opened, info)
    intervals = read_intervals(bed, names=True)
    if centre == "summit" and intervals.format != NARROW_PEAK.name:
        raise DanqError(
            f"--centre summit: expected a narrowPeak, which has summits; received {bed}, a {intervals.format}"
        )
    records = _placed(bed, intervals, opened, aliases, centre)
    window, n = info.window or 0, len(records.centre)

    def blocks(first: int = 0, last: int | None = None) -> Iterator[Rows]:
        for low, high in bounds(first, n if last is None else last):
            yield records.rows(low, high, window)

    places = _track_places(records, info.bin or window)
    content = {"bed": bed, "genome": opened.digest, "aliases": aliases, "centre": centre}
    return Source(blocks, n, contigs=contig_lengths(opened), places=places, content=content)


def _placed(
    bed: Path, intervals: Intervals, genome: Genome, aliases: Path | None, centre: Centre
) -> _Records:
    resolved, contig = contigs_of(intervals, genome, bed, read_aliases(aliases) if aliases else None)
    report_contigs(str(bed), resolved.renamed, {})
    middle = (intervals.start + intervals.end) // 2
    position = intervals.summit if centre == "summit" else middle
    outside = (position < 0) | (position >= genome.lengths[contig])
    reason = np.select([contig < 0, outside], [*_REASONS], "")
    records = _Records(intervals, genome, contig, position, reason)
    _report_unpredicted(bed, records)
    _report_odd(bed, records, centre)
    if (reason != "").all():
        raise DanqError(f"{bed}: expected at least one region on a contig of {genome.path}, found none")
    return records


def _report_unpredicted(bed: Path, records: _Records) -> None:
    """Warn of the records that cannot be predicted, by reason and name."""
    lost = {reason: np.flatnonzero(records.reason == reason).tolist() for reason in _REASONS}
    words = [
        f"{len(rows):,} {_REASONS[reason]} ({first_few(map(records.name, rows))})"
        for reason, rows in lost.items()
        if rows
    ]
    if words:
        log.warning(
            "%s: %d of %d records cannot be predicted: %s; their rows hold no numbers, but the flag why",
            *(bed, sum(map(len, lost.values())), len(records.reason), ", ".join(words)),
        )


def _report_odd(bed: Path, records: _Records, centre: Centre) -> None:
    """Warn of records that are predicted though they are odd, by what is odd."""
    intervals, predicted = records.intervals, records.reason == ""
    odd = {
        "reaches_out": (intervals.start < 0) | (intervals.end > records.genome.lengths[records.contig]),
        "summit_outside": intervals.summit_outside,
        "no_summit": intervals.no_summit,
        "ragged": intervals.ragged,
    }
    accounted = TrackRecords(
        format=intervals.format,
        read=len(predicted),
        used=int(predicted.sum()),
        adjusted={name: int((which & predicted).sum()) for name, which in odd.items()},
    )
    report_records(str(bed), {"": accounted}, {""} if centre == "summit" else ())


def _track_places(records: _Records, width: int) -> TrackPlaces:
    """Give each base the record whose centre is nearest, of those within half of `width` bp of it.

    So tracks have one value a base, however records overlap; of records with one centre the first stands.
    """
    rows = np.flatnonzero(records.reason == "")
    rows = rows[np.lexsort((rows, records.centre[rows], records.contig[rows]))]
    contig, centre = records.contig[rows], records.centre[rows]
    same = np.append(False, (np.diff(contig) == 0) & (np.diff(centre) == 0))
    rows, contig, centre = rows[~same], contig[~same], centre[~same]
    start = np.maximum(centre - width // 2, 0)
    end = np.minimum(centre - width // 2 + width, records.genome.lengths[contig])
    near = np.flatnonzero((np.diff(contig) == 0) & (end[:-1] > start[1:]))
    between = (centre[near] + centre[near + 1] + 1) // 2
    end[near] = np.minimum(end[near], between)
    start[near + 1] = np.maximum(start[near + 1], end[near])
    return TrackPlaces(rows, [records.genome.names[index] for index in contig.tolist()], start, end)
