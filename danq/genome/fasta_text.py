"""FASTA text as a stream of headers and stretches of sequence, whatever its compression and size."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from danq.errors import DanqError
from danq.files import open_binary
from danq.genome.alphabet import CODES, INVALID

PIECE_BYTES = 1 << 20
"""Bytes of text handled at a time; small enough that a piece stays in the processor's cache."""

_LONGEST_HEADER = 1 << 20
_TRANSLATION = CODES.tobytes()
_NO_LETTER = bytes([INVALID])
_OFFENDER = re.compile(b"[^\r\n%s]" % bytes(np.flatnonzero(CODES != INVALID).tolist()))
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f-\xff]")


class Header(NamedTuple):
    """The start of a record: its 1-based line and the first word after ``>``."""

    line: int
    name: str


class Letters(NamedTuple):
    """A stretch of one record's text, line ends included, which starts in the 1-based line `line`."""

    line: int
    text: bytes


def read_pieces(path: Path) -> Iterator[Header | Letters]:
    """Read a plain, gzip or bgzip FASTA from start to end, in pieces of at most about 1 MiB.

    One streaming reader serves the three: line widths may vary, no index is needed, and nothing is written.

    Raises
    ------
    DanqError
        If the file cannot be read (see `danq.files.open_binary`), holds no record, starts with something
        other than a header, or has a header without a name.
    """
    line, started, line_start, rest = 1, False, True, b""
    with open_binary(path) as stream:
        while read := stream.read(PIECE_BYTES):
            data, position, rest = rest + read, 0, b""
            while position < len(data):
                if line_start and data[position] == ord(">"):
                    end = data.find(b"\n", position)
                    if end < 0:
                        rest = data[position:]
                        _refuse_endless(path, line, rest)
                        break
                    yield _header(path, line, data[position:end])
                    line, position, started = line + 1, end + 1, True
                    continue
                end = data.find(b"\n>", position) + 1 or len(data)
                text = data[position:end]
                if started:
                    yield Letters(line, text)
                elif text.strip():
                    raise _no_header(path, line, text)
                line, position, line_start = line + text.count(b"\n"), end, text.endswith(b"\n")
    if rest:
        yield _header(path, line, rest)
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


def _header(path: Path, line: int, text: bytes) -> Header:
    try:
        words = text[1:].decode("utf-8").split(maxsplit=1)
    except UnicodeDecodeError:
        raise DanqError(f"{path}:{line}: expected a text header, received binary data") from None
    if not words or text[1:2].isspace():
        raise DanqError(f"{path}:{line}: expected `>` and a name, received a header without a name")
    return Header(line, words[0])


def _no_header(path: Path, line: int, text: bytes) -> DanqError:
    blank = len(text) - len(text.lstrip())
    line += text.count(b"\n", 0, blank)
    if _BINARY.search(text[:1000]):
        return DanqError(f"{path}:{line}: expected FASTA text, received binary data")
    return DanqError(f"{path}:{line}: expected a header that starts with `>`, received a sequence before it")


def _refuse_endless(path: Path, line: int, text: bytes) -> None:
    if len(text) > _LONGEST_HEADER:
        raise DanqError(f"{path}:{line}: expected lines that end with LF or CRLF, received an endless header")


def _shown(letter: bytes) -> str:
    if not (letter.isascii() and letter.decode("latin-1").isprintable()):
        return f"the byte 0x{letter.hex()} (binary data?)"
    return f"{letter.decode()!r}" + (" (a protein?)" if letter.upper() in b"EFILPQZ*" else "")
