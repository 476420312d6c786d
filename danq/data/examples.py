"""The dataset of labelled sequences that bring their own bases, without a genome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import SPLITS
from danq.data.example_files import Record, read_records
from danq.data.options import DatasetOptions, SplitOptions
from danq.data.writing import (
    TargetRow,
    count_positives,
    pack_labels,
    write_examples,
    write_labels,
    write_manifest,
    write_rows,
)
from danq.errors import DanqError
from danq.files import sha256, staged
from danq.genome.alphabet import N, encode

_UNPLACED = 255
_SPLIT_WORDS = {"train": 0, "valid": 1, "validation": 1, "val": 1, "dev": 1, "test": 2}
_BITS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def build_example_dataset(options: DatasetOptions, name: str, out: Path) -> dict[str, Any]:
    """Read labelled sequences and write the dataset.

    One column (or FASTA header) of two classes is one target, positive for the class ``1`` or else the larger
    of the two; of more classes a multiclass task; several columns are one 0/1 target each. Sequences
    shorter than the window are centred and padded with N.

    Parameters
    ----------
    options : DatasetOptions
        With `examples`: one file, or one a split.
    name : str
        Name of the dataset in the configuration.
    out : Path
        Directory of the dataset: ``examples.parquet``, ``codes.npy``, ``labels.npy``, ``dataset.json``.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    DanqError
        If a file cannot be used, a sequence is longer than the window, a label cannot be read, or the rows
        cannot be split.
    """
    if options.examples is None:
        raise DanqError(f"datasets.{name}: expected `examples`")
    files = _files(options.examples)
    if any(path.suffix == ".mat" for path in files.values()):
        from danq.data.deepsea import build_deepsea_dataset

        return build_deepsea_dataset(options, name, files, out)
    examples = _read(files, options)
    labelled = _label(examples, options.label_columns)
    split = _place(examples, labelled.values, options.split, f"datasets.{name}")
    packed = pack_labels(labelled.values)
    with staged(out) as partial:
        write_examples(partial, examples.names, split)
        write_rows(partial / "codes.npy", examples.codes.shape, [examples.codes])
        write_labels(partial, len(packed), len(labelled.targets), [packed])
        return write_manifest(
            partial,
            out,
            name,
            options,
            labelled.task,
            [TargetRow(target, origin=str(next(iter(files.values())))) for target in labelled.targets],
            count_positives(packed, split, len(labelled.targets)),
            split,
            {},
            {str(path): sha256(path) for path in files.values()},
        )


def _files(given: Path | Mapping[Any, Path]) -> dict[str, Path]:
    """File of each split in the order of splits, or one file under the empty name."""
    if isinstance(given, Path):
        return {"": given}
    return {part: given[part] for part in SPLITS if part in given}


@dataclass(frozen=True)
class _Examples:
    """Rows of all files; `where` gives ``path:line`` of a row."""

    codes: NDArray[np.uint8]
    names: list[str]
    labels: list[tuple[str, ...]]
    split: NDArray[np.uint8]
    where: Callable[[int], str]


class _Labelled(NamedTuple):
    """Labels uint8 (n, k) of 0 and 1 under their target names."""

    values: NDArray[np.uint8]
    targets: list[str]
    task: str


def _read(files: dict[str, Path], options: DatasetOptions) -> _Examples:
    blocks: list[bytes] = []
    names: list[str] = []
    labels: list[tuple[str, ...]] = []
    split: list[int] = []
    origins: list[tuple[Path, int]] = []
    for part, path in files.items():
        records = read_records(path, options.sequence_column, options.label_columns)
        for number, record in enumerate(records, 1):
            where = f"{path}:{record.line}"
            blocks.append(_window(record, options.window, where))
            names.append(record.name or (f"{part}:{number}" if part else str(number)))
            labels.append(record.labels)
            split.append(_SPLIT_WORDS[part] if part else _split_word(record.split, where))
            origins.append((path, record.line))
    codes = np.frombuffer(b"".join(blocks), np.uint8).reshape(len(blocks), options.window)
    return _Examples(
        codes, names, labels, np.array(split, np.uint8), lambda row: "{}:{}".format(*origins[row])
    )


def _window(record: Record, window: int, where: str) -> bytes:
    """Codes of a record, centred in the window."""
    if not record.sequence:
        raise DanqError(f"{where}: expected a sequence, received none")
    if len(record.sequence) > window:
        raise DanqError(
            f"{where}: expected a sequence of at most the window's {window} bp, "
            f"received {len(record.sequence)} bp"
        )
    try:
        codes = encode(record.sequence)
    except DanqError as error:
        raise DanqError(f"{where}: {error}") from None
    before = window // 2 - len(codes) // 2
    after = window - len(codes) - before
    return np.pad(codes, (before, after), constant_values=N).tobytes()


def _split_word(word: str, where: str) -> int:
    if word and word.lower() not in _SPLIT_WORDS:
        raise DanqError(f"{where}: split: expected one of {', '.join(_SPLIT_WORDS)}; received {word!r}")
    return _SPLIT_WORDS.get(word.lower(), _UNPLACED)


def _label(examples: _Examples, columns: list[str]) -> _Labelled:
    for row, labels in enumerate(examples.labels):
        if not all(labels):
            raise DanqError(f"{examples.where(row)}: expected a label, received an empty one")
    if len(examples.labels[0]) > 1:
        return _Labelled(_bits(examples, columns), columns, "multilabel")
    texts = [labels[0] for labels in examples.labels]
    classes = _ordered(set(texts))
    if len(classes) < 2:
        raise DanqError(f"{examples.where(0)}: expected at least two classes, received {classes[0]!r} alone")
    if len(classes) == 2:
        positive = "1" if "1" in classes else classes[1]
        target = columns[0] if positive in _BITS else positive
        values = np.array([[text == positive] for text in texts], np.uint8)
        return _Labelled(values, [target], "multilabel")
    index = {text: number for number, text in enumerate(classes)}
    values = np.eye(len(classes), dtype=np.uint8)[[index[text] for text in texts]]
    return _Labelled(values, classes, "multiclass")


def _bits(examples: _Examples, columns: list[str]) -> NDArray[np.uint8]:
    for row, labels in enumerate(examples.labels):
        for column, label in zip(columns, labels, strict=True):
            if label not in _BITS:
                raise DanqError(f"{examples.where(row)}: {column}: expected 0 or 1, received {label!r}")
    return np.array([[_BITS[label] for label in labels] for labels in examples.labels], np.uint8)


def _ordered(classes: set[str]) -> list[str]:
    """Classes by number if all are numbers, else by letter."""
    try:
        return sorted(classes, key=lambda text: (float(text), text))
    except ValueError:
        return sorted(classes)


def _place(
    examples: _Examples, labels: NDArray[np.uint8], split: SplitOptions | None, source: str
) -> NDArray[np.uint8]:
    """Give every row its split: by file or the column ``split``; parts without rows are drawn from train."""
    unplaced = np.flatnonzero(examples.split == _UNPLACED)
    if 0 < len(unplaced) < len(examples.split):
        raise DanqError(f"{examples.where(int(unplaced[0]))}: split: expected a split, received an empty one")
    placed = np.where(examples.split == _UNPLACED, np.uint8(0), examples.split)
    fractions = [
        _fraction([] if split is None else getattr(split, part), part, int((placed == index).sum()), source)
        for index, part in enumerate(SPLITS[1:], 1)
    ]
    if sum(fractions) >= 1:
        raise DanqError(f"{source}.split: expected fractions that sum to less than 1, received {fractions}")
    if split is not None and any(fractions):
        train = np.flatnonzero(placed == 0)
        placed[train] = _draw(_strata(labels[train]), fractions, split.seed)
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


def _strata(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Stratum of each row: its rarest positive label, or -1."""
    rank = np.argsort(labels.sum(axis=0, dtype=np.int64), kind="stable")
    return np.where(labels.any(axis=1), rank[labels[:, rank].argmax(axis=1)], -1)


def _draw(strata: NDArray[np.int64], fractions: list[float], seed: int) -> NDArray[np.uint8]:
    """Split each stratum by the fractions of valid and test, in random order."""
    generator = np.random.default_rng(seed)
    split = np.zeros(len(strata), np.uint8)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        # one random offset a stratum: strata of few rows are no less likely to give some away
        position = (generator.permutation(len(members)) + generator.random()) / len(members)
        valid, test = fractions
        split[members[position < valid + test]] = 2
        split[members[position < valid]] = 1
    return split
