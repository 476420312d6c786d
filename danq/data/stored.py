"""The arrays and tables of a dataset directory, checked when they are opened."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError


def load_array(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Map a .npy file of bytes into memory.

    Raises
    ------
    DanqError
        If it is missing, damaged, or not uint8 of this shape.
    """
    try:
        array: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; the dataset is incomplete") from None
    except (ValueError, EOFError) as error:
        raise DanqError(f"{path}: expected a NumPy array, received a damaged file ({error})") from None
    if array.shape != shape or array.dtype != np.uint8:
        raise DanqError(f"{path}: expected uint8 {shape}, received {array.dtype} {array.shape}")
    return array


def load_table(path: Path, n: int) -> pl.DataFrame:
    """Read a Parquet table of n rows.

    Raises
    ------
    DanqError
        If it is missing, damaged, or has another number of rows.
    """
    try:
        table = pl.read_parquet(path)
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; the dataset is incomplete") from None
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise DanqError(f"{path}: expected a Parquet table, received a damaged file ({first})") from None
    if len(table) != n:
        raise DanqError(f"{path}: expected {n} rows, received {len(table)}")
    return table
