"""Ambiguity letters of a genome, kept beside its codes, in which they are N.

A VCF must not hold them in REF: it has the first of the bases that the letter stands for (VCF 4.3, section
1.6.1). So what a letter was decides whether a REF fits, while models see N.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from danq.genome.alphabet import N
from danq.storage import damaged, load_array

AMBIGUITY_FILE = "iupac.npy"
ROW = np.dtype([("position", "<i8"), ("letter", "u1")])
"""One letter: its 0-based place among the bases of all contigs, laid end to end, and its upper-case byte."""

_STANDS_FOR = {
    "R": "AG",
    "Y": "CT",
    "S": "CG",
    "W": "AT",
    "K": "GT",
    "M": "AC",
    "B": "CGT",
    "D": "AGT",
    "H": "ACT",
    "V": "ACG",
}
_LETTERS, _FIRST = "".join(_STANDS_FOR), "".join(bases[0] for bases in _STANDS_FOR.values())
REDUCED = bytes.maketrans(_LETTERS.encode(), _FIRST.encode())
"""Letters of text, upper case → the base that VCF reduces them to; all others as they are."""
_IS_AMBIGUOUS = np.zeros(256, np.bool_)
_IS_AMBIGUOUS[list(_LETTERS.encode())] = True
_IS_AMBIGUOUS.flags.writeable = False


class Ambiguity(Protocol):
    """The ambiguity letters of a genome; where digests are equal, letters are."""

    @property
    def digest(self) -> str:
        """SHA-256 of all `ROW` in order."""

    def reduced(self, contig: int, start: int, length: int) -> bytes:
        """Give the bases that VCF has for the letters of a stretch within a contig; ``N`` for no letter."""


def letters_of(text: bytes, codes: bytes) -> bytes:
    """Find the ambiguity letters of a piece of FASTA text, line ends included: `ROW` bytes, from 0 on."""
    if N not in codes:
        return b""
    letters = np.frombuffer(text.translate(None, b"\r\n").upper(), np.uint8)
    places = np.flatnonzero(_IS_AMBIGUOUS[letters])
    rows = np.empty(len(places), ROW)
    rows["position"], rows["letter"] = places, letters[places]
    return rows.tobytes()


class AmbiguityNotes:
    """Notes ambiguity letters while the text of a genome streams past; `letters` is how many."""

    def __init__(self) -> None:
        self.letters = self._bases = 0
        self._hash = hashlib.sha256()

    def add(self, text: bytes, codes: bytes) -> bytes:
        """Give the `ROW` bytes of the next piece of text and its codes."""
        return self.add_rows(letters_of(text, codes), len(codes))

    def add_rows(self, rows: bytes, bases: int) -> bytes:
        """Give the `ROW` bytes of the next `bases`, whose own `rows` count from the first of them."""
        first, self._bases = self._bases, self._bases + bases
        if not rows:
            return b""
        moved = np.frombuffer(rows, ROW).copy()
        moved["position"] += first
        self.letters += len(moved)
        self._hash.update(moved.tobytes())
        return moved.tobytes()

    def digest(self) -> str:
        """SHA-256 of all rows."""
        return self._hash.hexdigest()


@dataclass(frozen=True, eq=False)
class AmbiguityTable:
    """Letters as they are kept: `rows` of `ROW`, ascending; `offsets` are the bp before each contig."""

    rows: NDArray[np.void]
    offsets: NDArray[np.int64]
    digest: str

    @cached_property
    def _positions(self) -> NDArray[np.int64]:
        # in one piece, or each search would copy all of them
        return np.ascontiguousarray(self.rows["position"])

    def reduced(self, contig: int, start: int, length: int) -> bytes:
        """As of `Ambiguity`."""
        first = int(self.offsets[contig]) + start
        low, high = np.searchsorted(self._positions, (first, first + length)).tolist()
        letters = np.full(length, ord("N"), np.uint8)
        letters[self._positions[low:high] - first] = self.rows["letter"][low:high]
        return letters.tobytes().translate(REDUCED)


def open_ambiguity(path: Path, letters: int, digest: str, offsets: NDArray[np.int64]) -> AmbiguityTable:
    """Open the letters that lie beside codes; their number and digest are those of the manifest.

    Raises
    ------
    DanqError
        If they are missing or others.
    """
    rows = load_array(path, (letters,), ROW, "genome")
    if hashlib.sha256(np.ascontiguousarray(rows).tobytes()).hexdigest() != digest:
        raise damaged(path)
    return AmbiguityTable(rows, offsets, digest)
