"""The regions that a user asks for, on the contigs of a genome."""

from collections.abc import Mapping, Sequence

from danq.errors import DanqError
from danq.genome.contigs import ContigMap, resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import Region, parse_region

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
    by_contig: dict[int, list[list[int]]] = {}
    for region in sorted(regions, key=lambda region: (region.contig, region.start)):
        index = genome.index(region.contig)
        united = by_contig.setdefault(index, [])
        end = int(genome.lengths[index]) if region.end is None else region.end
        if united and region.start <= united[-1][1]:
            united[-1][1] = max(united[-1][1], end)
        else:
            united.append([region.start, end])
    return {
        index: (tuple(start for start, _ in united), tuple(end for _, end in united))
        for index, united in by_contig.items()
    }


def _placed(region: Region, text: str, genome: Genome, source: str, known: ContigMap) -> Region:
    index = known.index.get(region.contig)
    if index is None:
        some = ", ".join(genome.names[:5]) + (", …" if len(genome.names) > 5 else "")
        raise DanqError(f"{source}: expected a contig of the genome ({some}), received {region.contig!r}")
    length = int(genome.lengths[index])
    end = length if region.end is None else region.end
    if end > length or region.start >= length:
        raise DanqError(
            f"{source}: expected a region within {region.contig} ({length:,} bp), received {text!r}"
        )
    return Region(genome.names[index], region.start, end)
