"""Words of texts: how they are cut, counted and numbered, and what padding and unknown words become."""

import json
import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from danq.data.encoders import load_encoder
from danq.data.encoders.words import WordOptions, Words
from danq.errors import DanqError


def _naive(encoder: Words, text: str) -> tuple[list[int], list[list[int]]]:
    """Numbers of a text's words and characters, one after the other."""
    words, characters = [], []
    for word in encoder.cut(text)[: encoder.max_words]:
        key = word.lower() if encoder.lower_case else word
        words.append(encoder.vocabulary.index(key) + 2 if key in encoder.vocabulary else 1)
        spelled = [encoder.alphabet.find(letter) + 2 for letter in word[: encoder.max_characters]]
        spelled = [number if number > 1 else 1 for number in spelled]
        characters.append(spelled + [0] * (encoder.max_characters - len(spelled)))
    if not words:
        words, characters = [1], [[1] + [0] * (encoder.max_characters - 1)]
    missing = encoder.max_words - len(words)
    return words + [0] * missing, characters + [[0] * encoder.max_characters] * missing


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Good, not great.", ["Good", ",", "not", "great", "."]),
        ("don't", ["do", "n't"]),
        ("do n't", ["do", "n't"]),
        ("It's what we'LL see", ["It", "'s", "what", "we", "'LL", "see"]),
        ("CAN'T", ["CA", "N'T"]),
        ("o'neil’s", ["o", "'", "neil", "’s"]),
        ("re-imagining 3.5\tna\u0308ive", ["re", "-", "imagining", "3", ".", "5", "n\u00e4ive"]),
        ("  \n ", []),
    ],
)
def test_how_a_text_is_cut(text, words):
    assert Words(9).cut(text) == words


def test_the_vocabulary_goes_by_frequency_and_then_by_letters():
    encoder = Words(9, 4).fit([["b a B c"], ["a d , zz"]])
    assert encoder.vocabulary == ("a", "b", ",", "c", "d", "zz")
    # b and B are two characters, though one word
    assert encoder.alphabet == "az,Bbcd"
    again = Words(9, 4).fit([["a d , zz", "b a B c"]])
    assert again == encoder


def test_the_vocabulary_s_limits():
    texts = [["one two two three three three Three"]]
    assert Words(9, max_vocabulary=2).fit(texts).vocabulary == ("three", "two")
    assert Words(9, min_count=2).fit(texts).vocabulary == ("three", "two")
    assert Words(9, min_count=4).fit(texts).vocabulary == ("three",)
    assert Words(9, lower_case=False, min_count=3).fit(texts).vocabulary == ("three",)
    with pytest.raises(DanqError, match=r"occur 5 times or more; received 1 texts with 3 different words"):
        Words(9, min_count=5).fit(texts)
    with pytest.raises(DanqError, match="received 0 texts"):
        Words(9).fit([])


def test_words_that_no_row_holds_are_not_counted():
    texts = ["x y the the the cat cat", "p q cat the cat"]
    words = Words(2, 9, max_vocabulary=3).fit([texts])
    assert words.vocabulary == ("p", "q", "x")
    assert words.alphabet == "pqxy"


def test_fitting_says_what_the_vocabulary_covers(caplog):
    with caplog.at_level(logging.INFO, "danq"):
        Words(3, max_vocabulary=1).fit([["a a b c", "a"]])
    assert "hold no word" not in caplog.text
    Words(3, pattern=r"\w+").fit([["a", " ... "], ["!"]])
    assert "2 of 3 training texts hold no word" in caplog.text
    assert "vocabulary: 1 of 2 words (75.0% of the text); 1 of 2 texts are longer than 3 words" in caplog.text


def test_unknown_words_padding_and_texts_that_are_cut_off():
    encoder = Words(3, 2).fit([["the cat sat"]])
    encoded = encoder.encode(["The dog", "sat sat cat the", "", "!"])
    # cat, sat, the; characters t, a, c, e, h, s
    assert encoded["words"].tolist() == [[4, 1, 0], [3, 3, 2], [1, 0, 0], [1, 0, 0]]
    spelled = [[[1, 6], [1, 1], [0, 0]], [[7, 3], [7, 3], [4, 3]], [[1, 0], [0, 0], [0, 0]]]
    assert encoded["characters"].tolist() == [*spelled, [[1, 0], [0, 0], [0, 0]]]
    assert {array.dtype.name for array in encoded.values()} == {"int32"}


@given(st.lists(st.text("abAB' .n't\u00e9\U0001f600", max_size=30), min_size=1, max_size=5), st.booleans())
def test_numbers_equal_those_of_a_naive_loop(texts, lower_case):
    encoder = Words(5, 3, lower_case, min_count=2).fit([["aa ab a b b B \u00e9 \u00e9 aA aA"]])
    encoded = encoder.encode(texts)
    for row, text in enumerate(texts):
        words, characters = _naive(encoder, text)
        assert encoded["words"][row].tolist() == words
        assert encoded["characters"][row].tolist() == characters


def test_every_row_has_a_word_and_is_padded_on_the_right():
    words = Words(6).fit([["a b c"]]).encode(["", "a", "a b c d e f g", " . "])["words"]
    real = words > 0
    assert real[:, 0].all()
    assert not (np.diff(real.astype(int), axis=1) > 0).any()


def test_a_pattern_of_one_s_own():
    assert Words(9, pattern=r"\S+").cut("it's so-so .") == ["it's", "so-so", "."]
    assert WordOptions(pattern=r"\S+").pattern == r"\S+"
    for wrong in ("(", "(a)b", r"\w*", r"\b"):
        with pytest.raises(ValidationError, match="expected a regular expression"):
            WordOptions(pattern=wrong)


def test_without_an_alphabet_every_character_is_unknown():
    encoder = Words(1, 2, vocabulary=("a",))
    assert encoder.encode(["ab"])["characters"].tolist() == [[[1, 1]]]
    assert encoder.character_numbers == 2


@pytest.mark.parametrize("characters", [0, 4])
def test_a_state_loads_as_an_equal_encoder(characters):
    encoder = Words(5, characters, min_count=2).fit([["a b a b \U0001f600 \U0001f600"]])
    loaded = load_encoder(json.loads(json.dumps(encoder.state())))
    assert loaded == encoder
    for name, array in loaded.encode(["a \U0001f600 c"]).items():
        np.testing.assert_array_equal(array, encoder.encode(["a \U0001f600 c"])[name])
        shape, dtype = encoder.inputs[name]
        assert (array.shape, array.dtype) == ((1, *shape), dtype)


@pytest.mark.parametrize("rows", ["one text", [b"bytes"], np.zeros((2, 3), np.uint8)])
def test_something_else_than_texts_is_refused(rows):
    with pytest.raises(DanqError, match="expected a list of texts"):
        Words(3).encode(rows)
