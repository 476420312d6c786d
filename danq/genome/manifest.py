"""What ``genome.json`` says of an encoded genome."""

from typing import Any

from danq.storage import Entry, Manifest


class ContigEntry(Entry):
    """One contig: bp, SHA-256 of its codes, G and C as a part of its known bases, and bases that are N."""

    name: str
    length: int
    digest: str
    gc: float | None
    n: int


class GenomeManifest(Manifest):
    """``genome.json``.

    Attributes
    ----------
    fasta_sha256 : str
        Of the input file as it lies on disk.
    digest : str
        SHA-256 over names and sequences, whatever the line width, case or compression.
    length, soft_masked, iupac_to_n : int
        bp of all contigs; lower-case letters; ambiguity letters that became N.
    contigs : tuple of ContigEntry
        In the order of the FASTA.
    """

    KIND, FILE = "genome", "genome.json"

    fasta_sha256: str
    digest: str
    length: int
    soft_masked: int
    iupac_to_n: int
    contigs: tuple[ContigEntry, ...]
    provenance: dict[str, Any]
