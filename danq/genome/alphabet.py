"""The nucleotide alphabet: A, C, G, T, N as uint8 codes 0..4."""

from typing import Any

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

_NOT_IUPAC = bytes(range(256)).translate(None, (IUPAC + IUPAC.lower()).encode())
_TEXT = np.frombuffer(LETTERS.encode(), np.uint8)
_COMPLEMENT = np.array([T, G, C, A, N], np.uint8)


def encode(sequence: str | bytes) -> NDArray[np.uint8]:
    """Turn nucleotide letters into codes: uint8, shape (len(sequence),), 0..4 for A, C, G, T, N.

    Letters of either case are read; IUPAC ambiguity letters become N, U becomes T.

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


def count_iupac(text: bytes) -> int:
    """Count the letters that are read as N and are none."""
    return len(text.translate(None, _NOT_IUPAC))


def decode(codes: NDArray[np.uint8]) -> str:
    """Turn codes 0..4 back into upper-case letters."""
    return _TEXT[codes].tobytes().decode("ascii")


def reverse_complement(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reverse complement along the last axis, as a new, contiguous array; N stays N."""
    return _COMPLEMENT[codes[..., ::-1]]


def kmer_numbers(codes: NDArray[np.uint8], k: int) -> tuple[NDArray[np.unsignedinteger], NDArray[np.bool_]]:
    """Give the number of the k-mer at each position: its value to base 4, A to T as 0..3, first base first.

    Parameters
    ----------
    codes : uint8, shape (..., length)
        Bases as 0..4.
    k : int
        1 to 32 bp.

    Returns
    -------
    numbers : uint32 (k up to 16) or uint64, shape (..., max(length - k + 1, 0))
        Below 4^k.
    known : bool, of the same shape
        Whether the k-mer is free of N; the numbers of others mean nothing.
    """
    if codes.shape[-1] < k:
        nothing = codes[..., :0]
        return nothing.astype(np.uint32), nothing.astype(np.bool_)
    unknown = np.zeros((*codes.shape[:-1], codes.shape[-1] + 1), np.int32)
    np.cumsum(codes == N, axis=-1, out=unknown[..., 1:])
    bases = (codes & 3).astype(np.uint32 if k <= 16 else np.uint64)
    return _joined(bases, k), unknown[..., k:] == unknown[..., :-k]


def _joined(bases: NDArray[Any], k: int) -> NDArray[Any]:
    """Join neighbours of half the length, so that log2(k) passes over the bases do rather than k."""
    if k == 1:
        return bases
    if k % 2:
        return _joined(bases, k - 1)[..., :-1] << 2 | bases[..., k - 1 :]
    half = _joined(bases, k // 2)
    # k // 2 bases of two bits each
    return half[..., : -(k // 2)] << k | half[..., k // 2 :]
