"""Letters and codes, against naive loops over characters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.errors import DanqError
from danq.genome.alphabet import A, C, G, N, T, decode, encode, kmer_numbers, reverse_complement

LETTERS = st.text("ACGTN")
COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A", "N": "N"}


def test_letters_of_either_case_become_codes() -> None:
    assert encode("ACGTNacgtn").tolist() == [A, C, G, T, N] * 2
    assert encode("Uu").tolist() == [T, T]
    assert encode(b"acgt").dtype == np.uint8


def test_every_ambiguity_letter_becomes_n() -> None:
    assert set(encode("RYSWKMBDHVXryswkmbdhvx").tolist()) == {N}


@pytest.mark.parametrize("sequence", ["ACGE", "ACG-", "ACG ", "ACG\n", "ACGé", b"ACG\xff"])
def test_what_is_no_nucleotide_is_refused(sequence: str | bytes) -> None:
    with pytest.raises(DanqError, match="expected nucleotide letters, received"):
        encode(sequence)


def test_a_refusal_names_letter_and_position() -> None:
    with pytest.raises(DanqError, match=r"received 'J' at position 3"):
        encode("ACJTJ")


@settings(max_examples=60, deadline=None)
@given(LETTERS)
def test_decode_undoes_encode(sequence: str) -> None:
    assert decode(encode(sequence)) == sequence
    assert decode(encode(sequence.lower())) == sequence


@settings(max_examples=60, deadline=None)
@given(LETTERS)
def test_reverse_complement_equals_a_loop_over_letters(sequence: str) -> None:
    naive = "".join(COMPLEMENT[letter] for letter in reversed(sequence))
    codes = encode(sequence)
    assert decode(reverse_complement(codes)) == naive
    assert (reverse_complement(reverse_complement(codes)) == codes).all()


def test_reverse_complement_works_along_the_last_axis() -> None:
    rows = np.stack([encode("AACG"), encode("NTTT")])
    turned = reverse_complement(rows)
    assert [decode(row) for row in turned] == ["CGTT", "AAAN"]
    assert turned.flags.c_contiguous


@given(LETTERS, st.integers(1, 32))
def test_kmers_are_numbers_to_base_four(sequence: str, k: int) -> None:
    numbers, known = kmer_numbers(encode(sequence), k)
    kmers = [sequence[first : first + k] for first in range(len(sequence) - k + 1)]
    assert known.tolist() == ["N" not in kmer for kmer in kmers]
    for number, kmer in zip(numbers.tolist(), kmers, strict=True):
        assert "N" in kmer or number == int(kmer.translate(str.maketrans("ACGT", "0123")), 4)


def test_kmers_of_rows_are_numbered_row_by_row() -> None:
    numbers, known = kmer_numbers(np.stack([encode("ACGT"), encode("NTTA")]), 3)
    assert numbers.tolist() == [[6, 27], [numbers[1, 0], 60]]
    assert known.tolist() == [[True, True], [False, True]]
    assert [part.shape for part in kmer_numbers(np.zeros((2, 2), np.uint8), 3)] == [(2, 0), (2, 0)]
