"""Which split each bin of a genome belongs to, and which bins belong to none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import SPLITS
from danq.data.options import SplitOptions
from danq.data.regions.labels import Bins
from danq.errors import DanqError, first_few
from danq.genome.contigs import resolve_contigs
from danq.genome.fasta import Genome
from danq.genome.intervals import Region, parse_region, window_start

TRAIN = SPLITS.index("train")


@dataclass(frozen=True, eq=False)
class Territory:
    """One contig cut into stretches, each of which belongs to one split.

    Attributes
    ----------
    borders : int64, shape (m - 1,)
        0-based first base of every stretch but the first.
    split : uint8, shape (m,)
        Index of each stretch's split; neighbours differ.
    """

    borders: NDArray[np.int64]
    split: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Assigned:
    """Split of each bin.

    Attributes
    ----------
    split : uint8, shape (bins,)
        Index into `SPLITS`; meaningful where neither `straddling` nor `boundary`.
    straddling : bool, shape (bins,)
        Bins that no split holds whole.
    boundary : bool, shape (bins,)
        Bins that one split holds whole while their window reaches into another split.
    """

    split: NDArray[np.uint8]
    straddling: NDArray[np.bool_]
    boundary: NDArray[np.bool_]


def territories(
    options: SplitOptions, genome: Genome, source: str, aliases: Mapping[str, str] | None = None
) -> dict[int, Territory]:
    """Place the regions of validation and test on a genome; the rest trains.

    Parameters
    ----------
    options : SplitOptions
        Contigs or regions of validation and test.
    genome : Genome
        The genome.
    source : str
        Where the options stand, for messages.
    aliases : mapping of str to str, optional
        Further contig names.

    Returns
    -------
    dict of int to Territory
        By genome index; contigs that are absent train as a whole.

    Raises
    ------
    DanqError
        If a contig is unknown, a region runs past its contig, or regions overlap.
    """
    given = [
        (f"{source}: split.{key}", SPLITS.index(key), text, region)
        for key, texts in (("valid", options.valid), ("test", options.test))
        for text, region in _parsed(texts, f"{source}: split.{key}")
    ]
    # all names at once: what a name means depends on its neighbours
    known = resolve_contigs(
        [region.contig for *_, region in given], genome.names, f"{source}: split", aliases
    )
    placed: dict[int, list[_Placed]] = {}
    for origin, split, text, region in given:
        if region.contig not in known.index:
            known_names = first_few(genome.names)
            raise DanqError(
                f"{origin}: expected a contig of the genome ({known_names}), received {region.contig!r}"
            )
        contig = known.index[region.contig]
        length = int(genome.lengths[contig])
        end = length if region.end is None else region.end
        if end > length:
            raise DanqError(
                f"{origin}: expected a region within {region.contig} ({length} bp), received {text!r}"
            )
        placed.setdefault(contig, []).append(_Placed(region.start, end, split, text))
    return {
        contig: _territory(sorted(regions), int(genome.lengths[contig]), source)
        for contig, regions in placed.items()
    }


class _Placed(NamedTuple):
    """A region of a split on one contig, 0-based half-open, with its text in the configuration."""

    start: int
    end: int
    split: int
    text: str


def _parsed(texts: list[str] | float, source: str) -> list[tuple[str, Region]]:
    if isinstance(texts, float):
        raise DanqError(f"{source}: expected contigs or regions, received a fraction")
    try:
        return [(text, parse_region(text)) for text in texts]
    except DanqError as error:
        raise DanqError(f"{source}: {error}") from None


def _territory(regions: list[_Placed], length: int, source: str) -> Territory:
    stretches: list[tuple[int, int]] = []
    reached, previous = 0, ""
    for start, end, split, text in regions:
        if start < reached:
            raise DanqError(f"{source}: split: regions must not overlap, received {previous!r} and {text!r}")
        if start > reached:
            stretches.append((reached, TRAIN))
        stretches.append((start, split))
        reached, previous = end, text
    if reached < length:
        stretches.append((reached, TRAIN))
    joined = [part for i, part in enumerate(stretches) if i == 0 or part[1] != stretches[i - 1][1]]
    return Territory(
        np.array([start for start, _ in joined[1:]], np.int64),
        np.array([split for _, split in joined], np.uint8),
    )


def assign(bins: Bins, lengths: NDArray[np.int64], placed: dict[int, Territory], window: int) -> Assigned:
    """Give each bin the split that holds it whole, and mark those whose window reaches further.

    Parameters
    ----------
    bins : Bins
        Bins of the genome.
    lengths : int64, shape (contigs,)
        Contig lengths, bp.
    placed : dict of int to Territory
        From `territories`.
    window : int
        bp of the window centred on each bin; its part past a contig's end reaches nowhere.
    """
    split = np.full(len(bins), TRAIN, np.uint8)
    straddling = np.zeros(len(bins), bool)
    boundary = np.zeros(len(bins), bool)
    for contig, territory in placed.items():
        part = slice(int(bins.first[contig]), int(bins.first[contig + 1]))
        start = np.arange(part.stop - part.start, dtype=np.int64) * bins.width
        left = window_start(start, bins.width, window)
        right = np.minimum(left + window, lengths[contig])
        low, high = _stretch(territory, start), _stretch(territory, start + bins.width - 1)
        split[part] = territory.split[low]
        straddling[part] = low != high
        reaching = (_stretch(territory, np.maximum(left, 0)) < low) | (_stretch(territory, right - 1) > high)
        boundary[part] = reaching & (low == high)
    return Assigned(split, straddling, boundary)


def _stretch(territory: Territory, position: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(territory.borders, position, side="right")
