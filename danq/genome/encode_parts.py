"""A FASTA encoded in parts that outlive an interruption and that shards share: stretches of its text."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from danq.contents import unchanged
from danq.errors import DanqError
from danq.files import GZIP_MAGIC, atomic, check_writable, digest, open_binary, readable, sha256
from danq.genome.encode import Stretch, build_genome, stretch_of
from danq.genome.fasta import GenomeManifest
from danq.genome.fasta_text import (
    LONGEST_HEADER,
    PIECE_BYTES,
    Header,
    encode_letters,
    encoded_pieces,
    parsed,
)
from danq.parts import Parts, Receipt, Shard, compute_shard, opened_work
from danq.progress import progress
from danq.provenance import verb_digest
from danq.tables import reading_batches, writing_batches

log = logging.getLogger("danq")

PART_BYTES = 4 << 20
"""Bytes of text of one part, wherever that cuts a contig or a line."""
_SCHEMA = pa.schema(
    [("contig", pa.string()), ("codes", pa.binary()), ("letters", pa.binary())]
    + [(name, pa.int64()) for name in ("gc", "n", "soft_masked", "iupac")]
)


class _Text:
    """The text of a FASTA, read part by part in ascending order; a header belongs to where it begins."""

    def __init__(self, stream: IO[bytes], plain: IO[bytes] | None) -> None:
        self._stream, self._plain = stream, plain
        self._at, self._line_start, self._in_header = 0, True, False

    def part(self, start: int, stop: int) -> tuple[bool, Iterator[bytes]]:
        """Give whether a part begins with a line, and its text."""
        if self._plain is not None and start - self._at > 2 * LONGEST_HEADER:
            # no header is longer: what begins before is letters
            self._at = start - LONGEST_HEADER - 2
            self._plain.seek(self._at)
            self._line_start = self._in_header = False
        while self._at < start:
            self._read(min(PIECE_BYTES, start - self._at))
        if self._in_header:
            self._rest_of_header()
        return self._line_start, self._chunks(stop)

    def _chunks(self, stop: int) -> Iterator[bytes]:
        while self._at < stop:
            yield self._read(min(PIECE_BYTES, stop - self._at))
        if self._in_header:
            yield self._rest_of_header()

    def _read(self, size: int) -> bytes:
        return self._passed(self._stream.read(size))

    def _rest_of_header(self) -> bytes:
        return self._passed(self._stream.readline(LONGEST_HEADER))

    def _passed(self, text: bytes) -> bytes:
        if not text:
            raise DanqError("expected more text, found none")
        self._at += len(text)
        _, line_end, line = text.rpartition(b"\n")
        if line_end or self._line_start:
            self._in_header = line.startswith(b">")
        self._line_start = not line
        return text


@dataclass(frozen=True, eq=False)
class Work:
    """A FASTA, its bytes of text, and which parts of it are encoded."""

    fasta: Path
    size: int
    parts: Parts

    def compute(self, parts: Sequence[int]) -> None:
        """Encode parts; each is kept as soon as it is finished.

        Raises
        ------
        DanqError
            If the FASTA is damaged or changes meanwhile, or the disk is full.
        """
        if not parts:
            return
        with (
            unchanged([self.fasta]),
            open_binary(self.fasta) as stream,
            progress(f"encoding {self.fasta.name}", len(parts) * PART_BYTES / 1e6, "Mb") as advance,
        ):
            text = _Text(stream, None if _compressed(self.fasta) else stream)
            self.parts.compute(parts, lambda part: self._write(part, text, advance))

    def _write(self, part: int, text: _Text, advance: Callable[[float], object]) -> None:
        start = part * PART_BYTES
        stop = min(start + PART_BYTES, self.size)
        with writing_batches(self.parts.file(part), _SCHEMA, self.parts.key(part)) as writer:
            for stretch in self._stretches(text, start, stop):
                writer.write_batch(pa.RecordBatch.from_pylist([stretch._asdict()], _SCHEMA))
        advance((stop - start) / 1e6)

    def _stretches(self, text: _Text, start: int, stop: int) -> Iterator[Stretch]:
        try:
            line_start, chunks = text.part(start, stop)
            begun = None
            for piece in parsed(self.fasta, chunks, start > 0, line_start):
                if isinstance(piece, Header):
                    if begun is not None:
                        yield stretch_of(begun, b"", b"")
                    begun = piece.name
                else:
                    yield stretch_of(begun, piece.text, encode_letters(self.fasta, piece))
                    begun = None
            if begun is not None:
                yield stretch_of(begun, b"", b"")
        except DanqError:
            raise self.fault() from None

    def fault(self) -> DanqError:
        """Read all of the FASTA for what is wrong with it, whose line a part does not know."""
        try:
            for _ in encoded_pieces(self.fasta):
                pass
        except DanqError as error:
            return error
        return DanqError(f"{self.fasta}: the file changed while it was read; start again")

    def stretches(self) -> Iterator[Stretch]:
        """Read what the parts hold, in order.

        Raises
        ------
        DanqError
            If a part is damaged or of other work, or a contig comes twice or has no sequence.
        """
        names, length = set[str](), 1
        for part in range(self.parts.number):
            with reading_batches(self.parts.file(part), self.parts.key(part)) as reader:
                for number in range(len(reader)):
                    for row in reader[number].to_pylist():
                        stretch = Stretch(**row)
                        begins = stretch.contig is not None
                        if (begins and (not length or stretch.contig in names)) or not (begins or names):
                            raise self.fault()
                        names |= {stretch.contig} if stretch.contig is not None else set()
                        length = len(stretch.codes) + (0 if begins else length)
                        yield stretch
        if not length or not names:
            raise self.fault()


def encode_in_parts(
    fasta: Path, out: Path | None, directory: Path, shard: Shard | None, receipt: Path | None
) -> GenomeManifest | None:
    """Encode one shard of the parts of a FASTA, or what is left of them, and put all together in `out`.

    Parameters
    ----------
    receipt : Path or None
        JSON file that becomes there when all parts of the shard are.

    Raises
    ------
    DanqError
        As `danq.genome.encode.build_genome` and `danq.parts.opened_work`, or if a part is damaged.
    """
    with _opened(fasta, directory, shard) as work:
        if shard is not None:
            about = Receipt(receipt, "genome", {str(work.fasta): work.parts.digest}, {})
            compute_shard(work.parts, shard, work.compute, len, ("part", "encoded"), about)
            return None
        if out is None:
            raise DanqError("--out: expected a directory, received nothing")
        # before long work, not after it
        check_writable(out)
        work.compute(work.parts.left())
        manifest = build_genome(fasta, out, work.stretches())
        work.parts.remove()
        return manifest


@contextmanager
def _opened(fasta: Path, directory: Path, shard: Shard | None) -> Iterator[Work]:
    with readable(fasta):
        key = digest([sha256(fasta), PART_BYTES, verb_digest("genome")])
    with opened_work(key, directory, shared=True, shard=shard) as path:
        size = _text_bytes(fasta, path / "bytes", key)
        work = Work(fasta, size, Parts(path, key, -(-size // PART_BYTES)))
        if not size:
            raise work.fault()
        yield work


def _compressed(fasta: Path) -> bool:
    with readable(fasta), fasta.open("rb") as stream:
        return stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def _text_bytes(fasta: Path, note: Path, key: str) -> int:
    """Count the bytes of text; those of a compressed file are kept as a note, for it has to be unfolded.

    A damaged note is made again: with fewer bytes the end of the genome would be missing.
    """
    if not _compressed(fasta):
        return fasta.stat().st_size
    text = note.read_text(encoding="ascii", errors="replace") if note.is_file() else ""
    kept, _, mark = text.partition(" ")
    if mark == digest([kept, key]):
        return int(kept)
    size = 0
    with open_binary(fasta) as stream:
        while piece := stream.read(PIECE_BYTES):
            size += len(piece)
    with atomic(note) as partial:
        partial.write_text(f"{size} {digest([str(size), key])}", encoding="ascii")
    return size
