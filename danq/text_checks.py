"""Whether the first bytes of a file are UTF-8 text, and what they are if not."""

import re
from pathlib import Path

from danq.errors import DanqError

HEAD = 4096
"""Bytes of a file that show whether it is text."""

_SEPARATORS = {"spaces": re.compile(" +"), "commas": re.compile(","), "semicolons": re.compile(";")}
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_UTF16 = "UTF-16 text; `iconv -f UTF-16{} -t UTF-8` makes UTF-8 of it"
_MAGICS = {
    b"\xff\xfe": _UTF16.format(""),
    b"\xfe\xff": _UTF16.format(""),
    b"PK\x03\x04": "a ZIP archive; unpack it first",
    b"BZh": "a file compressed by bzip2; unpack it first",
    b"\xfd7zXZ": "a file compressed by xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "a file compressed by zstd; unpack it first",
    b"\x1f\x8b": "a file that is compressed twice; unpack it once",
    b"BAM\x01": "a BAM file",
    b"CRAM": "a CRAM file",
    b"PAR1": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
}
"""How files begin that are no text of UTF-8 → what they are."""


def text_fault(head: bytes) -> str:
    """Say what a file is that begins with these bytes and is no UTF-8 text; "" if it may be such text.

    Line ends of CR alone count as no text: all of the file would be one line.
    """
    # names of text may begin with the letters of some of these: PAR1 is a pseudo-autosomal region
    letters = _NO_TEXT.search(head.decode("latin-1")) is None
    for magic, kind in _MAGICS.items():
        if head.startswith(magic) and not (letters and magic.isalnum()):
            return kind
    if b"\0" in head:
        # letters of UTF-16 without a mark at its begin: every other byte is 0
        first, second = head[::2].count(0), head[1::2].count(0)
        if 3 * abs(first - second) > len(head):
            return _UTF16.format("BE" if first > second else "LE")
        return "binary data"
    if b"\r" in head.rstrip(b"\r") and b"\n" not in head:
        return "line ends of CR alone, those of old Macs; `tr '\\r' '\\n'` makes LF of them"
    return ""


def check_text(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes are no UTF-8 text.

    Raises
    ------
    DanqError
        The message says what they are instead.
    """
    if fault := text_fault(head):
        raise DanqError(
            f"{path}:1: expected UTF-8 text with lines that end with LF or CRLF, received {fault}"
        )


def separated(text: str, columns: int) -> str:
    """Tell by what else a line without tabs is separated into at least so many columns, for messages.

    It is ``" (separated by commas?)"``, say, or "" where no separator fits.
    """
    if "\t" not in text:
        for name, separator in _SEPARATORS.items():
            if len(separator.split(text.strip())) >= columns:
                return f" (separated by {name}?)"
    return ""
