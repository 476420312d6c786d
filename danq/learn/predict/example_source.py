"""Texts or images of a file, labelled or not, as a stream of rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from danq.data.examples.images import Picture, unlabelled_pictures
from danq.data.examples.texts import unlabelled_texts
from danq.errors import DanqError
from danq.learn.manifest import BundleManifest
from danq.learn.predict.sources import BLOCK, Rows, Source


def example_source(path: Path, info: BundleManifest, column: str | None, encoding: str | None) -> Source:
    """Take every text of a table, or every image of a file or folder; labels are not looked at.

    Rows are named by the column ``name`` of a table or by the path in a folder, otherwise numbered from 1.

    Parameters
    ----------
    path : Path
        Texts: CSV, TSV or Parquet. Images: .npz with an array ``x``, Parquet of PNG bytes, or a folder with
        PNG files.
    info : BundleManifest
        ``bundle.json`` of the model.
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
        return Source(lambda: _texts(names, texts), len(texts))
    if kind == "image":
        if encoding is not None:
            raise DanqError(f"--encoding: belongs to texts; run {info.run!r} reads images")
        pictures = unlabelled_pictures(path, column or "image")
        # decoded twice, so that what is wrong is found before the first prediction
        for _ in _images(pictures, info):
            pass
        return Source(lambda: _images(pictures, info), len(pictures))
    raise DanqError(
        f"--examples: expected a model of texts or images; run {info.run!r} reads DNA, "
        "which --fasta and --bed bring"
    )


def _texts(names: list[str], texts: list[str]) -> Iterator[Rows]:
    for first in range(0, len(texts), BLOCK):
        block = texts[first : first + BLOCK]
        yield Rows(names[first : first + BLOCK], block, np.zeros(len(block), bool))


def _images(pictures: list[Picture], info: BundleManifest) -> Iterator[Rows]:
    shape = info.shape or ()
    for first in range(0, len(pictures), BLOCK):
        block = pictures[first : first + BLOCK]
        pixels = np.empty((len(block), *shape), np.uint8)
        for row, picture in enumerate(block):
            decoded = picture.pixels()
            if decoded.shape != shape:
                wanted, received = (" x ".join(map(str, size)) for size in (shape, decoded.shape))
                raise DanqError(
                    f"{picture.where}: expected an image of {wanted} (height, width, channels) as run "
                    f"{info.run!r} was trained on, received {received}"
                )
            pixels[row] = decoded
        names = [picture.name or str(number) for number, picture in enumerate(block, first + 1)]
        yield Rows(names, pixels, np.zeros(len(block), bool))
