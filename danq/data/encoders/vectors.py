"""Pre-trained word vectors from the text files of word2vec and GloVe."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import read_lines

_HEADER = re.compile(r"\d+ \d+")


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of some words.

    Attributes
    ----------
    matrix : float32, shape (n, width)
        One row a word, 0 where the file lacks the word.
    found : bool, shape (n,)
        Whether the file has the word.
    words_in_file : int
        Vectors in the whole file.
    """

    matrix: NDArray[np.float32]
    found: NDArray[np.bool_]
    words_in_file: int


def read_vectors(path: Path, words: Sequence[str]) -> WordVectors:
    """Read the vectors of the given words; of other words only the number of fields is looked at.

    A line is a word and its numbers, with blanks between. A first line of two whole numbers is word2vec's
    header (words and width). A word may hold blanks, as some of GloVe do. Of a word that
    comes twice, the first vector counts. Upper and lower case differ.

    Parameters
    ----------
    path : Path
        Text in UTF-8, plain or gzip.
    words : sequence of n str
        Wanted words, each once.

    Returns
    -------
    WordVectors

    Raises
    ------
    DanqError
        With path and line, if the vectors are not all of one width, or one that is wanted holds something
        else than finite numbers; or if the file holds none.
    """
    places = {word: place for place, word in enumerate(words)}
    found = np.zeros(len(words), bool)
    matrix: NDArray[np.float32] | None = None
    width = seen = 0
    for number, line in read_lines(path):
        line = line.replace("\t", " ").strip(" ")
        if number == 1 and _HEADER.fullmatch(line):
            width = int(line.split(" ")[1])
            continue
        fields = [field for field in line.split(" ") if field]
        if not fields:
            continue
        width = width or len(fields) - 1
        if matrix is None:
            matrix = np.zeros((len(words), width), np.float32)
        word = _word(f"{path}:{number}", fields, width)
        seen += 1
        place = places.get(word)
        if place is not None and not found[place]:
            matrix[place] = _numbers(f"{path}:{number}", fields[-width:])
            found[place] = True
    if matrix is None:
        raise DanqError(f"{path}: expected word vectors, found none")
    return WordVectors(matrix, found, seen)


def _word(place: str, fields: list[str], width: int) -> str:
    """Word of a line: what stands before its vector."""
    own = fields[:-width] if width else fields
    if not own or not width or (len(own) > 1 and _is_number(own[-1])):
        raise DanqError(
            f"{place}: expected a word and {width or 'its'} numbers as in the first line, "
            f"received {len(fields)} fields"
        )
    return " ".join(own)


def _numbers(place: str, fields: list[str]) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            values = np.array(fields, np.float32)
    except ValueError:
        values = np.array([np.nan], np.float32)
    if not np.isfinite(values).all():
        wrong = next((field for field in fields if not _is_number(field)), "a number too large")
        raise DanqError(f"{place}: expected {len(fields)} finite numbers after the word, received {wrong!r}")
    return values


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False


def starting_vectors(vectors: WordVectors, seed: int, before: int = 0) -> NDArray[np.float32]:
    """Vectors of all words, drawn at random where the file lacks the word.

    They are uniform about 0 with the variance of the vectors that were found (Kim 2014, doi
    10.3115/v1/D14-1181).

    Parameters
    ----------
    vectors : WordVectors
        As read.
    seed : int
        Seed of the draw; a word's vector depends on its place among all words, found or not.
    before : int
        Rows at random that are put before those of the words.

    Returns
    -------
    float32, shape (before + n, width)
    """
    known = vectors.matrix[vectors.found]
    bound = math.sqrt(3 * float(known.var())) if len(known) else 0.05
    words, width = vectors.matrix.shape
    start = np.random.default_rng(seed).uniform(-bound, bound, (before + words, width)).astype(np.float32)
    start[before:][vectors.found] = known
    return start
