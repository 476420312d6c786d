"""What ALT of <DEL>, <DUP> and <INV> mean: the stretch of the contig that they name, and the change of it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from danq.genome.alphabet import decode, reverse_complement
from danq.genome.fasta import Bases
from danq.variants.alleles import Place, place

_KINDS: dict[str, Literal["DEL", "DUP", "INV"]] = {
    "<DEL>": "DEL",
    "<DUP>": "DUP",
    "<DUP:TANDEM>": "DUP",
    "<INV>": "INV",
}

_FIRST_STRETCH = 64
"""bp at the ends of an inversion that are compared first."""


class Span(NamedTuple):
    """A stretch of a contig, 0-based half-open, that is deleted, duplicated in tandem or inverted."""

    kind: Literal["DEL", "DUP", "INV"]
    start: int
    end: int


def span_of(alt: str, allele: int, alts: int, pos: int, info: str) -> Span | None:
    """Read the stretch that a symbolic ALT names; None if it is of another kind or its ends are not exact.

    As VCF says, POS is the base before the stretch. Its length is the absolute value of ``SVLEN`` (one value
    an ALT; negative for deletions before VCF 4.4), or reaches to ``END``; of a record with one ALT the two
    must agree; an inversion's ``SVLEN=0``, the difference of lengths before VCF 4.4, says nothing. It is not
    exact where the record is ``IMPRECISE``, has an interval ``CIPOS``, ``CIEND`` or ``CILEN`` that is more
    than its microhomology (``HOMLEN``, within which all places give one sequence), inserts bases between the
    ends (``SVINSSEQ``, ``SVINSLEN``, ``INSLEN``), or claims a change of abundance alone (``SVCLAIM=D``).

    Parameters
    ----------
    allele, alts : int
        Number of the ALT in the record, from 1, and how many there are.
    pos : int
        1-based.
    info : str
        The record's INFO.
    """
    # a deletion is one whatever was deleted: <DEL:ME:ALU>
    kind = "DEL" if alt.startswith("<DEL:") and alt.endswith(">") else _KINDS.get(alt)
    if kind is None:
        return None
    entries = _entries(info)
    claims = entries.get("SVCLAIM", "").split(",")
    if not _is_exact(entries) or claims[min(allele, len(claims)) - 1] == "D":
        return None
    lengths = entries.get("SVLEN", "").split(",")
    length = _number(lengths[allele - 1].removeprefix("-")) if len(lengths) == alts else None
    if kind == "INV" and length == 0:
        length = None
    end = _number(entries.get("END", ""))
    to_end = None if end is None else end - pos
    if length is None or (alts == 1 and to_end is not None and to_end != length):
        # several ALT share an END, which is that of the longest
        length = to_end if length is None and alts == 1 else None
    return Span(kind, pos, pos + length) if length is not None and length > 0 else None


def changed(bases: Bases, span: Span) -> Span:
    """Leave out the ends of an inversion that are each other's reverse complement: they stay as they are."""
    kind, start, end = span
    if kind != "INV":
        return span
    stretch = _FIRST_STRETCH
    while start < end:
        length = min(stretch, end - start)
        right = reverse_complement(np.asarray(bases[end - length : end]))
        different = np.flatnonzero(bases[start : start + length] != right)
        same = int(different[0]) if len(different) else length
        if 2 * same >= end - start:
            return Span(kind, start, start)
        start, end = start + same, end - same
        if same < length:
            break
        stretch *= 4
    return Span(kind, start, end)


def place_of(bases: Bases, span: Span) -> Place:
    """Place the change that a stretch within a contig undergoes, as if it had been written in letters."""
    letters = decode(bases[span.start : span.end]).encode()
    if span.kind == "DEL":
        return place(bases, span.start, letters, b"")
    if span.kind == "DUP":
        # the copy follows the stretch; a copy before it makes the same sequence
        return place(bases, span.start, b"", letters)
    turned = decode(reverse_complement(np.asarray(bases[span.start : span.end])))
    return place(bases, span.start, letters, turned.encode())


def extent_of(alt: str, pos: int, length: int, info: str) -> tuple[int, int]:
    """Say which bases of a contig an allele may change at most: 0-based half-open.

    Of a symbolic ALT these are all up to ``END``, or as many as ``SVLEN`` has, and the intervals ``CIPOS``
    and ``CIEND`` at either end; of any other allele those of REF, which are `length`.
    """
    start, end = max(pos - 1, 0), max(pos - 1, 0) + length
    if "<" not in alt:
        return start, end
    entries = _entries(info)
    sizes = (_number(text.removeprefix("-")) for text in entries.get("SVLEN", "").split(","))
    ends = [end, _number(entries.get("END", "")) or 0, *(pos + size for size in sizes if size is not None)]
    before, after = (
        max([0, *(_number(number.removeprefix("-")) or 0 for number in entries.get(key, "").split(","))])
        for key in ("CIPOS", "CIEND")
    )
    return max(start - before, 0), max(ends) + after


def _is_exact(entries: Mapping[str, str]) -> bool:
    homology = _number(entries.get("HOMLEN", "")) or 0
    for key, most in (("CIPOS", homology), ("CIEND", homology), ("CILEN", 0)):
        bounds = (text.removeprefix("-") for text in entries.get(key, ".").split(","))
        if any(text != "." and ((size := _number(text)) is None or size > most) for text in bounds):
            return False
    inserted = {entries.get(key, "") for key in ("SVINSSEQ", "SVINSLEN", "INSLEN")}
    return "IMPRECISE" not in entries and inserted <= {"", ".", "0"}


def _entries(info: str) -> dict[str, str]:
    return {key: value for key, _, value in (entry.partition("=") for entry in info.split(";"))}


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else None
