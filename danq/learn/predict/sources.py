"""Rows of a dataset's split, and texts or images of a file, as streams of what is predicted."""

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset, open_dataset
from danq.data.examples.files import Record, unlabelled_texts
from danq.data.examples.images import unlabelled_pictures
from danq.errors import DanqError
from danq.genome.fasta import Genome
from danq.genome.intervals import window_start
from danq.learn.manifest import BundleManifest
from danq.learn.predict.rows import Rows, Source, bounds

log = logging.getLogger("danq")


def dataset_source(path: Path, split: str, info: BundleManifest, genome: Path | None = None) -> Source:
    """Take the rows of one split of a dataset, with their labels; `genome` is given where it has moved.

    Raises
    ------
    DanqError
        If the dataset cannot be opened, has no rows in the split, or its kind, sizes, targets or task are
        not the model's.
    """
    dataset = open_dataset(path, genome)
    pairs: dict[str, tuple[Any, Any]] = {
        "kind": (info.data_kind, dataset.kind),
        "window": (info.window or 0, dataset.window),
        "task": (info.task, dataset.task),
        "image size": (info.shape, dataset.manifest.shape),
        "labelled steps of": (info.step, dataset.sub_bin),
    }
    if dataset.sub_bin:
        pairs["bin"] = info.bin, dataset.bin
    for name, (expected, received) in pairs.items():
        if expected != received:
            raise DanqError(
                f"{path / 'dataset.json'}: expected {name} {expected} as run {info.run!r} was trained, "
                f"received {received}"
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

    def blocks(first: int = 0, last: int | None = None) -> Iterator[Rows]:
        for low, high in bounds(first, len(rows) if last is None else last):
            yield _dataset_rows(dataset, rows[low:high])

    content = {"dataset": dataset.digest, "split": split}
    return Source(blocks, len(rows), dataset.bin or 0, split, dataset.digest, contigs, content=content)


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


def example_source(path: Path, info: BundleManifest, column: str | None, encoding: str | None) -> Source:
    """Take every text of a table, or every image of a file or folder; labels are not looked at.

    Rows are named by the column ``name`` of a table or by the path in a folder, otherwise numbered from 1.

    Parameters
    ----------
    path : Path
        Texts: CSV, TSV or Parquet. Images: .npz with an array ``x``, Parquet of PNG bytes, or a folder with
        PNG files.
    column : str, optional
        Column of the texts or PNG bytes; ``text`` or ``image`` where left out.
    encoding : {'utf-8', 'latin-1'}, optional
        Of CSV and TSV files of texts; UTF-8 where left out.

    Raises
    ------
    DanqError
        If the model reads DNA, the file cannot be read or holds no rows, a text is empty, or an image is not
        of the size that the model was trained on.
    """
    kind = info.data_kind
    if kind == "text":
        names, texts = unlabelled_texts(path, column or "text", encoding or "utf-8")
        content = {"examples": path, "column": column or "text", "encoding": encoding or "utf-8"}
        return Source(partial(_texts, names, texts), len(texts), content=content)
    if kind == "image":
        if encoding is not None:
            raise DanqError(f"--encoding: belongs to texts; run {info.run!r} reads images")
        pictures = unlabelled_pictures(path, column or "image")
        # decoded twice, so that what is wrong is found before the first prediction
        for _ in _images(pictures, info):
            pass
        content = {"examples": path, "column": column or "image"}
        return Source(partial(_images, pictures, info), len(pictures), content=content)
    raise DanqError(
        f"--examples: expected a model of texts or images; run {info.run!r} reads DNA, "
        "which --fasta and --bed bring"
    )


def _texts(names: list[str], texts: list[str], first: int = 0, last: int | None = None) -> Iterator[Rows]:
    for low, high in bounds(first, len(texts) if last is None else last):
        yield Rows(names[low:high], texts[low:high], np.zeros(high - low, bool))


def _images(
    pictures: list[Record], info: BundleManifest, first: int = 0, last: int | None = None
) -> Iterator[Rows]:
    shape = info.shape or ()
    for low, high in bounds(first, len(pictures) if last is None else last):
        block = pictures[low:high]
        pixels = np.empty((len(block), *shape), np.uint8)
        for row, picture in enumerate(block):
            decoded = picture.content()
            if decoded.shape != shape:
                wanted, received = (" x ".join(map(str, size)) for size in (shape, decoded.shape))
                raise DanqError(
                    f"{picture.where}: expected an image of {wanted} (height, width, channels) as run "
                    f"{info.run!r} was trained on, received {received}"
                )
            pixels[row] = decoded
        names = [picture.name or str(number) for number, picture in enumerate(block, low + 1)]
        yield Rows(names, pixels, np.zeros(len(block), bool))


def check_dna(info: BundleManifest, option: str) -> None:
    """Refuse sequences, which `option` names, for a model that reads none.

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
