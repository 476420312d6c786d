"""The dataset of labelled examples that bring their own sequence, text or image, without a genome."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.contents import unchanged
from danq.data.examples.files import Record, Table, read_records, text_of
from danq.data.examples.images import png_files, read_pictures, write_pictures
from danq.data.examples.labels import (
    SPLIT_WORDS,
    Examples,
    Labelled,
    label_examples,
    place_examples,
    split_word,
)
from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.writing import Contents, write_examples, write_manifest
from danq.errors import DanqError, check_name
from danq.files import sha256, staged
from danq.genome.alphabet import N, count_iupac, encode
from danq.genome.intervals import window_start
from danq.storage import write_array

log = logging.getLogger("danq")


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

    Raises
    ------
    DanqError
        If a file cannot be used, a sequence is longer than the window, a text is empty, images differ in
        size, a label cannot be read, or the rows cannot be split.
    """
    if options.examples is None:
        raise DanqError(f"datasets.{name}: expected `examples`")
    files = files_of(options)
    if options.kind == "dna" and any(path.suffix == ".mat" for path in files.values()):
        if options.positive is not None:
            raise DanqError(
                f"datasets.{name}.positive: expected none for .mat files, whose targets are 0 or 1"
            )
        from danq.data.examples.deepsea import build_deepsea_dataset

        return build_deepsea_dataset(options, name, files, out)
    with staged(out) as partial, unchanged(_paths(files)):
        rows, examples = _read(files, options)
        labelled, split = place_rows(examples, options, f"datasets.{name}")
        texts = rows if options.kind == "text" else None
        of_kind = _write_rows(partial, rows, options)
        contents = Contents(
            task=labelled.task,
            targets=write_examples(
                partial, examples.names, split, labelled.targets, [labelled.values], texts
            ),
            split=split,
            inputs={str(path): sha256(path) for path in _paths(files)},
            origin=str(next(iter(files.values()))),
            of_kind=of_kind | ({"classes": labelled.classes} if labelled.classes else {}),
        )
        return write_manifest(partial, out, name, options, contents)


def files_of(options: DatasetOptions) -> dict[str, Path]:
    """Files of examples by their split; one file for all splits stands under the empty name."""
    paths: Mapping[Any, Path | None] = (
        options.examples if isinstance(options.examples, dict) else {"": options.examples}
    )
    return {part: path for part in ("", *SPLITS) if (path := paths.get(part)) is not None}


def place_rows(
    examples: Examples, options: DatasetOptions, source: str
) -> tuple[Labelled, NDArray[np.uint8]]:
    """Tell the targets of rows, as `label_examples` does, and their splits, as `place_examples` does."""
    labelled = label_examples(examples, options.label_columns, options.positive)
    return labelled, place_examples(examples, labelled.values, options.split, source)


def read_labels(options: DatasetOptions) -> tuple[Examples, int]:
    """Read labels and splits of sequences, and the length in bp of the longest, but no bases.

    Raises
    ------
    DanqError
        If a file cannot be used, or holds no row.
    """
    longest = 0

    def measured(record: Record) -> None:
        nonlocal longest
        longest = max(longest, len(record.content))

    _, examples = _read(files_of(options), options, measured)
    return examples, longest


def _paths(files: Mapping[str, Path]) -> list[Path]:
    """Each file, and each in a folder."""
    return [path for place in files.values() for path in (png_files(place) if place.is_dir() else [place])]


def _read(
    files: Mapping[str, Path], options: DatasetOptions, content: Callable[[Record], Any] | None = None
) -> tuple[list[Any], Examples]:
    """Read the records of all files: what each row holds (see `_content`), and what else is known of it."""
    rows, ambiguous = list[Any](), 0
    names: list[str] = []
    labels: list[tuple[str, ...]] = []
    split: list[int] = []
    where: list[str] = []
    for part, path in files.items():
        for number, record in enumerate(_records(path, options, alone=bool(part)), 1):
            rows.append(_content(record, options) if content is None else content(record))
            # images are numbered through all files
            numbered = f"{part}:{number}" if part and options.kind != "image" else str(len(rows))
            names.append(check_name(record.name, record.where) or numbered)
            labels.append(record.labels)
            split.append(SPLIT_WORDS[part] if part else split_word(record.split, record.where))
            where.append(record.where)
            if content is None and options.kind == "dna":
                ambiguous += count_iupac(record.content.encode())
    if ambiguous:
        log.warning("%s IUPAC letters of sequences are read as N", f"{ambiguous:,}")
    if not rows:
        raise DanqError(f"{next(iter(files.values()))}: expected at least one row, received none")
    return rows, Examples(names, labels, np.array(split, np.uint8), where)


def _records(path: Path, options: DatasetOptions, alone: bool) -> Iterator[Record]:
    if options.kind == "image":
        return read_pictures(path, options, alone)
    if options.kind == "text":
        return read_records(
            path, Table(options.text_column, options.label_columns, options.encoding, texts=True)
        )
    return read_records(path, Table(options.sequence_column, options.label_columns))


def _content(record: Record, options: DatasetOptions) -> Any:
    """Keep of a row the codes of its window as bytes, its text, or the record of its image."""
    if options.kind == "dna":
        return _window(record, options.window)
    return text_of(record) if options.kind == "text" else record


def _write_rows(directory: Path, rows: list[Any], options: DatasetOptions) -> dict[str, Any]:
    """Write the array of rows, of which texts have none, and return entries of the manifest."""
    if options.kind == "image":
        return {"shape": write_pictures(directory / "images.npy", rows)}
    if options.kind == "dna":
        codes = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), options.window)
        write_array(directory / "codes.npy", codes.shape, np.uint8, [codes])
    return {}


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
    first = window_start(0, len(codes), window)
    return np.pad(codes, (-first, window + first - len(codes)), constant_values=N).tobytes()
