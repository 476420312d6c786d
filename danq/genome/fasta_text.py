"""FASTA text as it streams past, whatever its compression and size: headers, letters, and these as codes."""

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from danq.errors import DanqError, check_name
from danq.files import open_binary
from danq.genome.alphabet import CODES, INVALID
from danq.text_checks import HEAD, check_text

PIECE_BYTES = 1 << 20
"""Bytes of text handled at a time; small enough that a piece stays in the processor's cache."""

LONGEST_HEADER = 1 << 20
"""Bytes of a header that is not taken for something else."""
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
    with open_binary(path) as stream:
        head = stream.peek(HEAD)[:HEAD]
        if b"\0" not in head or not head.startswith(b">"):
            # what is odd in a record is told with its line
            check_text(path, head)
        records = 0
        for piece in parsed(path, iter(partial(stream.read, PIECE_BYTES), b"")):
            records += isinstance(piece, Header)
            yield piece
    if not records:
        raise DanqError(f"{path}: expected FASTA records, received an empty file")


def parsed(
    path: Path, chunks: Iterable[bytes], started: bool = False, line_start: bool = True
) -> Iterator[Header | Letters]:
    """Take text apart that comes in chunks; lines and bytes are counted from the first of them on.

    Parameters
    ----------
    started, line_start : bool
        Whether the text goes on with a record that began before, and whether it begins with a line.

    Raises
    ------
    DanqError
        If there is something other than a header before the first record, or a header without a name.
    """
    line, passed, rest = 1, 0, b""
    for read in chunks:
        data, position, rest = rest + read, 0, b""
        while position < len(data):
            if line_start and data[position] == ord(">"):
                end = data.find(b"\n", position)
                if end < 0:
                    if len(rest := data[position:]) > LONGEST_HEADER:
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
