"""Images as they lie in files: arrays of an .npz file with their labels, and PNG."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, first_few

_PARTS = {"x": None, "x_train": "train", "x_valid": "valid", "x_val": "valid", "x_test": "test"}
_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
"""Kinds of PNG that are read → what they are read as; others have more than 8 bits."""


class Arrays(NamedTuple):
    """Images of one split, or of all.

    Attributes
    ----------
    name : str
        Name of the array of images.
    images : uint8, shape (n, height, width, channels)
    labels : list of n tuples of str
        One text a label column.
    split : str or None
        Split that the array's name tells.
    """

    name: str
    images: NDArray[np.uint8]
    labels: list[tuple[str, ...]]
    split: str | None


def read_arrays(path: Path, label_columns: list[str]) -> Iterator[Arrays]:
    """Read ``x`` and ``y``, or ``x_train, y_train, x_valid, y_valid, x_test, y_test``, of an .npz file.

    Parameters
    ----------
    path : Path
        Images are (n, height, width) or (n, height, width, channels) of whole numbers 0..255; labels are
        (n,) or (n, 1) numbers or names, or (n, k) 0 and 1, one column a target.
    label_columns : list of str
        Names of the k columns.

    Raises
    ------
    DanqError
        If the file is damaged, lacks arrays, or their shapes, types or values are others.
    """
    with _opened(path) as stored:
        names = [name for name in _PARTS if name in stored.files]
        if not names or ("x" in names and len(names) > 1):
            raise _lacks(path, "arrays x and y, or x_train, y_train, x_test, y_test", stored.files)
        known = {*names, *("y" + name[1:] for name in names)}
        unknown = [name for name in stored.files if name not in known and name.startswith(("x_", "y_"))]
        if unknown:
            raise _lacks(path, "no arrays but " + ", ".join(sorted(known)), unknown)
        for name in names:
            other = "y" + name[1:]
            if other not in stored.files:
                raise DanqError(f"{path}: expected an array {other} of the labels of {name}, found none")
            images = _images(stored[name], f"{path}: {name}")
            labels = _labels(stored[other], label_columns, f"{path}: {other}")
            if len(images) != len(labels):
                raise DanqError(
                    f"{path}: expected as many labels in {other} as images in {name} ({len(images)}), "
                    f"received {len(labels)}"
                )
            yield Arrays(name, images, labels, _PARTS[name])


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read ``x`` of an .npz file, without labels.

    Returns
    -------
    uint8, shape (n, height, width, channels)

    Raises
    ------
    DanqError
        If the file is damaged, has no array ``x``, or its shape, type or values are not those of images.
    """
    with _opened(path) as stored:
        if "x" not in stored.files:
            raise _lacks(path, "an array x of images", stored.files)
        return _images(stored["x"], f"{path}: x")


def _lacks(path: Path, expected: str, names: list[str]) -> DanqError:
    return DanqError(f"{path}: expected {expected}; received {first_few(names, 10) or 'none'}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open an .npz file; what is wrong with it, or with an array when it is read, is told in one line."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            yield stored
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, ValueError, OSError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "allow_pickle" in reason:
            reason = "arrays of Python objects, such as images of unequal sizes, which are not read"
        raise DanqError(f"{path}: expected an .npz file of arrays, received {reason}") from None


def _images(array: Any, where: str) -> NDArray[np.uint8]:
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


def _labels(array: Any, columns: list[str], where: str) -> list[tuple[str, ...]]:
    if not isinstance(array, np.ndarray):
        raise DanqError(f"{where}: expected an array, received something else")
    if array.ndim not in (1, 2):
        raise DanqError(f"{where}: expected labels of shape (n,) or (n, k), received {array.shape}")
    if array.dtype.kind == "f" and np.isfinite(array).all() and not np.any(array % 1):
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuU":
        raise DanqError(f"{where}: expected whole numbers or names as labels, received {array.dtype}")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    table = array[:, None] if array.ndim == 1 else array
    if table.shape[1] != len(columns):
        raise DanqError(
            f"{where}: expected {len(columns)} columns of labels as in label_columns, "
            f"received {table.shape[1]}; of one-hot labels take the argmax"
        )
    return [tuple(str(value) for value in row) for row in table.tolist()]


def png_files(folder: Path) -> list[Path]:
    """All PNG files in a folder and the folders in it, in the order of their paths."""
    return [path for path in visible_files(folder) if path.suffix.lower() == ".png"]


def visible_files(folder: Path) -> list[Path]:
    """All files in a folder and the folders in it but hidden ones, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def read_png(file: Path) -> NDArray[np.uint8]:
    """Decode a PNG file as `decode_png` does.

    Raises
    ------
    DanqError
        If it cannot be read, or as `decode_png`.
    """
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DanqError(f"{file}: expected a PNG image, received {error.strerror or error}") from None
    return decode_png(data, str(file))


def decode_png(data: bytes, where: str) -> NDArray[np.uint8]:
    """Decode a PNG of 8 bits a channel: grey (1 channel), colours (3) or colours with transparency (4).

    Parameters
    ----------
    data : bytes
        Contents of the file; colours from a palette become 3 channels.
    where : str
        Its place, for messages.

    Returns
    -------
    uint8, shape (height, width, channels)

    Raises
    ------
    DanqError
        If it is no whole PNG, or has more than 8 bits a channel.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode not in _MODES:
                raise DanqError(
                    f"{where}: expected a PNG of 8-bit grey or colours, received mode {image.mode}"
                )
            pixels = np.asarray(image.convert(_MODES[image.mode]))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise DanqError(f"{where}: expected a whole PNG image, received something else") from None
    return pixels[:, :, None] if pixels.ndim == 2 else pixels
