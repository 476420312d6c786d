"""The annotated VCF: the input's text as it stands, with the scores appended to INFO."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pysam

from danq.errors import DanqError
from danq.files import atomic
from danq.score.info import Field, check_fields, clash, encoded

log = logging.getLogger("danq")

_TBI_LIMIT = 1 << 29
_FLUSH_BYTES = 1 << 20


class Append(Protocol):
    """Add the next record to an annotated VCF."""

    def __call__(self, text: str, values: Sequence[Sequence[str]]) -> None:
        """Write a record line.

        Parameters
        ----------
        text : str
            The record as the input has it, without its line end; at least eight columns.
        values : sequence of sequences of str
            For each ALT allele in order, one text for each field; ``.`` where the allele was not scored.
        """


@contextmanager
def writing_annotated(
    path: Path, header: Sequence[str], fields: Sequence[Field], extra_header: Sequence[str] = ()
) -> Iterator[Append]:
    """Write a bgzip-compressed VCF: the input's lines as they are, values appended to their INFO.

    The bytes depend on the arguments and the appended records alone. A field without any value in a record
    is left out of it. Lines that are no records are the caller's to leave out.

    Parameters
    ----------
    path : Path
        File to write, usually ``annotated.vcf.gz``; present only when it is whole.
    header : sequence of str
        Header lines of the input without line ends, the last of them ``#CHROM…``; kept in order. A missing
        ``##fileformat`` is put before them.
    fields : sequence of Field
        INFO keys to add; their declarations go directly before ``#CHROM``.
    extra_header : sequence of str
        Further lines after the declarations, such as that of `header_line`.

    Yields
    ------
    Append

    Raises
    ------
    DanqError
        If the input has one of the INFO keys already, or the file cannot be written.
    """
    check_fields(header, fields)
    # readers know a VCF by this line alone
    first = [] if header[0].startswith("##fileformat=") else ["##fileformat=VCFv4.2"]
    head = [*first, *header[:-1], *(field.declaration for field in fields), *extra_header, header[-1]]
    waiting, size = ["".join(f"{line}\n" for line in head)], 0
    with atomic(path) as partial, _bgzf(partial, path) as write:

        def append(text: str, values: Sequence[Sequence[str]]) -> None:
            nonlocal size
            waiting.append(_annotated(text, fields, values))
            size += len(text)
            if size > _FLUSH_BYTES:
                write("".join(waiting))
                waiting[:], size = [], 0

        yield append
        write("".join(waiting))


def index_vcf(path: Path, sorted: bool, longest_end: int) -> Path | None:
    """Write the index of a bgzip-compressed VCF beside it.

    Parameters
    ----------
    path : Path
        The VCF.
    sorted : bool
        Whether each contig's records stand together, ordered by position.
    longest_end : int
        Last position in bp on any contig, or the length of the longest contig.

    Returns
    -------
    Path or None
        ``.tbi``, or ``.csi`` where positions lie beyond 2^29 bp, which ``.tbi`` cannot hold; None, with a
        line in the log, where the records are unsorted or cannot be indexed.
    """
    if not sorted:
        log.warning("%s: no index: the input is not sorted; `bcftools sort` puts that right", path.name)
        return None
    wide = longest_end > _TBI_LIMIT
    for csi in (True,) if wide else (False, True):
        index = path.with_name(f"{path.name}.{'csi' if csi else 'tbi'}")
        # an INFO/END may reach further than the contigs: then the wider index is tried
        with suppress(OSError), _quiet():
            pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi, index=str(index))
            return index
        index.unlink(missing_ok=True)
    log.warning("%s: no index: its records are unsorted or lie beyond what an index can hold", path.name)
    return None


def _annotated(text: str, fields: Sequence[Field], values: Sequence[Sequence[str]]) -> str:
    columns = text.split("\t", 8)
    info = columns[7]
    added = []
    for field, column in zip(fields, zip(*values, strict=True), strict=False):
        if any(value != "." for value in column):
            if field.id in info and field.id in {entry.partition("=")[0] for entry in info.split(";")}:
                raise clash(field.id, f"present in the record at {columns[0]}:{columns[1]}")
            entries = map(encoded, column) if field.type == "String" else column
            added.append(f"{field.id}={','.join(entries)}")
    if added:
        kept = [] if info in (".", "") else [info.removesuffix(";")]
        columns[7] = ";".join(kept + added)
    return "\t".join(columns) + "\n"


@contextmanager
def _bgzf(path: Path, final: Path) -> Iterator[Callable[[str], None]]:
    def guarded(call: Callable[..., Any], *arguments: bytes) -> None:
        try:
            with _quiet():
                call(*arguments)
        except OSError as error:
            # htslib does not pass the system's reason on
            raise DanqError(f"{final}: writing failed; is the disk full?") from error

    stream = pysam.BGZFile(str(path), "wb")
    try:
        # what was no UTF-8 in the input is written as the bytes it was
        yield lambda text: guarded(stream.write, text.encode("utf-8", "surrogateescape"))
        guarded(stream.close)
    finally:
        with suppress(OSError), _quiet():
            stream.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep htslib from printing lines of its own."""
    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)
