"""A genome straight out of a FASTA through its index: a few windows need no encoded copy of it.

A FASTA is read once, which checks it, notes where its lines lie and gives the genome's digest. That is kept
in the user's cache and holds for as long as the file's place, size, inode and time of change do; nothing is
written beside the FASTA. Text that no index describes (plain gzip, lines of unequal length, CRLF) is encoded
for as long as it is needed.
"""

import hashlib
import json
import logging
import os
import struct
import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.contents import file_state, settled, user_cache
from danq.errors import DanqError
from danq.files import BGZF_HEAD, GZIP_MAGIC, atomic, digest, is_bgzf, readable
from danq.genome.alphabet import encode
from danq.genome.encode import build_genome
from danq.genome.fasta import Genome, genome_digest, open_genome
from danq.genome.fasta_text import LINE_END, Header, encoded_pieces
from danq.genome.iupac import REDUCED, AmbiguityNotes
from danq.progress import progress
from danq.remnants import scratch

log = logging.getLogger("danq")

_VERSION = 3
_GZIP = (".gz", ".bgz")
_OTHERS = (".bz2", ".zip")
_FULL_BLOCK = 1 << 16


def open_genome_or_fasta(path: Path) -> Genome:
    """Open a directory that `danq genome` wrote, or a FASTA (plain, gzip or bgzip) as if it were one.

    Raises
    ------
    DanqError
        If it is neither, or the FASTA holds something other than nucleotides, a contig twice or one without
        sequence.
    """
    if path.is_dir():
        return open_genome(path)
    return _indexed(path) or _encoded(path)


@dataclass(frozen=True)
class IndexedContig:
    """Bases of one contig of a FASTA, by its name in a `pyfaidx.Faidx`, read where they are sliced.

    `written` are size and time of change of the content that the index is of.
    """

    fasta: Path
    faidx: Any
    key: str
    length: int
    written: tuple[int, int]

    def __len__(self) -> int:
        """Length in bp."""
        return self.length

    def __getitem__(self, part: slice) -> NDArray[np.uint8]:
        """Bases of a part: uint8, shape (bp,).

        Raises
        ------
        DanqError
            If the file is no longer what it was when it was opened.
        """
        start, end, _ = part.indices(self.length)
        if start >= end:
            return np.empty(0, np.uint8)
        return encode(self.text(start, end))

    def text(self, start: int, end: int) -> str:
        """Letters of the stretch [start, end) as the FASTA has them; `DanqError` as for its bases."""
        try:
            letters: str = self.faidx.fetch(self.key, start + 1, end)
        except (ValueError, EOFError, zlib.error, struct.error):
            letters = ""
        # looked at last: what was read before a change is of the content that was indexed
        if len(letters) != end - start or _written(self.fasta) != self.written:
            raise _changed(self.fasta)
        return letters


@dataclass(frozen=True)
class _IndexedAmbiguity:
    """Ambiguity letters read where they are asked for; see `danq.genome.iupac.Ambiguity`."""

    contigs: tuple[IndexedContig, ...]
    digest: str

    def reduced(self, contig: int, start: int, length: int) -> bytes:
        """Letters of a stretch, ambiguity letters reduced."""
        return self.contigs[contig].text(start, start + length).upper().encode().translate(REDUCED)


class _Lines:
    """Where the lines of one contig lie, and the digest of its bases, noted while its text streams past."""

    def __init__(self, header: Header) -> None:
        self.header, self.hash = header, hashlib.sha256()
        self.length = self._bytes = self._whole = 0
        self._width, self._longest, self._carriage_return = 0, -1, False

    def add(self, text: bytes, codes: bytes) -> None:
        ends = np.flatnonzero(np.frombuffer(text, np.uint8) == LINE_END) + (self._bytes + 1)
        if not self._width and len(ends):
            self._width = int(ends[0])
        uneven = np.flatnonzero(ends != (self._whole + 1 + np.arange(len(ends))) * self._width)
        if self._longest < 0:
            self._whole += int(uneven[0]) if len(uneven) else len(ends)
            if len(uneven):
                # an index allows for one shorter line and for no base behind it
                bases = int(ends[uneven[0]]) - self._whole - 1
                self._longest = min(bases, (self._whole + 1) * (self._width - 1))
        self.length += len(codes)
        self._bytes += len(text)
        self._carriage_return |= b"\r" in text
        self.hash.update(codes)

    def entry(self) -> str | None:
        """Give the contig's line of a ``.fai`` without its name; None if no such line can describe it."""
        bases = self._width - 1 if self._width else self.length
        longest = (self._whole + 1) * bases if self._longest < 0 else self._longest
        if self._carriage_return or self.length > longest or not bases:
            return None
        return f"{self.length}\t{self.header.end}\t{bases}\t{bases + 1}"


def _indexed(fasta: Path) -> Genome | None:
    """Open a FASTA by its index; None if it can have none, or cannot be read, which is told where it is."""
    if not fasta.is_file() or not os.access(fasta, os.R_OK):
        return None
    with fasta.open("rb") as stream:
        head = stream.read(BGZF_HEAD)
    suffix, compressed = fasta.suffix.lower(), head.startswith(GZIP_MAGIC)
    # pyfaidx tells compression by the name
    if compressed != (suffix in _GZIP) or suffix in _OTHERS:
        return None
    written, state, cache = _written(fasta), file_state(fasta), user_cache()
    kept = cache / f"{digest([_VERSION, *state])}.json" if cache else None
    if kept is not None and (index := _kept_index(kept)):
        return _opened(fasta, index, written)
    index = _read_index(fasta, compressed)
    if file_state(fasta) != state:
        raise _changed(fasta)
    if index is not None and kept is not None and settled(state):
        try:
            with atomic(kept) as partial:
                partial.write_text(json.dumps([digest(index), index]), encoding="utf-8")
            log.info("%s: checked and indexed; the index is kept as %s", fasta, kept)
        except (DanqError, OSError) as error:
            log.warning("%s: its index cannot be kept (%s)", fasta, error)
    return index and _opened(fasta, index, written)


def _opened(fasta: Path, index: "_Index", written: tuple[int, int]) -> Genome:
    import pyfaidx

    with scratch() as folder, warnings.catch_warnings():
        # pyfaidx compares times of change, which clocks that differ may upset; that the index fits is known
        warnings.simplefilter("ignore", RuntimeWarning)
        fai, gzi = folder / "fai", folder / "gzi"
        fai.write_text(index.fai)
        gzi.write_bytes(bytes.fromhex(index.gzi))
        # both indexes are read here and not needed afterwards
        faidx = pyfaidx.Faidx(
            fasta, indexname=fai, gzi_indexname=gzi, as_raw=True, rebuild=False, build_index=False
        )
    lengths = np.array(index.lengths, np.int64)
    contigs = tuple(
        IndexedContig(fasta, faidx, str(number), length, written)
        for number, length in enumerate(index.lengths)
    )
    offsets, ambiguity = np.cumsum(lengths) - lengths, _IndexedAmbiguity(contigs, index.ambiguity)
    return Genome(fasta, tuple(index.names), offsets, lengths, contigs, index.digest, None, ambiguity)


def _encoded(fasta: Path) -> Genome:
    """Encode a FASTA for as long as the process needs it."""
    # what is mapped into memory lives on without a name
    with scratch() as folder:
        build_genome(fasta, folder)
        log.info("%s: no plain or bgzip text in lines of equal length, so it was encoded", fasta)
        # called what the user called it: the folder's name would say nothing in messages and results
        return replace(open_genome(folder), path=fasta)


class _Index(NamedTuple):
    """What a FASTA was found to hold.

    `ambiguity` is the digest of its ambiguity letters; `fai` is a ``.fai`` of contigs named by their number:
    pyfaidx reads names in the encoding of the locale; `gzi` is a ``.gzi`` in hexadecimal digits, empty for
    plain text.
    """

    names: list[str]
    lengths: list[int]
    digest: str
    ambiguity: str
    fai: str
    gzi: str


def _kept_index(path: Path) -> _Index | None:
    try:
        expected, members = json.loads(path.read_text(encoding="utf-8"))
        return _Index(*members) if digest(members) == expected else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None  # absent or damaged: it is made again


def _read_index(fasta: Path, compressed: bool) -> _Index | None:
    """Read a FASTA from start to end; None if no index can describe it."""
    gzi = _block_index(fasta) if compressed else b""
    if gzi is None:
        return None
    contigs: list[_Lines] = []
    noted = AmbiguityNotes()
    with progress(f"indexing {fasta.name}", None, "Mb") as advance:
        for header, text, codes in encoded_pieces(fasta):
            if not contigs or contigs[-1].header is not header:
                if contigs and contigs[-1].entry() is None:
                    return None
                contigs.append(_Lines(header))
            contigs[-1].add(text, codes)
            noted.add(text, codes)
            advance(len(codes) / 1e6)
    entries = [contig.entry() for contig in contigs]
    if None in entries:
        return None
    names = [contig.header.name for contig in contigs]
    digests = [contig.hash.hexdigest() for contig in contigs]
    return _Index(
        names,
        [contig.length for contig in contigs],
        genome_digest(list(zip(names, digests, strict=True))),
        noted.digest(),
        "".join(f"{number}\t{entry}\n" for number, entry in enumerate(entries)),
        gzi.hex(),
    )


def _block_index(fasta: Path) -> bytes | None:
    """Index the blocks of BGZF as bgzip does: their number less one, then where all but the first begin.

    None if the file is not BGZF throughout, or has a block that is full: pyfaidx cannot seek to its end.
    """
    begins: list[tuple[int, int]] = []
    place = text = 0
    with fasta.open("rb") as stream:
        while head := stream.read(BGZF_HEAD):
            if not is_bgzf(head):
                return None
            begins.append((place, text))
            place += int.from_bytes(head[16:18], "little") + 1
            stream.seek(place - 4)
            length = int.from_bytes(stream.read(4), "little")
            if length >= _FULL_BLOCK:
                return None
            text += length
    return np.array([len(begins) - 1, *np.ravel(begins[1:])], "<u8").tobytes()


def _written(fasta: Path) -> tuple[int, int]:
    """Size and time of change of a file's content; names and modes may change meanwhile."""
    with readable(fasta):
        stat = fasta.stat()
    return stat.st_size, stat.st_mtime_ns


def _changed(fasta: Path) -> DanqError:
    return DanqError(f"{fasta}: the file changed while it was read")
