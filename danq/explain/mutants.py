"""Every single-base mutant of regions of a genome, as windows beside the reference they share."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.explain.regions import Regions
from danq.genome.alphabet import N
from danq.genome.fasta import Genome
from danq.genome.intervals import window_start

DELETED = 4
"""Stands for a deletion where 0..3 stand for A, C, G, T."""
ALTERNATES = "ACGT-"

_MOST, _FEWEST, _MOST_VALUES = 4096, 64, 1_000_000


class Piece(NamedTuple):
    """A part of a region whose mutants share one window, by indices of both; 0-based half-open in bp.

    `window_start` may be negative.
    """

    region: int
    contig: int
    start: int
    end: int
    window_start: int


@dataclass(frozen=True, eq=False)
class Mutants:
    """The mutants of n positions, each with all of its a alternates (3, or 4 with deletions).

    Attributes
    ----------
    reference : uint8, shape (g, window)
        Windows of the genome as 0..4 for A, C, G, T, N.
    alternate : uint8, shape (n * a, window)
        The mutants' windows, in order of position, then A, C, G, T, deletion.
    group : int64, shape (n * a,)
        Index of each mutant's reference window; ascending.
    region : int64, shape (n,)
        Index of each position's region.
    contig : int32, shape (n,)
        Index of the genome's contig.
    position : int64, shape (n,)
        0-based, in bp.
    ref : uint8, shape (n,)
        The genome's base, 0..3.
    alt : uint8, shape (n, a)
        Ascending; 0..3, and `DELETED`.
    """

    reference: NDArray[np.uint8]
    alternate: NDArray[np.uint8]
    group: NDArray[np.int64]
    region: NDArray[np.int64]
    contig: NDArray[np.int32]
    position: NDArray[np.int64]
    ref: NDArray[np.uint8]
    alt: NDArray[np.uint8]


def longest_piece(window: int, bin: int) -> int:
    """Most bp of a piece: the model's labelled bin (0 for none) or half its window, whichever is greater."""
    return min(max(bin, window // 2, 1), window)


def cut_pieces(regions: Regions, index: int, window: int, longest: int) -> list[Piece]:
    """Cut a region into as few pieces as can be, of about equal length.

    A piece lies at the centre of its window as a labelled bin does in training, so that the mutants of
    all its positions are compared with one reference and the work they have in common is shared exactly.
    """
    contig, start, end = regions.place(index)
    count = -(-(end - start) // longest)
    borders = [start + (end - start) * number // count for number in range(count + 1)]
    return [
        Piece(index, contig, low, high, window_start(low, high - low, window))
        for low, high in pairwise(borders)
    ]


def mutants(
    regions: Regions,
    window: int,
    longest: int,
    deletions: bool = False,
    targets: int = 1,
) -> Iterator[Mutants]:
    """Mutate every base of the regions, in blocks that do not depend on a batch size.

    Bases that the genome does not know (N) are left out. After a deletion the bases that follow move one to
    the left, and the window's right end is filled from the genome (with N past the end of a contig).
    The more `targets` the model has, the smaller are the blocks.
    """
    each = 4 if deletions else 3
    room = min(_MOST, max(_FEWEST, _MOST_VALUES // targets)) // each
    parts: list[tuple[Piece, NDArray[np.int64]]] = []
    held = 0
    for index in range(len(regions)):
        for piece in cut_pieces(regions, index, window, longest):
            known = (
                np.flatnonzero(regions.genome.contig(piece.contig)[piece.start : piece.end] != N)
                + piece.start
            )
            while len(known):
                taken, known = known[: room - held], known[room - held :]
                parts.append((piece, taken))
                held += len(taken)
                if held == room:
                    yield _block(regions.genome, parts, window, deletions)
                    parts, held = [], 0
    if parts:
        yield _block(regions.genome, parts, window, deletions)


def _block(
    genome: Genome, parts: list[tuple[Piece, NDArray[np.int64]]], window: int, deletions: bool
) -> Mutants:
    pieces = [piece for piece, _ in parts]
    sizes = [len(positions) for _, positions in parts]
    first = np.array([piece.window_start for piece in pieces], np.int64)
    # one base more than a window, for the right end of a deletion's
    cut = genome.windows(np.array([piece.contig for piece in pieces]), first, window + 1)
    group = np.repeat(np.arange(len(parts)), sizes)
    position = np.concatenate([positions for _, positions in parts])
    place = position - first[group]
    ref = cut[group, place]
    substitutes = np.arange(3, dtype=np.uint8) + (np.arange(3) >= ref[:, None])
    columns = [substitutes, np.full((len(ref), 1), DELETED)] if deletions else [substitutes]
    alt = np.concatenate(columns, axis=1).astype(np.uint8)
    return Mutants(
        reference=np.ascontiguousarray(cut[:, :window]),
        alternate=_alternates(cut, group, place, alt),
        group=np.repeat(group, alt.shape[1]),
        region=np.repeat([piece.region for piece in pieces], sizes),
        contig=np.repeat(np.array([piece.contig for piece in pieces], np.int32), sizes),
        position=position,
        ref=ref,
        alt=alt,
    )


def _alternates(
    cut: NDArray[np.uint8], group: NDArray[np.int64], place: NDArray[np.int64], alt: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Windows of the mutants: uint8, shape (n * a, window)."""
    each, window = alt.shape[1], cut.shape[1] - 1
    windows = np.repeat(cut[group, :window], each, axis=0).reshape(len(place), each, window)
    rows = np.arange(len(place))
    for column in range(3):
        windows[rows, column, place] = alt[:, column]
    if each > 3:
        for row, at in enumerate(place):
            windows[row, 3, at:] = cut[group[row], at + 1 :]
    return windows.reshape(-1, window)
