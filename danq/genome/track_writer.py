"""Numbers along a genome as tracks: one bigWig or bedGraph file for each of their names."""

import errno
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

import numpy as np
import polars as pl
import pybigtools
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import staged
from danq.progress import progress
from danq.spool import RowSpool

TrackFormat = Literal["bigwig", "bedgraph"]
SUFFIX: dict[TrackFormat, str] = {"bigwig": ".bw", "bedgraph": ".bedgraph"}
_BIGWIG = (0x888FFC26).to_bytes(4, sys.byteorder)
"""What a whole bigWig begins and ends with."""
_MOST_ROWS = 1 << 16  # of a track held at once

AppendRows = Callable[[str, NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]], None]
"""Adds rows of a contig: its name; start, end int64 (n,), 0-based half-open in bp; values float32 (n, k)."""


class _Run(NamedTuple):
    """Rows `first` to before `last` of those that wait; all of one contig."""

    contig: str
    first: int
    last: int


_Values = tuple[str, NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]
"""One track along a part of a contig: the contig's name; start, end int64 (n,); value float32 (n,)."""


def file_stem(name: str) -> str:
    """Name of a file for a target: what no file name may hold, such as ``/``, becomes ``%2F``, and so on."""
    return quote(name, safe=" +,;=()[]@")


@contextmanager
def writing_tracks(
    folder: Path, contigs: dict[str, int], names: Sequence[str], kind: TrackFormat = "bigwig"
) -> Iterator[AppendRows]:
    """Write numbers along the genome into a directory, one file for each of k names.

    The rows wait on disk, so that memory does not grow with them. Contigs stand in the order of their names.

    Parameters
    ----------
    contigs : dict of str to int
        Length in bp of each contig of the genome.
    names : sequence of k str
        Tracks, each in the file `file_stem` names; read when all rows have come.

    Raises
    ------
    DanqError
        If rows overlap or are not sorted within their contig, or none come, or the directory cannot be
        written.
    """
    with staged(folder) as partial, tempfile.TemporaryDirectory(dir=partial) as scratch:
        waiting = _Waiting(Path(scratch), folder)
        yield waiting.append
        if not waiting.runs:
            raise DanqError(f"{folder}: expected at least one row of predictions, received none")
        _write(partial, contigs, names, kind, waiting.values)


@contextmanager
def writing_placed_tracks(
    folder: Path,
    contigs: dict[str, int],
    names: Sequence[str],
    places: "TrackPlaces",
    kind: TrackFormat = "bigwig",
) -> Iterator[Callable[[NDArray[np.float32]], None]]:
    """Write tracks, as `writing_tracks` does, of rows that come in another order than they lie in.

    Memory holds one number a row.

    Parameters
    ----------
    places : TrackPlaces
        Where which rows lie.

    Yields
    ------
    callable
        Adds the next rows: values float32 (n, k).

    Raises
    ------
    DanqError
        If the directory cannot be written.
    """
    with staged(folder) as partial, tempfile.TemporaryDirectory(dir=partial) as scratch:
        spool = RowSpool(Path(scratch) / "numbers", np.float32)
        yield spool.append
        contig = np.array(places.contig)
        each = {name: np.flatnonzero(contig == name) for name in sorted(set(places.contig))}

        def values(target: int) -> Iterator[_Values]:
            [column] = spool.read(range(target, target + 1), 0, len(spool))
            for name, rows in each.items():
                yield name, places.start[rows], places.end[rows], column[places.rows[rows]]

        _write(partial, contigs, names, kind, values)


class TrackPlaces(NamedTuple):
    """Where on a genome rows stand in tracks, sorted by contig and start; they are disjoint.

    Attributes
    ----------
    rows : int64, shape (m,)
        Numbers of the rows; not all of them need be there.
    contig, start, end : list of m str, int64 and int64, shape (m,)
        0-based half-open.
    """

    rows: NDArray[np.int64]
    contig: list[str]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def _write(
    folder: Path,
    contigs: dict[str, int],
    names: Sequence[str],
    kind: TrackFormat,
    values: Callable[[int], Iterator[_Values]],
) -> None:
    with progress("writing tracks", len(names), "tracks") as advance:
        for index, name in enumerate(names):
            path = folder / (file_stem(name) + SUFFIX[kind])
            if kind == "bigwig":
                write_bigwig(path, contigs, _rows(values(index)))
            else:
                _write_bedgraph(path, values(index))
            advance()


class _Waiting:
    """Rows on disk, run by run."""

    def __init__(self, scratch: Path, folder: Path) -> None:
        self._folder = folder
        self._places = RowSpool(scratch / "places", np.int64)
        self._numbers = RowSpool(scratch / "numbers", np.float32)
        self.runs: list[_Run] = []
        self._ends: dict[str, int] = {}

    def append(
        self, contig: str, start: NDArray[np.int64], end: NDArray[np.int64], values: NDArray[np.float32]
    ) -> None:
        self._check(contig, start, end)
        first = len(self._places)
        self._places.append(np.stack([start, end], axis=1))
        self._numbers.append(values)
        if self.runs and self.runs[-1].contig == contig:
            before = self.runs[-1].first
            if first - before < _MOST_ROWS:
                self.runs.pop()
                first = before
        self.runs.append(_Run(contig, first, len(self._places)))

    def values(self, target: int) -> Iterator[_Values]:
        # sorting is stable: runs of a contig keep their order
        for contig, first, last in sorted(self.runs, key=lambda run: run.contig):
            start, end = self._places.read(range(2), first, last)
            [value] = self._numbers.read(range(target, target + 1), first, last)
            yield contig, start, end, value

    def _check(self, contig: str, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        before = np.concatenate([[self._ends.get(contig, 0)], end[:-1]])
        wrong = np.flatnonzero(start < before)
        if len(wrong):
            raise DanqError(
                f"{self._folder}: expected sorted rows without overlap for tracks, received "
                f"{contig}:{start[wrong[0]]}-{end[wrong[0]]} after a row that ends at {before[wrong[0]]}"
            )
        self._ends[contig] = int(end[-1])


def _rows(values: Iterator[_Values]) -> Iterator[tuple[str, int, int, float]]:
    for contig, start, end, value in values:
        for row in zip(start.tolist(), end.tolist(), value.tolist(), strict=True):
            yield contig, *row


def write_bigwig(path: Path, contigs: dict[str, int], rows: Iterable[tuple[str, int, int, float]]) -> None:
    """Write one bigWig of rows in the order of their contigs' names: contig, start, end (0-based), value.

    Raises
    ------
    OSError
        If the disk has no room for all of it.
    """
    try:
        pybigtools.open(str(path), "w").write(dict(sorted(contigs.items())), rows)
    except BaseException as error:
        # what its threads run into ends in a panic of Rust, which is no Exception
        if type(error).__name__ != "PanicException":
            raise
    # or in no error at all: the mark at both ends is written last
    with path.open("rb") as stream:
        begin = stream.read(len(_BIGWIG))
        stream.seek(max(path.stat().st_size - len(_BIGWIG), 0))
        if not begin == stream.read() == _BIGWIG:
            raise OSError(errno.ENOSPC, "a bigWig was not written to its end")


def _write_bedgraph(path: Path, values: Iterator[_Values]) -> None:
    with path.open("wb") as stream:
        for contig, start, end, column in values:
            table = pl.DataFrame({"start": start, "end": end, "value": column})
            rows = table.select(pl.lit(contig), "start", "end", "value")
            # as text first: written by polars itself, a full disk would lack the system's reason
            stream.write(rows.write_csv(separator="\t", include_header=False).encode())
