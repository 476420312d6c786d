"""Labels and splits of examples: how the texts of label columns become targets, and rows get a split."""

import logging
import math
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from danq.data.manifest import SPLITS, Task
from danq.data.options import SplitOptions
from danq.data.splits import deal_rows, split_of_fold
from danq.errors import DanqError, first_few
from danq.metrics import UNKNOWN

log = logging.getLogger("danq")

UNPLACED = 255
"""Split of a row that is to be drawn."""
SPLIT_WORDS = {"train": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2}
"""Words of a column ``split``, or folders, by index into `SPLITS`."""
_BITS = {"0": 0, "1": 1}
_UNKNOWN = ""
_NO_LABEL = {"", "-1", "nan", "na", "n/a", "<na>", "null"}
"""What stands, in any case, for a label that is not known."""
NO_BIT = _NO_LABEL | {"none"}  # where a label is 0 or 1, and none is no class
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]*(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_NO_NUMBERS = {"inf", "-inf", "infinity", "-infinity"}
_LONGEST_NAME = 200
_FEW_CLASSES = 20


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows of all files but for what the model reads.

    `labels` hold one text a label column, `split` an index into `SPLITS` or `UNPLACED`, and `where` the place
    of the row in its file, for messages.
    """

    names: list[str]
    labels: list[tuple[str, ...]]
    split: NDArray[np.uint8]
    where: list[str]


class Labelled(NamedTuple):
    """Labels of rows.

    Attributes
    ----------
    values : int8, shape (n, k)
        0, 1 and, unknown, -1 under the names of the k targets.
    classes : pair of str, or None
        Of one target made of two classes the negative and the positive one.
    """

    values: NDArray[np.int8]
    targets: list[str]
    task: Task
    classes: tuple[str, str] | None = None


def split_word(word: str, where: str) -> int:
    """Index of the split that one of `SPLIT_WORDS` stands for, in any case; `UNPLACED` for an empty one."""
    if word and word.lower() not in SPLIT_WORDS:
        raise DanqError(f"{where}: split: expected one of {', '.join(SPLIT_WORDS)}; received {word!r}")
    return SPLIT_WORDS.get(word.lower(), UNPLACED)


def label_examples(examples: Examples, columns: list[str], positive: str | int | None = None) -> Labelled:
    """Turn the texts of label columns into targets.

    A label ``1.0`` is ``1``; -1, nothing and words such as ``NA`` stand for an unknown one. One column of two
    classes is one target, positive for the class `positive`, else for ``1``, else for the one that comes last
    by number or letter; of more classes a multiclass task; several columns are one 0/1 target each. There is
    at least one row.

    Raises
    ------
    DanqError
        If a label is neither a number nor a name, there is one class only, -1 stands beside other negative
        numbers, nearly every row has a label of its own, or `positive` is none of two classes.
    """
    if len(examples.labels[0]) > 1:
        return Labelled(_bits(examples, columns), columns, "multilabel")
    wholes = (_whole(labels[0]) for labels in examples.labels)
    texts = [_UNKNOWN if whole.lower() in _NO_LABEL else whole for whole in wholes]
    classes = _ordered(set(texts) - {_UNKNOWN})
    _check_classes(examples, texts, classes)
    if len(classes) == 2 or positive is not None:
        pair = _negative_and_positive(classes, positive, examples.where[0])
        known = {_UNKNOWN: UNKNOWN, pair[1]: 1}
        values = np.array([[known.get(text, 0)] for text in texts], np.int8)
        return Labelled(values, [columns[0] if pair[1] == "1" else pair[1]], "multilabel", pair)
    index = {text: number for number, text in enumerate(classes)}
    # the row behind those of the classes is that of none known
    each = np.vstack([np.eye(len(classes), dtype=np.int8), np.full(len(classes), UNKNOWN, np.int8)])
    values = each[[index.get(text, len(classes)) for text in texts]]
    return Labelled(values, classes, "multiclass")


def _negative_and_positive(classes: list[str], positive: str | int | None, where: str) -> tuple[str, str]:
    """Tell two classes apart, and say which is which."""
    chosen = None if positive is None else _whole(str(positive))
    if chosen is not None and (len(classes) != 2 or chosen not in classes):
        raise DanqError(
            f"{where}: expected two classes, one of them {chosen!r} as in `positive`; "
            f"received {first_few(map(repr, classes))}"
        )
    positive_class = chosen or ("1" if "1" in classes else classes[1])
    negative_class = next(name for name in classes if name != positive_class)
    if chosen is None and positive_class != "1":
        # in quotes where YAML would take the name of the class for something else, like no or 2
        hint = yaml.safe_dump({"positive": negative_class}, width=math.inf, allow_unicode=True).strip()
        log.warning(
            "positive are rows of class %r, negative those of %r, by their order; `%s` turns it round",
            *(positive_class, negative_class, hint),
        )
    else:
        log.info("positive are rows of class %r, negative those of %r", positive_class, negative_class)
    return negative_class, positive_class


def texts_of_labels(array: Any, columns: list[str], where: str) -> list[tuple[str, ...]]:
    """Give the texts of labels (n,) or (n, 1), whole numbers or names, or (n, k), one column a target.

    Raises
    ------
    DanqError
        If it is no such array of as many columns.
    """
    if not isinstance(array, np.ndarray):
        raise DanqError(f"{where}: expected an array, received something else")
    if array.ndim not in (1, 2):
        raise DanqError(f"{where}: expected labels of shape (n,) or (n, k), received {array.shape}")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    if array.dtype.kind == "f":
        # NaN is a label that is not known
        array = np.where(np.isnan(array), UNKNOWN, array)
        if np.isfinite(array).all() and not np.any(array % 1):
            array = array.astype(np.int64)
    if array.dtype.kind not in "iuU":
        raise DanqError(f"{where}: expected whole numbers or names as labels, received {array.dtype}")
    table = array[:, None] if array.ndim == 1 else array
    if table.shape[1] != len(columns):
        raise DanqError(
            f"{where}: expected {len(columns)} columns of labels as in label_columns, "
            f"received {table.shape[1]}; of one-hot labels take the argmax"
        )
    return [tuple(map(str, row)) for row in table.tolist()]


def _whole(label: str) -> str:
    """1.0 or 1.00e+00 as 1: a column of whole numbers that has gone through a floating-point type."""
    whole = _DECIMAL.fullmatch(label) and float(label).is_integer()
    return str(int(float(label))) if whole else label


def _check_classes(examples: Examples, texts: list[str], classes: list[str]) -> None:
    for name in classes:
        if not name.isprintable() or len(name) > _LONGEST_NAME or name.lower() in _NO_NUMBERS:
            raise DanqError(
                f"{examples.where[texts.index(name)]}: expected a number or a name as label, "
                f"received {name[:40]!r}"
            )
        if (
            name.removeprefix("-").isdecimal()
            and int(name) < 0
            and any(_whole(row[0]) == "-1" for row in examples.labels)
        ):
            raise DanqError(
                f"{examples.where[texts.index(name)]}: expected no other negative label where -1 stands for "
                f"an unknown one, received {name!r}; name the classes"
            )
    words = [name for name in classes if not name.lstrip("-")[:1].isdigit()]
    if words and {*classes} - {*words} == {"0", "1"}:
        raise DanqError(
            f"{examples.where[texts.index(words[0])]}: expected no name as a label beside 0 and 1, received "
            f"{words[0]!r}; -1, nothing and NA stand for an unknown label"
        )
    if len(classes) < 2:
        received = f"{classes[0]!r} alone" if classes else "none"
        hint = "" if _UNKNOWN not in texts else " (-1, nothing and NA are unknown labels)"
        raise DanqError(f"{examples.where[0]}: expected at least two classes, received {received}{hint}")
    if len(classes) > _FEW_CLASSES and 2 * len(classes) > len(texts):
        raise DanqError(
            f"{examples.where[0]}: expected classes as labels, "
            f"received {len(classes)} different ones in {len(texts)} rows"
        )


def _bits(examples: Examples, columns: list[str]) -> NDArray[np.int8]:
    values = np.full((len(examples.labels), len(columns)), UNKNOWN, np.int8)
    for row, labels in enumerate(examples.labels):
        for index, label in enumerate(labels):
            if (whole := _whole(label)) in _BITS:
                values[row, index] = _BITS[whole]
            elif whole.lower() not in NO_BIT:
                raise DanqError(
                    f"{examples.where[row]}: {columns[index]}: expected 0 or 1, or -1 or nothing where it is "
                    f"not known, received {label!r}"
                )
    return values


def _ordered(classes: set[str]) -> list[str]:
    """Classes by number if all are numbers, else by letter."""
    try:
        return sorted(classes, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(classes)


def place_examples(
    examples: Examples, labels: NDArray[np.int8], split: SplitOptions | None, source: str
) -> NDArray[np.uint8]:
    """Give every row its split: by file or the column ``split``; parts without rows are drawn from train.

    With folds, all rows are dealt to them instead. Either is stratified by labels, int8 (n, k); messages
    call the options' place `source`. Results are indices into `SPLITS`, uint8 (n,).

    Raises
    ------
    DanqError
        If some rows are placed and others are not, a part has neither rows nor a fraction, or both, or rows
        that are to be dealt to folds are placed.
    """
    unplaced = np.flatnonzero(examples.split == UNPLACED)
    if 0 < len(unplaced) < len(examples.split):
        raise DanqError(f"{examples.where[unplaced[0]]}: split: expected a split, received an empty one")
    if split is not None and split.folds:
        if not len(unplaced):
            raise DanqError(
                f"{source}.split.folds: expected rows without a split, received rows that have one"
            )
        return split_of_fold(deal_rows(strata(labels), split.folds, split.seed), split)
    placed = np.where(examples.split == UNPLACED, np.uint8(0), examples.split)
    fractions = [
        _fraction([] if split is None else getattr(split, part), part, int((placed == index).sum()), source)
        for index, part in enumerate(SPLITS[1:], 1)
    ]
    if sum(fractions) >= 1:
        raise DanqError(f"{source}.split: expected fractions that sum to less than 1, received {fractions}")
    if split is not None and any(fractions):
        train = np.flatnonzero(placed == 0)
        placed[train] = draw(strata(labels[train]), fractions, split.seed)
    return placed


def _fraction(value: list[str] | float, part: str, rows: int, source: str) -> float:
    """Fraction of the training rows to draw for a part; 0 where rows are given for it."""
    if isinstance(value, float):
        if rows:
            raise DanqError(
                f"{source}.split.{part}: expected either a fraction or given rows, received both "
                f"({rows} rows come by file or by the column `split`)"
            )
        return value
    if value:
        raise DanqError(f"{source}.split.{part}: expected a fraction for examples, received {value}")
    if not rows:
        raise DanqError(
            f"{source}: expected {part} rows: a file for it in `examples`, a column `split`, or a fraction "
            f"in split.{part}; received none"
        )
    return 0.0


def strata(labels: NDArray[np.int8]) -> NDArray[np.int64]:
    """Stratum of each row: its rarest positive label, else -1, or -2 where none is known; int64 (n,)."""
    positive = labels > 0
    rank = np.argsort(positive.sum(axis=0, dtype=np.int64), kind="stable")
    others = np.where((labels >= 0).any(axis=1), -1, -2)
    return np.where(positive.any(axis=1), rank[positive[:, rank].argmax(axis=1)], others)


def draw(strata: NDArray[np.int64], fractions: list[float], seed: int) -> NDArray[np.uint8]:
    """Split each stratum, int64 (n,), by the fractions of valid and test, whose sum is below 1, at random.

    Results are indices into `SPLITS`, uint8 (n,).
    """
    valid, test = fractions
    generator = np.random.default_rng(seed)
    split = np.zeros(len(strata), np.uint8)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        # one random offset a stratum: strata of few rows are no less likely to give some away
        position = (generator.permutation(len(members)) + generator.random()) / len(members)
        split[members[position < valid + test]] = 2
        split[members[position < valid]] = 1
    return split
