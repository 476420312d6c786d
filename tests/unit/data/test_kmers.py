"""k-mers as words and as the chaos-game image, beside slow oracles."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.encoders import load_encoder
from danq.data.encoders.kmers import Fcgr, KmerWords
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement

CORNERS = {"A": (1, 0), "C": (0, 0), "G": (0, 1), "T": (1, 1)}


def _image(sequence: str, order: int, strands: str = "forward") -> np.ndarray:
    return Fcgr(order, strands, len(sequence)).encode(encode(sequence)[None])["image"][0, ..., 0]


def _played(word: str) -> tuple[int, int]:
    """Cell of a word by the game: start in the middle, go half of the way to each base's corner."""
    row = column = 0.5
    for base in word:
        row, column = (row + CORNERS[base][0]) / 2, (column + CORNERS[base][1]) / 2
    return int(row * 2 ** len(word)), int(column * 2 ** len(word))


@pytest.mark.parametrize("base", "ACGT")
def test_the_quadrant_is_the_last_nucleotide(base):
    image = _image(f"CAT{base}", 4)
    assert image.shape == (16, 16)
    row, column = (int(place[0]) for place in np.nonzero(image))
    assert (row // 8, column // 8) == CORNERS[base]
    assert image[row, column] == np.float32(np.log(2))


@given(st.text("ACGTN", min_size=5, max_size=40), st.integers(1, 4))
def test_cells_are_those_of_the_chaos_game(sequence, order):
    counts = np.zeros((2**order, 2**order))
    for start in range(len(sequence) - order + 1):
        if "N" not in (word := sequence[start : start + order]):
            counts[_played(word)] += 1
    np.testing.assert_allclose(_image(sequence, order), np.log1p(counts), rtol=1e-6)


@given(st.text("ACGTN", min_size=5, max_size=40), st.integers(1, 4))
def test_strands(sequence, order):
    codes = encode(sequence)[None]
    one, both = (Fcgr(order, strands, len(sequence)) for strands in ("forward", "both"))
    forward, backward = (one.encode(strand)["image"] for strand in (codes, reverse_complement(codes)))
    np.testing.assert_array_equal(np.sort(forward.ravel()), np.sort(backward.ravel()))
    np.testing.assert_array_equal(
        both.encode(codes)["image"], both.encode(reverse_complement(codes))["image"]
    )
    np.testing.assert_allclose(
        np.expm1(both.encode(codes)["image"]), np.expm1(forward) + np.expm1(backward), atol=1e-5
    )


def test_blocks_do_not_change_the_images(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 5, (7, 30)).astype(np.uint8)
    whole = Fcgr(3, "both", 30).encode(codes)["image"]
    monkeypatch.setattr("danq.data.encoders.kmers._COUNTED_AT_ONCE", 128)
    np.testing.assert_array_equal(Fcgr(3, "both", 30).encode(codes)["image"], whole)


def test_a_state_loads_as_an_equal_encoder():
    encoder = Fcgr(3, "both").fit([np.zeros((2, 20), np.uint8)])
    assert encoder == load_encoder(json.loads(json.dumps(encoder.state()))) == Fcgr(3, "both", 20)
    assert encoder.inputs == {"image": ((8, 8, 1), "float32")}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((0,), "order: expected 1 to 8, received 0"),
        ((3, "reverse"), "strands: expected forward or both, received 'reverse'"),
        ((5, "forward", 4), "window: expected at least order = 5 bp, received 4"),
    ],
)
def test_sizes_that_cannot_be_are_refused(values, message):
    with pytest.raises(DanqError, match=message):
        Fcgr(*values)
    with pytest.raises(DanqError, match="expected windows of 9 bp"):
        Fcgr(3, window=9).encode(np.zeros((2, 10), np.uint8))


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


def test_a_state_of_words_loads_as_an_equal_encoder():
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
def test_sizes_of_words_that_cannot_be_are_refused(values, message):
    with pytest.raises(DanqError, match=message):
        KmerWords(*values)
    with pytest.raises(DanqError, match="expected windows of 9 bp"):
        KmerWords(3, window=9).encode(np.zeros((2, 10), np.uint8))
