"""The nucleotide alphabet: A, C, G, T, N as uint8 codes 0..4."""

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError

LETTERS = "ACGTN"
A, C, G, T, N = range(5)
IUPAC = "RYSWKMBDHVX"
"""Ambiguity letters (and the X of hard masking) that are read as N."""

INVALID = 255
CODES: NDArray[np.uint8] = np.full(256, INVALID, np.uint8)
"""Byte of text → code; 255 for bytes that are no nucleotide letter. U reads as T."""
for _code, _letters in enumerate(("A", "C", "G", "TU", "N" + IUPAC)):
    for _letter in _letters:
        CODES[[ord(_letter), ord(_letter.lower())]] = _code
CODES.flags.writeable = False

_TEXT = np.frombuffer(LETTERS.encode(), np.uint8)
_COMPLEMENT = np.array([T, G, C, A, N], np.uint8)


def encode(sequence: str | bytes) -> NDArray[np.uint8]:
    """Turn nucleotide letters into codes.

    Parameters
    ----------
    sequence : str or bytes
        Letters in either case; IUPAC ambiguity letters become N, U becomes T.

    Returns
    -------
    uint8, shape (len(sequence),)
        Bases as 0..4 for A, C, G, T, N.

    Raises
    ------
    DanqError
        If a character is no nucleotide letter.
    """
    try:
        text = np.frombuffer(sequence.encode("ascii") if isinstance(sequence, str) else sequence, np.uint8)
    except UnicodeEncodeError as error:
        raise DanqError(f"expected nucleotide letters, received {sequence[error.start]!r}") from error
    codes = CODES[text]
    invalid = np.flatnonzero(codes == INVALID)
    if len(invalid):
        raise DanqError(
            f"expected nucleotide letters, received {chr(text[invalid[0]])!r} at position {invalid[0] + 1}"
        )
    return codes


def decode(codes: NDArray[np.uint8]) -> str:
    """Turn codes back into upper-case letters.

    Parameters
    ----------
    codes : uint8, shape (n,)
        Bases as 0..4.
    """
    return _TEXT[codes].tobytes().decode("ascii")


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reverse complement along the last axis; N stays N.

    Parameters
    ----------
    codes : uint8, shape (..., length)
        Bases as 0..4.

    Returns
    -------
    uint8, shape (..., length)
        A new, contiguous array.
    """
    return _COMPLEMENT[codes[..., ::-1]]
