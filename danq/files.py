"""Reading text whatever its compression, and writing files that are whole or absent."""

import gzip
import hashlib
import io
import json
import os
import stat
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, AnyStr

from danq.errors import DanqError
from danq.jobs import check_claim, made, sole_writer, writing
from danq.limits import check_limit, check_memory, limit
from danq.processes import finish_undisturbed
from danq.remnants import hidden
from danq.text_checks import HEAD, check_text

BGZF_HEAD = 18
"""Bytes of the header of a block of BGZF; the last two hold the block's length less one."""

GZIP_MAGIC = b"\x1f\x8b"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every BGZF file (SAM specification, section 4.1.2)."""
_BUFFER, _SMALL = 128 << 10, 64 << 20
"""Bytes that are unfolded at once; bytes that any compressed file may unfold to."""
_PARSED = 8
"""Bytes that a byte of JSON takes in memory once it is parsed, at most."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be read.

    Raises
    ------
    DanqError
        If it is missing, a directory, or may not be read.
    """
    try:
        yield
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise DanqError(f"{path}: expected a file, received a directory") from None
    except PermissionError:
        raise DanqError(f"{path}: not readable (permission denied)") from None


def check_regular(path: Path) -> None:
    """Refuse a pipe or a device in place of what is read more than once; directories are for the reader.

    Raises
    ------
    DanqError
        If it is one, or missing.
    """
    with readable(path):
        if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
            raise DanqError(f"{path}: expected a file that can be read twice, received a pipe or a device")


@contextmanager
def open_binary(path: Path) -> Iterator["io.BufferedReader[Any]"]:
    """Open a plain, gzip or bgzip file as decompressed bytes; the kind is told by its first bytes.

    Raises
    ------
    DanqError
        If the file is missing, a directory, unreadable, or a compressed file that ends early or is damaged.
    """
    try:
        with readable(path), path.open("rb") as raw:
            head = raw.peek(BGZF_HEAD)[:BGZF_HEAD]
            compressed = head.startswith(GZIP_MAGIC)
            if is_bgzf(head):
                _refuse_cut(path)
            if not compressed:
                yield raw
                return
            with (
                gzip.open(raw, "rb") as unfolded,
                io.BufferedReader(_Unfolding(path, raw, unfolded), _BUFFER) as stream,
            ):
                yield stream
    except EOFError:
        raise DanqError(f"{path}: the compressed file is truncated") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DanqError(f"{path}: the compressed file is damaged ({error})") from None


class _Unfolding(io.RawIOBase):
    """A compressed file as it unfolds, refused where it does so without end, or into an endless line.

    Text of sequences and tables shrinks to a tenth; one letter over and over shrinks to a thousandth.
    """

    def __init__(self, path: Path, compressed: io.BufferedReader, unfolded: io.BufferedIOBase) -> None:
        super().__init__()
        self._path, self._compressed, self._unfolded = path, compressed, unfolded
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        number = self._unfolded.readinto(buffer)
        self._bytes += number
        if self._bytes > _SMALL:
            ratio = self._bytes / max(self._compressed.tell(), 1)
            check_limit("DANQ_MAX_RATIO", self._path, "times the size of the compressed file", ratio)
        return number


def _refuse_cut(path: Path) -> None:
    """Refuse BGZF without its last block: gzip takes a file for whole that was cut between two blocks."""
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - len(_BGZF_END), 0))
        if stream.read() != _BGZF_END:
            raise DanqError(f"{path}: the compressed file is truncated (it lacks the block that ends BGZF)")


def is_bgzf(head: bytes) -> bool:
    """Whether the first `BGZF_HEAD` bytes of a file, or of a block of it, are a header of BGZF.

    That is a header of gzip whose first extra field is BC, of two bytes: the block's length less one.
    """
    return len(head) == BGZF_HEAD and head[:4] == b"\x1f\x8b\x08\x04" and head[12:16] == b"BC\x02\x00"


def bounded_lines(path: Path, stream: IO[AnyStr]) -> Iterator[AnyStr]:
    """Yield the lines of a stream, with their ends; one that does not end within reason is refused."""
    most = limit("DANQ_MAX_LINE")
    # some characters more than accepted: a line as long as that is not whole
    for line in iter(partial(stream.readline, most + 1), None):
        if not line:
            return
        if len(line) > most:
            check_limit("DANQ_MAX_LINE", path, "characters in a line", len(line))
        yield line


def read_whole(path: Path, stream: io.BufferedIOBase) -> bytes:
    """Read a stream to its end; more than a file may take in memory is refused."""
    data = stream.read(limit("DANQ_MAX_MEMORY") + 1)
    check_memory(path, len(data))
    return data


def read_json_text(path: Path) -> str:
    """Read a JSON file of reasonable size as text.

    Raises
    ------
    DanqError
        As `readable`, if it is no regular file, or what it holds would take too much memory.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    with readable(path):
        # a pipe would never end, nor would a device that a link leads to
        if not stat.S_ISREG(path.stat().st_mode):
            raise DanqError(f"{path}: expected a file, received something else")
        with path.open("rb") as stream:
            data = stream.read(limit("DANQ_MAX_MEMORY") // _PARSED + 1)
    check_memory(path, _PARSED * len(data))
    return data.decode("utf-8")


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (1-based line number, line without its LF or CRLF) of a UTF-8 text file, plain or gzip.

    A byte-order mark is no part of the first line.

    Raises
    ------
    DanqError
        As `open_binary`, and if a line is not UTF-8 text, or lines end with CR alone.
    """
    with open_binary(path) as stream:
        yield from text_lines(path, stream)


def text_lines(path: Path, stream: "io.BufferedReader[Any]") -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a stream, which messages call `path`, as `read_lines` does."""
    check_text(path, stream.peek(HEAD)[:HEAD])
    if stream.peek(len(BOM_UTF8)).startswith(BOM_UTF8):
        stream.read(len(BOM_UTF8))
    for number, line in enumerate(bounded_lines(path, stream), 1):
        try:
            yield number, line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise DanqError(f"{path}:{number}: expected UTF-8 text, received binary data") from None


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Collect the files of one job in a hidden directory and move them into `out` when all are complete.

    A job that fails or is killed leaves nothing under a final name. JSON files are moved last, so that a
    manifest is present only beside the arrays it describes. No other job writes to `out` meanwhile; from
    the first move on, a job of the command line is not stopped any more.

    The hidden directory is on the same file system as `out`, which is created if missing.

    Raises
    ------
    DanqError
        If `out` cannot be written to, another job writes there, or the disk is full.
    """
    with sole_writer(out), writing(out), hidden(out, named=True) as partial:
        yield partial
        check_claim(out, folder=True)
        finish_undisturbed()
        files = [path for path in partial.rglob("*") if path.is_file()]
        for path in files:
            if path.suffix == ".json":
                # an older manifest must not stand beside newer arrays
                (out / path.relative_to(partial)).unlink(missing_ok=True)
        for path in sorted(files, key=lambda path: (path.suffix == ".json", path)):
            final = out / path.relative_to(partial)
            final.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, final)


def check_writable(out: Path) -> None:
    """Refuse a directory that cannot be written to, as `staged` does, but before long work."""
    with made(out), writing(out), hidden(out):
        pass


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path of the same name beside `path` and rename it to `path` when the block succeeds.

    Raises
    ------
    DanqError
        If `path` is a directory, its own cannot be written to, or the disk is full.
    """
    if path.is_dir():
        raise DanqError(f"{path}: expected a file to write, received a directory")
    with writing(path), hidden(path.parent) as partial:
        try:
            yield partial / path.name
            os.replace(partial / path.name, path)
        except FileNotFoundError as error:
            if partial.is_dir():
                raise
            raise DanqError(f"{path}: its directory was removed meanwhile") from error


@contextmanager
def published(path: Path) -> Iterator[Path]:
    """Write the file that a job is there for: as `atomic`, and otherwise as `staged` does with a directory.

    Raises
    ------
    DanqError
        As `atomic`, and if another job writes this file.
    """
    with sole_writer(path, folder=False), atomic(path) as partial:
        yield partial
        check_claim(path, folder=False)
        finish_undisturbed()


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Hexadecimal SHA-256 of a JSON-like value; equal values give equal digests whatever their key order."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with two-space indentation; key order is kept."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
