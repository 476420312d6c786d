"""The dataset of labelled examples that bring their own sequence, text or image, without a genome."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.files import Record, Table, collect
from danq.data.examples.images import read_pictures
from danq.data.examples.labels import Examples, label_examples, place_examples
from danq.data.examples.png import png_files
from danq.data.examples.texts import read_texts
from danq.data.manifest import SPLITS, DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.writing import (
    Contents,
    TargetRow,
    count_positives,
    pack_labels,
    write_examples,
    write_labels,
    write_manifest,
)
from danq.errors import DanqError
from danq.files import sha256, staged
from danq.genome.alphabet import N, encode
from danq.genome.intervals import window_start
from danq.storage import write_array


class Content(Protocol):
    """What a model reads of all rows, of one kind of data."""

    def write(self, directory: Path, names: list[str], split: NDArray[np.uint8]) -> dict[str, Any]:
        """Write ``examples.parquet`` and what stands beside it; return entries of the manifest."""


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
    examples, content = _read(files, options)
    labelled = label_examples(examples, options.label_columns)
    split = place_examples(examples, labelled.values, options.split, f"datasets.{name}")
    packed = pack_labels(labelled.values)
    with staged(out) as partial:
        of_kind = content.write(partial, examples.names, split)
        write_labels(partial, len(packed), len(labelled.targets), [packed])
        contents = Contents(
            task=labelled.task,
            targets=[
                TargetRow(target, origin=str(next(iter(files.values())))) for target in labelled.targets
            ],
            counts=count_positives(packed, split, len(labelled.targets)),
            split=split,
            inputs=_inputs(files),
            of_kind=of_kind,
        )
        return write_manifest(partial, out, name, options, contents)


def _files(given: Path | Mapping[Any, Path]) -> dict[str, Path]:
    """File of each split in the order of splits, or one file under the empty name."""
    if isinstance(given, Path):
        return {"": given}
    return {part: given[part] for part in SPLITS if part in given}


def _inputs(files: Mapping[str, Path]) -> dict[str, str]:
    """Digest of each file, and of each in a folder."""
    paths = [path for given in files.values() for path in (png_files(given) if given.is_dir() else [given])]
    return {str(path): sha256(path) for path in paths}


def _read(files: Mapping[str, Path], options: DatasetOptions) -> tuple[Examples, Content]:
    if options.kind == "text":
        return read_texts(files, options)
    if options.kind == "image":
        return read_pictures(files, options)
    return _read_sequences(files, options)


@dataclass(frozen=True, eq=False)
class _Sequences:
    """Codes uint8 (n, window)."""

    codes: NDArray[np.uint8]

    def write(self, directory: Path, names: list[str], split: NDArray[np.uint8]) -> dict[str, Any]:
        write_examples(directory, names, split)
        write_array(directory / "codes.npy", self.codes.shape, np.uint8, [self.codes])
        return {}


def _read_sequences(files: Mapping[str, Path], options: DatasetOptions) -> tuple[Examples, _Sequences]:
    table = Table(options.sequence_column, options.label_columns)
    examples, blocks = collect(files, table, lambda record, where: _window(record, options.window, where))
    codes = np.frombuffer(b"".join(blocks), np.uint8).reshape(len(blocks), options.window)
    return examples, _Sequences(codes)


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
