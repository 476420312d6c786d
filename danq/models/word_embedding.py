"""Embedding of words: of a text, or k-mers of DNA, as vectors; these may be pre-trained (word2vec, GloVe)."""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from danq.data.encoders.kmers import KmerOptions, KmerWords
from danq.data.encoders.words import FIRST, PADDING, WordEncoder, WordOptions, Words
from danq.errors import DanqError
from danq.files import read_lines
from danq.models.options import Positions, SubBinOptions, SubBins, share_out

if TYPE_CHECKING:
    import keras

log = logging.getLogger("danq")

_HEADER = re.compile(r"\d+ \d+")


class WordModelOptions(SubBinOptions, KmerOptions, WordOptions):
    """Words and their vectors."""

    embedding: int = Field(
        300, ge=1, description="length of a word's vector; that of `vectors` where they are given"
    )
    vectors: Path | None = Field(
        None,
        description="pre-trained vectors to start from: text of word2vec or GloVe, plain or gzip; words that "
        "the file lacks start at random",
    )
    train_vectors: bool = Field(True, description="false: word vectors stay as they start")
    vector_seed: int = Field(1337, ge=0, description="seed of the vectors of words that the file lacks")


def word_encoder(options: WordModelOptions, kind: str, max_characters: int = 0) -> WordEncoder:
    """Unfitted encoder of words, or of k-mers of DNA; without characters where `max_characters` is 0."""
    if kind == "dna":
        return KmerWords(options.k, options.stride, characters=max_characters > 0)
    return Words(
        options.max_words,
        max_characters,
        options.lower_case,
        options.pattern,
        options.min_count,
        options.max_vocabulary,
    )


def word_vectors(
    options: WordModelOptions, encoder: WordEncoder
) -> tuple["keras.KerasTensor", "keras.KerasTensor", Any]:
    """Input of word numbers, the words' vectors, and which words are no padding.

    Returns
    -------
    tuple
        ``words`` int32 (batch, words); vectors float (batch, words, width); a mask bool (batch, words) that
        is padded on the right with at least one word in each row, or None where there is no padding.

    Raises
    ------
    DanqError
        If the file of vectors cannot be read.
    """
    import keras

    words = keras.Input(encoder.inputs["words"][0], dtype="int32", name="words")
    numbers = FIRST + len(encoder.vocabulary)
    start = None
    if options.vectors is not None:
        start = _read_once(options.vectors, _stamp(options.vectors), encoder.vocabulary, options.vector_seed)
    width = options.embedding if start is None else start.shape[1]
    embedding = keras.layers.Embedding(numbers, width, trainable=options.train_vectors, name="word_embedding")
    vectors = embedding(words)
    if start is not None:
        embedding.set_weights([start])
    return words, vectors, keras.ops.not_equal(words, PADDING) if encoder.padded else None


def word_sub_bins(options: WordModelOptions, encoder: WordEncoder) -> SubBins | None:
    """Share the words out among the sub-bins of a window; of a text, each word is one.

    None where the whole input is classified.

    Raises
    ------
    DanqError
        If they cannot be, or a size in bp is asked for in texts.
    """
    if options.output == "sequence":
        return None
    count = encoder.inputs["words"][0][0]
    if isinstance(encoder, KmerWords):
        return share_out(options, encoder.window, Positions(count, encoder.stride, encoder.k, "stride"))
    if options.steps is not None:
        raise DanqError(f"steps: expected none for texts, which have no bp; received {options.steps}")
    return SubBins(0, 1, count)


def _stamp(path: Path) -> tuple[int, int]:
    """Tell a changed file from the one that was read."""
    try:
        status = path.stat()
    except OSError:
        raise DanqError(f"{path}: no such file; expected word vectors") from None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)  # a training builds its model twice
def _read_once(
    path: Path, stamp: tuple[int, int], vocabulary: tuple[str, ...], seed: int
) -> NDArray[np.float32]:
    """Start of the embedding, float32 (words + 2, width): padding 0, unknown words at random."""
    vectors = read_vectors(path, vocabulary)
    known = int(vectors.found.sum())
    log.info(
        f"{path}: {vectors.words_in_file:,} vectors of width {vectors.matrix.shape[1]}; {known:,} of "
        f"{len(vocabulary):,} words of the vocabulary have one ({known / len(vocabulary):.1%})"
    )
    if not known:
        log.warning("%s: no word of the vocabulary has a vector; are the words written alike?", path)
    start = starting_vectors(vectors, seed, before=FIRST)
    start[PADDING] = 0
    return start


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of n words: `matrix`, shape (n, width), is 0 where the file does not have the word."""

    matrix: NDArray[np.float32]
    found: NDArray[np.bool_]
    words_in_file: int


def read_vectors(path: Path, words: Sequence[str]) -> WordVectors:
    """Read the vectors of the given words; of other words only the number of fields is looked at.

    A line is a word and its numbers, with blanks between. A first line of two whole numbers is word2vec's
    header (words and width). A word may hold blanks, as some of GloVe do. Of a word that comes twice in the
    file, the first vector counts. Upper and lower case differ. The text is UTF-8, plain or gzip.

    Raises
    ------
    DanqError
        With path and line, if the vectors are not all of one width, or one that is wanted holds something
        else than finite numbers; or if the file holds none.
    """
    places = {word: place for place, word in enumerate(words)}
    has_vector = np.zeros(len(words), bool)
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
        if place is not None and not has_vector[place]:
            matrix[place] = _numbers(f"{path}:{number}", fields[-width:])
            has_vector[place] = True
    if matrix is None:
        raise DanqError(f"{path}: expected word vectors, found none")
    return WordVectors(matrix, has_vector, seen)


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
    10.3115/v1/D14-1181), and depend on a word's place among all words, found or not. So many rows at random
    are put `before` those of the words: float32 (before + n, width).
    """
    known = vectors.matrix[vectors.found]
    bound = math.sqrt(3 * float(known.var())) if len(known) else 0.05
    words, width = vectors.matrix.shape
    start = np.random.default_rng(seed).uniform(-bound, bound, (before + words, width)).astype(np.float32)
    start[before:][vectors.found] = known
    return start
