"""FASTA text as codes, streamed whatever its compression and size, and the genome directory made of it."""

import hashlib
import logging
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from danq.contents import unchanged
from danq.errors import DanqError, check_name, first_few
from danq.files import open_binary, sha256, staged
from danq.genome.alphabet import CODES, INVALID, C, G, N, count_iupac
from danq.genome.fasta import (
    CODES_FILE,
    CONTIGS_FILE,
    AmbiguityEntry,
    ContigEntry,
    GenomeManifest,
    contigs_table,
    genome_digest,
)
from danq.genome.iupac import AMBIGUITY_FILE, ROW, AmbiguityNotes
from danq.progress import progress
from danq.provenance import provenance
from danq.storage import write_header
from danq.text_checks import HEAD, check_text

log = logging.getLogger("danq")

PIECE_BYTES = 1 << 20
"""Bytes of text handled at a time; small enough that a piece stays in the processor's cache."""

_LONGEST_HEADER = 1 << 20
LINE_END = ord("\n")
_TRANSLATION = CODES.tobytes()
_NO_LETTER = bytes([INVALID])
_OFFENDER = re.compile(b"[^\r\n%s]" % bytes(np.flatnonzero(CODES != INVALID).tolist()))
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f-\xff]")


class Header(NamedTuple):
    """The start of a record: its 1-based line, the first word after ``>``, the byte behind its line."""

    line: int
    name: str
    end: int


class Letters(NamedTuple):
    """A stretch of one record's text, line ends included, which starts in the 1-based line `line`."""

    line: int
    text: bytes


class Piece(NamedTuple):
    """A stretch of a contig: its text, line ends included, and the codes of its bases, one byte each."""

    header: Header
    text: bytes
    codes: bytes


def read_pieces(path: Path) -> Iterator[Header | Letters]:
    """Read a plain, gzip or bgzip FASTA from start to end, in pieces of at most about 1 MiB.

    One streaming reader serves the three: line widths may vary, no index is needed, and nothing is written.

    Raises
    ------
    DanqError
        If the file cannot be read, holds no record, starts with something other than a header, or has a
        header without a name.
    """
    line, passed, started, line_start, rest = 1, 0, False, True, b""
    with open_binary(path) as stream:
        head = stream.peek(HEAD)[:HEAD]
        if b"\0" not in head or not head.startswith(b">"):
            # what is odd in a record is told with its line
            check_text(path, head)
        while read := stream.read(PIECE_BYTES):
            data, position, rest = rest + read, 0, b""
            while position < len(data):
                if line_start and data[position] == ord(">"):
                    end = data.find(b"\n", position)
                    if end < 0:
                        if len(rest := data[position:]) > _LONGEST_HEADER:
                            raise DanqError(
                                f"{path}:{line}: expected lines that end with LF or CRLF, "
                                "received an endless header"
                            )
                        break
                    yield _header(path, line, data[position:end], passed + end + 1)
                    line, position, started = line + 1, end + 1, True
                    continue
                end = _next_header(data, position)
                text = data[position:end]
                if started:
                    yield Letters(line, text)
                elif text.strip():
                    raise _no_header(path, line, text)
                # counting in NumPy takes a tenth of the time of `bytes.count`, which goes from hit to hit
                line += int(np.count_nonzero(np.frombuffer(text, np.uint8) == LINE_END))
                position, line_start = end, text.endswith(b"\n")
            passed += len(data) - len(rest)
    if rest:
        yield _header(path, line, rest, passed + len(rest))
    elif not started:
        raise DanqError(f"{path}: expected FASTA records, received an empty file")


def encode_letters(path: Path, letters: Letters) -> bytes:
    """Turn the text of a record into codes 0..4, one byte a base, without its line ends.

    Raises
    ------
    DanqError
        If a character is no nucleotide letter; the message names its line.
    """
    codes = letters.text.translate(_TRANSLATION, b"\r\n")
    if _NO_LETTER in codes:
        offender = _OFFENDER.search(letters.text)
        if offender is not None:
            line = letters.line + letters.text.count(b"\n", 0, offender.start())
            raise DanqError(
                f"{path}:{line}: expected nucleotide letters, received {_shown(offender.group())}"
            )
    return codes


def encoded_pieces(fasta: Path) -> Iterator[Piece]:
    """Read the contigs of a genome in pieces, as `read_pieces` and `encode_letters` do.

    Raises
    ------
    DanqError
        As these do, and if a contig comes twice or has no sequence.
    """
    headers: dict[str, Header] = {}
    header, length = None, 0
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            _refuse_empty(fasta, header, length)
            if piece.name in headers:
                raise DanqError(
                    f"{fasta}:{piece.line}: contig {piece.name!r} stands in line {headers[piece.name].line} "
                    "already; contigs must be unique"
                )
            header, length = headers.setdefault(piece.name, piece), 0
        elif header is not None:
            codes = encode_letters(fasta, piece)
            length += len(codes)
            yield Piece(header, piece.text, codes)
    _refuse_empty(fasta, header, length)


def build_genome(fasta: Path, out: Path) -> GenomeManifest:
    """Encode a FASTA as one byte a base: ``codes.npy`` and what describes it, in a directory.

    Plain, gzip or bgzip text is streamed, so memory does not grow with the genome; the folder of the FASTA
    is only read. Soft-masked letters are read as their bases, U as T, IUPAC letters as N; which they were is
    kept in ``iupac.npy``.

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
            tallies, ambiguity = _encode(fasta, codes, letters)
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
    """What is counted of one contig while its text streams past."""

    def __init__(self, name: str) -> None:
        self.name, self.hash = name, hashlib.sha256()
        self.length = self.gc = self.n = self.soft_masked = self.iupac = 0

    def add(self, text: bytes, codes: bytes) -> None:
        bases = np.frombuffer(codes, np.uint8)
        n = int(np.count_nonzero(bases == N))
        self.length += len(bases)
        self.gc += int(np.count_nonzero(bases == C) + np.count_nonzero(bases == G))
        self.n += n
        # letters, LF and CR only have got here, and of these the lower-case letters lie above "Z"
        self.soft_masked += int(np.count_nonzero(np.frombuffer(text, np.uint8) > ord("Z")))
        if n:
            self.iupac += count_iupac(text)
        self.hash.update(codes)

    def entry(self) -> ContigEntry:
        gc = self.gc / (self.length - self.n) if self.length > self.n else None
        return ContigEntry(name=self.name, length=self.length, digest=self.hash.hexdigest(), gc=gc, n=self.n)


def _encode(fasta: Path, out: BinaryIO, letters: BinaryIO) -> tuple[list[_Tally], AmbiguityEntry]:
    tallies: dict[str, _Tally] = {}
    noted = AmbiguityNotes()
    with progress(f"encoding {fasta.name}", None, "Mb") as advance:
        for header, text, codes in encoded_pieces(fasta):
            tallies.setdefault(header.name, _Tally(header.name)).add(text, codes)
            out.write(codes)
            letters.write(noted.add(text, codes))
            advance(len(codes) / 1e6)
    return list(tallies.values()), AmbiguityEntry(letters=noted.letters, digest=noted.digest())


def _next_header(data: bytes, position: int) -> int:
    """Where the text of a record ends that goes on at `position`."""
    # a search for the one byte is a hundred times as fast as one for LF and it
    end = data.find(b">", position + 1)
    while end > 0 and data[end - 1] != LINE_END:
        end = data.find(b">", end + 1)
    return end if end > 0 else len(data)


def _header(path: Path, line: int, text: bytes, end: int) -> Header:
    try:
        words = text[1:].decode("utf-8").split(maxsplit=1)
    except UnicodeDecodeError:
        raise DanqError(f"{path}:{line}: expected a text header, received binary data") from None
    if not words or text[1:2].isspace():
        raise DanqError(f"{path}:{line}: expected `>` and a name, received a header without a name")
    return Header(line, check_name(words[0], f"{path}:{line}"), end)


def _no_header(path: Path, line: int, text: bytes) -> DanqError:
    if text.startswith(BOM_UTF8):
        return DanqError(f"{path}:{line}: expected `>`, received a byte-order mark (U+FEFF) before it")
    blank = len(text) - len(text.lstrip())
    line += text.count(b"\n", 0, blank)
    if _BINARY.search(text[:1000]):
        return DanqError(f"{path}:{line}: expected FASTA text, received binary data")
    return DanqError(f"{path}:{line}: expected a header that starts with `>`, received a sequence before it")


def _refuse_empty(fasta: Path, header: Header | None, length: int) -> None:
    if header is not None and not length:
        raise DanqError(f"{fasta}:{header.line}: contig {header.name!r} has no sequence")


def _shown(letter: bytes) -> str:
    if not (letter.isascii() and letter.decode("latin-1").isprintable()):
        return f"the byte 0x{letter.hex()} (binary data?)"
    return f"{letter.decode()!r}" + (" (a protein?)" if letter.upper() in b"EFILPQZ*" else "")
