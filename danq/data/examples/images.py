"""Labelled images out of .npz files, folders of PNG files by class, or Parquet tables of PNG bytes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.files import Record, as_text, check_labels
from danq.data.examples.image_files import decode_png, read_arrays, read_images, read_png, visible_files
from danq.data.examples.labels import SPLIT_WORDS
from danq.data.options import DatasetOptions
from danq.errors import DanqError, first_few
from danq.storage import write_array


def read_pictures(path: Path, options: DatasetOptions, alone: bool) -> Iterator[Record]:
    """Find the labelled images of a file or folder.

    Parameters
    ----------
    path : Path
        An .npz file, a Parquet table, or a folder with one folder of PNG files a class.
    options : DatasetOptions
        `image_column` and `label_columns` count here.
    alone : bool
        It holds one split: no arrays or folders in it are named for splits.

    Yields
    ------
    Record
        Its content decodes the image: uint8, shape (height, width, channels).

    Raises
    ------
    DanqError
        If a file cannot be read or holds no images, or what it holds does not fit together.
    """
    pictures = None
    for pictures in _pictures(path, options, alone):
        yield pictures
    if pictures is None:
        raise DanqError(f"{path}: expected labelled images, received none")


def write_pictures(path: Path, pictures: Sequence[Record]) -> tuple[int, ...]:
    """Write images as uint8 (n, height, width, channels), decoded one by one.

    Returns
    -------
    tuple of int
        Height, width and channels of each.

    Raises
    ------
    DanqError
        If an image cannot be decoded or differs from the first one in size or channels.
    """
    shape: tuple[int, ...] = pictures[0].content().shape

    def decoded() -> Iterator[NDArray[np.uint8]]:
        for picture in pictures:
            pixels = picture.content()
            if pixels.shape != shape:
                raise DanqError(
                    f"{picture.where}: expected an image of {_size(shape)} as {pictures[0].where}, "
                    f"received {_size(pixels.shape)}"
                )
            yield pixels

    write_array(path, (len(pictures), *shape), np.uint8, decoded())
    return shape


def _size(shape: tuple[int, ...]) -> str:
    height, width, channels = shape
    return f"{height} x {width} pixels and {channels} channel" + ("s" if channels > 1 else "")


def unlabelled_pictures(path: Path, column: str) -> list[Record]:
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
        rows = range(len(images))
        pictures = [Record(f"{path}: x[{row}]", "", _taken(images, row), ()) for row in rows]
    elif kind == "parquet":
        pictures = list(_parquet(path, column, []))
    else:
        pictures = [_png(file, path, ()) for file in visible_files(path)]
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


def _pictures(path: Path, options: DatasetOptions, alone: bool) -> Iterator[Record]:
    kind = _kind(path)
    if kind == "folder":
        if len(options.label_columns) > 1:
            raise DanqError(
                f"{path}: expected one label column, the classes that folders are named for; "
                f"received {len(options.label_columns)}"
            )
        return _folder(path, alone)
    if kind == "parquet":
        return _parquet(path, options.image_column, options.label_columns)
    return _npz(path, options, alone)


def _npz(path: Path, options: DatasetOptions, alone: bool) -> Iterator[Record]:
    for name, images, labels, split in read_arrays(path, options.label_columns):
        if alone and split is not None:
            raise DanqError(f"{path}: expected arrays x and y in the file of one split, received {name}")
        for row, texts in enumerate(labels):
            own_name = f"{split}:{row + 1}" if split else ""
            yield Record(f"{path}: {name}[{row}]", own_name, _taken(images, row), texts, split or "")


def _taken(images: NDArray[np.uint8], row: int) -> Callable[[], NDArray[np.uint8]]:
    return lambda: images[row]


def _folder(path: Path, alone: bool, split: str = "") -> Iterator[Record]:
    """Images in one folder a class; such folders may in turn lie in folders that are named for splits."""
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir() and folder.name[0] != ".")
    beside = sorted(path.glob("*.[pP][nN][gG]"))
    if beside:
        raise DanqError(f"{beside[0]}: expected images in a folder that is named for their class")
    if not alone and folders and all(folder.name.lower() in SPLIT_WORDS for folder in folders):
        for folder in folders:
            yield from _folder(folder, True, folder.name)
        return
    for folder in folders:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
        if not files:
            raise DanqError(f"{folder}: expected PNG images of the class {folder.name!r}, received none")
        for file in files:
            yield _png(file, path, (folder.name,), split)


def _png(file: Path, folder: Path, labels: tuple[str, ...], split: str = "") -> Record:
    if file.suffix.lower() != ".png":
        raise DanqError(f"{file}: expected nothing but PNG images in a folder of images")
    return Record(str(file), str(file.relative_to(folder)), lambda: read_png(file), labels, split)


def _parquet(path: Path, column: str, label_columns: list[str]) -> Iterator[Record]:
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
        where, labels = f"{path}:{number}", tuple(row[name] for name in label_columns)
        yield Record(where, row.get("name", ""), _decoder(data, where), labels, row.get("split", ""))


def _decoder(data: bytes | None, where: str) -> Callable[[], NDArray[np.uint8]]:
    return lambda: decode_png(data or b"", where)
