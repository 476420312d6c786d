"""Tables too large for memory that arrive row by row and are needed column by column."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 8 << 20
_GROUP_BYTES = 64 << 20


class ColumnSpool:
    """Rows of float32 in a file, in blocks that are transposed, so that columns are read back in long runs.

    Memory stays below some 100 MB, or one column where that is more, whatever the number of rows.

    Parameters
    ----------
    path : Path
        File for the rows; the caller removes it.
    width : int
        Number k of columns, at least 1.
    """

    def __init__(self, path: Path, width: int) -> None:
        self._path = path
        self._block = np.empty((max(1, _BLOCK_BYTES // (4 * width)), width), np.float32)
        self._waiting = 0
        self._written = 0
        path.write_bytes(b"")

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._block.shape[1]

    def __len__(self) -> int:
        return self._written + self._waiting

    def append(self, rows: NDArray[np.floating]) -> None:
        """Add rows, shape (m, k), which are rounded to float32."""
        while len(rows):
            taken = min(len(rows), len(self._block) - self._waiting)
            self._block[self._waiting : self._waiting + taken] = rows[:taken]
            self._waiting += taken
            rows = rows[taken:]
            if self._waiting == len(self._block):
                self._flush()

    def columns(self) -> Iterator[NDArray[np.float32]]:
        """Yield each column in order: float32, shape (n,), a new array that the caller may change."""
        self._flush()
        height, width = self._block.shape
        group = max(1, _GROUP_BYTES // (4 * max(1, len(self))))
        with self._path.open("rb") as stream:
            for first in range(0, width, group):
                count = min(group, width - first)
                read = np.empty((count, len(self)), np.float32)
                for start in range(0, len(self), height):
                    rows = min(height, len(self) - start)
                    stream.seek(4 * (start * width + first * rows))
                    values = np.fromfile(stream, np.float32, count * rows)
                    read[:, start : start + rows] = values.reshape(count, rows)
                yield from read

    def _flush(self) -> None:
        with self._path.open("ab") as stream:
            stream.write(np.ascontiguousarray(self._block[: self._waiting].T).data)
        self._written += self._waiting
        self._waiting = 0
