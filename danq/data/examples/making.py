"""The dataset of labelled examples that bring their own sequence, text or image, without a genome."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from danq.data.examples.files import Record, Table, read_records, text_of
from danq.data.examples.image_files import png_files
from danq.data.examples.images import read_pictures, write_pictures
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
        numbers = count(1)  # through all files, unlike those of sequences and texts

        def read(path: Path, alone: bool) -> Iterator[Record]:
            for picture, number in zip(read_pictures(path, options, alone), numbers, strict=False):
                yield picture._replace(name=picture.name or str(number))

        pictures, examples = _collect(files, read, lambda picture: picture)
        return _Rows(examples, lambda folder: {"shape": write_pictures(folder / "images.npy", pictures)})
    if options.kind == "text":
        table = Table(options.text_column, options.label_columns, options.encoding, texts=True)
        texts, examples = _collect(files, lambda path, _: read_records(path, table), text_of)
        return _Rows(examples, lambda _: {}, texts)
    table = Table(options.sequence_column, options.label_columns)
    windows, examples = _collect(
        files, lambda path, _: read_records(path, table), lambda record: _window(record, options.window)
    )
    codes = np.frombuffer(b"".join(windows), np.uint8).reshape(len(windows), options.window)

    def write(directory: Path) -> dict[str, Any]:
        write_array(directory / "codes.npy", codes.shape, np.uint8, [codes])
        return {}

    return _Rows(examples, write)


def _collect(
    files: Mapping[str, Path],
    read: Callable[[Path, bool], Iterable[Record]],
    convert: Callable[[Record], T],
) -> tuple[list[T], Examples]:
    """Read the records of all files; `read` is told whether a file is that of one split.

    What `convert` makes of each record is kept, and what is known of them besides.
    """
    contents: list[T] = []
    names: list[str] = []
    labels: list[tuple[str, ...]] = []
    split: list[int] = []
    places: list[str] = []
    for part, path in files.items():
        for number, record in enumerate(read(path, bool(part)), 1):
            contents.append(convert(record))
            names.append(record.name or (f"{part}:{number}" if part else str(number)))
            labels.append(record.labels)
            split.append(SPLIT_WORDS[part] if part else split_word(record.split, record.where))
            places.append(record.where)
    if not contents:
        raise DanqError(f"{next(iter(files.values()))}: expected at least one row, received none")
    return contents, Examples(names, labels, np.array(split, np.uint8), places.__getitem__)


def _window(record: Record, window: int) -> bytes:
    """Codes of a record, centred in the window."""
    sequence, where = record.content, record.where
    if not sequence:
        raise DanqError(f"{where}: expected a sequence, received none")
    if len(sequence) > window:
        raise DanqError(
            f"{where}: expected a sequence of at most the window's {window} bp, received {len(sequence)} bp"
        )
    try:
        codes = encode(sequence)
    except DanqError as error:
        raise DanqError(f"{where}: {error}") from None
    before = -window_start(0, len(codes), window)
    after = window - len(codes) - before
    return np.pad(codes, (before, after), constant_values=N).tobytes()
