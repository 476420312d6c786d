"""The labelled dataset on disk, opened as memory maps; `danq.data.writing` makes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import read_manifest
from danq.genome.alphabet import N
from danq.genome.fasta import Genome, open_genome

SPLITS = ("train", "valid", "test")
FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows with labels: bins of a genome, or examples that bring their own sequence.

    Attributes
    ----------
    path : Path
        Directory of the dataset.
    manifest : dict
        Contents of ``dataset.json``.
    targets : tuple of str
        Target names, in the order of the label columns.
    task : str
        ``multilabel`` (any number of targets a row) or ``multiclass`` (exactly one).
    window, bin : int, int or None
        bp seen by a model and bp at the window's centre that are labelled (None for examples).
    contig : int32, shape (n,), or None
        Genome index of each row's contig.
    start, end : int64, shape (n,), or None
        The labelled bin of each row, 0-based half-open.
    split : uint8, shape (n,)
        Index into `SPLITS`.
    genome : Genome or None
        The genome the bins lie on.
    packed : uint8, shape (n, ceil(k / 8))
        Labels, packed along targets with ``bitorder="little"``; a memory map.
    sequences : uint8, shape (n, window), or None
        Codes of examples; a memory map.
    names : polars Series of n strings, or None
        Names of examples.
    """

    path: Path
    manifest: dict[str, Any]
    targets: tuple[str, ...]
    task: str
    window: int
    bin: int | None
    contig: NDArray[np.int32] | None
    start: NDArray[np.int64] | None
    end: NDArray[np.int64] | None
    split: NDArray[np.uint8]
    genome: Genome | None
    packed: NDArray[np.uint8]
    sequences: NDArray[np.uint8] | None = None
    names: pl.Series | None = None

    def __len__(self) -> int:
        """Count the rows of all splits."""
        return len(self.split)

    @property
    def digest(self) -> str:
        """SHA-256 over the rows, labels, targets and genome, whatever the provenance."""
        return str(self.manifest["digest"])

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of one split, ascending.

        Raises
        ------
        DanqError
            If `split` is none of `SPLITS`.
        """
        if split not in SPLITS:
            raise DanqError(f"expected a split of {', '.join(SPLITS)}; received {split!r}")
        return np.flatnonzero(self.split == SPLITS.index(split))

    def labels(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Labels of rows as 0 or 1, uint8, shape (len(rows), k)."""
        return np.unpackbits(self.packed[rows], axis=1, count=len(self.targets), bitorder="little")

    def codes(self, rows: NDArray[np.int64], shifts: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Bases of rows.

        Parameters
        ----------
        rows : int64, shape (m,)
            Row numbers.
        shifts : int64, shape (m,), optional
            bp by which each window starts later (negative: earlier).

        Returns
        -------
        uint8, shape (m, window)
            Codes 0..4; N past the ends of a contig or of an example.
        """
        if self.sequences is not None:
            codes = np.asarray(self.sequences[rows])
            return codes if shifts is None else _shifted(codes, shifts)
        contig, start, genome, width = self._bins()
        first = start[rows] + width // 2 - self.window // 2
        return genome.windows(contig[rows], first if shifts is None else first + shifts, self.window)

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Give ``contig:start-end`` of each row's bin (0-based half-open), or the name of the example."""
        if self.names is not None:
            return list(self.names.gather(rows))
        _, start, _, width = self._bins()
        first = start[rows].tolist()
        contigs = self.contig_names(rows)
        return [f"{name}:{begin}-{begin + width}" for name, begin in zip(contigs, first, strict=True)]

    def contig_names(self, rows: NDArray[np.int64]) -> list[str]:
        """Contig name of each row.

        Raises
        ------
        DanqError
            If the rows are examples without a genome.
        """
        contig, _, genome, _ = self._bins()
        return [genome.names[index] for index in contig[rows].tolist()]

    def counts(self, split: str) -> NDArray[np.int64]:
        """Positive rows of each target in a split, int64, shape (k,)."""
        return np.array([target["counts"][split] for target in self.manifest["targets"]], np.int64)

    def _bins(self) -> tuple[NDArray[np.int32], NDArray[np.int64], Genome, int]:
        if self.contig is None or self.start is None or self.genome is None or self.bin is None:
            raise DanqError(f"{self.path}: expected bins of a genome, received examples without positions")
        return self.contig, self.start, self.genome, self.bin


def _shifted(codes: NDArray[np.uint8], shifts: NDArray[np.int64]) -> NDArray[np.uint8]:
    length = codes.shape[1]
    positions = shifts[:, None] + np.arange(length)
    inside = (positions >= 0) & (positions < length)
    moved = np.take_along_axis(codes, np.clip(positions, 0, length - 1), axis=1)
    return np.where(inside, moved, np.uint8(N))


def open_dataset(path: Path, genome: Path | None = None) -> Dataset:
    """Open a dataset directory; arrays stay on disk until rows are asked for.

    Parameters
    ----------
    path : Path
        Directory written by ``danq dataset``.
    genome : Path, optional
        Directory of the encoded genome, where it is not the one the dataset was made with.

    Raises
    ------
    DanqError
        If files are missing or damaged, or the genome is another one than the dataset's.
    """
    manifest = read_manifest(path / "dataset.json", "dataset", FORMAT_VERSION)
    targets = tuple(target["name"] for target in manifest["targets"])
    n = sum(manifest["n"].values())
    packed = _load(path / "labels.npy", (n, -(-len(targets) // 8)))
    source = _open_genome(path, manifest, genome)
    bins = source is not None
    table = _table(path / ("windows.parquet" if bins else "examples.parquet"), n)
    contig = None if source is None else _indices(table["contig"], source.names).astype(np.int32)
    return Dataset(
        path=path,
        manifest=manifest,
        targets=targets,
        task=manifest["task"],
        window=manifest["window"],
        bin=manifest["bin"],
        contig=contig,
        start=table["start"].to_numpy() if bins else None,
        end=table["end"].to_numpy() if bins else None,
        split=_indices(table["split"], SPLITS).astype(np.uint8),
        genome=source,
        packed=packed,
        sequences=None if bins else _load(path / "codes.npy", (n, manifest["window"])),
        names=None if bins else table["name"],
    )


def _indices(values: pl.Series, names: tuple[str, ...]) -> NDArray[np.uint32]:
    return values.cast(pl.Enum(names)).to_physical().cast(pl.UInt32).to_numpy()


def _open_genome(path: Path, manifest: dict[str, Any], genome: Path | None) -> Genome | None:
    expected = manifest["genome"]
    if expected is None:
        return None
    directory = genome or path / expected["path"]
    if not directory.is_dir():
        raise DanqError(
            f"{path / 'dataset.json'}: expected the genome {expected['name']} in {directory}, "
            "found no such directory; name its directory with --genome"
        )
    opened = open_genome(directory)
    if opened.digest != expected["digest"]:
        raise DanqError(
            f"{path / 'dataset.json'}: expected the genome {expected['name']} with digest "
            f"{expected['digest'][:12]}, received {directory} with digest {opened.digest[:12]}"
        )
    return opened


def _load(path: Path, shape: tuple[int, int]) -> NDArray[np.uint8]:
    try:
        array: NDArray[np.uint8] = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; the dataset is incomplete") from None
    except (ValueError, EOFError) as error:
        raise DanqError(f"{path}: expected a NumPy array, received a damaged file ({error})") from None
    if array.shape != shape or array.dtype != np.uint8:
        raise DanqError(f"{path}: expected uint8 {shape}, received {array.dtype} {array.shape}")
    return array


def _table(path: Path, n: int) -> pl.DataFrame:
    try:
        table = pl.read_parquet(path)
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; the dataset is incomplete") from None
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise DanqError(f"{path}: expected a Parquet table, received a damaged file ({first})") from None
    if len(table) != n:
        raise DanqError(f"{path}: expected {n} rows, received {len(table)}")
    return table
