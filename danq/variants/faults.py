"""What is wrong with a line of a file of variants, in words: what was expected, and what was received."""

import re

from danq.errors import is_printable
from danq.text_checks import separated

FIXED_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO")
ALLELE_FORM = "chr:pos:ref:alt"
_SHOWN = 60


def header_fault(text: str) -> str:
    """Say what is wrong with the first line of a file that is neither that of a VCF nor that of a table."""
    columns = text.split("\t")
    header = f"`##fileformat=VCFv4.2` and the tab-separated columns {' '.join(FIXED_COLUMNS)}"
    if len(columns) >= 5 and columns[1].isdecimal():
        return f"expected the header of a VCF ({header}), received a record without one: {_shown(text)}"
    kinds = f"a VCF (##fileformat=VCF…), a BCF, or a table whose first column is {ALLELE_FORM}"
    received = _shown(text) if is_printable(text.replace("\t", "")) else "binary data"
    return f"expected {kinds}; separated by tabs; received {received}{separated(text, 2)}"


def columns_fault(text: str) -> str:
    """Say what is wrong with the line of a VCF that names its columns."""
    received = ascii("\t".join(text.split("\t")[:9])[:200])
    return (
        f"expected the tab-separated columns {' '.join(FIXED_COLUMNS)} and, before samples, FORMAT; "
        f"received {received}{separated(text, len(FIXED_COLUMNS))}"
    )


def record_fault(text: str, columns: int) -> str:
    """Say why a line is no record of a VCF of so many columns."""
    fields = text.split("\t")
    if len(fields) != columns:
        return _number_of_columns(text, columns)
    contig, pos, _, ref, alt = fields[:5]
    if not contig:
        return f"expected a contig in column 1, received none: {_shown(text)}"
    if not (pos.isdecimal() and pos.isascii()):
        return f"expected a 1-based position in column 2, received {_shown(pos)}"
    if not re.fullmatch("[A-Za-z]+", ref):
        return f"expected REF of nucleotide letters in column 4, received {_shown(ref)}"
    if "" in alt.split(","):
        return f"expected ALT of one or more alleles in column 5, received {_shown(alt)}"
    return f"expected a variant record of printable characters and nucleotides, received {_shown(text)}"


def row_fault(text: str, columns: int) -> str:
    """Say why a line is no row of a table of alleles of so many columns; 0 where it has no header."""
    if columns and text.count("\t") + 1 != columns:
        return _number_of_columns(text, columns)
    first = text.partition("\t")[0]
    return f"expected {ALLELE_FORM} in the first column, received {_shown(first)}{separated(first, 2)}"


def _number_of_columns(text: str, columns: int) -> str:
    received = text.count("\t") + 1
    return (
        f"expected {columns} tab-separated columns as in the header, received {received}"
        f"{separated(text, columns)}: {_shown(text)}"
    )


def _shown(text: str) -> str:
    return ascii(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
