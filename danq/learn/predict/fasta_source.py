"""The records of a FASTA as a stream of windows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.genome.alphabet import N
from danq.genome.encode import Header, encode_letters, read_pieces
from danq.genome.intervals import window_start
from danq.learn.manifest import BundleManifest
from danq.learn.predict.sources import BLOCK, Rows, Source, check_dna


def fasta_source(fasta: Path, info: BundleManifest, tile: bool = False) -> Source:
    """Take the records of a FASTA: each centred in one window, or covered by tiles.

    A record shorter than the window is centred and filled up with N. Tiles start at 0 of a record and follow
    each other without overlap; a tile has the model's bin size (its window, where it has no bin) and lies at
    the centre of its window. The last tile of a record may be shorter. The file is read twice, so that what
    is wrong in it is found before the first prediction.

    Parameters
    ----------
    fasta : Path
        Plain, gzip or bgzip FASTA.
    info : BundleManifest
        ``bundle.json`` of the model.
    tile : bool
        Cover every record with tiles, whatever its length.

    Raises
    ------
    DanqError
        If the file cannot be read, holds something other than nucleotides, a record twice, one without
        sequence, or (without `tile`) one longer than the window, or the model reads no DNA, or classifies
        steps, which only tiles place.
    """
    check_dna(info, "--fasta")
    if info.step and not tile:
        raise DanqError(f"--fasta: expected --tile for a model that classifies steps of {info.step} bp")
    window = info.window or 0
    width = (info.bin or window) if tile else 0
    if fasta.exists() and not (fasta.is_file() or fasta.is_dir()):
        raise DanqError(f"{fasta}: expected a file that can be read twice, received a pipe or a device")
    lengths = _check_records(fasta, 0 if tile else window)
    rows = sum(-(-length // width) for length in lengths.values()) if tile else len(lengths)

    def blocks() -> Iterator[Rows]:
        return _in_blocks(fasta, window, width)

    return Source(blocks, rows, width, contigs=lengths if tile else None)


def _check_records(fasta: Path, longest: int) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for header, codes in _records(fasta):
        name, length = header.name, len(codes)
        where = f"{fasta}:{header.line}: record {name!r}"
        if name in lengths:
            raise DanqError(f"{where} stands in the file already; names must be unique")
        if not length:
            raise DanqError(f"{where} has no sequence")
        if longest and length > longest:
            raise DanqError(
                f"{where}: expected at most the model's window of {longest} bp, received {length} bp; "
                "--tile covers longer records"
            )
        lengths[name] = length
    return lengths


def _records(fasta: Path) -> Iterator[tuple[Header, NDArray[np.uint8]]]:
    header, parts = None, list[bytes]()
    for piece in read_pieces(fasta):
        if isinstance(piece, Header):
            if header is not None:
                yield header, np.frombuffer(b"".join(parts), np.uint8)
            header, parts = piece, []
        else:
            parts.append(encode_letters(fasta, piece))
    if header is not None:
        yield header, np.frombuffer(b"".join(parts), np.uint8)


def _in_blocks(fasta: Path, window: int, width: int) -> Iterator[Rows]:
    """Cut records into tiles of `width` bp, or take them whole where it is 0."""
    waiting: list[tuple[str, int, NDArray[np.uint8]]] = []
    for header, codes in _records(fasta):
        for start in range(0, len(codes), width or len(codes)):
            waiting.append((header.name, start, codes))
            if len(waiting) == BLOCK:
                yield _rows(waiting, window, width)
                waiting = []
    if waiting:
        yield _rows(waiting, window, width)


def _rows(waiting: list[tuple[str, int, NDArray[np.uint8]]], window: int, width: int) -> Rows:
    names = [name for name, _, _ in waiting]
    start = np.array([start for _, start, _ in waiting], np.int64)
    length = np.array([len(codes) for _, _, codes in waiting], np.int64)
    first = window_start(start, width or length, window)
    cut = np.stack([window_at(codes, at, window) for (_, _, codes), at in zip(waiting, first, strict=True)])
    padded = (first < 0) | (first + window > length)
    if not width:
        return Rows(names, cut, padded)
    end = np.minimum(start + width, length)
    places = zip(names, start.tolist(), end.tolist(), strict=True)
    return Rows([f"{name}:{low}-{high}" for name, low, high in places], cut, padded, names, start, end)


def window_at(codes: NDArray[np.uint8], start: int, window: int) -> NDArray[np.uint8]:
    """Cut one window out of a sequence, filled up with N past its ends.

    Parameters
    ----------
    codes : uint8, shape (length,)
        Bases as 0..4 for A, C, G, T, N.
    start : int
        0-based first base; may be negative.
    window : int
        Window size in bp; the two must overlap.

    Returns
    -------
    uint8, shape (window,)
    """
    low, high = max(start, 0), min(start + window, len(codes))
    cut = np.full(window, N, np.uint8)
    cut[low - start : high - start] = codes[low:high]
    return cut
