"""A genome as one byte a base in a memory-mapped array, and its making from a FASTA."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from danq.errors import DanqError, first_few
from danq.files import digest, sha256, staged
from danq.genome.alphabet import IUPAC, C, G, N
from danq.genome.fasta_text import Header, Letters, encode_letters, read_pieces
from danq.genome.manifest import ContigEntry, GenomeManifest
from danq.progress import progress
from danq.provenance import provenance
from danq.storage import load_array, write_header

_IUPAC_LETTERS = (IUPAC + IUPAC.lower()).encode()
_NOT_IUPAC = bytes(range(256)).translate(None, _IUPAC_LETTERS)


@dataclass(frozen=True, eq=False)
class Genome:
    """The contigs of a genome, one after the other in one array.

    Attributes
    ----------
    path : Path
        The directory it was opened from.
    names : tuple of str
        Contig names in the order of the FASTA.
    offsets : int64, shape (n,)
        Index in `codes` of each contig's first base.
    lengths : int64, shape (n,)
        Length of each contig in bp.
    codes : uint8, shape (total,)
        Bases as 0..4 for A, C, G, T, N, memory-mapped and read-only.
    digest : str
        SHA-256 over the names and sequences; equal for FASTA files that differ in line width, case or
        compression only.
    """

    path: Path
    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    codes: NDArray[np.uint8]
    digest: str

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Index of the contig of this exact name.

        Raises
        ------
        DanqError
            If the genome has no such contig.
        """
        if name not in self._indices:
            raise DanqError(f"{self.path}: no contig {name!r}; the genome has {first_few(self.names)}")
        return self._indices[name]

    def contig(self, index: int) -> NDArray[np.uint8]:
        """Bases of one contig: uint8, shape (length,), a read-only view."""
        offset = self.offsets[index]
        return self.codes[offset : offset + self.lengths[index]]

    def windows(
        self, contigs: NDArray[np.integer], starts: NDArray[np.integer], length: int
    ) -> NDArray[np.uint8]:
        """Cut windows of equal length, padding past the ends of a contig with N.

        Parameters
        ----------
        contigs : int, shape (n,)
            Index of each window's contig.
        starts : int, shape (n,)
            0-based first base of each window in its contig; may be negative or run past the end.
        length : int
            Window length in bp.

        Returns
        -------
        uint8, shape (n, length)
            A new array.

        Raises
        ------
        DanqError
            If `length` is not positive.
        """
        if length < 1:
            raise DanqError(f"expected a window of at least 1 bp, received {length}")
        starts, offsets, ends = starts.astype(np.int64), self.offsets[contigs], self.lengths[contigs]
        inside = (starts >= 0) & (starts + length <= ends)
        if inside.all() and len(starts):
            return self._cut(offsets + starts, length)
        cut = np.full((len(starts), length), N, np.uint8)
        if inside.any():
            cut[inside] = self._cut((offsets + starts)[inside], length)
        for row in np.flatnonzero(~inside):
            first, last = np.clip([starts[row], starts[row] + length], 0, ends[row])
            if first < last:
                bases = self.codes[offsets[row] + first : offsets[row] + last]
                cut[row, first - starts[row] : last - starts[row]] = bases
        return cut

    def _cut(self, positions: NDArray[np.int64], length: int) -> NDArray[np.uint8]:
        # one gather over all overlapping rows: NumPy copies each as a block, without a loop in Python
        return sliding_window_view(np.asarray(self.codes), length)[positions]


def open_genome(path: Path) -> Genome:
    """Open a genome directory made by `build_genome`; nothing is read into memory.

    Raises
    ------
    DanqError
        If it is no genome directory, of another format version, or its arrays do not fit its manifest.
    """
    manifest = GenomeManifest.read(path)
    lengths = np.array([contig.length for contig in manifest.contigs], np.int64)
    ends = np.cumsum(lengths)
    codes = load_array(path / "codes.npy", (int(ends[-1]),), np.uint8, "genome")
    names = tuple(contig.name for contig in manifest.contigs)
    return Genome(path, names, ends - lengths, lengths, codes, manifest.digest)


@dataclass
class _Tally:
    """What is counted of one contig while its text streams past."""

    header: Header
    length: int = 0
    gc: int = 0
    n: int = 0
    soft_masked: int = 0
    iupac: int = 0

    def __post_init__(self) -> None:
        self.hash = hashlib.sha256()

    def add(self, text: bytes, codes: bytes) -> None:
        bases = np.frombuffer(codes, np.uint8)
        n = int(np.count_nonzero(bases == N))
        self.length += len(bases)
        self.gc += int(np.count_nonzero(bases == C) + np.count_nonzero(bases == G))
        self.n += n
        # letters, LF and CR only have got here, and of these the lower-case letters lie above "Z"
        self.soft_masked += int(np.count_nonzero(np.frombuffer(text, np.uint8) > ord("Z")))
        if n:
            self.iupac += len(text.translate(None, _NOT_IUPAC))
        self.hash.update(codes)

    def entry(self) -> ContigEntry:
        """Give the contig's entry in the manifest."""
        return ContigEntry(
            name=self.header.name,
            length=self.length,
            digest=self.hash.hexdigest(),
            gc=self.gc / (self.length - self.n) if self.length > self.n else None,
            n=self.n,
        )


def build_genome(fasta: Path, out: Path) -> GenomeManifest:
    """Encode a FASTA as one byte a base: ``codes.npy``, ``contigs.tsv`` and ``genome.json``.

    The text is streamed, so memory does not grow with the genome, and the folder of the FASTA is only read.

    Parameters
    ----------
    fasta : Path
        Plain, gzip or bgzip FASTA; soft-masked letters are read as their bases, IUPAC letters as N, U as T.
    out : Path
        Directory of the result.

    Returns
    -------
    GenomeManifest
        As in ``genome.json``.

    Raises
    ------
    DanqError
        If the FASTA cannot be read, holds something other than nucleotides, a contig twice or one without
        sequence; or if `out` cannot be written.
    """
    with staged(out) as partial:
        with (partial / "codes.npy").open("wb") as codes:
            # the header has a fixed width: it is written again when the number of bases is known
            write_header(codes, (0,), np.uint8)
            tallies = _encode(fasta, codes)
            codes.seek(0)
            write_header(codes, (sum(tally.length for tally in tallies),), np.uint8)
        contigs = [tally.entry() for tally in tallies]
        offsets = np.cumsum([0] + [contig.length for contig in contigs])
        rows = [f"{c.name}\t{offset}\t{c.length}\n" for c, offset in zip(contigs, offsets, strict=False)]
        (partial / "contigs.tsv").write_text("name\toffset\tlength\n" + "".join(rows), encoding="utf-8")
        fasta_digest = sha256(fasta)
        manifest = GenomeManifest(
            fasta_sha256=fasta_digest,
            digest=digest([[contig.name, contig.digest] for contig in contigs]),
            length=int(offsets[-1]),
            soft_masked=sum(tally.soft_masked for tally in tallies),
            iupac_to_n=sum(tally.iupac for tally in tallies),
            contigs=tuple(contigs),
            provenance=provenance({str(fasta): fasta_digest}, {}),
        )
        manifest.write(partial)
    return manifest


def _encode(fasta: Path, out: BinaryIO) -> list[_Tally]:
    tallies: dict[str, _Tally] = {}
    name = ""
    with progress(f"encoding {fasta.name}", None, "Mb") as advance:
        for piece in read_pieces(fasta):
            if isinstance(piece, Letters):
                codes = encode_letters(fasta, piece)
                tallies[name].add(piece.text, codes)
                out.write(codes)
                advance(len(codes) / 1e6)
                continue
            name = piece.name
            if name in tallies:
                first = tallies[name].header.line
                raise DanqError(
                    f"{fasta}:{piece.line}: contig {name!r} stands in line {first} already; "
                    f"contigs must be unique"
                )
            tallies[name] = _Tally(piece)
    for name, tally in tallies.items():
        if not tally.length:
            raise DanqError(f"{fasta}:{tally.header.line}: contig {name!r} has no sequence")
    return list(tallies.values())
