"""Labelled images out of .npz files, folders of PNG files by class, or Parquet tables of PNG bytes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.files import as_text, check_labels
from danq.data.examples.image_files import decode_png, read_arrays, read_images, read_png, visible_files
from danq.data.examples.labels import SPLIT_WORDS, UNPLACED, Examples, split_word
from danq.data.options import DatasetOptions
from danq.errors import DanqError, first_few
from danq.storage import write_array


class Picture(NamedTuple):
    """One labelled image before it is decoded.

    Attributes
    ----------
    where : str
        Its place, for messages.
    name : str
        Its name, or empty.
    labels : tuple of str
        One text a label column.
    split : int
        Index into `SPLITS`, or `UNPLACED`.
    pixels : callable
        Decodes it: uint8, shape (height, width, channels).
    """

    where: str
    name: str
    labels: tuple[str, ...]
    split: int
    pixels: Callable[[], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images of all rows, decoded one by one as they are written.

    Attributes
    ----------
    pictures : list of n Picture
    """

    pictures: list[Picture]

    def write(self, directory: Path) -> dict[str, Any]:
        """Write ``images.npy`` uint8 (n, height, width, channels).

        Returns
        -------
        dict
            The shape of an image.

        Raises
        ------
        DanqError
            If an image cannot be decoded or differs from the first one in size or channels.
        """
        first = self.pictures[0]
        shape = first.pixels().shape
        shape_of_all = (len(self.pictures), *shape)
        pixels = self._decoded(shape, first.where)
        write_array(directory / "images.npy", shape_of_all, np.uint8, pixels)
        return {"shape": shape}

    def _decoded(self, shape: tuple[int, ...], first: str) -> Iterator[NDArray[np.uint8]]:
        for picture in self.pictures:
            pixels = picture.pixels()
            if pixels.shape != shape:
                raise DanqError(
                    f"{picture.where}: expected an image of {_size(shape)} as {first}, "
                    f"received {_size(pixels.shape)}"
                )
            yield pixels


def _size(shape: tuple[int, ...]) -> str:
    height, width, channels = shape
    return f"{height} x {width} pixels and {channels} channel" + ("s" if channels > 1 else "")


def read_pictures(files: Mapping[str, Path], options: DatasetOptions) -> tuple[Examples, Pictures]:
    """Find the images of all files with their labels.

    Parameters
    ----------
    files : mapping of str to Path
        File or folder of each split, or one under the empty name.
    options : DatasetOptions
        `image_column` and `label_columns` count here.

    Raises
    ------
    DanqError
        If a file cannot be read or holds no images, or what it holds does not fit together.
    """
    pictures: list[Picture] = []
    for part, path in files.items():
        before = len(pictures)
        pictures += _pictures(path, SPLIT_WORDS[part] if part else None, options)
        if len(pictures) == before:
            raise DanqError(f"{path}: expected labelled images, received none")
    examples = Examples(
        [picture.name or str(number) for number, picture in enumerate(pictures, 1)],
        [picture.labels for picture in pictures],
        np.array([picture.split for picture in pictures], np.uint8),
        lambda row: pictures[row].where,
    )
    return examples, Pictures(pictures)


def unlabelled_pictures(path: Path, column: str) -> list[Picture]:
    """Find the images of a file or folder, without labels.

    Parameters
    ----------
    path : Path
        An .npz file with an array ``x``, a Parquet table, or a folder with PNG files, in folders or not.
    column : str
        Column of the PNG bytes in a Parquet table.

    Raises
    ------
    DanqError
        If it cannot be read, holds no images, or a folder holds other files.
    """
    kind = _kind(path)
    if kind == "npz":
        images = read_images(path)
        pictures = [
            Picture(f"{path}: x[{row}]", "", (), UNPLACED, _taken(images, row)) for row in range(len(images))
        ]
    elif kind == "parquet":
        pictures = list(_parquet(path, UNPLACED, column, []))
    else:
        pictures = [_png(file, path, (), UNPLACED) for file in visible_files(path)]
    if not pictures:
        raise DanqError(f"{path}: expected images, received none")
    return pictures


def _kind(path: Path) -> str:
    """Tell what holds the images: folder, parquet or npz."""
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise DanqError(f"{path}: no such file or folder of images")
    with path.open("rb") as stream:
        first = stream.read(4)
    if first == b"PAR1":
        return "parquet"
    if first[:2] == b"PK":
        return "npz"
    raise DanqError(f"{path}: expected an .npz file, a Parquet table or a folder of images")


def _pictures(path: Path, part: int | None, options: DatasetOptions) -> Iterator[Picture]:
    kind = _kind(path)
    if kind == "folder":
        if len(options.label_columns) > 1:
            raise DanqError(
                f"{path}: expected one label column, the classes that folders are named for; "
                f"received {len(options.label_columns)}"
            )
        return _folder(path, part)
    if kind == "parquet":
        return _parquet(path, part, options.image_column, options.label_columns)
    return _npz(path, part, options)


def _npz(path: Path, part: int | None, options: DatasetOptions) -> Iterator[Picture]:
    for name, images, labels, own in read_arrays(path, options.label_columns):
        if part is not None and own is not None:
            raise DanqError(f"{path}: expected arrays x and y in the file of one split, received {name}")
        for row, texts in enumerate(labels):
            where = f"{path}: {name}[{row}]"
            split = split_word(own or "", where) if part is None else part
            yield Picture(where, f"{own}:{row + 1}" if own else "", texts, split, _taken(images, row))


def _taken(images: NDArray[np.uint8], row: int) -> Callable[[], NDArray[np.uint8]]:
    return lambda: images[row]


def _folder(path: Path, part: int | None) -> Iterator[Picture]:
    """Images in one folder a class; such folders may in turn lie in folders that are named for splits."""
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != ".")
    beside = sorted(path.glob("*.[pP][nN][gG]"))
    if beside:
        raise DanqError(f"{beside[0]}: expected images in a folder that is named for their class")
    if part is None and folders and all(folder.name.lower() in SPLIT_WORDS for folder in folders):
        for folder in folders:
            yield from _folder(folder, SPLIT_WORDS[folder.name.lower()])
        return
    for folder in folders:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
        if not files:
            raise DanqError(f"{folder}: expected PNG images of the class {folder.name!r}, received none")
        for file in files:
            split = split_word("", str(file)) if part is None else part
            yield _png(file, path, (folder.name,), split)


def _png(file: Path, folder: Path, labels: tuple[str, ...], split: int) -> Picture:
    if file.suffix.lower() != ".png":
        raise DanqError(f"{file}: expected nothing but PNG images in a folder of images")
    return Picture(
        str(file),
        str(file.relative_to(folder)),
        labels,
        split,
        lambda: read_png(file),
    )


def _parquet(path: Path, part: int | None, column: str, label_columns: list[str]) -> Iterator[Picture]:
    import polars as pl

    try:
        table = pl.read_parquet(path)
        missing = [name for name in (column, *label_columns) if name not in table.columns]
        if missing:
            raise DanqError(
                f"{path}: expected one column {missing[0]!r}, received columns {first_few(table.columns, 10)}"
            )
        # as a struct of bytes and path, where the table was made by a library of data sets
        images = table[column].struct.field("bytes") if table[column].dtype == pl.Struct else table[column]
        if images.dtype != pl.Binary:
            raise DanqError(f"{path}: {column}: expected the bytes of PNG files, received {images.dtype}")
        check_labels(path, table, label_columns)
        texts = as_text(table, label_columns)
    except pl.exceptions.PolarsError as error:
        first = (str(error).splitlines() or [""])[0]
        raise DanqError(f"{path}: expected a Parquet table of images, received {first}") from None
    # without any column of text a table has no rows either
    rows = texts.iter_rows(named=True) if texts.width else iter([{}] * len(images))
    for number, (row, data) in enumerate(zip(rows, images, strict=True), 1):
        where = f"{path}:{number}"
        split = split_word(row.get("split", ""), where) if part is None else part
        labels = tuple(row[name] for name in label_columns)
        yield Picture(where, row.get("name", ""), labels, split, _bytes(data, where))


def _bytes(data: bytes | None, where: str) -> Callable[[], NDArray[np.uint8]]:
    return lambda: decode_png(data or b"", where)
