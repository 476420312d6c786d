"""The genome directory that is made of a FASTA: one byte a base, and what describes it."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from danq.contents import unchanged
from danq.errors import first_few
from danq.files import sha256, staged
from danq.genome.alphabet import C, G, N, count_iupac
from danq.genome.fasta import (
    CODES_FILE,
    CONTIGS_FILE,
    AmbiguityEntry,
    ContigEntry,
    GenomeManifest,
    contigs_table,
    genome_digest,
)
from danq.genome.fasta_text import Header, encoded_pieces
from danq.genome.iupac import AMBIGUITY_FILE, ROW, AmbiguityNotes, letters_of
from danq.progress import progress
from danq.provenance import provenance
from danq.storage import write_header

log = logging.getLogger("danq")


class Stretch(NamedTuple):
    """A stretch of a contig, encoded and counted.

    Attributes
    ----------
    contig : str or None
        Name of the contig that begins with it; None: the one before goes on.
    codes, letters : bytes, bytes
        Of its bases, and the `danq.genome.iupac.ROW` of its ambiguity letters, places from its first base on.
    gc, n, soft_masked, iupac : int
        Bases that are G or C, that are N, letters in lower case, and letters of IUPAC that became N.
    """

    contig: str | None
    codes: bytes
    letters: bytes
    gc: int
    n: int
    soft_masked: int
    iupac: int


def build_genome(fasta: Path, out: Path, stretches: Iterable[Stretch] | None = None) -> GenomeManifest:
    """Encode a FASTA as one byte a base: ``codes.npy`` and what describes it, in a directory.

    Plain, gzip or bgzip text is streamed, so memory does not grow with the genome; the folder of the FASTA
    is only read. Soft-masked letters are read as their bases, U as T, IUPAC letters as N; which they were is
    kept in ``iupac.npy``. `stretches` are given where the FASTA has been encoded already.

    Raises
    ------
    DanqError
        If the FASTA cannot be read, holds something other than nucleotides, a contig twice or one without
        sequence; or if `out` cannot be written.
    """
    with staged(out) as partial, unchanged([fasta]):
        with (partial / CODES_FILE).open("wb") as codes, (partial / AMBIGUITY_FILE).open("wb") as letters:
            # the headers have a fixed width: they are written again when the number of rows is known
            write_header(codes, (0,), np.uint8)
            write_header(letters, (0,), ROW)
            tallies, ambiguity = _write(stretches or _encoded(fasta), codes, letters)
            codes.seek(0)
            letters.seek(0)
            write_header(codes, (sum(tally.length for tally in tallies),), np.uint8)
            write_header(letters, (ambiguity.letters,), ROW)
        contigs = [tally.entry() for tally in tallies]
        _warn_of_copies(fasta, contigs)
        offsets = np.cumsum([0] + [contig.length for contig in contigs])
        table = contigs_table(contigs, offsets[:-1].tolist())
        (partial / CONTIGS_FILE).write_text(table, encoding="utf-8")
        fasta_digest = sha256(fasta)
        manifest = GenomeManifest(
            fasta_sha256=fasta_digest,
            digest=genome_digest([(contig.name, contig.digest) for contig in contigs]),
            length=int(offsets[-1]),
            soft_masked=sum(tally.soft_masked for tally in tallies),
            iupac_to_n=sum(tally.iupac for tally in tallies),
            contigs=tuple(contigs),
            ambiguity=ambiguity,
            provenance=provenance({str(fasta): fasta_digest}, {}),
        )
        manifest.write(partial)
    return manifest


def _warn_of_copies(fasta: Path, contigs: list[ContigEntry]) -> None:
    """Name contigs of one sequence: what trains on one is tested on the other."""
    first: dict[str, str] = {}
    copies = [
        f"{contig.name} = {name}"
        for contig in contigs
        if contig.n < contig.length and (name := first.setdefault(contig.digest, contig.name)) != contig.name
    ]
    if copies:
        log.warning(
            "%s: %d contigs have the sequence of another: %s; `exclude_contigs` of a dataset leaves them out",
            *(fasta, len(copies), first_few(copies)),
        )


class _Tally:
    """What is counted of one contig while it streams past."""

    def __init__(self, name: str) -> None:
        self.name, self.hash = name, hashlib.sha256()
        self.length = self.gc = self.n = self.soft_masked = self.iupac = 0

    def add(self, stretch: Stretch) -> None:
        self.length += len(stretch.codes)
        self.gc += stretch.gc
        self.n += stretch.n
        self.soft_masked += stretch.soft_masked
        self.iupac += stretch.iupac
        self.hash.update(stretch.codes)

    def entry(self) -> ContigEntry:
        gc = self.gc / (self.length - self.n) if self.length > self.n else None
        return ContigEntry(name=self.name, length=self.length, digest=self.hash.hexdigest(), gc=gc, n=self.n)


def stretch_of(contig: str | None, text: bytes, codes: bytes) -> Stretch:
    """Count what is in a piece of text and its codes."""
    bases = np.frombuffer(codes, np.uint8)
    n = int(np.count_nonzero(bases == N))
    return Stretch(
        contig,
        codes,
        letters_of(text, codes),
        gc=int(np.count_nonzero(bases == C) + np.count_nonzero(bases == G)),
        n=n,
        # letters, LF and CR only have got here, and of these the lower-case letters lie above "Z"
        soft_masked=int(np.count_nonzero(np.frombuffer(text, np.uint8) > ord("Z"))),
        iupac=count_iupac(text) if n else 0,
    )


def _encoded(fasta: Path) -> Iterator[Stretch]:
    begun: Header | None = None
    with progress(f"encoding {fasta.name}", None, "Mb") as advance:
        for header, text, codes in encoded_pieces(fasta):
            yield stretch_of(None if header is begun else header.name, text, codes)
            begun = header
            advance(len(codes) / 1e6)


def _write(
    stretches: Iterable[Stretch], out: BinaryIO, letters: BinaryIO
) -> tuple[list[_Tally], AmbiguityEntry]:
    tallies: list[_Tally] = []
    noted = AmbiguityNotes()
    for stretch in stretches:
        if stretch.contig is not None:
            tallies.append(_Tally(stretch.contig))
        tallies[-1].add(stretch)
        out.write(stretch.codes)
        letters.write(noted.add_rows(stretch.letters, len(stretch.codes)))
    return tallies, AmbiguityEntry(letters=noted.letters, digest=noted.digest())
