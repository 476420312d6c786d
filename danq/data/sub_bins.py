"""Labels of steps: the stretches that a bin is cut into, each labelled by itself.

A bin of 200 bp with steps of 50 bp has four: they start at the bin's start. Since bins start at multiples of
their size, so do steps, and the tracks label the steps of a genome as they label bins.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from danq.data.dataset import Dataset
from danq.data.regions.labels import Bins

_LABELS_A_PART = 1 << 25


def spread(values: NDArray[np.uint8], bins: Bins, steps: Bins, rest: int) -> NDArray[np.uint8]:
    """Give each step of a genome the value of its bin.

    Parameters
    ----------
    values : uint8, shape (bins,)
        One a bin.
    bins, steps : Bins
        Of the same genome; the width of a bin is a multiple of that of a step.
    rest : int
        Value of steps in the short last bin of a contig.

    Returns
    -------
    uint8, shape (steps,)
    """
    spread = np.full(len(steps), rest, np.uint8)
    for own, inner in _contigs(bins, steps):
        spread[inner] = np.repeat(values[own], bins.width // steps.width)
    return spread


def gather(flags: NDArray[np.bool_], bins: Bins, steps: Bins) -> NDArray[np.bool_]:
    """Mark the bins of which at least one step is marked; bool (steps,) to bool (bins,)."""
    gathered = np.zeros(len(bins), bool)
    for own, inner in _contigs(bins, steps):
        gathered[own] = flags[inner].reshape(-1, bins.width // steps.width).any(axis=1)
    return gathered


def _contigs(bins: Bins, steps: Bins) -> Iterator[tuple[slice, slice]]:
    """Bins of each contig, and the steps in them."""
    each = bins.width // steps.width
    for first, last, inner in zip(bins.first[:-1], bins.first[1:], steps.first[:-1], strict=True):
        yield slice(first, last), slice(inner, inner + (last - first) * each)


def packed_steps(
    columns: NDArray[np.uint8], targets: int, chosen: NDArray[np.int64], bins: Bins, steps: Bins
) -> Iterator[NDArray[np.uint8]]:
    """Turn labels of all steps of a genome into packed rows of the chosen bins, part by part.

    Parameters
    ----------
    columns : uint8, shape (ceil(targets / 8), steps)
        Packed labels, one row for each eight targets, little end first; a memory map.
    targets : int
        Number of targets.
    chosen : int64, shape (n,)
        Numbers of bins, ascending.
    bins, steps : Bins
        Of the same genome.

    Yields
    ------
    uint8, shape (m, ceil(steps of a bin * targets / 8))
        Labels of one bin a row, packed along targets within steps.
    """
    each = bins.width // steps.width
    rows = max(1, _LABELS_A_PART // (each * targets))
    contig, start = bins.locate(chosen)
    first = steps.first[contig] + start // steps.width
    for low in range(0, len(chosen), rows):
        part = first[low : low + rows, None] + np.arange(each)
        packed = np.ascontiguousarray(columns[:, part.ravel()].T)
        labels = np.unpackbits(packed, axis=1, count=targets, bitorder="little")
        yield np.packbits(labels.reshape(len(part), each * targets), axis=1, bitorder="little")


def step_ids(dataset: Dataset, rows: NDArray[np.int64]) -> list[str]:
    """Give ``contig:start-end`` (0-based half-open) of each step of rows; without steps the rows' names.

    Parameters
    ----------
    dataset : Dataset
        Of a genome, if it has steps.
    rows : int64, shape (n,)
        Row numbers.
    """
    if dataset.start is None or dataset.step is None:
        return dataset.ids(rows)
    start = (dataset.start[rows, None] + np.arange(dataset.steps) * dataset.step).ravel().tolist()
    names = np.repeat(dataset.contig_names(rows), dataset.steps).tolist()
    return [f"{name}:{first}-{first + dataset.step}" for name, first in zip(names, start, strict=True)]
