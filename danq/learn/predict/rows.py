"""What is predicted: a stream of raw rows, or rows given from Python, checked and named by their number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Raw
from danq.errors import DanqError
from danq.genome.alphabet import N, encode
from danq.genome.intervals import window_start
from danq.genome.track_writer import TrackPlaces
from danq.learn.manifest import BundleManifest

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
    reason : str, shape (n,), or None
        Why a row cannot be predicted, empty where it can; its `raw` is of no account.
    labels : int8, shape (n, k) or (n, sub-bins, k), or None
        Known labels, -1 where one is not.
    """

    ids: list[str]
    raw: Raw
    padded: NDArray[np.bool_]
    contig: list[str] | None = None
    start: NDArray[np.int64] | None = None
    end: NDArray[np.int64] | None = None
    labels: NDArray[np.int8] | None = None
    reason: NDArray[np.str_] | None = None

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The raw rows where they are DNA."""
        return np.asarray(self.raw, np.uint8)

    def by_sub_bin(self, size: int, number: int) -> tuple["Rows", NDArray[np.bool_]]:
        """Take rows apart into sub-bins of `size` bp, `number` a row, each with its place, labels and flags.

        The first sub-bin begins at the row's ``start``; the last one may be shorter.

        Returns
        -------
        rows : Rows
            m sub-bins, ``contig:start-end`` their names, without inputs.
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


class Blocks(Protocol):
    """Start a stream of rows from any of its blocks."""

    def __call__(self, first: int = 0, last: int | None = None) -> Iterator[Rows]:
        """Give the rows from `first`, a multiple of `BLOCK`, to before `last`, at most `BLOCK` at a time."""


def bounds(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Give the first row of each block between two rows, and the one behind its last."""
    for low in range(first, last, BLOCK):
        yield low, min(low + BLOCK, last)


@dataclass(frozen=True)
class Source:
    """Rows to predict, checked as a whole before the first one is read.

    Attributes
    ----------
    blocks : Blocks
        Starts the stream of `Rows`.
    rows : int
        How many there are in all.
    bin : int
        bp a row stands for; 0 where rows are whole records.
    split, dataset_digest : str
        Of the dataset, or empty.
    contigs : dict of str to int, or None
        Length in bp of the genome's contigs, where rows lie on one.
    stride : int
        bp between bins that share bases; 0 where they follow each other.
    places : TrackPlaces or None
        Where rows stand in tracks, if it is not where they lie, one after the other.
    content : mapping
        What the rows depend on, JSON-like but for the paths of files and folders, whose contents count.
    """

    blocks: Blocks
    rows: int
    bin: int = 0
    split: str = ""
    dataset_digest: str = ""
    contigs: dict[str, int] | None = None
    stride: int = 0
    places: TrackPlaces | None = None
    content: Mapping[str, Any | Path] = field(default_factory=dict)


def window_at(codes: NDArray[np.uint8], start: int, window: int) -> NDArray[np.uint8]:
    """Cut one window (bp) out of a sequence of codes that it overlaps, filled up with N past its ends.

    `start` is the 0-based first base and may be negative.
    """
    low, high = max(start, 0), min(start + window, len(codes))
    cut = np.full(window, N, np.uint8)
    cut[low - start : high - start] = codes[low:high]
    return cut


def rows_from_python(inputs: Sequence[str] | NDArray[np.uint8], info: BundleManifest) -> Rows:
    """Turn what the model of ``bundle.json`` reads into rows named `1` to `n`.

    Parameters
    ----------
    inputs : sequence of n str, or uint8, shape (n, height, width, channels)
        Sequences, texts or images.

    Raises
    ------
    DanqError
        If there is no row, or one is not what the model reads.
    """
    kind = info.data_kind
    what = {"dna": "sequence", "text": "text", "image": "image"}[kind]
    if isinstance(inputs, str):
        raise DanqError(f"expected a list of {what}s, received one str; write [{what}]")
    if not len(inputs):
        raise DanqError(f"expected at least one {what}, received none")
    ids = [str(number) for number in range(1, len(inputs) + 1)]
    whole = np.zeros(len(inputs), bool)
    if kind == "image":
        return Rows(ids, _images(inputs, info.shape or ()), whole)
    texts = list(inputs)
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise DanqError(f"{what} {number}: expected text, received {type(text).__name__}")
    if kind == "text":
        empty = [number for number, text in enumerate(texts, 1) if not text.strip()]
        if empty:
            raise DanqError(f"text {empty[0]}: expected a text, received an empty one")
        return Rows(ids, [text.strip() for text in texts], whole)
    return _sequences(ids, texts, info.window or 0, (info.bin or 0) if info.step else 0)


def _images(inputs: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    images = np.asarray(inputs)
    if images.shape[1:] != shape or images.dtype != np.uint8:
        size = " x ".join(map(str, shape))
        raise DanqError(f"expected uint8 images of {size}, received {images.dtype} of shape {images.shape}")
    return images


def _sequences(ids: list[str], texts: list[str], window: int, bin: int) -> Rows:
    """Centre sequences in windows; with a bin they get positions, so that its sub-bins can be told apart."""
    windows = np.stack([_window(number, text, window) for number, text in enumerate(texts, 1)])
    lengths = np.array([len(text) for text in texts], np.int64)
    padded = lengths < window
    if not bin:
        return Rows(ids, windows, padded)
    start = window_start(0, lengths, bin)
    return Rows(ids, windows, padded, ids, start, np.minimum(start + bin, lengths))


def _window(number: int, text: str, window: int) -> NDArray[np.uint8]:
    try:
        codes = encode(text)
    except DanqError as error:
        raise DanqError(f"sequence {number}: {error}") from None
    if not 0 < len(codes) <= window:
        raise DanqError(f"sequence {number}: expected 1 to {window} bp, received {len(codes)} bp")
    return window_at(codes, window_start(0, len(codes), window), window)
