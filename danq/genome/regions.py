"""The regions that a user asks for, on the contigs of a genome."""

from collections.abc import Mapping, Sequence

import numpy as np

from danq.errors import DanqError, first_few
from danq.genome.contigs import ContigMap, resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import Region, parse_region, union

Stretches = tuple[tuple[int, ...], tuple[int, ...]]
"""First bases and ends of disjoint stretches of one contig, ascending; 0-based half-open."""


def read_regions(
    texts: Sequence[str], genome: Genome, source: str = "regions", aliases: Mapping[str, str] | None = None
) -> tuple[Region, ...]:
    """Read contigs and regions such as ``chr7:30,508,751-35,296,850`` (1-based, both ends included).

    Parameters
    ----------
    texts : sequence of str
        What the user asks for.
    genome : Genome
        The genome the regions lie on.
    source : str
        Where the texts stand, for messages.
    aliases : mapping of str to str, optional
        Further contig names, as from `danq.genome.contigs.read_aliases`.

    Returns
    -------
    tuple of Region
        With the genome's names; every end is a number.

    Raises
    ------
    DanqError
        If a text is no region, its contig is unknown, or it runs past the contig's end.
    """
    try:
        parsed = [parse_region(text) for text in texts]
    except DanqError as error:
        raise DanqError(f"{source}: {error}") from None
    # all names at once: what a name means depends on its neighbours
    known = resolve_contigs([region.contig for region in parsed], genome.names, source, aliases)
    return tuple(
        _placed(region, text, genome, source, known) for region, text in zip(parsed, texts, strict=True)
    )


def stretches_of(regions: Sequence[Region], genome: Genome) -> dict[int, Stretches]:
    """Unite regions by contig.

    Parameters
    ----------
    regions : sequence of Region
        With contig names of the genome, as from `read_regions`.
    genome : Genome
        The genome.

    Returns
    -------
    dict of int to Stretches
        By index of the contig.

    Raises
    ------
    DanqError
        If a contig is unknown.
    """
    indices = np.array([genome.index(region.contig) for region in regions], np.int32)
    starts = np.array([region.start for region in regions], np.int64)
    ends = [
        genome.lengths[index] if region.end is None else region.end
        for index, region in zip(indices, regions, strict=True)
    ]
    contig, start, end = union(indices, starts, np.array(ends, np.int64))
    return {
        int(index): (tuple(start[contig == index].tolist()), tuple(end[contig == index].tolist()))
        for index in np.unique(contig)
    }


def _placed(region: Region, text: str, genome: Genome, source: str, known: ContigMap) -> Region:
    index = known.index.get(region.contig)
    if index is None:
        raise DanqError(
            f"{source}: expected a contig of the genome ({first_few(genome.names)}), "
            f"received {region.contig!r}"
        )
    length = int(genome.lengths[index])
    end = length if region.end is None else region.end
    if end > length or region.start >= length:
        raise DanqError(
            f"{source}: expected a region within {region.contig} ({length:,} bp), received {text!r}"
        )
    return Region(genome.names[index], region.start, end)
