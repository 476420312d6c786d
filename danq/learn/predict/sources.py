"""What is predicted, as a stream of raw rows; and the rows of a dataset's split as such a stream."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset, Raw, open_dataset
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.intervals import window_start
from danq.learn.manifest import BundleManifest

log = logging.getLogger("danq")

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
    labels : uint8, shape (n, k) or (n, steps, k), or None
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


def dataset_source(path: Path, split: str, info: BundleManifest, genome: Path | None = None) -> Source:
    """Take the rows of one split of a dataset, with their labels.

    Parameters
    ----------
    path : Path
        Directory of the dataset.
    split : str
        train, valid or test.
    info : BundleManifest
        ``bundle.json`` of the model.
    genome : Path, optional
        Directory of the dataset's genome, where it has moved.

    Raises
    ------
    DanqError
        If the dataset cannot be opened, has no rows in the split, or its kind, sizes, targets or task are
        not the model's.
    """
    dataset = open_dataset(path, genome)
    pairs = {
        "kind": (info.data_kind, dataset.kind),
        "window": (info.window or 0, dataset.window),
        "task": (info.task, dataset.task),
        "image size": (info.shape, dataset.shape),
        "labelled steps of": (info.step, dataset.step),
    }
    for name, (expected, received) in pairs.items():
        if expected != received:
            raise DanqError(
                f"{path / 'dataset.json'}: expected {name} {expected} as run {info.run!r} was trained, "
                f"received {received}"
            )
    if dataset.step and info.bin != dataset.bin:
        raise DanqError(
            f"{path / 'dataset.json'}: expected bin {info.bin} as run {info.run!r} was trained, "
            f"received {dataset.bin}"
        )
    _check_targets(path / "dataset.json", info.targets, dataset.targets, info.run)
    if info.dataset.digest != dataset.digest:
        log.warning(
            "%s is not the dataset of run %r, which may have been trained on rows of this %s split",
            path,
            info.run,
            split,
        )
    rows = dataset.rows(split)
    if not len(rows):
        raise DanqError(f"{path}: expected rows in split {split!r}, found none")
    contigs = None
    if dataset.genome is not None:
        compare_genomes(dataset.genome, info)
        contigs = contig_lengths(dataset.genome)

    def blocks() -> Iterator[Rows]:
        for first in range(0, len(rows), BLOCK):
            yield _dataset_rows(dataset, rows[first : first + BLOCK])

    return Source(blocks, len(rows), dataset.bin or 0, split, dataset.digest, contigs)


def _dataset_rows(dataset: Dataset, rows: NDArray[np.int64]) -> Rows:
    ids, raw, labels = dataset.ids(rows), dataset.raw(rows), dataset.labels(rows)
    if dataset.genome is None or dataset.contig is None or dataset.start is None or dataset.end is None:
        return Rows(ids, raw, np.zeros(len(rows), bool), labels=labels)
    start, end = dataset.start[rows], dataset.end[rows]
    first = window_start(start, dataset.bin or 0, dataset.window)
    padded = (first < 0) | (first + dataset.window > dataset.genome.lengths[dataset.contig[rows]])
    return Rows(ids, raw, padded, dataset.contig_names(rows), start, end, labels)


def _check_targets(source: Path, expected: tuple[str, ...], received: tuple[str, ...], run: str) -> None:
    if len(expected) != len(received):
        raise DanqError(
            f"{source}: expected the {len(expected)} targets of run {run!r}, received {len(received)}"
        )
    for index, (model, data) in enumerate(zip(expected, received, strict=True)):
        if model != data:
            raise DanqError(
                f"{source}: expected target {index} to be {model!r} as in run {run!r}, received {data!r}"
            )


def check_dna(info: BundleManifest, option: str) -> None:
    """Refuse sequences for a model that reads none.

    Parameters
    ----------
    info : BundleManifest
        ``bundle.json`` of the model.
    option : str
        What names the sequences, for the message.

    Raises
    ------
    DanqError
        If the model was trained on rows that are no DNA.
    """
    kind = info.data_kind
    if kind != "dna":
        raise DanqError(f"{option}: expected a model of DNA; run {info.run!r} reads rows of kind {kind}")


def contig_lengths(genome: Genome) -> dict[str, int]:
    """Give the length in bp of each contig."""
    return dict(zip(genome.names, genome.lengths.tolist(), strict=True))


def compare_genomes(genome: Genome, info: BundleManifest) -> None:
    """Warn where a genome is not the one that the model of ``bundle.json`` was trained on."""
    expected = info.dataset.genome_digest
    if expected and expected != genome.digest:
        log.warning(
            "%s is not the genome that run %r was trained on (digest %s, there %s)",
            genome.path,
            info.run,
            genome.digest[:12],
            expected[:12],
        )
