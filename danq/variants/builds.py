"""Whether the header of a file of variants says that they are of another build of the genome."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress

from danq.errors import DanqError, first_few
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome
from danq.variants.text import LONGEST_POS, VariantText, declared_contigs

log = logging.getLogger("danq")

# of UCSC's chromInfo tables and NCBI's assembly reports; no two builds share one of these lengths
_BUILDS = {
    **dict.fromkeys((248_956_422, 50_818_468, 156_040_895), "GRCh38 (hg38)"),
    **dict.fromkeys((249_250_621, 51_304_566, 155_270_560), "GRCh37 (hg19)"),
    **dict.fromkeys((247_249_719, 49_691_432, 154_913_754), "NCBI36 (hg18)"),
    248_387_328: "T2T-CHM13v2.0 (hs1)",
    195_154_279: "GRCm39 (mm39)",
    195_471_971: "GRCm38 (mm10)",
    197_195_432: "NCBI37 (mm9)",
    23_513_712: "BDGP6 (dm6)",
    23_011_544: "BDGP5 (dm3)",
    230_218: "R64 (sacCer3)",
    230_208: "sacCer2",
}
"""Length in bp of chromosome 1, 22 or X (fly: 2L; yeast: I) → build."""


def warn_of_other_build(
    name: str, variants: VariantText, genome: Genome, aliases: Mapping[str, str] | None = None
) -> None:
    """Tell before long work where contigs have other lengths in the header of a file than in the genome.

    `name` is what the file is called; `aliases` are as from `danq.genome.contigs.read_aliases`.
    """
    if other := other_build(variants, genome, aliases):
        log.warning("%s: %s", name, other)


def other_build(variants: VariantText, genome: Genome, aliases: Mapping[str, str] | None = None) -> str:
    """Say which contigs have other lengths in the header than in the genome, and which builds these may be.

    "" where none has, or the header tells no length of a contig that the genome has.
    """
    contigs, source = declared_contigs(variants.header), str(variants.path)
    declared = {
        name: int(length)
        for name, entries in contigs.items()
        if (length := entries.get("length", "")).isascii()
        and length.isdecimal()
        and len(length) <= LONGEST_POS
    }
    index: dict[str, int] = {}
    try:
        index = resolve_contigs(list(declared), genome.names, source, aliases).index
    except DanqError:
        # a header may have chrM and MT; what names of records mean is decided where these are read
        for name in declared:
            with suppress(DanqError):
                index |= resolve_contigs([name], genome.names, source, aliases).index
    own_lengths = {name: int(genome.lengths[number]) for name, number in index.items()}
    differing = [name for name, length in own_lengths.items() if declared[name] != length]
    if not differing:
        return ""
    lengths = (f"{name} {declared[name]:,} bp for {own_lengths[name]:,}" for name in differing)
    text = (
        f"the header is that of another build than the genome {genome.path}: {len(differing):,} of "
        f"{len(index):,} contigs have another length ({first_few(lengths, 3)})"
    )
    assemblies = (entries.get("assembly", "") for entries in contigs.values())
    theirs = _build(declared.values()) or next(filter(None, assemblies), "")
    own = _build(genome.lengths.tolist())
    sides = [f"the header's may be {theirs}"] if theirs else []
    sides += [f"the genome's {own}"] if own else []
    return "; ".join([text, ", ".join(sides)]) if sides else text


def _build(lengths: Iterable[int]) -> str:
    """Name the build that has contigs of these lengths; "" if none or more than one is known to."""
    builds = {_BUILDS[length] for length in lengths if length in _BUILDS}
    return builds.pop() if len(builds) == 1 else ""
