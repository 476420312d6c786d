"""Predictions as arrays, and the `.npz` file that keeps them; importable without TensorFlow."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import atomic
from danq.npz import StreamedNpz, read_npz

_COLUMNS = ("ids", "probabilities", "logits", "labels", "contig", "start", "end", "flags")
_SCALARS = ("run", "split", "task", "bin", "bundle_digest", "dataset_digest")
_NEEDED = ("ids", "probabilities", "logits", "targets", "run", "split", "task")


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
    labels : uint8, shape (n, k), or None
        What is known of the rows: 1 positive, 0 not.
    contig, start, end : str, int64, int64, shape (n,), or None
        The labelled bin (bp, 0-based half-open); None for rows that are no part of a genome.
    flags : str, shape (n,), or None
        Remarks, joined by commas: `padded`, the window reaches past the end of its contig or record and
        was filled with N; `many_n`, more than half of the window is N.
    run, split : str
        Name of the run; train, valid or test, or an empty string.
    task : str
        `multilabel` or `multiclass`.
    bin : int
        bp that a row stands for; 0 where rows have no bin.
    bundle_digest, dataset_digest : str
        Digests of the model bundle and of the dataset; empty where there is none.
    """

    ids: NDArray[np.str_]
    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    targets: NDArray[np.str_]
    labels: NDArray[np.uint8] | None = None
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

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, rows: slice | NDArray[Any]) -> "Predictions":
        """Take the same predictions for a choice of rows.

        Parameters
        ----------
        rows : slice or int64, shape (m,), or bool, shape (n,)
            What NumPy accepts as an index of the first axis.
        """
        arrays: dict[str, Any] = {name: array[rows] for name, array in self.columns().items()}
        return replace(self, **arrays)

    def choose(self, columns: NDArray[np.int64]) -> "Predictions":
        """Take the same predictions for a choice of targets.

        Parameters
        ----------
        columns : int64, shape (m,)
            0-based indices of targets.
        """
        return replace(
            self,
            probabilities=self.probabilities[:, columns],
            logits=self.logits[:, columns],
            targets=self.targets[columns],
            labels=None if self.labels is None else self.labels[:, columns],
        )

    def columns(self) -> dict[str, NDArray[Any]]:
        """Give the arrays with one entry a row, by name, without those that are None."""
        return {name: getattr(self, name) for name in _COLUMNS if getattr(self, name) is not None}


class Append(Protocol):
    """Add the next rows to a file of predictions."""

    def __call__(self, block: Predictions) -> None:
        """Append `block`; everything but the rows must be the same in every block."""


@contextmanager
def writing_npz(path: Path) -> Iterator[Append]:
    """Write predictions to an `.npz` file block by block; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no block was given.
    """
    with atomic(path) as partial:
        streamed = StreamedNpz(partial.parent)
        first: list[Predictions] = []

        def append(block: Predictions) -> None:
            if not first:
                first.append(block.rows(slice(0)))
            streamed.append(block.columns())

        yield append
        if not first:
            raise DanqError(f"{path}: expected at least one row of predictions, received none")
        streamed.append({"targets": first[0].targets})
        streamed.pack(partial, {name: getattr(first[0], name) for name in _SCALARS})


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions to an `.npz` file in one go.

    Raises
    ------
    DanqError
        If the file cannot be written.
    """
    with writing_npz(path) as append:
        append(predictions)


def read_predictions(path: str | Path) -> Predictions:
    """Read an `.npz` file of predictions; its large arrays are memory-mapped, so that opening costs nothing.

    Raises
    ------
    DanqError
        If the file is missing, no file of danq's predictions, or its arrays do not fit together.
    """
    path = Path(path)
    arrays = read_npz(path)
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise DanqError(f"{path}: expected predictions of danq, received an .npz file without {missing[0]!r}")
    values: dict[str, Any] = {name: array.item() for name, array in arrays.items() if name in _SCALARS}
    values.update({name: array for name, array in arrays.items() if name in _COLUMNS})
    predictions = Predictions(targets=arrays["targets"], **values)
    _check(path, predictions)
    return predictions


def _check(path: Path, predictions: Predictions) -> None:
    n, k = len(predictions.ids), len(predictions.targets)
    for name, array in predictions.columns().items():
        expected = (n, k) if name in ("probabilities", "logits", "labels") else (n,)
        if array.shape != expected:
            raise DanqError(f"{path}: expected {name!r} of shape {expected}, received {array.shape}")
