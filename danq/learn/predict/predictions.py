"""Predictions as arrays, and how an `.npz` file of them is written; importable without TensorFlow."""

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib.format import dtype_to_descr
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import atomic
from danq.spool import RowSpool

COLUMNS = ("ids", "probabilities", "logits", "labels", "contig", "start", "end", "flags")
SCALARS = ("run", "split", "task", "bin", "bundle_digest", "dataset_digest", "engine")
"""Arrays of one row each, and without dimensions, of a file; besides there are the `targets`."""
SUFFIXES = (".npz", ".parquet", ".tsv")
"""Of the files that predictions are kept in."""
UNPREDICTED = ("unknown_contig", "out_of_range")
"""Flags of rows that stand in their place without numbers, NaN."""
_ALIGNMENT = 64


@dataclass(frozen=True)
class Predictions:
    """What one model says of n rows and k targets.

    Attributes
    ----------
    ids : str, shape (n,)
        `contig:start-end` of the labelled bin (bp, 0-based half-open), or the record's name.
    probabilities : float32, shape (n, k)
        Sigmoid (multilabel) or softmax (multiclass) of the logits. With `reverse_complement: mean` the mean
        of the two strands' probabilities.
    logits : float32, shape (n, k)
        With `reverse_complement: mean` the mean of the two strands' logits; so `probabilities` are then
        close to, but not the same as, the sigmoid or softmax of `logits`.
    targets : str, shape (k,)
        Target names, or class names.
    labels : int8, shape (n, k), or None
        What is known of the rows: 1 positive, 0 not, -1 unknown.
    contig, start, end : str, int64, int64, shape (n,), or None
        The labelled bin (bp, 0-based half-open); None for rows that are no part of a genome.
    flags : str, shape (n,), or None
        Remarks, joined by commas: `padded`, the window reaches past the end of its contig or record and
        was filled with N; `many_n`, more than half of the window is N; or the one reason why a row of a BED
        cannot be predicted and holds NaN, `unknown_contig` or `out_of_range`.
    split : str
        train, valid or test, or an empty string.
    bin : int
        bp that a row stands for; 0 where rows have no bin.
    bundle_digest, dataset_digest : str
        Empty where there is none.
    engine : str
        Library that computed, and its version; empty where that is not known.
    """

    ids: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    targets: NDArray[np.str_]
    labels: NDArray[np.int8] | None = None
    contig: NDArray[np.str_] | None = None
    start: NDArray[np.int64] | None = None
    end: NDArray[np.int64] | None = None
    flags: NDArray[np.str_] | None = None
    run: str = ""
    split: str = ""
    task: str = "multilabel"
    bin: int = 0
    bundle_digest: str = ""
    dataset_digest: str = ""
    engine: str = ""

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: slice | NDArray[Any]) -> "Predictions":
        """Take the same predictions for a choice of rows, what NumPy accepts as an index of an axis."""
        arrays: dict[str, Any] = {name: array[rows] for name, array in self.columns().items()}
        return replace(self, **arrays)

    def choose(self, columns: NDArray[np.int64]) -> "Predictions":
        """Take the same predictions for a choice of targets, by their 0-based indices.

        Some of several classes are targets of their own, ``multilabel``: a row may have none of them.
        """
        whole = len(columns) == len(self.targets)
        return replace(
            self,
            task=self.task if whole else "multilabel",
            probabilities=self.probabilities[:, columns],
            logits=self.logits[:, columns],
            targets=self.targets[columns],
            labels=None if self.labels is None else self.labels[:, columns],
        )

    def to_dicts(self) -> list[dict[str, float]]:
        """Give the probabilities of each row by target, as plain Python values."""
        targets = self.targets.tolist()
        return [dict(zip(targets, row, strict=True)) for row in self.probabilities.tolist()]

    def columns(self) -> dict[str, NDArray[Any]]:
        """Give the arrays with one entry a row, by name, without those that are None."""
        return {name: getattr(self, name) for name in COLUMNS if getattr(self, name) is not None}


class Append(Protocol):
    """Add the next rows to a file of predictions."""

    def __call__(self, block: Predictions) -> None:
        """Append `block`; everything but the rows must be the same in every block."""


class _StreamedNpz:
    """Collect arrays that grow along their first axis and pack them into one uncompressed ``.npz`` file.

    The packed file is what `numpy.load` reads; its bytes depend on the arrays alone, not on the blocks they
    came in. Rows wait in an existing folder, which the caller removes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spools: dict[str, RowSpool] = {}

    def append(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Add a block of rows to each named array; strings may differ in width between blocks."""
        for name, array in arrays.items():
            if name not in self._spools:
                self._spools[name] = RowSpool(self._waiting(name))
            self._spools[name].append(array)

    def pack(self, path: Path, scalars: dict[str, str | int]) -> None:
        """Write `scalars` as arrays without dimensions, and the collected arrays, to `path`."""
        with path.open("wb") as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
            for name, value in scalars.items():
                array = np.array(value)
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_aligned_header(array.dtype, (), raw.tell()) + array.tobytes())
            for name, spool in self._spools.items():
                with archive.open(_member(name), "w", force_zip64=True) as member:
                    member.write(_aligned_header(spool.dtype, spool.shape, raw.tell()))
                    for block in spool.blocks():
                        member.write(block.tobytes())
                self._waiting(name).unlink()

    def _waiting(self, name: str) -> Path:
        return self._folder / f"{name}.rows"


def _member(name: str) -> zipfile.ZipInfo:
    # a fixed date: two runs must give equal bytes
    return zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))


def _aligned_header(dtype: np.dtype[Any], shape: tuple[int, ...], position: int) -> bytes:
    """Header of an array that starts at byte `position`, padded so that its data are aligned in the file."""
    text = repr({"descr": dtype_to_descr(dtype), "fortran_order": False, "shape": shape}).encode("latin1")
    unpadded = position + 10 + len(text) + 1
    text += b" " * (-unpadded % _ALIGNMENT) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@contextmanager
def writing_npz(path: Path) -> Iterator[Append]:
    """Write predictions to an `.npz` file block by block; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no block was given.
    """
    with atomic(path) as partial:
        streamed = _StreamedNpz(partial.parent)
        first: list[Predictions] = []

        def append(block: Predictions) -> None:
            if not first:
                first.append(block.rows(slice(0)))
            streamed.append(block.columns())

        yield append
        if not first:
            raise DanqError(f"{path}: expected at least one row of predictions, received none")
        streamed.append({"targets": first[0].targets})
        streamed.pack(partial, {name: getattr(first[0], name) for name in SCALARS})


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions to an `.npz` file in one go, as `writing_npz` does."""
    with writing_npz(path) as append:
        append(predictions)
