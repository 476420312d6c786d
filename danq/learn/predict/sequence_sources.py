"""Sequences as streams of windows: the records of a FASTA, or the bins under regions of a genome."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import check_regular
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.fasta_text import Header, encode_letters, read_pieces
from danq.genome.indexed import open_genome_or_fasta
from danq.genome.intervals import read_regions, union, window_start
from danq.genome.tracks import place_intervals, report_placed
from danq.learn.manifest import BundleManifest
from danq.learn.predict.rows import BLOCK, Rows, Source, bounds, interval_ids, window_at
from danq.learn.predict.sources import check_dna, compare_genomes, contig_lengths


def fasta_source(fasta: Path, info: BundleManifest, tile: bool = False) -> Source:
    """Take the records of a FASTA: each centred in one window, or with `tile` covered by tiles.

    A record shorter than the window is centred and filled up with N. Tiles start at 0 of a record and follow
    each other without overlap; a tile has the model's bin size (its window, where it has no bin) and lies at
    the centre of its window. The last tile of a record may be shorter. The file is read twice, so that what
    is wrong in it is found before the first prediction; with `tile` through its index, or encoded.

    Raises
    ------
    DanqError
        If the file cannot be read, holds something other than nucleotides, a record twice, one without
        sequence, or (without `tile`) one longer than the window, or the model reads no DNA, or classifies
        sub-bins, which only tiles place.
    """
    check_dna(info, "--fasta")
    if info.step and not tile:
        raise DanqError(f"--fasta: expected --tile for a model that classifies steps of {info.step} bp")
    window = info.window or 0
    check_regular(fasta)
    if tile:
        return _whole_source(open_genome_or_fasta(fasta), info)
    records = _count_records(fasta, window)

    def blocks(first: int = 0, last: int | None = None) -> Iterator[Rows]:
        read = islice(_records(fasta), first, last)
        while block := list(islice(read, BLOCK)):
            yield _rows(block, window)

    return Source(blocks, records, content={"fasta": fasta})


def genome_source(genome: Path, info: BundleManifest, stride: int | None = None) -> Source:
    """Take every bin of a genome, as `tiled_bed_source` does where regions cover it.

    Raises
    ------
    DanqError
        If the model reads no DNA, or the genome cannot be read.
    """
    check_dna(info, "--genome")
    opened = open_genome_or_fasta(genome)
    compare_genomes(opened, info)
    return _whole_source(opened, info, stride)


def _whole_source(genome: Genome, info: BundleManifest, stride: int | None = None) -> Source:
    """Take every bin of an opened genome; see `interval_source`."""
    contigs = np.arange(len(genome.names), dtype=np.int32)
    return interval_source(genome, info, contigs, np.zeros_like(genome.lengths), genome.lengths, stride)


def _count_records(fasta: Path, window: int) -> int:
    """Count the records of a FASTA, none of which may be longer than a window (bp)."""
    names = set[str]()
    for header, codes in _records(fasta):
        name, length = header.name, len(codes)
        where = f"{fasta}:{header.line}: record {name!r}"
        if name in names:
            raise DanqError(f"{where} stands in the file already; names must be unique")
        if not length:
            raise DanqError(f"{where} has no sequence")
        if length > window:
            raise DanqError(
                f"{where}: expected at most the model's window of {window} bp, received {length} bp; "
                "--tile covers longer records"
            )
        names.add(name)
    return len(names)


def _records(fasta: Path) -> Iterator[tuple[Header, NDArray[np.uint8]]]:
    header, parts = None, list[bytes]()
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            if header is not None:
                yield header, np.frombuffer(b"".join(parts), np.uint8)
            header, parts = piece, []
        else:
            parts.append(encode_letters(fasta, piece))
    if header is not None:
        yield header, np.frombuffer(b"".join(parts), np.uint8)


def _rows(records: Sequence[tuple[Header, NDArray[np.uint8]]], window: int) -> Rows:
    lengths = np.array([len(codes) for _, codes in records], np.int64)
    first = window_start(0, lengths, window)
    cut = [window_at(codes, at, window) for (_, codes), at in zip(records, first, strict=True)]
    return Rows(
        [header.name for header, _ in records], np.stack(cut), (first < 0) | (first + window > lengths)
    )


def tiled_bed_source(
    bed: Path,
    genome: Path,
    info: BundleManifest,
    aliases: Path | None = None,
    stride: int | None = None,
) -> Source:
    """Take the bins of a genome that overlap regions, each once, in the order of the genome.

    Bins start at multiples of the model's bin size (of its window, where it has no bin). The last bin of a
    contig may be shorter. Each bin lies at the centre of its window.

    Parameters
    ----------
    bed : Path
        BED or a relative; plain or gzip. Intervals that reach out of their contig are clipped.
    genome : Path
        Directory of the encoded genome, or a FASTA.
    aliases : Path, optional
        Table of further contig names.
    stride : int, optional
        bp between bins: those centred in a region are taken instead; see `interval_source`.

    Raises
    ------
    DanqError
        If the model reads no DNA, a file cannot be read, or no region lies on a contig of the genome.
    """
    check_dna(info, "--bed")
    opened = open_genome_or_fasta(genome)
    compare_genomes(opened, info)
    placed = place_intervals(bed, opened, read_aliases(aliases) if aliases else None)
    report_placed(bed, placed)
    if not len(placed.start):
        raise DanqError(f"{bed}: expected at least one region on a contig of {genome}, found none")
    return interval_source(opened, info, placed.contig, placed.start, placed.end, stride)


def region_source(
    texts: Sequence[str],
    genome: Path,
    info: BundleManifest,
    aliases: Path | None = None,
    stride: int | None = None,
) -> Source:
    """Take the bins under regions such as ``chr7:1,001-2,000`` (1-based, inclusive).

    Raises
    ------
    DanqError
        If the model reads no DNA, a file cannot be read, or a text is no region of the genome.
    """
    check_dna(info, "--region")
    opened = open_genome_or_fasta(genome)
    compare_genomes(opened, info)
    placed = read_regions(texts, opened, "--region", read_aliases(aliases) if aliases else None)
    contig = np.array([opened.index(region.contig) for region in placed], np.int32)
    start, end = (np.array([region[at] for region in placed], np.int64) for at in (1, 2))
    return interval_source(opened, info, contig, start, end, stride)


def interval_source(
    genome: Genome,
    info: BundleManifest,
    contig: NDArray[np.int32],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    stride: int | None = None,
) -> Source:
    """Take the bins of n intervals: those that overlap one or, with `stride`, those centred in one.

    With `stride` (bp) bins start at its multiples and share bases where it is shorter than they are. An
    interval that holds no centre gets the one bin that is centred behind its start.

    Parameters
    ----------
    contig, start, end : int32, int64, int64, shape (n,)
        Index of the contig; 0-based half-open positions in bp.

    Raises
    ------
    DanqError
        If `stride` is given for a model that classifies sub-bins, which are finer than bins already.
    """
    window = info.window or 0
    width = info.bin or window
    step = stride or width
    if stride and info.step:
        raise DanqError(f"--stride: run {info.run!r} predicts every {info.step} bp already; leave it out")
    if stride:
        last = (genome.lengths[contig] - 1) // step
        lowest = np.clip(-(-(start - width // 2) // step), 0, last)
        beyond = np.maximum(-(-(end - width // 2) // step), lowest + 1)
    else:
        lowest, beyond = start // step, -(-end // step)
    # in whole steps, so that regions which share a bin are united
    contig, lowest, beyond = union(contig, lowest, beyond)
    ends = np.cumsum(beyond - lowest)
    begins = ends - (beyond - lowest)

    def blocks(first: int = 0, last: int | None = None) -> Iterator[Rows]:
        for low, high in bounds(first, int(ends[-1]) if last is None else last):
            rows = np.arange(low, high)
            region = np.searchsorted(ends, rows, side="right")
            index = lowest[region] + rows - begins[region]
            yield _genome_rows(genome, contig[region], index * step, width, window)

    # the bins themselves: they say more than the files that regions came from
    places = hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in (contig, lowest, beyond)))
    content = {"genome": genome.digest, "bins": places.hexdigest(), "step": step}
    rows, lengths = int(ends[-1]), contig_lengths(genome)
    return Source(blocks, rows, width, contigs=lengths, stride=stride or 0, content=content)


def _genome_rows(
    genome: Genome, contig: NDArray[np.int32], start: NDArray[np.int64], width: int, window: int
) -> Rows:
    """Cut the windows centred on bins; a bin that runs past its contig's end is cut short there."""
    lengths = genome.lengths[contig]
    end = np.minimum(start + width, lengths)
    first = window_start(start, width, window)
    names = [genome.names[index] for index in contig.tolist()]
    return Rows(
        ids=interval_ids(names, start, end),
        raw=genome.windows(contig, first, window),
        padded=(first < 0) | (first + window > lengths),
        contig=names,
        start=start,
        end=end,
    )
