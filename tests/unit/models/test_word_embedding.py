"""Pre-trained word vectors: both text formats, and what is wrong in a file by its line."""

import gzip

import numpy as np
import pytest

from danq.errors import DanqError
from danq.models.word_embedding import WordVectors, read_vectors, starting_vectors

GLOVE = "the 0.5 -1 2e-1\n, 1 2 3\n. . . 4 5 6\n7 8 9 10\nthe 9 9 9\n"


def _file(folder, text, name="vectors.txt"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
@pytest.mark.parametrize(
    "text", [GLOVE, "5 3\n" + GLOVE, GLOVE.replace(" ", "\t"), GLOVE.replace("\n", " \r\n")]
)
def test_both_formats(tmp_path, name, text):
    vectors = read_vectors(_file(tmp_path, text, name), ["7", "cat", "the", ". . ."])
    assert vectors.found.tolist() == [True, False, True, True]
    expected = [[8, 9, 10], [0, 0, 0], [0.5, -1, 0.2], [4, 5, 6]]
    np.testing.assert_array_equal(vectors.matrix, np.array(expected, np.float32))
    assert vectors.words_in_file == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a 1 2\nb 1 2 3\n", r":2: expected a word and 2 numbers as in the first line, received 4 fields"),
        ("a 1 2\nb 1\n", r":2: expected a word and 2 numbers as in the first line, received 2 fields"),
        ("2 3\na 1 2\n", r":2: expected a word and 3 numbers .* received 3 fields"),
        ("a 1 2\nthe x 2\n", r":2: expected 2 finite numbers after the word, received 'x'"),
        ("the 1 nan\n", r":1: expected 2 finite numbers after the word, received 'nan'"),
        ("the 1 1e99\n", r":1: expected 2 finite numbers after the word, received 'a number too large'"),
        ("word\n", r":1: expected a word and its numbers .* received 1 fields"),
        ("", "expected word vectors, found none"),
        ("5 3\n", "expected word vectors, found none"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(DanqError, match=message):
        read_vectors(_file(tmp_path, text), ["the"])


def test_words_without_a_vector_start_at_random_from_a_seed(tmp_path):
    vectors = read_vectors(_file(tmp_path, GLOVE), ["the", "cat", "dog"])
    start = starting_vectors(vectors, 3, before=2)
    assert start.shape == (5, 3)
    assert start.dtype == np.float32
    np.testing.assert_array_equal(start[2], vectors.matrix[0])
    others = start[[0, 1, 3, 4]]
    assert 0 < np.abs(others).max() <= np.sqrt(3 * vectors.matrix[0].var())
    assert len(np.unique(others)) == 12
    np.testing.assert_array_equal(start, starting_vectors(vectors, 3, before=2))
    assert not np.array_equal(start, starting_vectors(vectors, 4, before=2))


def test_random_vectors_have_the_variance_of_those_found():
    matrix = np.random.default_rng(0).normal(0, 0.7, (4000, 25)).astype(np.float32)
    found = np.arange(4000) % 2 == 0
    start = starting_vectors(WordVectors(matrix * found[:, None], found, 2000), 1)
    assert start[~found].std() == pytest.approx(0.7, rel=0.01)
    nothing = WordVectors(np.zeros((5, 4), np.float32), np.zeros(5, bool), 9)
    assert 0 < np.abs(starting_vectors(nothing, 1)).max() <= 0.05
