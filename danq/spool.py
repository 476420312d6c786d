"""Rows of arrays that wait in a file until all are there, in memory that does not grow with them."""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

_BLOCK_BYTES, _GROUP_BYTES = 8 << 20, 64 << 20


class _Block(NamedTuple):
    """Rows that lie together in a spool: where they begin in the file, and what they are."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class RowSpool:
    """Rows that arrive in blocks and wait in a file, read back in order or column by column.

    Memory stays below some 100 MB, or one column where that is more, whatever the number of rows.

    Parameters
    ----------
    path : Path
        File for the rows, which is emptied; the caller removes it.
    dtype : dtype, optional
        What rows are rounded to; left out, they stay what they are, and strings may grow from block to block.
    """

    def __init__(self, path: Path, dtype: DTypeLike | None = None) -> None:
        self._path, self._dtype = path, dtype
        self._blocks: list[_Block] = []
        self._starts = [0]  # number of each block's first row, and of all rows
        self._waiting: list[NDArray[Any]] = []
        self._waiting_bytes = 0
        path.write_bytes(b"")

    def __len__(self) -> int:
        """Count the rows."""
        return self._starts[-1] + sum(map(len, self._waiting))

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows, shape (m, ...), equal in all but the first axis."""
        self._waiting.append(np.array(rows, self._dtype))
        self._waiting_bytes += self._waiting[-1].nbytes
        if self._waiting_bytes >= _BLOCK_BYTES:
            self._flush()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type that holds every row."""
        self._flush()
        return np.result_type(*{block.dtype for block in self._blocks})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all rows together."""
        self._flush()
        return (len(self), *self._blocks[0].shape[1:])

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in their order, as `dtype`."""
        dtype = self.dtype
        with self._path.open("rb") as stream:
            for block in self._blocks:
                read = np.fromfile(stream, block.dtype, int(np.prod(block.shape)))
                columns = read.reshape(*block.shape[1:], block.shape[0])
                yield np.moveaxis(columns, -1, 0).astype(dtype, order="C", copy=False)

    def columns(self) -> Iterator[NDArray[Any]]:
        """Yield each column of rows of numbers in order: shape (n,), which the caller may change."""
        width = int(np.prod(self.shape[1:]))
        group = max(1, _GROUP_BYTES // (self.dtype.itemsize * max(1, len(self))))
        for first in range(0, width, group):
            yield from self.read(range(first, min(first + group, width)), 0, len(self))

    def read(self, columns: range, first: int, last: int) -> NDArray[Any]:
        """Read columns of rows of numbers from row `first` to before `last`: shape (columns, rows)."""
        self._flush()
        result = np.empty((len(columns), last - first), self.dtype)
        with self._path.open("rb") as stream:
            for index in range(bisect_right(self._starts, first) - 1, len(self._blocks)):
                start, (offset, (rows, *_), dtype) = self._starts[index], self._blocks[index]
                if start >= last:
                    break
                low, high = max(first - start, 0), min(last - start, rows)
                part = result[:, start + low - first : start + high - first]
                # columns of whole blocks lie side by side
                at_once = max(1, len(columns)) if high - low == rows else 1
                for column in range(0, len(columns), at_once):
                    stream.seek(offset + dtype.itemsize * ((columns[0] + column) * rows + low))
                    values = np.fromfile(stream, dtype, at_once * (high - low))
                    part[column : column + at_once] = values.reshape(at_once, high - low)
        return result

    def _flush(self) -> None:
        """Write what waits as one block, transposed, so that columns are read in long runs."""
        if not self._waiting:
            return
        block = np.concatenate(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        with self._path.open("ab") as stream:
            self._blocks.append(_Block(stream.tell(), block.shape, block.dtype))
            stream.write(np.ascontiguousarray(np.moveaxis(block, 0, -1)).data)
        self._starts.append(self._starts[-1] + len(block))
