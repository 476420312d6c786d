"""A genome's contigs as codes, and windows cut out of them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from danq.errors import DanqError, first_few, remedy
from danq.files import check_regular, digest, readable
from danq.genome.alphabet import N
from danq.genome.iupac import AMBIGUITY_FILE, Ambiguity, open_ambiguity
from danq.storage import Entry, Manifest, damaged, load_array

CODES_FILE, CONTIGS_FILE = "codes.npy", "contigs.tsv"


class Bases(Protocol):
    """Bases of one contig as 0..4 for A, C, G, T, N; an array, or a file that is read where it is sliced."""

    def __len__(self) -> int:
        """Length in bp."""

    def __getitem__(self, part: slice, /) -> NDArray[np.uint8]:
        """Bases of a part: uint8, shape (bp,)."""


class Unread(NamedTuple):
    """Which contigs nobody has read so far: bool, shape (n,), and the SHA-256 of the codes of each."""

    left: NDArray[np.bool_]
    digests: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Genome:
    """The contigs of a genome, in the order of its FASTA.

    Attributes
    ----------
    path : Path
        The directory or the FASTA it was opened from.
    offsets, lengths : int64, shape (n,)
        bp before each contig, and of it.
    codes : uint8, shape (total,), or tuple of n Bases
        All contigs one after the other, memory-mapped and read-only; or each by itself.
    digest : str
        SHA-256 over the names and sequences; equal for FASTA files that differ in line width, case or
        compression only, and in which ambiguity letter an N of the codes was.
    unread : Unread or None
        Of an encoded genome: contigs that are compared with their digests before they are read.
    ambiguity : Ambiguity or None
        Its ambiguity letters; None of a genome that was encoded without keeping them.
    """

    path: Path
    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    codes: NDArray[np.uint8] | tuple[Bases, ...]
    digest: str
    unread: Unread | None = None
    ambiguity: Ambiguity | None = None

    @cached_property
    def _indices(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    def index(self, name: str) -> int:
        """Index of the contig of this exact name.

        Raises
        ------
        DanqError
            If there is none.
        """
        if name not in self._indices:
            raise DanqError(f"{self.path}: no contig {name!r}; the genome has {first_few(self.names)}")
        return self._indices[name]

    def contig(self, index: int) -> Bases:
        """Bases of one contig, to be sliced."""
        if isinstance(self.codes, tuple):
            return self.codes[index]
        self._check(np.array([index]))
        return self._encoded(self.codes, index)

    def _encoded(self, codes: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        offset = self.offsets[index]
        # a plain array over the memory map: slicing a numpy.memmap costs several times as much
        return np.asarray(codes)[offset : offset + self.lengths[index]]

    def _check(self, contigs: NDArray[np.integer]) -> None:
        """Compare those of some contigs that were not read before with their digests: 0.6 s a Gb.

        Raises
        ------
        DanqError
            If one is damaged.
        """
        if self.unread is None or isinstance(self.codes, tuple):
            return
        left, digests = self.unread
        new = contigs[left[contigs]]
        for index in np.unique(new).tolist() if len(new) else ():
            if hashlib.sha256(self._encoded(self.codes, index).data).hexdigest() != digests[index]:
                raise damaged(self.path / CODES_FILE, f" in {self.names[index]}")
            left[index] = False

    def windows(
        self, contigs: NDArray[np.integer], starts: NDArray[np.integer], length: int
    ) -> NDArray[np.uint8]:
        """Cut windows of equal length into a new array, padding past the ends of a contig with N.

        Parameters
        ----------
        contigs : int, shape (n,)
            Index of each window's contig.
        starts : int, shape (n,)
            0-based first base of each window in its contig; may be negative or run past the end.
        length : int
            bp.

        Returns
        -------
        uint8, shape (n, length)

        Raises
        ------
        DanqError
            If `length` is not positive, or a contig is damaged.
        """
        if length < 1:
            raise DanqError(f"expected a window of at least 1 bp, received {length}")
        self._check(contigs)
        starts, ends = starts.astype(np.int64), self.lengths[contigs]
        cut = np.full((len(starts), length), N, np.uint8)
        whole = np.zeros(len(starts), np.bool_)
        if not isinstance(self.codes, tuple):
            whole = (starts >= 0) & (starts + length <= ends)
            if whole.any():
                # one gather over all overlapping rows: NumPy copies each as a block, without a loop in Python
                rows = sliding_window_view(np.asarray(self.codes), length)
                gathered = rows[(self.offsets[contigs] + starts)[whole]]
                if len(gathered) == len(cut):
                    return gathered
                cut[whole] = gathered
        for row in np.flatnonzero(~whole).tolist():
            first, last = np.clip([starts[row], starts[row] + length], 0, ends[row]).tolist()
            if first < last:
                bases = self.contig(contigs[row])[first:last]
                cut[row, first - starts[row] : last - starts[row]] = bases
        return cut


Length = Annotated[int, Field(ge=1, le=2**48)]
"""A length in bp: more than the largest genomes, less than what overflows."""


class ContigEntry(Entry):
    """One contig: bp, SHA-256 of its codes, G and C as a part of its known bases, and bases that are N."""

    name: str
    length: Length
    digest: str
    gc: float | None
    n: int


class AmbiguityEntry(Entry):
    """Ambiguity letters in ``iupac.npy``: how many, and SHA-256 of them."""

    letters: Annotated[int, Field(ge=0)]
    digest: str


class GenomeManifest(Manifest):
    """``genome.json``.

    Attributes
    ----------
    fasta_sha256 : str
        Of the input file as it lies on disk.
    digest : str
        As in `Genome`.
    length, soft_masked, iupac_to_n : int
        bp of all contigs; lower-case letters; ambiguity letters that became N.
    ambiguity : AmbiguityEntry or None
        Those among them that stand for some bases (no ``X``); None where they were not kept.
    """

    KIND, FILE = "genome", "genome.json"
    # each contig has a digest of its own, and the table must repeat what the manifest says
    OTHERWISE: ClassVar[frozenset[str]] = frozenset({CODES_FILE, CONTIGS_FILE})

    fasta_sha256: str
    digest: str
    length: int
    soft_masked: int
    iupac_to_n: int
    contigs: Annotated[tuple[ContigEntry, ...], Field(min_length=1)]
    ambiguity: AmbiguityEntry | None = None
    provenance: dict[str, Any]


def genome_digest(contigs: list[tuple[str, str]]) -> str:
    """SHA-256 over the name and the SHA-256 of the codes of each contig, in the order of the FASTA."""
    return digest(contigs)


def contigs_table(contigs: Sequence[ContigEntry], offsets: Sequence[int]) -> str:
    """Text of ``contigs.tsv``: name, offset and length of each contig, in bp."""
    pairs = zip(contigs, offsets, strict=True)
    rows = (f"{contig.name}\t{offset}\t{contig.length}\n" for contig, offset in pairs)
    return "name\toffset\tlength\n" + "".join(rows)


def _check_contigs(path: Path, manifest: GenomeManifest, offsets: Sequence[int]) -> None:
    """Refuse a genome whose table and manifest call its contigs differently: one of the two was changed."""
    check_regular(path)
    with readable(path):
        text = path.read_bytes()
    if text != contigs_table(manifest.contigs, offsets).encode():
        raise DanqError(f"{path}: expected the contigs of {manifest.FILE}, received others{remedy(path)}")


def open_genome(path: Path) -> Genome:
    """Open a genome directory that `danq genome` made; nothing is read into memory.

    A contig is compared with its digest when it is read for the first time.

    Raises
    ------
    DanqError
        If it is no genome directory, of another format version, or its array does not fit its manifest.
    """
    manifest = GenomeManifest.read(path)
    if genome_digest([(contig.name, contig.digest) for contig in manifest.contigs]) != manifest.digest:
        raise DanqError(f"{path / manifest.FILE}: digest: expected that of the contigs, received another")
    lengths = np.array([contig.length for contig in manifest.contigs], np.int64)
    ends = np.cumsum(lengths)
    _check_contigs(path / CONTIGS_FILE, manifest, (ends - lengths).tolist())
    codes = load_array(path / CODES_FILE, (int(ends[-1]),), np.uint8, "genome")
    names = tuple(contig.name for contig in manifest.contigs)
    unread = Unread(np.ones(len(names), np.bool_), tuple(contig.digest for contig in manifest.contigs))
    offsets, kept = ends - lengths, manifest.ambiguity
    ambiguity = open_ambiguity(path / AMBIGUITY_FILE, kept.letters, kept.digest, offsets) if kept else None
    return Genome(path, names, offsets, lengths, codes, manifest.digest, unread, ambiguity)
