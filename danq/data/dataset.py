"""The labelled dataset on disk, opened as memory maps; `danq.data.writing` makes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.data.manifest import KNOWN, SPLITS, DatasetManifest, Task
from danq.data.options import Kind
from danq.errors import CONTROLS, DanqError, check_name, first_few
from danq.genome.alphabet import N
from danq.genome.fasta import Genome, open_genome
from danq.genome.intervals import window_start
from danq.metrics import UNKNOWN
from danq.parquet import read_parquet, refusing_damage
from danq.storage import load_array

_NUMBERS = ("start", "end")
Raw = NDArray[np.uint8] | list[str]
"""Raw rows of a block: dna, codes uint8 (m, window); text, m texts; image, pixels uint8 (m, h, w, c)."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows with labels: bins of a genome, or examples that bring their own sequence, text or image.

    Attributes
    ----------
    targets : tuple of str
        Names, in the order of the label columns.
    window, bin : int, int or None
        bp seen by a model, 0 where rows are no DNA; bp at its centre that are labelled, None for examples.
    contig, start, end : int32, int64 and int64, shape (n,), or None
        The labelled bin of each row: genome index of its contig, 0-based half-open.
    split : uint8, shape (n,)
        Index into `SPLITS`.
    packed : uint8, shape (n, ceil(k / 8))
        Labels, packed along targets with ``bitorder="little"``; a memory map. With sub-bins
        ceil(sub_bins * k / 8) columns, packed along targets within sub-bins.
    known : uint8, of the same shape, or None
        Which labels are known, packed likewise; a memory map. None where all are.
    sequences : uint8, shape (n, window), or None
        Codes of examples; a memory map.
    names, texts : polars Series of n strings, or None
        Of examples.
    images : uint8, shape (n, height, width, channels), or None
        A memory map.
    sub_bin : int or None
        bp of a sub-bin with labels of its own; None where a row has one label a target.
    """

    path: Path
    manifest: DatasetManifest
    targets: tuple[str, ...]
    task: Task
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
    kind: Kind = "dna"
    texts: pl.Series | None = None
    images: NDArray[np.uint8] | None = None
    sub_bin: int | None = None
    known: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        """Count the rows of all splits."""
        return len(self.split)

    @property
    def sub_bins(self) -> int:
        """Sub-bins of a row with labels of their own; 0 where the row as a whole has them."""
        return 0 if self.sub_bin is None or self.bin is None else self.bin // self.sub_bin

    @property
    def digest(self) -> str:
        """SHA-256 over the rows, labels, targets and genome, whatever the provenance."""
        return self.manifest.digest

    def rows(self, split: str) -> NDArray[np.int64]:
        """Row numbers of one of `SPLITS`, ascending; another name is refused."""
        if split not in SPLITS:
            raise DanqError(f"expected a split of {', '.join(SPLITS)}; received {split!r}")
        return np.flatnonzero(self.split == SPLITS.index(split))

    def labels(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        """Labels of rows as 0, 1 or, unknown, -1: int8, shape (len(rows), k), or (len(rows), sub_bins, k)."""
        k = len(self.targets)
        count = max(self.sub_bins, 1) * k
        bits = np.unpackbits(self.packed[rows], axis=1, count=count, bitorder="little").view(np.int8)
        if self.known is not None:
            bits[np.unpackbits(self.known[rows], axis=1, count=count, bitorder="little") == 0] = UNKNOWN
        return bits.reshape(len(rows), self.sub_bins, k) if self.sub_bins else bits

    def labelled(self, split: str) -> NDArray[np.int64]:
        """Count the known labels of each target in a split, of its rows or their sub-bins: shape (k,)."""
        return np.array([self.manifest.labelled(target, split) for target in self.manifest.targets], np.int64)

    def raw(self, rows: NDArray[np.int64], shifts: NDArray[np.int64] | None = None) -> Raw:
        """Raw rows of whatever kind, as an encoder takes them; `shifts` as in `codes`, for DNA only."""
        if self.texts is not None:
            return self.texts.gather(rows).to_list()
        if self.images is not None:
            return np.asarray(self.images[rows])
        return self.codes(rows, shifts)

    def codes(self, rows: NDArray[np.int64], shifts: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
        """Bases of rows.

        Parameters
        ----------
        shifts : int64, shape (m,), optional
            bp by which each window starts later (negative: earlier).

        Returns
        -------
        uint8, shape (m, window)
            Codes 0..4; N past the ends of a contig or of an example.

        Raises
        ------
        DanqError
            If the rows are no DNA.
        """
        if self.sequences is not None:
            codes = np.asarray(self.sequences[rows])
            return codes if shifts is None else _shifted(codes, shifts)
        contig, start, genome, width = self._bins()
        first = window_start(start[rows], width, self.window)
        return genome.windows(contig[rows], first if shifts is None else first + shifts, self.window)

    def ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Give ``contig:start-end`` of each row's bin (0-based half-open), or the name of the example."""
        if self.names is not None:
            return list(self.names.gather(rows))
        _, start, _, width = self._bins()
        return _places(self.contig_names(rows), start[rows], width)

    def label_ids(self, rows: NDArray[np.int64]) -> list[str]:
        """Give ``contig:start-end`` of each sub-bin of rows, in order; where they have none, `ids`."""
        if self.start is None or self.sub_bin is None:
            return self.ids(rows)
        start = self.start[rows, None] + np.arange(self.sub_bins) * self.sub_bin
        return _places(
            np.repeat(self.contig_names(rows), self.sub_bins).tolist(), start.ravel(), self.sub_bin
        )

    def contig_names(self, rows: NDArray[np.int64]) -> list[str]:
        """Contig name of each row; examples without a genome are refused."""
        contig, _, genome, _ = self._bins()
        return [genome.names[index] for index in contig[rows].tolist()]

    def counts(self, split: str) -> NDArray[np.int64]:
        """Positive rows, or sub-bins, of each target in a split, int64, shape (k,)."""
        return np.array([target.counts[split] for target in self.manifest.targets], np.int64)

    def _bins(self) -> tuple[NDArray[np.int32], NDArray[np.int64], Genome, int]:
        if self.contig is None or self.start is None or self.genome is None or self.bin is None:
            received = "examples without positions" if self.kind == "dna" else f"rows of kind {self.kind}"
            raise DanqError(f"{self.path}: expected bins of a genome, received {received}")
        return self.contig, self.start, self.genome, self.bin


def _places(contigs: list[str], start: NDArray[np.int64], width: int) -> list[str]:
    return [f"{name}:{first}-{first + width}" for name, first in zip(contigs, start.tolist(), strict=True)]


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
    genome : Path, optional
        Directory of the encoded genome, where it is not the one the dataset was made with.

    Raises
    ------
    DanqError
        If files are missing or damaged, or the genome is another one than the dataset's.
    """
    manifest = DatasetManifest.read(path)
    targets = tuple(target.name for target in manifest.targets)
    n, kind = sum(manifest.n.values()), manifest.data_kind
    shape = n, math.ceil(len(targets) * max(manifest.sub_bins, 1) / 8)
    source = _open_genome(path, manifest, genome)
    bins = source is not None
    file = path / ("windows.parquet" if bins else "examples.parquet")
    columns_of = ("contig", "start", "end") if bins else ("name", "text") if kind == "text" else ("name",)
    table = _load_table(file, n, (*columns_of, "split"))
    contig = None if source is None else _indices(file, table["contig"], source.names).astype(np.int32)
    if source is not None and contig is not None:
        _check_places(file, table, source.lengths[contig])
    own = kind == "dna" and not bins
    dataset = Dataset(
        path=path,
        manifest=manifest,
        targets=targets,
        task=manifest.task,
        window=manifest.window or 0,
        bin=manifest.bin,
        contig=contig,
        start=table["start"].to_numpy() if bins else None,
        end=table["end"].to_numpy() if bins else None,
        split=_indices(file, table["split"], SPLITS).astype(np.uint8),
        genome=source,
        packed=load_array(path / "labels.npy", shape),
        sequences=load_array(path / "codes.npy", (n, manifest.window or 0)) if own else None,
        names=None if bins else table["name"],
        kind=kind,
        texts=table["text"] if kind == "text" else None,
        images=load_array(path / "images.npy", (n, *(manifest.shape or ()))) if kind == "image" else None,
        sub_bin=manifest.step,
        known=load_array(path / KNOWN, shape) if manifest.unknown_labels else None,
    )
    manifest.check(path, file.name, "labels.npy", "codes.npy", "images.npy", KNOWN)
    return dataset


def _load_table(path: Path, n: int, columns: Sequence[str]) -> pl.DataFrame:
    """Read the table of rows; each of the columns has a text, or a whole number of bp, in every row."""
    if not path.exists():
        raise DanqError(f"{path}: no such file; {path.parent} is no complete dataset")
    with refusing_damage(path, "Parquet table"):
        table = read_parquet(path)
    if len(table) != n:
        raise DanqError(f"{path}: expected {n} rows, received {len(table)}")
    for column in columns:
        values = table.get_column(column, default=pl.Series(dtype=pl.Null))
        number = column in _NUMBERS
        right = values.dtype.is_integer() if number else values.dtype in (pl.String, pl.Categorical, pl.Enum)
        if not right or values.null_count():
            kind = "a whole number" if number else "a text"
            raise DanqError(f"{path}: {column}: expected {kind} in every row, received {values.dtype}")
    table = table.with_columns(pl.col(name).cast(pl.String) for name in columns if name not in _NUMBERS)
    for column in {"name", "contig"} & set(table.columns):
        texts = table[column]
        for name in texts.filter(texts.str.contains(f"[{CONTROLS}]")).head(1):
            check_name(name, path)
    return table


def _indices(path: Path, values: pl.Series, names: tuple[str, ...]) -> NDArray[np.uint32]:
    """Index of each text among names."""
    other = values.filter(~values.is_in(names)).head(1)
    if len(other):
        raise DanqError(f"{path}: {values.name}: expected {first_few(names)}; received {other[0]!a}")
    return values.cast(pl.Enum(names)).to_physical().cast(pl.UInt32).to_numpy()


def _check_places(path: Path, table: pl.DataFrame, lengths: NDArray[np.int64]) -> None:
    """Refuse bins that do not lie on their contigs, which are so long."""
    start, end = (table[name].to_numpy() for name in _NUMBERS)
    if len(outside := np.flatnonzero((start < 0) | (end <= start) | (end > lengths))):
        row = int(outside[0])
        place = f"{table['contig'][row]}:{start[row]}-{end[row]}"
        raise DanqError(f"{path}: expected bins within their contigs, received {place}")


def _open_genome(path: Path, manifest: DatasetManifest, genome: Path | None) -> Genome | None:
    expected = manifest.genome
    if expected is None:
        return None
    directory = genome or path / expected.path
    if not directory.is_dir():
        raise DanqError(
            f"{path / 'dataset.json'}: expected the genome {expected.name} in {directory}, "
            "found no such directory; name its directory with --genome"
        )
    opened = open_genome(directory)
    if opened.digest != expected.digest:
        raise DanqError(
            f"{path / 'dataset.json'}: expected the genome {expected.name} with digest "
            f"{expected.digest[:12]}, received {directory} with digest {opened.digest[:12]}"
        )
    return opened
