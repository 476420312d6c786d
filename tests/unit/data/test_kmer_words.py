"""k-mers as words: numbers against a slow oracle, and what the other strand becomes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.encoders import load_encoder
from danq.data.encoders.kmers import KmerWords
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement


def _complement(word: str) -> str:
    return word[::-1].translate(str.maketrans("ACGT", "TGCA"))


def test_words_and_characters_of_a_small_window():
    encoder = KmerWords(2, 2, characters=True).fit([encode("ACGTNA")[None]])
    encoded = encoder.encode(encode("ACGTNA")[None])
    # AC is 0 * 4 + 1, GT is 2 * 4 + 3, both + 2; what holds an N is 1
    assert encoded["words"].tolist() == [[3, 13, 1]]
    assert encoded["characters"].tolist() == [[[2, 3], [4, 5], [1, 2]]]
    assert encoder.vocabulary[1] == "AC"
    assert len(encoder.vocabulary) == 16
    assert encoder.character_numbers == 6


@given(st.text("ACGTN", min_size=6, max_size=40), st.integers(1, 6), st.integers(1, 8))
def test_numbers_equal_those_of_a_naive_loop(sequence, k, stride):
    encoder = KmerWords(k, stride, True, len(sequence))
    encoded = encoder.encode(encode(sequence)[None])
    parts = [sequence[start : start + k] for start in range(0, len(sequence) - k + 1, stride)]
    numbers = [1 if "N" in part else 2 + encoder.vocabulary.index(part) for part in parts]
    assert encoded["words"].tolist() == [numbers]
    assert encoded["characters"].tolist() == [[["?NACGT".index(base) for base in part] for part in parts]]
    for name, array in encoded.items():
        shape, dtype = encoder.inputs[name]
        assert (array.shape, array.dtype) == ((1, *shape), dtype)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 6), st.randoms(use_true_random=False))
def test_the_other_strand_has_the_other_words_in_the_opposite_order(k, stride, more, random):
    sequence = "".join(random.choice("ACGT") for _ in range(k + stride * more))
    encoder = KmerWords(k, stride, window=len(sequence))
    forward = encoder.encode(encode(sequence)[None])["words"][0] - 2
    backward = encoder.encode(reverse_complement(encode(sequence))[None])["words"][0] - 2
    words = [encoder.vocabulary[number] for number in forward]
    assert [encoder.vocabulary[number] for number in backward] == [_complement(word) for word in words[::-1]]


def test_a_state_loads_as_an_equal_encoder():
    encoder = KmerWords(3, 2, True, 50)
    assert load_encoder(json.loads(json.dumps(encoder.state()))) == encoder
    assert set(KmerWords(3, 2, False, 50).inputs) == {"words"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((9, 1), "k: expected 1 to 8, received 9"),
        ((3, 0), "stride: expected at least 1 bp, received 0"),
        ((4, 1, False, 3), "window: expected at least k = 4 bp, received 3"),
    ],
)
def test_sizes_that_cannot_be_are_refused(values, message):
    with pytest.raises(DanqError, match=message):
        KmerWords(*values)
    with pytest.raises(DanqError, match="expected windows of 9 bp"):
        KmerWords(3, window=9).encode(np.zeros((2, 10), np.uint8))
