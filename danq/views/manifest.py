"""What a run says of the regions it looked at: ``views.json``, with predictions and peaks beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.learn.manifest import UsedBundle
from danq.learn.predict.reading import read_predictions
from danq.parquet import check_parquet, refusing_damage
from danq.storage import Entry, Manifest, Name

PREDICTIONS, PEAKS = "predictions.npz", "peaks.parquet"
PEAK_SCHEMA = {"view": pl.Int32, "target": pl.Int32, "start": pl.Int64, "end": pl.Int64, "summit": pl.Int64}
"""Columns of the peaks: numbers of view and target, from 0; 0-based half-open positions in bp."""


class ViewEntry(Entry):
    """One region that was looked at.

    Attributes
    ----------
    key : str
        Where the configuration asks for it, such as ``views.0``.
    title : str
        What it is called.
    genome, genome_digest, contig : str
        Names of its genome and contig, and the genome's digest.
    start, end : int
        0-based half-open positions in bp.
    callset : str or None
        The callset around whose strong variant it lies.
    first, rows : int
        Its rows of the predictions.
    stride : int
        bp between the centres of neighbouring rows.
    peaks : bool
        Whether the tracks of the run's dataset lie on its genome, so that their peaks are known.
    """

    key: str
    title: str
    genome: Name
    genome_digest: str
    contig: str
    start: int
    end: int
    callset: str | None
    first: int
    rows: int
    stride: int
    peaks: bool

    @property
    def place(self) -> str:
        """For example ``chr7:1001-2000``: 1-based, both ends included."""
        return f"{self.contig}:{self.start + 1}-{self.end}"


class ViewsManifest(Manifest):
    """``views.json``.

    Attributes
    ----------
    dataset : str
        That of the run's training.
    targets, groups : tuple of k str
        Names, and the groups that the table of targets gives them; empty where it gives none.
    """

    KIND, FILE = "views", "views.json"

    run: str
    bundle: UsedBundle
    dataset: str
    targets: tuple[str, ...]
    groups: tuple[str, ...]
    views: tuple[ViewEntry, ...]
    provenance: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Viewed:
    """One region as one run sees it.

    Attributes
    ----------
    centre : float64, shape (n,)
        Centres of the predicted bins, 0-based in bp between bases: a bin of bases 0 to 9 is centred at 5.0.
    probabilities : float32, shape (n, k)
    peaks : DataFrame
        As `PEAK_SCHEMA`, of this view alone.
    """

    entry: ViewEntry
    run: str
    dataset: str
    targets: tuple[str, ...]
    groups: tuple[str, ...]
    centre: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    peaks: pl.DataFrame


def read_views(folder: Path) -> tuple[Viewed, ...]:
    """Read everything that one run looked at.

    Raises
    ------
    DanqError
        If a file is missing, damaged, of another format version, or does not fit the others.
    """
    manifest = ViewsManifest.read(folder)
    predictions = read_predictions(folder / PREDICTIONS)
    path = folder / PEAKS
    check_parquet(path)
    with refusing_damage(path, "Parquet table"):
        peaks = pl.read_parquet(path, schema=PEAK_SCHEMA)
    manifest.check(folder, PREDICTIONS, PEAKS)
    if predictions.start is None or tuple(predictions.targets.tolist()) != manifest.targets:
        raise DanqError(f"{folder / PREDICTIONS}: expected predictions of {manifest.FILE}, received others")
    # a bin is whole though its contig may end before it does
    centres = np.asarray(predictions.start, np.float64) + predictions.bin // 2
    of_run = manifest.run, manifest.dataset, manifest.targets, manifest.groups
    viewed = []
    for number, entry in enumerate(manifest.views):
        rows = slice(entry.first, entry.first + entry.rows)
        if not 0 <= rows.start < rows.stop <= len(predictions):
            raise DanqError(f"{folder / manifest.FILE}: views.{number}: expected rows of {PREDICTIONS}")
        of_view = peaks.filter(pl.col("view") == number)
        numbers = centres[rows], predictions.probabilities[rows]
        viewed.append(Viewed(entry, *of_run, *numbers, of_view))
    return tuple(viewed)
