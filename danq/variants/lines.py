"""One line of a VCF or of a table of chr:pos:ref:alt as the fields that describe alleles."""

import re
from typing import Literal, NamedTuple

from danq.genome.alphabet import CODES, INVALID

FIXED_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
"""The columns that every VCF has."""

_ALLELE = re.compile(r"(.+):([0-9]{1,18}):([A-Za-z]+):([^\s:]\S*)")
_LETTERS = "".join(chr(byte) for byte in range(128) if CODES[byte] != INVALID)
_NO_LETTER = re.compile(f"[^{_LETTERS}]")
_LONGEST_POS = 18
_FORMAT = len(FIXED_COLUMNS)


class Fields(NamedTuple):
    """What a record says of its alleles.

    Attributes
    ----------
    contig, pos, id, ref : str, int, str, str
        As in the file, but for bytes that are not UTF-8; `pos` is 1-based and 0 before the first base.
    alts : tuple of str
        The alternate alleles, at least one; ``.`` where the record has none.
    filter : str
        FILTER; ``.`` in a table.
    """

    contig: str
    pos: int
    id: str
    ref: str
    alts: tuple[str, ...]
    filter: str


def parse_line(text: str, kind: Literal["vcf", "tsv"], tabs: int) -> Fields | None:
    """Split one record.

    Parameters
    ----------
    text : str
        The line without its end.
    kind : {"vcf", "tsv"}
        What file it is from.
    tabs : int
        Number of tabs of the file's header line; -1 if it has none.

    Returns
    -------
    Fields or None
        None if the line is malformed: another number of columns than the header has, a position that is no
        number, a REF that is empty or no nucleotide sequence, an empty ALT.
    """
    text = _shown(text)
    if kind == "tsv":
        return _table_fields(text, tabs)
    # without samples, the column FORMAT may be in the header alone
    if text.count("\t") != tabs and not (tabs == _FORMAT and text.count("\t") == _FORMAT - 1):
        return None
    contig, pos, name, ref, alt, _, passed, _ = text.split("\t", 8)[:8]
    if not (pos.isdecimal() and pos.isascii() and len(pos) <= _LONGEST_POS and contig):
        return None
    return _fields(contig, pos, name, ref, alt, passed)


def loose_fields(text: str, kind: Literal["vcf", "tsv"]) -> tuple[str, int, str, str, str]:
    """Read what can be read of a malformed line: contig, 1-based position, ID, REF, ALT; else "" and 0."""
    text = _shown(text)
    if kind == "tsv":
        parts = (*text.partition("\t")[0].split(":"), "", "", "", "")
        contig, pos, name, ref, alt = parts[0], parts[1], "", parts[2], parts[3]
    else:
        contig, pos, name, ref, alt = (*text.split("\t", 5)[:5], "", "", "", "", "")[:5]
    number = int(pos) if pos.isdecimal() and pos.isascii() and len(pos) <= _LONGEST_POS else 0
    return contig, number, name, ref, alt


def is_allele(text: str) -> bool:
    """Whether a text reads as ``chr:pos:ref:alt``."""
    return _ALLELE.fullmatch(text) is not None


def kind_of_alt(alt: str) -> str:
    """Reason why an ALT is no sequence: missing, star, symbolic, breakend; "" if it may be one."""
    if alt == ".":
        return "missing"
    if alt == "*":
        return "star"
    if "[" in alt or "]" in alt:
        return "breakend"
    if "<" in alt:
        return "symbolic"
    return "breakend" if alt[0] == "." or alt[-1] == "." else ""


def _shown(text: str) -> str:
    """Put U+FFFD for bytes that are not UTF-8, so that fields can be written anywhere."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _table_fields(text: str, tabs: int) -> Fields | None:
    if tabs >= 0 and text.count("\t") != tabs:
        return None
    match = _ALLELE.fullmatch(text.partition("\t")[0])
    if match is None:
        return None
    contig, pos, ref, alt = match.groups()
    return _fields(contig, pos, ".", ref, alt, ".")


def _fields(contig: str, pos: str, name: str, ref: str, alt: str, passed: str) -> Fields | None:
    alts = tuple(alt.split(",")) if "," in alt else (alt,)
    if not ref or "" in alts or _NO_LETTER.search(ref):
        return None
    return Fields(contig, int(pos), name, ref, alts, passed)
