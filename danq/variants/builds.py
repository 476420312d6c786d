"""Whether the header of a file of variants says that they are of another build of the genome."""

import logging
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

from danq.errors import DanqError, first_few
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome
from danq.variants.text import VariantText

log = logging.getLogger("danq")

_CONTIG = re.compile(r"##contig=<(.*)>\s*$")
_ENTRY = re.compile(r'(?:^|,)\s*(ID|length|assembly)=("[^"]*"|[^,]*)')
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


class _Contig(NamedTuple):
    name: str
    length: int
    assembly: str


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
    declared = list(_contigs(variants))
    names, source = [contig.name for contig in declared], str(variants.path)
    index: dict[str, int] = {}
    try:
        index = resolve_contigs(names, genome.names, source, aliases).index
    except DanqError:
        # a header may have chrM and MT; what names of records mean is decided where these are read
        for name in names:
            with suppress(DanqError):
                index |= resolve_contigs([name], genome.names, source, aliases).index
    shared = [contig for contig in declared if contig.name in index]
    differing = [contig for contig in shared if contig.length != genome.lengths[index[contig.name]]]
    if not differing:
        return ""
    lengths = (f"{c.name} {c.length:,} bp for {genome.lengths[index[c.name]]:,}" for c in differing)
    text = (
        f"the header is that of another build than the genome {genome.path}: {len(differing):,} of "
        f"{len(shared):,} contigs have another length ({first_few(lengths, 3)})"
    )
    assemblies = [contig.assembly for contig in declared if contig.assembly]
    theirs = _build(contig.length for contig in declared) or next(iter(assemblies), "")
    own = _build(genome.lengths.tolist())
    sides = [f"the header's may be {theirs}"] if theirs else []
    sides += [f"the genome's {own}"] if own else []
    return "; ".join([text, ", ".join(sides)]) if sides else text


def _contigs(variants: VariantText) -> Iterable[_Contig]:
    if variants.kind != "vcf":
        return
    for line in variants.header:
        if match := _CONTIG.match(line):
            entries = {key: value.strip('"') for key, value in _ENTRY.findall(match[1])}
            length = entries.get("length", "")
            if "ID" in entries and length.isascii() and length.isdecimal() and len(length) <= 18:
                yield _Contig(entries["ID"], int(length), entries.get("assembly", ""))


def _build(lengths: Iterable[int]) -> str:
    """Name the build that has contigs of these lengths; "" if none or more than one is known to."""
    builds = {_BUILDS[length] for length in lengths if length in _BUILDS}
    return builds.pop() if len(builds) == 1 else ""
