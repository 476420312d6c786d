"""Texts as words, and words as characters: pure NumPy, with a vocabulary from training texts only.

A text is brought into Unicode's composed form (NFC) and cut into words by a regular expression; each word
is then looked up in the vocabulary. Rows are padded on the right, up to a fixed number of words.
"""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from danq.data.encoders import Encoder, Inputs
from danq.errors import DanqError
from danq.limits import within_seconds
from danq.options import Closed

log = logging.getLogger("danq")

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of padding, of a word or character outside the vocabulary, and of the first one in it."""

_SECONDS_OF_A_TEXT = 0.01
PATTERN = r"(?i)n['’]t\b|['’](?:s|re|ve|ll|d|m)\b|\w+?(?=n['’]t\b)|\w+|[^\w\s]"
"""English words, their clitics apart (don't: do n't; it's: it 's), and each other sign by itself."""


class WordEncoder(Encoder, Protocol):
    """An encoder that makes ``words`` and, where wanted, ``characters``; both padded with 0 on the right."""

    @property
    def padded(self) -> bool:
        """Whether a row may hold padding."""

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Words whose numbers are 2, 3, ...; 0 is padding, 1 any other word."""

    @property
    def character_numbers(self) -> int:
        """Numbers that a character may have, padding and unknown included."""


class WordOptions(Closed):
    """How a text becomes words."""

    max_words: int = Field(64, ge=1, description="words of a text that are read; the rest is left out")
    lower_case: bool = Field(True, description="look words up in lower case; characters stay as written")
    pattern: str = Field(
        PATTERN, description="regular expression (Python's) of one word; what it does not match is skipped"
    )
    min_count: int = Field(
        1, ge=1, description="times a word, or a character, must occur in the training texts to be known"
    )
    max_vocabulary: int = Field(
        20_000, ge=1, description="words in the vocabulary at most, the most frequent"
    )

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        _check_pattern(pattern)
        return pattern


def _check_pattern(pattern: str) -> None:
    """Refuse, by a ValueError, what is no regular expression of a word."""
    probe = "A word, 1-2 \u00e9\u6f22!"
    try:
        with within_seconds("pattern"):
            groups = re.compile(pattern).groups
            empty = re.fullmatch(pattern, "") or (not groups and "" in re.findall(pattern, probe))
    except (re.error, OverflowError, RecursionError, DanqError) as error:
        raise ValueError(f"expected a regular expression ({error})") from None
    if groups or empty:
        raise ValueError("expected a regular expression that does not match nothing and captures no group")


@dataclass(frozen=True)
class Words:
    """Numbers the words of texts, and their characters; options as in `WordOptions`.

    Parameters
    ----------
    max_characters : int
        Characters of a word; 0: words only.
    vocabulary, alphabet : tuple of str, str
        Known words and characters, the most frequent first, equally frequent ones in the order of letters.
    """

    max_words: int
    max_characters: int = 0
    lower_case: bool = True
    pattern: str = PATTERN
    min_count: int = 1
    max_vocabulary: int = 20_000
    vocabulary: tuple[str, ...] = ()
    alphabet: str = ""
    name = "words"
    padded = True

    def __post_init__(self) -> None:
        # JSON knows no tuples
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        # out of a bundle it may be anything
        _check_pattern(self.pattern)

    @property
    def inputs(self) -> Inputs:
        """``words`` int32 (max_words,) and ``characters`` int32 (max_words, max_characters)."""
        words: Inputs = {"words": ((self.max_words,), "int32")}
        if not self.max_characters:
            return words
        return words | {"characters": ((self.max_words, self.max_characters), "int32")}

    @property
    def character_numbers(self) -> int:
        """Known characters, padding and unknown."""
        return FIRST + len(self.alphabet)

    def cut(self, text: str) -> list[str]:
        """Words of a text, as written."""
        return re.findall(self.pattern, unicodedata.normalize("NFC", text))

    def _cut(self, texts: Sequence[str]) -> list[list[str]]:
        with within_seconds(f"pattern {self.pattern!r}", len(texts) * _SECONDS_OF_A_TEXT):
            return [self.cut(text) for text in texts]

    def fit(self, raw: Iterable[Sequence[str]]) -> "Words":
        """Learn vocabulary and alphabet from the first `max_words` words of training texts, in blocks."""
        words: Counter[str] = Counter()
        characters: Counter[str] = Counter()
        texts = cut_off = wordless = 0
        for block in raw:
            _check_texts(block)
            for of_text in self._cut(block):
                texts, cut_off = texts + 1, cut_off + (len(of_text) > self.max_words)
                wordless += not of_text
                # only what a row holds is counted
                of_row = of_text[: self.max_words]
                words.update(map(self._key, of_row))
                characters.update("".join(of_row))
        known = self._known(words)
        if not known:
            raise DanqError(
                f"expected training texts with words that occur {self.min_count} times or more; "
                f"received {texts:,} texts with {len(words):,} different words"
            )
        vocabulary = known[: self.max_vocabulary]
        covered = sum(words[word] for word in vocabulary) / words.total()
        log.info(
            f"vocabulary: {len(vocabulary):,} of {len(words):,} words ({covered:.1%} of the text); "
            f"{cut_off:,} of {texts:,} texts are longer than {self.max_words} words"
        )
        if wordless:
            log.warning(
                f"{wordless} of {texts} training texts hold no word; each is read as one unknown word"
            )
        alphabet = "".join(self._known(characters)) if self.max_characters else ""
        return replace(self, vocabulary=tuple(vocabulary), alphabet=alphabet)

    def _known(self, counts: Counter[str]) -> list[str]:
        often = [(-count, word) for word, count in counts.items() if count >= self.min_count]
        return [word for _, word in sorted(often)]

    def encode(self, texts: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Give the numbers of words and characters; a text without any word is one unknown word.

        Returns
        -------
        dict with ``words`` int32 (n, max_words) and, where wanted, ``characters`` int32 (n, max_words,
        max_characters)
        """
        _check_texts(texts)
        rows = [words[: self.max_words] for words in self._cut(texts)]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        flat = [word for row in rows for word in row]
        places = _places(lengths)
        words = np.zeros((len(rows), self.max_words), np.int32)
        words[places] = [self._numbers.get(self._key(word), UNKNOWN) for word in flat]
        # a recurrent layer needs at least one position that is not padding
        words[lengths == 0, 0] = UNKNOWN
        if not self.max_characters:
            return {"words": words}
        characters = np.zeros((*words.shape, self.max_characters), np.int32)
        characters[places] = self._characters(flat)
        characters[lengths == 0, 0, 0] = UNKNOWN
        return {"words": words, "characters": characters}

    def _characters(self, words: Sequence[str]) -> NDArray[np.int32]:
        """Numbers of the characters of each word, int32 (len(words), max_characters)."""
        kept = [word[: self.max_characters] for word in words]
        points, numbers = self._points
        text = "".join(kept).encode("utf-32-le", "surrogatepass")
        letters = np.frombuffer(text, "<u4")
        # a search in the sorted alphabet serves all letters at once; past its end, any place will not match
        index = np.searchsorted(points, letters)
        index[index == len(points)] = 0
        known = np.where(points[index] == letters, numbers[index], UNKNOWN)
        result = np.zeros((len(words), self.max_characters), np.int32)
        result[_places(np.fromiter(map(len, kept), np.int64, len(kept)))] = known
        return result

    def _key(self, word: str) -> str:
        return word.lower() if self.lower_case else word

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary, FIRST)}

    @cached_property
    def _points(self) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
        """Known code points, ascending, and their numbers; the first stands in for an empty alphabet."""
        points = np.array([ord(letter) for letter in self.alphabet] or [0x10FFFF], np.uint32)
        order = np.argsort(points)
        numbers = (order + FIRST if self.alphabet else np.array([UNKNOWN])).astype(np.int32)
        return points[order], numbers

    def state(self) -> dict[str, Any]:
        """Name and all parameters, the vocabulary among them."""
        return {"name": self.name, **asdict(self), "vocabulary": list(self.vocabulary)}


def _places(lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of each item where row i holds the next ``lengths[i]`` items from its left."""
    row = np.repeat(np.arange(len(lengths)), lengths)
    before = np.cumsum(lengths) - lengths
    return row, np.arange(len(row)) - before[row]


def _check_texts(texts: Sequence[str]) -> None:
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise DanqError(f"expected a list of texts, received {type(texts).__name__}")
