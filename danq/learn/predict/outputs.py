"""Where predictions go: an array file or table by the file's name, chosen targets, genome tracks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.track_writer import TrackFormat, TrackPlaces, writing_placed_tracks, writing_tracks
from danq.jobs import check_claim, sole_writer
from danq.learn.manifest import target_indices
from danq.learn.predict.predictions import SCALARS, SUFFIXES, Append, Predictions, writing_npz
from danq.learn.predict.rows import Source
from danq.metrics import UNKNOWN
from danq.processes import finish_undisturbed
from danq.tables import Format, writing_rows

ROW_COLUMNS = {"ids": "id", "contig": "contig", "start": "start", "end": "end", "flags": "flags"}
TARGET_COLUMNS = {"probabilities": "probability", "logits": "logit", "labels": "label"}


@dataclass(frozen=True)
class Output:
    """Files to write.

    Attributes
    ----------
    path : Path or None
        File of predictions; its suffix tells the format. None: no such file.
    targets : tuple of str
        Targets to write, in this order; all of them where empty.
    tracks : Path or None
        Directory of genome tracks.

    Raises
    ------
    DanqError
        If the suffix is of no known format.
    """

    path: Path | None
    targets: tuple[str, ...] = ()
    tracks: Path | None = None
    track_format: TrackFormat = "bigwig"

    def __post_init__(self) -> None:
        if self.path is not None and self.path.suffix not in SUFFIXES:
            raise DanqError(
                f"{self.path}: expected a name that ends in {', '.join(SUFFIXES)}, "
                f"received {self.path.suffix!r}"
            )

    def choose(self, known: tuple[str, ...]) -> NDArray[np.int64] | None:
        """Find the chosen targets among the model's: indices int64, shape (m,), or None for all.

        Raises
        ------
        DanqError
            If a target is named twice or not among them.
        """
        return np.array(target_indices(self.targets, known, "--target")) if self.targets else None

    def check_positions(self, contigs: dict[str, int] | None) -> None:
        """Refuse tracks of rows without positions; `contigs` are the lengths in bp of those that rows lie on.

        Raises
        ------
        DanqError
            If tracks are asked for and `contigs` is None.
        """
        if self.tracks is not None and contigs is None:
            raise DanqError(f"--tracks {self.tracks}: expected rows with positions; these have none")

    def writers(
        self, contigs: dict[str, int] | None, stride: int = 0, places: TrackPlaces | None = None
    ) -> list[AbstractContextManager[Append]]:
        """Open the files, one context manager each; `contigs` as for `check_positions`, which is called.

        With a `stride` (bp) a row's track value stands for so many bp around the centre of its bin, with
        `places` where they say.
        """
        self.check_positions(contigs)
        writers: list[AbstractContextManager[Append]] = []
        if self.path is not None:
            writers.append(self._alone(self.path))
        if self.tracks is not None and contigs is not None:
            kind = self.track_format
            if places is None:
                writers.append(writing_probabilities(self.tracks, contigs, kind, stride))
            else:
                writers.append(_writing_placed(self.tracks, contigs, kind, places))
        return writers

    @property
    def place(self) -> Path | None:
        """What messages call it."""
        return self.path or self.tracks

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the only job that writes there, from before the rows are predicted."""
        with ExitStack() as stack:
            if self.path is not None:
                stack.enter_context(sole_writer(self.path, folder=False))
            if self.tracks is not None:
                stack.enter_context(sole_writer(self.tracks))
            yield

    def write(self, source: Source, blocks: Iterable[Predictions]) -> int:
        """Write the predictions of a source, a block at a time; the number of rows.

        Raises
        ------
        DanqError
            If tracks are asked for of rows without positions, there are no rows, or a file cannot be written.
        """
        done = 0
        with ExitStack() as stack:
            writers = self.writers(source.contigs, source.stride, source.places)
            appends = [stack.enter_context(writer) for writer in writers]
            for block in blocks:
                for append in appends:
                    append(block)
                done += len(block)
        return done

    @contextmanager
    def _alone(self, path: Path) -> Iterator[Append]:
        writing = writing_npz if path.suffix == ".npz" else writing_table
        with sole_writer(path, folder=False), writing(path) as append:
            yield append
            check_claim(path, folder=False)
            finish_undisturbed()


def table_columns(predictions: Predictions) -> dict[str, NDArray[Any] | pa.Array]:
    """Columns of the tables: `id`, `contig`, `start`, `end`, `flags`, then three for each target.

    What is None has no column. The columns of a target are `<target>__probability` and `<target>__logit`
    (float32, null in rows that cannot be predicted) and, where labels are known, `<target>__label` (int8,
    null for a label that is not).
    """
    arrays = predictions.columns()
    columns: dict[str, Any] = {title: arrays[name] for name, title in ROW_COLUMNS.items() if name in arrays}
    for index, target in enumerate(predictions.targets.tolist()):
        for name, title in TARGET_COLUMNS.items():
            if name in arrays:
                column = np.ascontiguousarray(arrays[name][:, index])
                # a row that cannot be predicted has no numbers
                missing = column == UNKNOWN if name == "labels" else np.isnan(column)
                columns[f"{target}__{title}"] = pa.array(column, mask=missing)
    return columns


@contextmanager
def writing_table(path: Path) -> Iterator[Append]:
    """Write predictions to Parquet or tab-separated text, by the file's name; memory does not grow with them.

    Raises
    ------
    DanqError
        If the file cannot be written, or no row was given.
    """
    form: Format = "tsv" if path.suffix == ".tsv" else "parquet"
    total = 0
    with ExitStack() as stack:
        opened: list[Callable[[pa.Table], None]] = []

        def append(block: Predictions) -> None:
            nonlocal total
            table = pa.table(table_columns(block), metadata=_metadata(block))
            if not opened:
                # only the first block says which columns there are
                rows = writing_rows(path, table.schema, form, ("contig", "flags"))
                opened.append(stack.enter_context(rows))
            opened[0](table)
            total += len(block)

        yield append
        if not total:
            raise DanqError(f"{path}: expected at least one row of predictions, received none")


def _metadata(predictions: Predictions) -> dict[str, str]:
    return {f"danq.{name}": str(getattr(predictions, name)) for name in SCALARS}


@contextmanager
def writing_probabilities(
    folder: Path, contigs: dict[str, int], kind: TrackFormat = "bigwig", stride: int = 0
) -> Iterator[Append]:
    """Write the probability of every target as a genome track, named for the target.

    With a `stride` (bp), rows share bases: each has so many around the centre of its bin to itself.

    Raises
    ------
    DanqError
        As `danq.genome.track_writer.writing_tracks`, or if rows have no positions.
    """
    names: list[str] = []
    with writing_tracks(folder, contigs, names, kind) as append_rows:

        def append(block: Predictions) -> None:
            if block.contig is None or block.start is None or block.end is None:
                raise DanqError(f"{folder}: expected rows with positions on a genome for tracks")
            names[:] = block.targets.tolist()
            changes = np.flatnonzero(block.contig[1:] != block.contig[:-1]) + 1
            for first, last in zip([0, *changes], [*changes, len(block)], strict=True):
                if first < last:
                    rows = slice(first, last)
                    contig = str(block.contig[first])
                    start, end = block.start[rows], block.end[rows]
                    if stride:
                        start, end = around_centres(start, block.bin, stride, contigs[contig])
                    append_rows(contig, start, end, block.probabilities[rows])

        yield append


@contextmanager
def _writing_placed(
    folder: Path, contigs: dict[str, int], kind: TrackFormat, places: TrackPlaces
) -> Iterator[Append]:
    names: list[str] = []
    with writing_placed_tracks(folder, contigs, names, places, kind) as append_values:

        def append(block: Predictions) -> None:
            names[:] = block.targets.tolist()
            append_values(block.probabilities)

        yield append


def around_centres(
    start: NDArray[np.int64], bin: int, stride: int, length: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give `stride` bp around the centres of bins that start at `start`, within a contig of `length` bp.

    Returns
    -------
    start, end : int64, shape (n,)
        0-based half-open; disjoint where the bins lie `stride` bp apart.
    """
    first = start + bin // 2 - stride // 2
    return np.maximum(first, 0), np.minimum(first + stride, length)
