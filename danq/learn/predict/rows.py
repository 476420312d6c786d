"""What is predicted, as a stream of raw rows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Raw

BLOCK = 1024
"""Rows that are held at a time."""


@dataclass(frozen=True)
class Rows:
    """A block of raw rows and where they come from.

    Attributes
    ----------
    ids : list of n str
        `contig:start-end` (bp, 0-based half-open) or the record's name.
    raw : uint8, shape (n, window); list of n str; or uint8, shape (n, height, width, channels)
        Bases as 0..4 for A, C, G, T, N; texts; or pixels.
    padded : bool, shape (n,)
        The window reaches past an end of its contig or record.
    contig, start, end : list of n str, int64, int64, or None
        What a row stands for, where it is part of a genome or record.
    labels : uint8, shape (n, k) or (n, sub-bins, k), or None
        Known labels.
    """

    ids: list[str]
    raw: Raw
    padded: NDArray[np.bool_]
    contig: list[str] | None = None
    start: NDArray[np.int64] | None = None
    end: NDArray[np.int64] | None = None
    labels: NDArray[np.uint8] | None = None

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The raw rows where they are DNA."""
        return np.asarray(self.raw, np.uint8)

    def by_sub_bin(self, size: int, number: int) -> tuple["Rows", NDArray[np.bool_]]:
        """Take rows apart into their sub-bins, each with its place, labels and flags, but without its input.

        Parameters
        ----------
        size, number : int
            bp of a sub-bin, and sub-bins of a row; the first one begins at the row's ``start``.

        Returns
        -------
        rows : Rows
            m sub-bins, ``contig:start-end`` their names; the last one of a row may be shorter.
        kept : bool, shape (n * number,)
            Which of all sub-bins these are: those that lie before the row's end and not before 0.
        """
        begin, stop = (np.asarray([] if column is None else column) for column in (self.start, self.end))
        first = (begin[:, None] + size * np.arange(number)).ravel()
        last = np.minimum(first + size, np.repeat(stop, number))
        kept = (first < last) & (last > 0)
        start, end = np.maximum(first[kept], 0), last[kept]
        names = np.repeat(self.contig or [], number)[kept].tolist()
        labels = None if self.labels is None else self.labels.reshape(len(first), -1)[kept]
        padded = np.repeat(self.padded, number)[kept]
        ids = interval_ids(names, start, end)
        return replace(
            self, ids=ids, raw=[], padded=padded, contig=names, start=start, end=end, labels=labels
        ), kept


def interval_ids(names: Sequence[str], start: NDArray[np.int64], end: NDArray[np.int64]) -> list[str]:
    """Name n intervals of contigs or records ``name:start-end`` (bp, 0-based half-open)."""
    places = zip(names, start.tolist(), end.tolist(), strict=True)
    return [f"{name}:{low}-{high}" for name, low, high in places]


@dataclass(frozen=True)
class Source:
    """Rows to predict, checked as a whole before the first one is read.

    Attributes
    ----------
    blocks : callable
        Starts the stream of `Rows`, at most `BLOCK` at a time.
    rows : int
        How many there are in all.
    bin : int
        bp a row stands for; 0 where rows are whole records.
    split : str
        Name of the dataset's split, or empty.
    dataset_digest : str
        Digest of the dataset, or empty.
    contigs : dict of str to int, or None
        Length in bp of the genome's contigs, where rows lie on one.
    """

    blocks: Callable[[], Iterator[Rows]]
    rows: int
    bin: int = 0
    split: str = ""
    dataset_digest: str = ""
    contigs: dict[str, int] | None = None
