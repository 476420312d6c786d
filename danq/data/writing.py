"""Writing a dataset directory: packed labels, the table of rows, and the manifest."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.data.manifest import KNOWN, SPLITS, DatasetManifest, DatasetTarget, GenomeOfDataset, Task
from danq.data.options import DatasetOptions
from danq.errors import DanqError, first_few
from danq.files import digest, sha256
from danq.genome.fasta import Genome
from danq.metrics import UNKNOWN
from danq.provenance import provenance
from danq.storage import write_array, write_header
from danq.tables import write_frame

log = logging.getLogger("danq")


@dataclass(frozen=True, eq=False)
class Contents:
    """What was written of a dataset, for its manifest.

    Attributes
    ----------
    split : uint8, shape (n,)
        Index into `SPLITS`.
    inputs : dict of str to str
        Path of each input file → its digest.
    origin : str
        File that declares the targets, for messages.
    left_out : dict of str to int
        Bins left out, by reason.
    of_kind : dict
        Entries of `DatasetManifest` that only some kinds of data have, such as the shape of images.
    """

    task: Task
    targets: Sequence[DatasetTarget]
    split: NDArray[np.uint8]
    inputs: dict[str, str]
    origin: str
    left_out: dict[str, int] = field(default_factory=dict)
    of_kind: dict[str, Any] = field(default_factory=dict)


def write_labels(directory: Path, n: int, targets: int, parts: Iterable[NDArray[np.uint8]]) -> None:
    """Write ``labels.npy`` of n rows from consecutive parts uint8 (m, ceil(targets / 8)), packed already."""
    write_array(directory / "labels.npy", (n, -(-targets // 8)), np.uint8, parts)


def pack_labels(labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pack labels (n, k), positive where above 0, little end first: uint8, shape (n, ceil(k / 8))."""
    return np.packbits(labels > 0, axis=1, bitorder="little")


def write_windows(
    directory: Path,
    genome: Genome,
    contig: NDArray[np.int32],
    start: NDArray[np.int64],
    width: int,
    split: NDArray[np.uint8],
) -> None:
    """Write ``windows.parquet``: contig, start and end of each bin (0-based half-open), split."""
    table = {
        "contig": _decoded(contig, genome.names),
        "start": pl.Series(start, dtype=pl.Int64),
        "end": pl.Series(start + width, dtype=pl.Int64),
        "split": _decoded(split, SPLITS),
    }
    write_frame(directory / "windows.parquet", pl.DataFrame(table))


def write_examples(
    directory: Path,
    names: pl.Series | list[str],
    split: NDArray[np.uint8],
    targets: Sequence[str],
    labels: Iterable[NDArray[Any]],
    texts: list[str] | None = None,
) -> list[DatasetTarget]:
    """Write table and labels of rows that bring their own data, and describe their targets.

    ``examples.parquet`` holds name and split of each row, and its text; labels of 0, 1 and, unknown, -1 come
    in consecutive parts, shape (m, k). Where some are unknown, `KNOWN` says which are not.
    """
    table = {"name": pl.Series(names, dtype=pl.String), "split": _decoded(split, SPLITS)}
    if texts is not None:
        table["text"] = pl.Series(texts, dtype=pl.String)
    write_frame(directory / "examples.parquet", pl.DataFrame(table))
    n, k, first = len(split), len(targets), 0
    counts = np.zeros((2, len(SPLITS), k), np.int64)

    def packed(known: BinaryIO) -> Iterator[NDArray[np.uint8]]:
        nonlocal first
        for part in labels:
            counts[:] += count_labels(part, split[first : first + len(part)])
            known.write(pack_labels(part != UNKNOWN).tobytes())
            first += len(part)
            yield pack_labels(part)

    with (directory / KNOWN).open("wb") as stream:
        write_header(stream, (n, -(-k // 8)), np.uint8)
        write_labels(directory, n, k, packed(stream))
    if counts[1].any():
        log.warning(f"{counts[1].sum():,} of {n * k:,} labels are unknown: no part of training and metrics")
    else:
        (directory / KNOWN).unlink()
    return describe_targets(targets, counts)


def count_labels(labels: NDArray[Any], split: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count positive and unknown labels, of labels (n, k) of rows with these splits: (2, splits, k)."""
    parts = [labels[split == index] for index in range(len(SPLITS))]
    return np.array([[(part == value).sum(axis=0) for part in parts] for value in (1, UNKNOWN)])


def describe_targets(names: Sequence[str], counts: NDArray[np.int64]) -> list[DatasetTarget]:
    """Describe targets of rows that bring their own data; counts are those of `count_labels`."""
    each = zip(names, *counts.transpose(0, 2, 1).tolist(), strict=True)
    return [
        DatasetTarget(
            name=name,
            group="",
            rule="",
            path="",
            regions=0,
            counts=dict(zip(SPLITS, positive, strict=True)),
            # left out where it does not apply: manifests of other datasets stay what they were
            **({"unknown": dict(zip(SPLITS, lacking, strict=True))} if any(lacking) else {}),
        )
        for name, positive, lacking in each
    ]


def _decoded(codes: NDArray[Any], names: tuple[str, ...]) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(pl.Series(codes, dtype=pl.UInt32))


def rows_of_splits(split: NDArray[np.uint8], source: str) -> dict[str, int]:
    """Count the rows of each split, by their index into `SPLITS`; a split without any is refused."""
    rows = {part: int((split == index).sum()) for index, part in enumerate(SPLITS)}
    for part, number in rows.items():
        if not number:
            counts = ", ".join(f"{name} {count:,}" for name, count in rows.items())
            raise DanqError(
                f"{source}: expected at least one row in the {part} split, found none; rows: {counts}"
            )
    return rows


def _check_counts(manifest: DatasetManifest, origin: str, empty: str) -> None:
    """Refuse targets without any positive row unless `empty` is ``keep``; warn where a split has one class.

    `origin` is the file that declares the targets.
    """
    targets = manifest.targets
    for target in targets:
        if empty == "refuse" and not any(target.counts.values()):
            raise DanqError(
                f"{origin}: expected at least one positive row of target {target.name!r}, found none"
            )
    for split in SPLITS:
        positives = [target.counts[split] for target in targets]
        known = [manifest.labelled(target, split) for target in targets]
        for what, numbers in (("positive", positives), ("negative", np.subtract(known, positives).tolist())):
            lacking = [target.name for target, number in zip(targets, numbers, strict=True) if not number]
            if lacking:
                names = first_few(lacking)
                log.warning(
                    "%d of %d targets have no %s in %s: %s", len(lacking), len(targets), what, split, names
                )


def write_manifest(
    directory: Path,
    out: Path,
    name: str,
    options: DatasetOptions,
    contents: Contents,
    genome: Genome | None = None,
) -> DatasetManifest:
    """Check the counts and write ``dataset.json``, after all other files of the dataset.

    Parameters
    ----------
    directory, out : Path
        Staging directory that holds the arrays and tables; the final one, to which the genome's is relative.
    name : str
        Name of the dataset in the configuration.
    options, contents, genome
        What it was made with, what was written, and the genome of bins.

    Raises
    ------
    DanqError
        If a split has no row, or a target no positive row and `options.empty_targets` is ``refuse``.
    """
    rows = rows_of_splits(contents.split, f"dataset {name}")
    of_genome = genome and GenomeOfDataset(
        name=options.genome or genome.path.name,
        path=os.path.relpath(genome.path.resolve(), out.resolve()),
        digest=genome.digest,
    )
    # what is compared with its runs is nothing of the dataset itself
    made_with = options.model_dump(mode="json", exclude={"composition"})
    manifest = DatasetManifest(
        name=name,
        digest=_digest(directory, options, contents, genome),
        data_kind=options.kind,
        task=contents.task,
        n=rows,
        left_out=contents.left_out,
        window=options.window if options.kind == "dna" else None,
        bin=None if genome is None else options.bin,
        step=options.steps,
        genome=of_genome,
        **contents.of_kind,
        targets=tuple(contents.targets),
        options=made_with,
        provenance=provenance(contents.inputs, made_with),
    )
    _check_counts(manifest, contents.origin, options.empty_targets)
    manifest.write(directory)
    return manifest


def _digest(directory: Path, options: DatasetOptions, contents: Contents, genome: Genome | None) -> str:
    files = ("labels.npy", KNOWN, "codes.npy", "images.npy", "windows.parquet", "examples.parquet")
    return digest(
        {
            "files": {file: sha256(directory / file) for file in files if (directory / file).is_file()},
            "targets": [target.name for target in contents.targets],
            "task": contents.task,
            "window": options.window,
            "genome": genome and genome.digest,
            # left out where it does not apply: digests of other datasets stay what they were
            **({} if options.steps is None else {"step": options.steps}),
        }
    )
