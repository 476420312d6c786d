"""Rows given from Python, checked and named by their number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.alphabet import encode
from danq.genome.intervals import window_start
from danq.learn.manifest import BundleManifest
from danq.learn.predict.rows import Rows
from danq.learn.predict.sequence_sources import window_at


def rows_from_python(inputs: Sequence[str] | NDArray[np.uint8], info: BundleManifest) -> Rows:
    """Turn sequences, texts or images into rows named `1` to `n`.

    Parameters
    ----------
    inputs : sequence of n str, or uint8, shape (n, height, width, channels)
        What the model reads.
    info : BundleManifest
        ``bundle.json`` of the model.

    Raises
    ------
    DanqError
        If there is no row, or one is not what the model reads.
    """
    kind = info.data_kind
    what = {"dna": "sequence", "text": "text", "image": "image"}[kind]
    if isinstance(inputs, str):
        raise DanqError(f"expected a list of {what}s, received one str; write [{what}]")
    if not len(inputs):
        raise DanqError(f"expected at least one {what}, received none")
    ids = [str(number) for number in range(1, len(inputs) + 1)]
    whole = np.zeros(len(inputs), bool)
    if kind == "image":
        return Rows(ids, _images(inputs, info.shape or ()), whole)
    texts = list(inputs)
    for number, text in enumerate(texts, 1):
        if not isinstance(text, str):
            raise DanqError(f"{what} {number}: expected text, received {type(text).__name__}")
    if kind == "text":
        empty = [number for number, text in enumerate(texts, 1) if not text.strip()]
        if empty:
            raise DanqError(f"text {empty[0]}: expected a text, received an empty one")
        return Rows(ids, [text.strip() for text in texts], whole)
    return _sequences(ids, texts, info.window or 0, (info.bin or 0) if info.step else 0)


def _images(inputs: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    images = np.asarray(inputs)
    if images.shape[1:] != shape or images.dtype != np.uint8:
        size = " x ".join(map(str, shape))
        raise DanqError(f"expected uint8 images of {size}, received {images.dtype} of shape {images.shape}")
    return images


def _sequences(ids: list[str], texts: list[str], window: int, bin: int) -> Rows:
    """Centre sequences in windows; with a bin they get positions, so that its sub-bins can be told apart."""
    windows = np.stack([_window(number, text, window) for number, text in enumerate(texts, 1)])
    lengths = np.array([len(text) for text in texts], np.int64)
    padded = lengths < window
    if not bin:
        return Rows(ids, windows, padded)
    start = window_start(0, lengths, bin)
    return Rows(ids, windows, padded, ids, start, np.minimum(start + bin, lengths))


def _window(number: int, text: str, window: int) -> NDArray[np.uint8]:
    try:
        codes = encode(text)
    except DanqError as error:
        raise DanqError(f"sequence {number}: {error}") from None
    if not 0 < len(codes) <= window:
        raise DanqError(f"sequence {number}: expected 1 to {window} bp, received {len(codes)} bp")
    return window_at(codes, window_start(0, len(codes), window), window)
