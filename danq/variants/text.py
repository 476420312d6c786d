"""Files of variants as lines of text and their fields: VCF whatever its compression, BCF, chr:pos:ref:alt."""

import io
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

from danq.errors import DanqError, check_name, is_printable
from danq.files import bounded_lines, check_regular, open_binary
from danq.genome.alphabet import CODES, INVALID
from danq.remnants import scratch
from danq.text_checks import HEAD, check_text
from danq.variants.faults import FIXED_COLUMNS, columns_fault, header_fault, record_fault, row_fault

LONGEST_POS = 18
"""Digits of the longest position that is read as a number."""

_FORMAT = len(FIXED_COLUMNS)
_BCF = b"BCF\x02"
_ALLELE = re.compile(r'([^"]+):([0-9]{1,18}):([A-Za-z]+|-):([^\s:"][^\s"]*)')
_LETTERS = "".join(chr(byte) for byte in range(128) if CODES[byte] != INVALID)
_NO_LETTER = re.compile(f"[^{_LETTERS}]")
_CONTIG = re.compile(r"##contig=<(.*?)>?\s*")
_ENTRY = re.compile(r'(?:^|,)\s*(\w+)=("[^"]*"|[^,]*)')


class Line(NamedTuple):
    """A record's text without its line end; `row` counts records, `number` lines of the file, both from 1.

    Bytes that are not UTF-8 stand in `text` as lone surrogates: encoding it with ``surrogateescape`` gives
    the file's own bytes again.
    """

    row: int
    number: int
    text: str


class Fields(NamedTuple):
    """What a record says of its alleles, as in the file, but for bytes that are not UTF-8.

    Attributes
    ----------
    pos : int
        1-based; 0 before the first base.
    alts : tuple of str
        At least one; ``.`` where the record has none.
    ref : str
        In a table ``-`` where it is empty.
    filter, info : str
        ``.`` in a table.
    """

    contig: str
    pos: int
    id: str
    ref: str
    alts: tuple[str, ...]
    filter: str
    info: str


@dataclass(frozen=True)
class VariantText:
    """A file of variants whose header has been read.

    Attributes
    ----------
    kind : {"vcf", "tsv"}
        VCF (or BCF, which is read as the VCF text of the same records) or a table of ``chr:pos:ref:alt``.
    header : tuple of str
        Of a VCF the ``##`` lines and the ``#CHROM`` line, without line ends; of a table the fields of its
        header line, or nothing.
    samples : tuple of str
        Of a VCF, with U+FFFD for bytes that are not UTF-8.
    skip : int
        Lines of the file before its first record.
    binary : bool
        Whether it is a BCF.
    """

    path: Path
    kind: Literal["vcf", "tsv"]
    header: tuple[str, ...]
    samples: tuple[str, ...]
    skip: int
    binary: bool

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of a table's columns after the first, where it has a header line."""
        return self.header[1:] if self.kind == "tsv" else ()

    @cached_property
    def tabs(self) -> int:
        """Number of tabs of the header's last line; -1 for a table without a header."""
        return self.header[-1].count("\t") if self.kind == "vcf" else len(self.header) - 1

    def lines(self) -> Iterator[Line]:
        """Read records in the order of the file, one at a time; blank lines are no records.

        Raises
        ------
        DanqError
            If a compressed file ends early or is damaged.
        """
        with _opened(self.path, self.binary) as stream:
            row = 0
            for number, text in enumerate(islice(stream, self.skip, None), self.skip + 1):
                if text and not text.isspace():
                    row += 1
                    yield Line(row, number, text)

    def fields(self, text: str) -> Fields | None:
        """Split the text of a record; None if it is malformed.

        It is if it has another number of columns than the header, a position that is no number, a REF that is
        empty or no nucleotide sequence, or an empty ALT.
        """
        text = readable(text)
        if self.kind == "tsv":
            if self.tabs >= 0 and text.count("\t") != self.tabs:
                return None
            match = _ALLELE.fullmatch(text.partition("\t")[0])
            return _fields(match[1], match[2], ".", match[3], match[4], ".", ".") if match else None
        # without samples, the column FORMAT may be in the header alone
        if (tabs := text.count("\t")) != self.tabs and not (self.tabs == _FORMAT and tabs == _FORMAT - 1):
            return None
        contig, pos, name, ref, alt, _, passed, info = text.split("\t", 8)[:8]
        if not (pos.isdecimal() and pos.isascii() and len(pos) <= LONGEST_POS and contig):
            return None
        return None if ref == "-" else _fields(contig, pos, name, ref, alt, passed, info)

    def fault(self, text: str) -> str:
        """Say of the text of a malformed record what was expected and what received."""
        if self.kind == "tsv":
            return row_fault(readable(text), self.tabs + 1)
        return record_fault(readable(text), self.tabs + 1)


def open_variants(path: Path) -> VariantText:
    """Read the header of a file of variants; its contents tell what it is, whatever its name.

    Accepted are VCF (plain, gzip, bgzip), BCF, and tab-separated tables (plain, gzip, bgzip) whose first
    column holds ``chr:pos:ref:alt`` with 1-based positions, ``-`` for an empty allele (``chr1:5:-:A`` inserts
    before base 5, ``chr1:5:A:-`` deletes it); the table's header line, if any, starts with
    ``variant``. A file without any record is fine. It must be a regular file: it is read more than once.

    Raises
    ------
    DanqError
        If it is missing, none of these, lacks columns, or is compressed and ends early.
    """
    check_regular(path)
    with open_binary(path) as stream:
        head = stream.peek(HEAD)[:HEAD]
    binary = head.startswith(_BCF)
    if not binary:
        check_text(path, head)
    with _opened(path, binary) as lines:
        header: list[str] = []
        for number, text in enumerate(lines, 1):
            if number == 1 and text.startswith("\ufeff"):
                raise DanqError(
                    f"{path}:1: expected text without a byte-order mark, received one (U+FEFF); "
                    "`sed '1s/^\\xef\\xbb\\xbf//'` removes it"
                )
            if text.startswith("##"):
                # written into annotated VCFs as it is
                check_name(readable(text).replace("\t", " "), f"{path}:{number}", "a line")
                header.append(text)
            elif text.startswith("#CHROM") or header:
                samples = _samples(f"{path}:{number}", readable(text))
                return VariantText(path, "vcf", (*header, text), samples, number, binary)
            elif text.strip():
                return _table(path, number, text)
    if header:
        raise DanqError(f"{path}: expected a line that starts with #CHROM, received none")
    raise DanqError(f"{path}: expected a VCF, BCF or a table of chr:pos:ref:alt, received an empty file")


@contextmanager
def regular_file(path: Path) -> Iterator[tuple[Path, str]]:
    """Give a file that can be read more than once, and what to call it; ``-`` is standard input, copied."""
    if str(path) != "-":
        yield path, str(path)
        return
    with scratch() as folder:
        copy = folder / "standard-input"
        with copy.open("wb") as stream:
            shutil.copyfileobj(sys.stdin.buffer, stream)
        try:
            yield copy, "standard input"
        except DanqError as error:
            # the copy's path would say nothing to the user
            raise DanqError(str(error).replace(str(copy), "standard input")) from error


def declared_contigs(header: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read the contigs that a header declares: name → entries, such as its length, as texts."""
    matches = (_CONTIG.fullmatch(line) for line in header)
    declared = [
        {key: value.strip('"') for key, value in _ENTRY.findall(match[1])} for match in matches if match
    ]
    return {entries["ID"]: entries for entries in declared if "ID" in entries}


def readable(text: str) -> str:
    """Put U+FFFD for bytes that are not UTF-8, so that a text can be written anywhere."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _fields(contig: str, pos: str, name: str, ref: str, alt: str, passed: str, info: str) -> Fields | None:
    alts = tuple(alt.split(",")) if "," in alt else (alt,)
    if (
        not ref
        or "" in alts
        or (ref != "-" and _NO_LETTER.search(ref))
        or not is_printable(f"{contig}{name}{alt}{passed}")
    ):
        return None
    return Fields(contig, int(pos), name, ref, alts, passed, info)


def _samples(where: str, text: str) -> tuple[str, ...]:
    columns = tuple(text.split("\t"))
    if columns[:_FORMAT] != FIXED_COLUMNS or (len(columns) > _FORMAT and columns[_FORMAT] != "FORMAT"):
        raise DanqError(f"{where}: {columns_fault(text)}")
    samples = tuple(check_name(name, where, "a sample") for name in columns[9:])
    if len(set(samples)) < len(samples):
        twice = next(name for name in samples if samples.count(name) > 1)
        raise DanqError(f"{where}: sample {twice!r} stands there twice; samples must be unique")
    return samples


def _table(path: Path, number: int, text: str) -> VariantText:
    fields = tuple(text.split("\t"))
    if fields[0].lstrip("#") == "variant":
        for name in fields:
            check_name(name, f"{path}:{number}", "a column")
        return VariantText(path, "tsv", fields, (), number, False)
    if _ALLELE.fullmatch(fields[0]) is None:
        raise DanqError(f"{path}:{number}: {header_fault(text)}")
    return VariantText(path, "tsv", (), (), number - 1, False)


@contextmanager
def _opened(path: Path, binary: bool) -> Iterator[Iterator[str]]:
    """Open a file as lines without their ends."""
    if binary:
        yield _bcf_lines(path)
        return
    with open_binary(path) as stream:
        # only LF ends a line: INFO text may hold other characters that Python takes for line ends
        lines = io.TextIOWrapper(
            cast(BinaryIO, stream), encoding="utf-8", errors="surrogateescape", newline="\n"
        )
        yield (line.removesuffix("\n").removesuffix("\r") for line in bounded_lines(path, lines))


def _bcf_lines(path: Path) -> Iterator[str]:
    import pysam

    try:
        # htslib would report a missing index, which nobody needs here
        with quiet_htslib(), pysam.VariantFile(str(path), "rb") as records:
            yield from str(records.header).rstrip("\n").split("\n")
            for record in records:
                yield str(record).removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise DanqError(f"{path}: expected UTF-8 text in the BCF; as a VCF it can be read") from None
    except (OSError, ValueError, NotImplementedError) as error:
        raise DanqError(f"{path}: the BCF is truncated or damaged ({error})") from None


@contextmanager
def quiet_htslib() -> Iterator[None]:
    """Keep htslib from printing lines of its own on standard error."""
    import pysam

    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)
