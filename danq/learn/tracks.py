"""Predictions as genome tracks: one bigWig or bedGraph file a target."""

from collections.abc import Iterator
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
from danq.learn.predictions import Append, Predictions
from danq.progress import progress

TrackFormat = Literal["bigwig", "bedgraph"]
_SUFFIX: dict[TrackFormat, str] = {"bigwig": ".bw", "bedgraph": ".bedgraph"}


class _Stretch(NamedTuple):
    """Rows of one contig in the file: from byte `offset` on, starts, ends, probabilities (k, n)."""

    contig: str
    offset: int
    rows: int


class _Values(NamedTuple):
    """One target along a part of a contig: start, end int64 (n,), probability float32 (n,)."""

    contig: str
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    probability: NDArray[np.float32]


@contextmanager
def writing_tracks(folder: Path, contigs: dict[str, int], kind: TrackFormat = "bigwig") -> Iterator[Append]:
    """Write the probability of every target along the genome, one file a target.

    The rows wait in a file where the values of a target lie together, so that memory does not grow with
    them and a track reads little more than its own part. Contigs stand in the order of their names.

    Parameters
    ----------
    folder : Path
        Directory of the tracks; a file is named for its target, with `/` and the like as `%2F`.
    contigs : dict of str to int
        Length in bp of each contig of the genome.
    kind : {"bigwig", "bedgraph"}
        Format of the files.

    Raises
    ------
    DanqError
        If rows have no positions, overlap or are not sorted within their contig, or none come, or the
        directory cannot be written.
    """
    with staged(folder) as partial:
        waiting = _Waiting(partial / "rows", folder)
        yield waiting.append
        if not waiting.stretches:
            raise DanqError(f"{folder}: expected at least one row of predictions, received none")
        with progress("writing tracks", len(waiting.targets), "tracks") as advance:
            for index, target in enumerate(waiting.targets):
                path = partial / (quote(target, safe=" +,;=()[]@") + _SUFFIX[kind])
                if kind == "bigwig":
                    _write_bigwig(path, contigs, waiting.values(index))
                else:
                    _write_bedgraph(path, waiting.values(index))
                advance()
        waiting.path.unlink()


class _Waiting:
    """Rows on disk, stretch by stretch."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.targets: list[str] = []
        self.stretches: list[_Stretch] = []
        self._ends: dict[str, int] = {}

    def append(self, block: Predictions) -> None:
        if block.contig is None or block.start is None or block.end is None:
            raise DanqError(f"{self.folder}: expected rows with positions on a genome for tracks")
        self.targets = self.targets or block.targets.tolist()
        changes = np.flatnonzero(block.contig[1:] != block.contig[:-1]) + 1
        with self.path.open("ab") as stream:
            for first, last in zip([0, *changes], [*changes, len(block)], strict=True):
                if first == last:
                    continue
                contig, start, end = str(block.contig[first]), block.start[first:last], block.end[first:last]
                self._check(contig, start, end)
                self.stretches.append(_Stretch(contig, stream.tell(), int(last - first)))
                np.stack([start, end]).astype(np.int64).tofile(stream)
                np.ascontiguousarray(block.probabilities[first:last].T, np.float32).tofile(stream)

    def values(self, target: int) -> Iterator[_Values]:
        with self.path.open("rb") as stream:
            # sorting is stable: stretches of a contig keep their order
            for contig, offset, rows in sorted(self.stretches, key=lambda stretch: stretch.contig):
                stream.seek(offset)
                start, end = np.fromfile(stream, np.int64, 2 * rows).reshape(2, rows)
                stream.seek(4 * rows * target, 1)
                yield _Values(contig, start, end, np.fromfile(stream, np.float32, rows))

    def _check(self, contig: str, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        before = np.concatenate([[self._ends.get(contig, 0)], end[:-1]])
        wrong = np.flatnonzero(start < before)
        if len(wrong):
            raise DanqError(
                f"{self.folder}: expected sorted rows without overlap for tracks, received "
                f"{contig}:{start[wrong[0]]}-{end[wrong[0]]} after a row that ends at {before[wrong[0]]}"
            )
        self._ends[contig] = int(end[-1])


def _write_bigwig(path: Path, contigs: dict[str, int], values: Iterator[_Values]) -> None:
    def rows() -> Iterator[tuple[str, int, int, float]]:
        for contig, starts, ends, probabilities in values:
            rows = zip(starts.tolist(), ends.tolist(), probabilities.tolist(), strict=True)
            for start, end, probability in rows:
                yield contig, start, end, probability

    pybigtools.open(str(path), "w").write(dict(sorted(contigs.items())), rows())


def _write_bedgraph(path: Path, values: Iterator[_Values]) -> None:
    with path.open("wb") as stream:
        for contig, start, end, probability in values:
            table = pl.DataFrame({"start": start, "end": end, "probability": probability})
            table.insert_column(0, pl.Series("contig", [contig]).new_from_index(0, len(table)))
            table.write_csv(stream, separator="\t", include_header=False)
