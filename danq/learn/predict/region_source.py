"""The bins under BED regions of a genome as a stream of windows."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, first_few
from danq.genome.contigs import read_aliases
from danq.genome.fasta import Genome
from danq.genome.indexed import open_genome_or_fasta
from danq.genome.intervals import union, window_start
from danq.genome.tracks import place_intervals
from danq.learn.manifest import BundleManifest
from danq.learn.predict.sources import BLOCK, Rows, Source, check_dna, compare_genomes, contig_lengths

log = logging.getLogger("danq")


def bed_source(bed: Path, genome: Path, info: BundleManifest, aliases: Path | None = None) -> Source:
    """Take the bins of a genome that overlap regions, each once, in the order of the genome.

    Bins start at multiples of the model's bin size (of its window, where it has no bin). The last bin of a
    contig may be shorter. Each bin lies at the centre of its window.

    Parameters
    ----------
    bed : Path
        BED, narrowPeak, broadPeak or GFF3; plain or gzip.
    genome : Path
        Directory of the encoded genome, or a FASTA.
    info : BundleManifest
        ``bundle.json`` of the model.
    aliases : Path, optional
        Table of further contig names.

    Raises
    ------
    DanqError
        If the model reads no DNA, a file cannot be read, or no region lies on a contig of the genome.
    """
    check_dna(info, "--bed")
    opened = open_genome_or_fasta(genome)
    compare_genomes(opened, info)
    placed = place_intervals(bed, opened, read_aliases(aliases) if aliases else None)
    if placed.unknown:
        log.warning(
            "%s: %d regions lie on contigs that the genome does not have (%s)",
            bed,
            sum(placed.unknown.values()),
            first_few(placed.unknown),
        )
    if not len(placed.start):
        raise DanqError(f"{bed}: expected at least one region on a contig of {genome}, found none")
    window = info.window or 0
    width = info.bin or window
    # in whole bins, so that regions which share one are united
    contig, first, stop = union(placed.contig, placed.start // width, -(-placed.end // width))
    ends = np.cumsum(stop - first)

    def blocks() -> Iterator[Rows]:
        for low in range(0, int(ends[-1]), BLOCK):
            rows = np.arange(low, min(low + BLOCK, ends[-1]))
            stretch = np.searchsorted(ends, rows, side="right")
            index = first[stretch] + rows - (ends - (stop - first))[stretch]
            yield genome_rows(opened, contig[stretch], index * width, width, window)

    return Source(blocks, int(ends[-1]), width, contigs=contig_lengths(opened))


def genome_rows(
    genome: Genome, contig: NDArray[np.int32], start: NDArray[np.int64], width: int, window: int
) -> Rows:
    """Cut the windows centred on bins; a bin that runs past its contig's end is cut short there.

    Parameters
    ----------
    genome : Genome
        The genome.
    contig, start : int32, int64, shape (n,)
        Contig index and 0-based start of each bin.
    width, window : int
        Bin and window size in bp.
    """
    lengths = genome.lengths[contig]
    end = np.minimum(start + width, lengths)
    first = window_start(start, width, window)
    names = [genome.names[index] for index in contig.tolist()]
    places = zip(names, start.tolist(), end.tolist(), strict=True)
    return Rows(
        ids=[f"{name}:{low}-{high}" for name, low, high in places],
        raw=genome.windows(contig, first, window),
        padded=(first < 0) | (first + window > lengths),
        contig=names,
        start=start,
        end=end,
    )
