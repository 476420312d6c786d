"""Images, labelled or not: .npz files, folders of PNG files by class, Parquet tables of PNG bytes."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.files import Record, read_parquet
from danq.data.examples.labels import SPLIT_WORDS, texts_of_labels
from danq.data.options import DatasetOptions
from danq.errors import DanqError, first_few, first_line
from danq.limits import check_limit
from danq.npz import NpzArrays
from danq.storage import write_array

_PARTS = {"x": "", "x_train": "train", "x_valid": "valid", "x_val": "valid", "x_test": "test"}
"""Arrays of images in an .npz file → the split that their name tells."""
_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
"""Kinds of PNG that are read → what they are read as; others have more than 8 bits."""


def read_pictures(path: Path, options: DatasetOptions, alone: bool) -> Iterator[Record]:
    """Find the labelled images of an .npz file, a Parquet table, or a folder with one of PNG files a class.

    A record's content decodes its image: uint8, shape (height, width, channels). If the file or folder stands
    `alone` for a split, no arrays or folders in it are named for splits.

    Raises
    ------
    DanqError
        If a file cannot be read or holds no images, or what it holds does not fit together.
    """
    kind, columns = _kind(path), options.label_columns
    if kind == "folder" and len(columns) > 1:
        raise DanqError(
            f"{path}: expected one label column, the classes that folders are named for; "
            f"received {len(columns)}"
        )
    if kind == "folder":
        pictures = _folder(path, alone)
    elif kind == "parquet":
        pictures = _parquet(path, options.image_column, columns)
    else:
        pictures = _npz(path, columns, alone)
    picture = None
    for picture in pictures:
        yield picture
    if picture is None:
        raise DanqError(f"{path}: expected labelled images, received none")


def unlabelled_pictures(path: Path, column: str) -> list[Record]:
    """Find the images of ``x`` in an .npz file, a Parquet table, or a folder of PNG files at any depth.

    Raises
    ------
    DanqError
        If it cannot be read, holds no images, or a folder holds other files.
    """
    kind = _kind(path)
    if kind == "folder":
        pictures = [_png(file, path, ()) for file in _visible_files(path)]
    elif kind == "parquet":
        pictures = list(_parquet(path, column, []))
    else:
        with _opened(path) as stored:
            if "x" not in stored:
                raise _lacks(path, "an array x of images", list(stored))
            images = _images(stored["x"], f"{path}: x")
        pictures = [
            Record(f"{path}: x[{row}]", "", partial(images.__getitem__, row), ())
            for row in range(len(images))
        ]
    if not pictures:
        raise DanqError(f"{path}: expected images, received none")
    return pictures


def write_pictures(path: Path, pictures: Sequence[Record]) -> tuple[int, ...]:
    """Write images as uint8 (n, height, width, channels), decoded one by one, and return the shape of each.

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


def _npz(path: Path, label_columns: list[str], alone: bool) -> Iterator[Record]:
    """Images of ``x`` and ``y``, or of ``x_train, y_train, x_valid, y_valid, x_test, y_test``."""
    with _opened(path) as stored:
        names = [name for name in _PARTS if name in stored]
        if not names or ("x" in names and len(names) > 1):
            raise _lacks(path, "arrays x and y, or x_train, y_train, x_test, y_test", list(stored))
        known = {*names, *("y" + name[1:] for name in names)}
        unknown = [name for name in stored if name not in known and name.startswith(("x_", "y_"))]
        if unknown:
            raise _lacks(path, "no arrays but " + ", ".join(sorted(known)), unknown)
        for name in names:
            split, other = _PARTS[name], "y" + name[1:]
            if other not in stored:
                raise DanqError(f"{path}: expected an array {other} of the labels of {name}, found none")
            images = _images(stored[name], f"{path}: {name}")
            labels = texts_of_labels(stored[other], label_columns, f"{path}: {other}")
            if len(images) != len(labels):
                raise DanqError(
                    f"{path}: expected as many labels in {other} as images in {name} ({len(images)}), "
                    f"received {len(labels)}"
                )
            if alone and split:
                raise DanqError(f"{path}: expected arrays x and y in the file of one split, received {name}")
            for row, texts in enumerate(labels):
                own_name, content = f"{split}:{row + 1}" if split else "", partial(images.__getitem__, row)
                yield Record(f"{path}: {name}[{row}]", own_name, content, texts, split)


@contextmanager
def _opened(path: Path) -> Iterator[NpzArrays]:
    """Open an .npz file; what is wrong with it, or with an array when it is read, is told in one line."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield NpzArrays(path, archive)
    except (
        *(zipfile.BadZipFile, zlib.error),
        *(NotImplementedError, RuntimeError, ValueError, OSError, EOFError),
    ) as error:
        reason = first_line(error)
        if "allow_pickle" in reason:
            reason = "arrays of Python objects, such as images of unequal sizes, which are not read"
        raise DanqError(f"{path}: expected an .npz file of arrays, received {reason}") from None


def _lacks(path: Path, expected: str, names: list[str]) -> DanqError:
    return DanqError(f"{path}: expected {expected}; received {first_few(names, 10) or 'none'}")


def _images(array: Any, where: str) -> NDArray[np.uint8]:
    """Check images (n, height, width) or (n, height, width, channels) of whole numbers 0..255."""
    if not isinstance(array, np.ndarray):
        raise DanqError(f"{where}: expected an array, received something else")
    if array.ndim not in (3, 4) or 0 in array.shape[1:]:
        raise DanqError(
            f"{where}: expected images of shape (n, height, width) or (n, height, width, channels), "
            f"received {array.shape}"
        )
    if array.dtype == np.bool_:
        array = array * np.uint8(255)
    if array.dtype.kind not in "uif":
        raise DanqError(f"{where}: expected numbers as pixels, received {array.dtype}")
    if array.dtype != np.uint8 and array.size:
        low, high = array.min(), array.max()
        # no silent rescaling: 0..1 and 0..255 look alike in a dark image
        if not (low >= 0 and high <= 255) or np.any(array % 1):
            raise DanqError(
                f"{where}: expected pixels as whole numbers 0 to 255, received {array.dtype} "
                f"from {low:g} to {high:g}"
            )
    pixels = array.astype(np.uint8)
    return pixels[..., None] if pixels.ndim == 3 else pixels


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
    return Record(str(file), str(file.relative_to(folder)), partial(_read_png, file), labels, split)


def _read_png(file: Path) -> NDArray[np.uint8]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DanqError(f"{file}: expected a PNG image, received {error.strerror or error}") from None
    return decode_png(data, str(file))


def png_files(folder: Path) -> list[Path]:
    """All PNG files in a folder and the folders in it, in the order of their paths."""
    return [path for path in _visible_files(folder) if path.suffix.lower() == ".png"]


def _visible_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def _parquet(path: Path, column: str, label_columns: list[str]) -> Iterator[Record]:
    import polars as pl

    images, texts = read_parquet(path, column, label_columns, "images", binary=True)
    if images.dtype == pl.Struct:
        # of bytes and path, where the table was made by a library of data sets
        images = images.struct.field("bytes")
    if images.dtype != pl.Binary:
        raise DanqError(f"{path}: {column}: expected the bytes of PNG files, received {images.dtype}")
    # without any column of text a table has no rows either
    rows = texts.iter_rows(named=True) if texts.width else iter([{}] * len(images))
    for number, (row, data) in enumerate(zip(rows, images, strict=True), 1):
        where, labels = f"{path}:{number}", tuple(row[name] for name in label_columns)
        content = partial(decode_png, data or b"", where)
        yield Record(where, row.get("name", ""), content, labels, row.get("split", ""))


def decode_png(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode a PNG of 8 bits a channel: uint8, shape (height, width, channels).

    Grey has 1 channel, colours have 3, those of a palette too, and colours with transparency 4.

    Raises
    ------
    DanqError
        If it is no whole PNG, or has more than 8 bits a channel.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        # what Pillow would only warn of is refused below
        Image.MAX_IMAGE_PIXELS = None
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            check_limit("DANQ_MAX_PIXELS", where, "pixels", image.width * image.height)
            if image.mode not in _MODES:
                raise DanqError(
                    f"{where}: expected a PNG of 8-bit grey or colours, received mode {image.mode}"
                )
            pixels = np.asarray(image.convert(_MODES[image.mode]))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise DanqError(f"{where}: expected a whole PNG image, received something else") from None
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
