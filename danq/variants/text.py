"""Files of variants as lines of text: VCF whatever its compression, BCF, and tables of chr:pos:ref:alt."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

from danq.errors import DanqError
from danq.files import BGZF_HEAD, is_bgzf, open_binary
from danq.variants.lines import FIXED_COLUMNS, is_allele

_BCF = b"BCF\x02"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block that ends every BGZF file (SAM specification, section 4.1.2)."""


class Line(NamedTuple):
    """A record's text without its line end; `row` counts records, `number` lines of the file, both from 1.

    Bytes that are not UTF-8 stand in `text` as lone surrogates: encoding it with ``surrogateescape`` gives
    the file's own bytes again.
    """

    row: int
    number: int
    text: str


@dataclass(frozen=True)
class VariantText:
    """A file of variants whose header has been read.

    Attributes
    ----------
    path : Path
        The file.
    kind : {"vcf", "tsv"}
        VCF (or BCF, which is read as the VCF text of the same records) or a table of ``chr:pos:ref:alt``.
    header : tuple of str
        Of a VCF the ``##`` lines and the ``#CHROM`` line, without line ends; of a table the fields of its
        header line, or nothing.
    samples : tuple of str
        Sample names of a VCF.
    columns : tuple of str
        Names of a table's columns after the first, where it has a header line.
    skip : int
        Lines of the file before its first record.
    binary : bool
        Whether it is a BCF.
    """

    path: Path
    kind: Literal["vcf", "tsv"]
    header: tuple[str, ...]
    samples: tuple[str, ...]
    columns: tuple[str, ...]
    skip: int
    binary: bool

    @cached_property
    def tabs(self) -> int:
        """Number of tabs of the header's last line; -1 for a table without a header."""
        return self.header[-1].count("\t") if self.kind == "vcf" else len(self.header) - 1

    def lines(self, first: int = 0, last: int | None = None) -> Iterator[Line]:
        """Read records in the order of the file, one at a time; blank lines are no records.

        Parameters
        ----------
        first, last : int, optional
            0-based half-open range of records; all of them where left out.

        Raises
        ------
        DanqError
            If a compressed file ends early or is damaged.
        """
        with _opened(self.path, self.binary) as stream:
            row = 0
            for number, text in enumerate(islice(stream, self.skip, None), self.skip + 1):
                if row == last:
                    return
                bare = text.removesuffix("\n").removesuffix("\r")
                if not bare or bare.isspace():
                    continue
                row += 1
                if row > first:
                    yield Line(row, number, bare)


def open_variants(path: Path) -> VariantText:
    """Read the header of a file of variants; its contents tell what it is, whatever its name.

    Accepted are VCF (plain, gzip, bgzip), BCF, and tab-separated tables (plain, gzip, bgzip) whose first
    column holds ``chr:pos:ref:alt`` with 1-based positions; the table's header line, if any, starts with
    ``variant``. A file without any record is fine.

    Parameters
    ----------
    path : Path
        A regular file, because it is read more than once.

    Raises
    ------
    DanqError
        If it is missing, none of these, lacks columns, or is compressed and ends early.
    """
    _refuse_pipe(path)
    binary = _is_bcf(path)
    _refuse_cut(path)
    with _opened(path, binary) as stream:
        header: list[str] = []
        for number, text in enumerate(stream, 1):
            bare = text.removesuffix("\n").removesuffix("\r")
            if number == 1 and bare.startswith("\ufeff"):
                raise DanqError(f"{path}:1: expected text without a byte-order mark, received one (U+FEFF)")
            if bare.startswith("##"):
                header.append(bare)
            elif bare.startswith("#CHROM") or header:
                samples = _samples(f"{path}:{number}", bare)
                return VariantText(path, "vcf", (*header, bare), samples, (), number, binary)
            elif bare.strip():
                return _table(path, number, bare)
    if header:
        raise DanqError(f"{path}: expected a line that starts with #CHROM, received none")
    raise DanqError(f"{path}: expected a VCF, BCF or a table of chr:pos:ref:alt, received an empty file")


def _samples(where: str, text: str) -> tuple[str, ...]:
    columns = tuple(text.split("\t"))
    if columns[:8] != FIXED_COLUMNS or (len(columns) > 8 and columns[8] != "FORMAT"):
        shown = " ".join(columns[:9])
        raise DanqError(
            f"{where}: expected the tab-separated columns {' '.join(FIXED_COLUMNS)}, received {shown[:200]!r}"
        )
    samples = columns[9:]
    if len(set(samples)) < len(samples):
        twice = next(name for name in samples if samples.count(name) > 1)
        raise DanqError(f"{where}: sample {twice!r} stands there twice; samples must be unique")
    return samples


def _table(path: Path, number: int, text: str) -> VariantText:
    fields = tuple(text.split("\t"))
    if fields[0].lstrip("#") == "variant":
        return VariantText(path, "tsv", fields, (), fields[1:], number, False)
    if not is_allele(fields[0]):
        shown = ascii(text[:40]) if text.isprintable() else "binary data"
        raise DanqError(
            f"{path}:{number}: expected a VCF (##fileformat=VCF…), a BCF, or a table whose first column is "
            f"chr:pos:ref:alt, received {shown}"
        )
    return VariantText(path, "tsv", (), (), (), number - 1, False)


@contextmanager
def _opened(path: Path, binary: bool) -> Iterator[Iterator[str]]:
    if binary:
        yield _bcf_lines(path)
        return
    with open_binary(path) as stream:
        # only LF ends a line: INFO text may hold other characters that Python takes for line ends
        yield io.TextIOWrapper(
            cast(BinaryIO, stream), encoding="utf-8", errors="surrogateescape", newline="\n"
        )


def _bcf_lines(path: Path) -> Iterator[str]:
    import pysam

    # htslib reports a missing index, which nobody needs here, on standard error
    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.VariantFile(str(path), "rb") as records:
            yield from (f"{line}\n" for line in str(records.header).rstrip("\n").split("\n"))
            for record in records:
                yield str(record)
    except UnicodeDecodeError:
        raise DanqError(f"{path}: expected UTF-8 text in the BCF; as a VCF it can be read") from None
    except (OSError, ValueError) as error:
        raise DanqError(f"{path}: the BCF is truncated or damaged ({error})") from None
    finally:
        pysam.set_verbosity(verbosity)


def _is_bcf(path: Path) -> bool:
    with open_binary(path) as stream:
        return stream.read(len(_BCF)) == _BCF


def _refuse_pipe(path: Path) -> None:
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise DanqError(f"{path}: expected a file that can be read twice, received a pipe or a device")


def _refuse_cut(path: Path) -> None:
    """Refuse BGZF without its last block: gzip takes a file for whole that was cut between two blocks."""
    with path.open("rb") as stream:
        head = stream.read(BGZF_HEAD)
        if not is_bgzf(head):
            return
        stream.seek(-len(_BGZF_END), io.SEEK_END)
        if stream.read() != _BGZF_END:
            raise DanqError(f"{path}: the compressed file is truncated (it lacks the block that ends BGZF)")
