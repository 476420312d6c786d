"""Rows whose steps were classified one by one, as one row a step."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.learn.predict.sources import Rows


def by_step(rows: Rows, step: int, steps: int) -> tuple[Rows, NDArray[np.bool_]]:
    """Take apart rows into their steps, each with its place, labels and flags, but without what was read.

    Parameters
    ----------
    rows : Rows
        n rows with positions; their first step begins at ``start``.
    step, steps : int
        bp of a step, and steps of a row.

    Returns
    -------
    Rows
        m steps, ``contig:start-end`` their names; the last one of a row may be shorter.
    kept : bool, shape (n * steps,)
        Which of the rows' steps these are: those that lie before the row's end and not before 0.
    """
    contig, begin, stop = (
        column if column is not None else [] for column in (rows.contig, rows.start, rows.end)
    )
    first = (np.asarray(begin)[:, None] + step * np.arange(steps)).ravel()
    last = np.minimum(first + step, np.repeat(stop, steps))
    kept = (first < last) & (last > 0)
    start, end = np.maximum(first[kept], 0), last[kept]
    names = [name for name, own in zip(np.repeat(contig, steps).tolist(), kept, strict=True) if own]
    places = zip(names, start.tolist(), end.tolist(), strict=True)
    labels: Any = None
    if rows.labels is not None:
        labels = rows.labels.reshape(len(first), -1)[kept]
    ids = [f"{name}:{low}-{high}" for name, low, high in places]
    padded = np.repeat(rows.padded, steps)[kept]
    return replace(
        rows, ids=ids, raw=[], padded=padded, contig=names, start=start, end=end, labels=labels
    ), kept
