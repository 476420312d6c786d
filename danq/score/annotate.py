"""The annotated VCF: the input's text as it stands, with the scores appended to INFO."""

import logging
import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pysam

import danq
from danq.errors import DanqError, first_few
from danq.files import atomic
from danq.score.measures import Columns, annotated
from danq.score.tables import is_scored, matrix
from danq.variants.text import declared_contigs, quiet_htslib

log = logging.getLogger("danq")

Append = Callable[[str, Sequence[Sequence[str]]], None]
"""Add a record: its line, and for each ALT one text for each field, ``.`` where it was not scored."""
PREFIX = "danq_"
"""Begin of every INFO key that danq adds, unless the user says another."""

_TBI_LIMIT = 1 << 29
_FLUSH_BYTES = 1 << 20
_CONTIG_NAME = re.compile(r"[0-9A-Za-z!#$%&+./:;?@^_|~-][0-9A-Za-z!#$%&*+./:;=?@^_|~-]*")
"""Names that VCF 4.3 allows a contig."""
_KEY = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")
_DECLARED = re.compile(r"##INFO=<(?:.*,)?ID=([^,>]+)")
# all of printable ASCII but the blank and what VCF 4.3 reserves in values: `:`, `;`, `=`, `%`, `,`
_SAFE = "".join(letter for letter in map(chr, range(33, 127)) if letter not in ":;=%,")


@dataclass(frozen=True)
class Field:
    """One INFO key with a value for each ALT allele (``Number=A``).

    The key begins with a letter or underscore; strings are percent-encoded when they are written.
    """

    id: str
    type: Literal["Float", "String"]
    description: str

    @property
    def declaration(self) -> str:
        """The ``##INFO`` line of the key."""
        return f'##INFO=<ID={self.id},Number=A,Type={self.type},Description="{_quoted(self.description)}">'


def info_fields(columns: Columns, prefix: str = PREFIX) -> tuple[Field, ...]:
    """Declare the measures that are annotated, in the order of ``columns.info``.

    Raises
    ------
    DanqError
        If `prefix`, the begin of every key, makes no valid INFO key.
    """
    if not _KEY.fullmatch(f"{prefix}l2"):
        raise DanqError(
            f"--info-prefix {prefix!r}: expected a letter or underscore, then letters, digits, underscores "
            f"and dots"
        )
    fields = []
    for measure, index in columns.info:
        key, description = f"{prefix}{measure.name}", measure.info
        if index is not None:
            target = columns.targets[index]
            key += f"_{index}_{re.sub(r'[^0-9A-Za-z_.]', '_', target)}"
            description += f" of target {index}: {target}"
        fields.append(Field(key, "String" if measure.dtype == "target" else "Float", description))
    return tuple(fields)


def info_texts(batch: pa.RecordBatch, columns: Columns) -> list[tuple[str, ...]]:
    """Texts of the values of `info_fields`, for each row of a batch; of no meaning where it has no score."""
    present = is_scored(batch)
    texts = []
    for measure, index in columns.info:
        if index is None:
            values = batch.column(measure.name).to_pylist()
        else:
            scores = np.zeros(len(batch), np.float32)
            of_targets = matrix(batch, annotated(measure), len(columns.annotated))
            scores[present] = of_targets[:, columns.annotated.index(index)]
            values = scores.tolist()
        texts.append(measure.texts(values, columns.targets))
    return list(zip(*texts, strict=True))


def header_line(
    columns: Columns, digests: Sequence[str], strands: str, prefix: str = PREFIX, **more: str
) -> str:
    """Give the header's ``##danq`` line: which bundles, rules and formulas the scores come from.

    `prefix`, the begin of the INFO keys, tells two annotations of one file apart; `more` are further entries.
    """
    entries = {
        "Version": danq.__version__,
        "Bundles": " ".join(digests),
        "Strands": strands,
        "Formulas": "; ".join(measure.header for measure in columns.table if measure.header),
        **more,
    }
    text = ",".join(f'{key}="{_quoted(value)}"' for key, value in entries.items())
    return f"##danq=<ID={prefix}scores,{text}>"


def declared_keys(header: Sequence[str]) -> set[str]:
    """INFO keys that a header declares."""
    return {match[1] for line in header if (match := _DECLARED.match(line))}


def check_fields(present: Collection[str], fields: Sequence[Field], where: str) -> None:
    """Refuse INFO keys that are `present` in the input already, before long work rather than after it.

    Raises
    ------
    DanqError
        The message names them, of many the first 20, says where they stand and gives a prefix that makes
        other keys.
    """
    clashes = [field.id for field in fields if field.id in present]
    if clashes:
        prefix = next(
            f"danq{number}_"
            for number in count(2)
            if not any(k.startswith(f"danq{number}_") for k in present)
        )
        raise DanqError(
            f"INFO keys {first_few(clashes, 20)} stand in {where} already; `--info-prefix {prefix}` gives "
            f"the new ones other names"
        )


def with_contigs(header: Sequence[str], contigs: Mapping[str, int | None]) -> tuple[str, ...]:
    """Declare the contigs that a header lacks, behind those that it has: `bcftools sort` needs them.

    Parameters
    ----------
    header : sequence of str
        Lines without their ends, the last of them ``#CHROM…``.
    contigs : mapping of str to int or None
        Name in the file → length in bp, None where it is not known. Names that VCF does not allow in a
        declaration are left out.
    """
    declared = declared_contigs(header)
    lines = [
        f"##contig=<ID={name}>" if length is None else f"##contig=<ID={name},length={length}>"
        for name, length in contigs.items()
        if name not in declared and _CONTIG_NAME.fullmatch(name)
    ]
    last = max((n for n, line in enumerate(header) if line.startswith("##contig=")), default=len(header) - 2)
    return (*header[: last + 1], *lines, *header[last + 1 :])


@contextmanager
def writing_annotated(
    path: Path, header: Sequence[str], fields: Sequence[Field], extra_header: Sequence[str] = ()
) -> Iterator[Append]:
    """Write a bgzip-compressed VCF: the input's lines as they are, values appended to their INFO.

    The bytes depend on the arguments and the appended records alone. A field without any value in a record
    is left out of it. Lines that are no records are the caller's to leave out. The file is present only
    when it is whole.

    Parameters
    ----------
    header : sequence of str
        Header lines of the input without line ends, the last of them ``#CHROM…``; kept in order. A missing
        ``##fileformat`` is put before them.
    fields : sequence of Field
        INFO keys to add; their declarations go directly before ``#CHROM``.
    extra_header : sequence of str
        Further lines after the declarations, such as that of `header_line`.

    Raises
    ------
    DanqError
        If a record has one of the INFO keys already, or the file cannot be written.
    """
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


def index_vcf(path: Path, sorted: bool, longest_end: int, out: Path) -> Path | None:
    """Write the index of a bgzip-compressed VCF beside it.

    Parameters
    ----------
    sorted : bool
        Whether each contig's records stand together, ordered by position.
    longest_end : int
        Last position in bp on any contig, or the length of the longest contig.
    out : Path
        Directory in which the user will find it, for messages.

    Returns
    -------
    Path or None
        ``.tbi``, or ``.csi`` where positions lie beyond 2^29 bp, which ``.tbi`` cannot hold; None, with a
        line in the log, where the records are unsorted or cannot be indexed.
    """
    shown = out / path.name
    if not sorted:
        # unlike `bcftools sort` this copes with headers that declare less than the records hold
        file = shlex.quote(str(shown))
        command = f"(zgrep '^#' {file}; zgrep -v '^#' {file} | sort -k1,1 -k2,2n) > sorted.vcf"
        log.warning("%s: no index: the input is not sorted; `%s` sorts it", shown, command)
        return None
    wide = longest_end > _TBI_LIMIT
    for csi in (True,) if wide else (False, True):
        index = path.with_name(f"{path.name}.{'csi' if csi else 'tbi'}")
        # an INFO/END may reach further than the contigs: then the wider index is tried
        with suppress(OSError), quiet_htslib():
            pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi, index=str(index))
            return index
        index.unlink(missing_ok=True)
    log.warning("%s: no index: its records are unsorted or lie beyond what an index can hold", shown)
    return None


def _annotated(text: str, fields: Sequence[Field], values: Sequence[Sequence[str]]) -> str:
    columns = text.split("\t", 8)
    info = columns[7]
    added = []
    for field, column in zip(fields, zip(*values, strict=True), strict=False):
        if any(value != "." for value in column):
            if field.id in info and field.id in {entry.partition("=")[0] for entry in info.split(";")}:
                check_fields({field.id}, fields, f"the record at {columns[0]}:{columns[1]}")
            entries = map(encoded, column) if field.type == "String" else column
            added.append(f"{field.id}={','.join(entries)}")
    if added:
        kept = [] if info in (".", "") else [info.removesuffix(";")]
        columns[7] = ";".join(kept + added)
    return "\t".join(columns) + "\n"


@lru_cache(maxsize=4096)
def encoded(value: str) -> str:
    """Percent-encode what an INFO value must not hold: blanks, `:`, `;`, `=`, `%`, `,` and non-ASCII text."""
    return quote(value, safe=_SAFE)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


@contextmanager
def _bgzf(path: Path, final: Path) -> Iterator[Callable[[str], None]]:
    def guarded(call: Callable[..., Any], *arguments: bytes) -> None:
        try:
            with quiet_htslib():
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
        with suppress(OSError), quiet_htslib():
            stream.close()
