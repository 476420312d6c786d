"""Rows of tables and arrays that are too large for a capsule, by which it is said how much they differ."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.npz import NpzArrays
from danq.parquet import DAMAGED, check_parquet

ROWS = 1000
"""Rows of a sample, at even distances; all of them where there are fewer."""
UNREADABLE = (DanqError, *DAMAGED, zipfile.BadZipFile, zlib.error, ValueError, EOFError)
"""What reading tables and arrays raises that are damaged, or too large."""
ROW = "row_number"
"""Column or array of a sample: which rows these are, from 0; the last one is the last of all."""


def sample(path: Path) -> bytes | None:
    """Give evenly spread rows of a Parquet table or of the arrays of an ``.npz``, as a file of its kind.

    Equal files give equal samples. None for other files, and for those that would take too much memory.
    """
    try:
        if path.suffix == ".parquet":
            return _of_table(path)
        return _of_arrays(path) if path.suffix == ".npz" else None
    except UNREADABLE:
        return None


def _spread(n: int) -> NDArray[np.int64]:
    return np.linspace(0, max(n - 1, 0), min(n, ROWS)).round().astype(np.int64)


def _of_table(path: Path) -> bytes:
    check_parquet(path, by_group=True)
    rows = _spread(pl.scan_parquet(path).select(pl.len()).collect().item())
    lines = pl.scan_parquet(path).with_row_index(ROW).filter(pl.col(ROW).is_in(rows.tolist()))
    stream = io.BytesIO()
    lines.collect(engine="streaming").sort(ROW).write_parquet(stream)
    return stream.getvalue()


def _of_arrays(path: Path) -> bytes:
    """Of the first axis of the arrays that are as long as the longest; the others whole."""
    stream = io.BytesIO()
    with zipfile.ZipFile(path) as archive:
        arrays = NpzArrays(path, archive)
        n = max(len(array) if (array := arrays[name]).ndim else 1 for name in arrays)
        rows = _spread(n)
        # one array at a time; NumPy dates all members to 1980
        samples = {name: _rows(arrays[name], n, rows) for name in sorted(arrays)}
        np.savez(stream, allow_pickle=False, **samples, **{ROW: rows})
    return stream.getvalue()


def _rows(array: NDArray[np.generic], n: int, rows: NDArray[np.int64]) -> NDArray[np.generic]:
    return array[rows] if array.ndim and len(array) == n else array
