"""Where predictions go: the file's format by its name, chosen targets, genome tracks."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, first_few
from danq.learn.predict.predictions import Append, writing_npz
from danq.learn.predict.tables import writing_parquet, writing_tsv
from danq.learn.predict.tracks import TrackFormat, writing_tracks

WRITERS = {".npz": writing_npz, ".parquet": writing_parquet, ".tsv": writing_tsv}


@dataclass(frozen=True)
class Output:
    """Files to write.

    Attributes
    ----------
    path : Path
        File of predictions; its suffix tells the format.
    targets : tuple of str
        Targets to write, in this order; all of them where empty.
    tracks : Path or None
        Directory of genome tracks.
    track_format : {"bigwig", "bedgraph"}
        Format of the tracks.

    Raises
    ------
    DanqError
        If the suffix is of no known format, or a target is named twice.
    """

    path: Path
    targets: tuple[str, ...] = ()
    tracks: Path | None = None
    track_format: TrackFormat = "bigwig"

    def __post_init__(self) -> None:
        if self.path.suffix not in WRITERS:
            raise DanqError(
                f"{self.path}: expected a name that ends in {', '.join(WRITERS)}, "
                f"received {self.path.suffix!r}"
            )
        for index, target in enumerate(self.targets):
            if target in self.targets[:index]:
                raise DanqError(f"--target {target}: named twice; expected each target once")

    def choose(self, known: tuple[str, ...]) -> NDArray[np.int64] | None:
        """Find the chosen targets among the model's: indices int64, shape (m,), or None for all.

        Raises
        ------
        DanqError
            If a chosen target is not among them.
        """
        for target in self.targets:
            if target not in known:
                raise DanqError(f"--target {target}: expected a target of the model ({first_few(known)})")
        return np.array([known.index(target) for target in self.targets]) if self.targets else None

    def check_positions(self, contigs: dict[str, int] | None) -> None:
        """Refuse tracks of rows that have no positions.

        Parameters
        ----------
        contigs : dict of str to int, or None
            Length in bp of each contig, where the rows lie on some.

        Raises
        ------
        DanqError
            If tracks are asked for and `contigs` is None.
        """
        if self.tracks is not None and contigs is None:
            raise DanqError(f"--tracks {self.tracks}: expected rows with positions; these have none")

    def writers(self, contigs: dict[str, int] | None) -> list[AbstractContextManager[Append]]:
        """Open the files, one context manager each.

        Parameters
        ----------
        contigs : dict of str to int, or None
            Length in bp of each contig, where the rows lie on some.

        Raises
        ------
        DanqError
            If tracks are asked for of rows that have no positions.
        """
        self.check_positions(contigs)
        writers: list[AbstractContextManager[Append]] = [WRITERS[self.path.suffix](self.path)]
        if self.tracks is not None and contigs is not None:
            writers.append(writing_tracks(self.tracks, contigs, self.track_format))
        return writers
