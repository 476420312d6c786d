"""RefSeq accessions of the chromosomes of common genomes.

An accession without its version names a chromosome, the version its release; within a genome the accessions
are numbered without gaps, so the first one and the chromosomes in order say all. Taken from NCBI's assembly
reports of GRCh38, GRCm39, GRCz11, WBcel235 and R64.
"""

from typing import NamedTuple


class Chromosome(NamedTuple):
    """A chromosome of a species: `name` is an Arabic number, a letter, or MT."""

    species: str
    name: str


def _numbered(first: int, species: str, names: list[str]) -> dict[str, Chromosome]:
    return {f"NC_{first + i:06d}": Chromosome(species, name) for i, name in enumerate(names)}


def _autosomes(count: int) -> list[str]:
    return [str(number) for number in range(1, count + 1)]


ACCESSIONS: dict[str, Chromosome] = {
    **_numbered(1, "human", [*_autosomes(22), "X", "Y"]),
    **_numbered(67, "mouse", [*_autosomes(19), "X", "Y"]),
    **_numbered(7112, "zebrafish", _autosomes(25)),
    **_numbered(3279, "worm", [*_autosomes(5), "X"]),
    **_numbered(1133, "yeast", _autosomes(16)),
    "NC_012920": Chromosome("human", "MT"),
    "NC_005089": Chromosome("mouse", "MT"),
    "NC_002333": Chromosome("zebrafish", "MT"),
    "NC_001328": Chromosome("worm", "MT"),
    "NC_001224": Chromosome("yeast", "MT"),
}
"""Accession without version → chromosome."""
