"""The dataset of labelled examples that bring their own sequence, text or image, without a genome."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from danq.data.examples.files import Record, Table, read_records, text_of
from danq.data.examples.image_files import png_files
from danq.data.examples.images import read_pictures
from danq.data.examples.labels import SPLIT_WORDS, Examples, label_examples, place_examples, split_word
from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.writing import (
    Contents,
    pack_labels,
    targets_of_examples,
    write_examples,
    write_labels,
    write_manifest,
)
from danq.errors import DanqError
from danq.files import sha256, staged
from danq.genome.alphabet import N, encode
from danq.genome.intervals import window_start
from danq.storage import write_array

T = TypeVar("T")


class _Rows(NamedTuple):
    """Rows of all files; `write` puts their arrays into a directory and returns entries of the manifest."""

    examples: Examples
    write: Callable[[Path], dict[str, Any]]
    texts: list[str] | None = None


def build_example_dataset(options: DatasetOptions, name: str, out: Path) -> DatasetManifest:
    """Read labelled examples and write the dataset.

    What labels mean says `label_examples`, how rows get their split `place_examples`. Sequences shorter than
    the window are centred and padded with N.

    Parameters
    ----------
    options : DatasetOptions
        With `examples`: one file, or one a split.
    name : str
        Name of the dataset in the configuration.
    out : Path
        Directory of the dataset: ``examples.parquet``, ``labels.npy``, ``dataset.json``, and ``codes.npy`` of
        sequences or ``images.npy`` of images.

    Returns
    -------
    DatasetManifest
        What ``dataset.json`` holds.

    Raises
    ------
    DanqError
        If a file cannot be used, a sequence is longer than the window, a text is empty, images differ in
        size, a label cannot be read, or the rows cannot be split.
    """
    if options.examples is None:
        raise DanqError(f"datasets.{name}: expected `examples`")
    files = _files(options.examples)
    if options.kind == "dna" and any(path.suffix == ".mat" for path in files.values()):
        from danq.data.examples.deepsea import build_deepsea_dataset

        return build_deepsea_dataset(options, name, files, out)
    rows = _read(files, options)
    labelled = label_examples(rows.examples, options.label_columns)
    split = place_examples(rows.examples, labelled.values, options.split, f"datasets.{name}")
    packed = pack_labels(labelled.values)
    with staged(out) as partial:
        of_kind = rows.write(partial)
        write_examples(partial, rows.examples.names, split, rows.texts)
        write_labels(partial, len(packed), len(labelled.targets), [packed])
        contents = Contents(
            task=labelled.task,
            targets=targets_of_examples(labelled.targets, packed, split),
            split=split,
            inputs=_inputs(files),
            origin=str(next(iter(files.values()))),
            of_kind=of_kind,
        )
        return write_manifest(partial, out, name, options, contents)


def _files(examples: Path | Mapping[Any, Path]) -> dict[str, Path]:
    """File of each split in the order of splits, or one file under the empty name."""
    if isinstance(examples, Path):
        return {"": examples}
    return {part: examples[part] for part in SPLITS if part in examples}


def _inputs(files: Mapping[str, Path]) -> dict[str, str]:
    """Digest of each file, and of each in a folder."""
    paths = [path for place in files.values() for path in (png_files(place) if place.is_dir() else [place])]
    return {str(path): sha256(path) for path in paths}


def _read(files: Mapping[str, Path], options: DatasetOptions) -> _Rows:
    if options.kind == "image":
        examples, pictures = read_pictures(files, options)
        return _Rows(examples, pictures.write)
    if options.kind == "text":
        table = Table(options.text_column, options.label_columns, options.encoding, texts=True)
        examples, texts = _collect(files, table, text_of)
        return _Rows(examples, lambda _: {}, texts)
    table = Table(options.sequence_column, options.label_columns)
    examples, windows = _collect(files, table, lambda record, where: _window(record, options.window, where))
    codes = np.frombuffer(b"".join(windows), np.uint8).reshape(len(windows), options.window)

    def write(directory: Path) -> dict[str, Any]:
        write_array(directory / "codes.npy", codes.shape, np.uint8, [codes])
        return {}

    return _Rows(examples, write)


def _collect(
    files: Mapping[str, Path], table: Table, convert: Callable[[Record, str], T]
) -> tuple[Examples, list[T]]:
    """Read the records of all files; `convert` makes of a record and its place what is kept of it."""
    contents: list[T] = []
    names: list[str] = []
    labels: list[tuple[str, ...]] = []
    split: list[int] = []
    origins: list[tuple[Path, int]] = []
    for part, path in files.items():
        for number, record in enumerate(read_records(path, table), 1):
            where = f"{path}:{record.line}"
            contents.append(convert(record, where))
            names.append(record.name or (f"{part}:{number}" if part else str(number)))
            labels.append(record.labels)
            split.append(SPLIT_WORDS[part] if part else split_word(record.split, where))
            origins.append((path, record.line))
    if not contents:
        raise DanqError(f"{next(iter(files.values()))}: expected at least one row, received none")
    placed = np.array(split, np.uint8)
    return Examples(names, labels, placed, lambda row: "{}:{}".format(*origins[row])), contents


def _window(record: Record, window: int, where: str) -> bytes:
    """Codes of a record, centred in the window."""
    if not record.content:
        raise DanqError(f"{where}: expected a sequence, received none")
    if len(record.content) > window:
        raise DanqError(
            f"{where}: expected a sequence of at most the window's {window} bp, "
            f"received {len(record.content)} bp"
        )
    try:
        codes = encode(record.content)
    except DanqError as error:
        raise DanqError(f"{where}: {error}") from None
    before = -window_start(0, len(codes), window)
    after = window - len(codes) - before
    return np.pad(codes, (before, after), constant_values=N).tobytes()
