"""PNG files: found in folders, read, decoded."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError

_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "RGBA": "RGBA"}
"""Kinds of PNG that are read → what they are read as; others have more than 8 bits."""


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
