"""Predictions written as Parquet or tab-separated text, row group by row group."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import atomic
from danq.learn.predictions import Append, Predictions, concatenate

ROW_GROUP = 10_000
"""Rows of one Parquet row group, whatever the blocks they came in."""

_ROW_COLUMNS = {"ids": "id", "contig": "contig", "start": "start", "end": "end", "flags": "flags"}
_TARGET_COLUMNS = {"probabilities": "probability", "logits": "logit", "labels": "label"}


def table_columns(predictions: Predictions) -> dict[str, NDArray[Any]]:
    """Columns of the tables: `id`, `contig`, `start`, `end`, `flags`, then three for each target.

    Parameters
    ----------
    predictions : Predictions
        n rows of k targets; what is None has no column.

    Returns
    -------
    dict of str to array, shape (n,)
        The columns of a target are `<target>__probability` and `<target>__logit` (float32) and, where
        labels are known, `<target>__label` (uint8).
    """
    arrays = predictions.columns()
    columns = {title: arrays[name] for name, title in _ROW_COLUMNS.items() if name in arrays}
    for index, target in enumerate(predictions.targets.tolist()):
        for name, title in _TARGET_COLUMNS.items():
            if name in arrays:
                columns[f"{target}__{title}"] = np.ascontiguousarray(arrays[name][:, index])
    return columns


@contextmanager
def writing_parquet(path: Path) -> Iterator[Append]:
    """Write predictions to a Parquet file; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no block was given.
    """
    with atomic(path) as partial:
        writer: list[pq.ParquetWriter] = []

        def write(group: Predictions) -> None:
            table = pa.table(table_columns(group), metadata=_metadata(group))
            if not writer:
                words = [title for title in ("contig", "flags") if title in table.column_names]
                writer.append(
                    pq.ParquetWriter(partial, table.schema, compression="zstd", use_dictionary=words)
                )
            writer[0].write_table(table, row_group_size=ROW_GROUP)

        try:
            with _grouped(path, write) as append:
                yield append
        finally:
            for opened in writer:
                opened.close()


@contextmanager
def writing_tsv(path: Path) -> Iterator[Append]:
    """Write predictions to tab-separated text with a header line; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no block was given.
    """
    with atomic(path) as partial, partial.open("wb") as stream:

        def write(group: Predictions) -> None:
            table = pl.DataFrame(table_columns(group))
            table.write_csv(stream, separator="\t", include_header=stream.tell() == 0, quote_style="never")

        with _grouped(path, write) as append:
            yield append


@contextmanager
def _grouped(path: Path, write: Callable[[Predictions], None]) -> Iterator[Append]:
    """Regroup blocks of any size into groups of `ROW_GROUP` rows, so that bytes do not depend on them."""
    waiting: list[Predictions] = []

    def append(block: Predictions) -> None:
        waiting.append(block)
        if sum(map(len, waiting)) >= ROW_GROUP:
            joined = concatenate(waiting)
            whole = len(joined) - len(joined) % ROW_GROUP
            for first in range(0, whole, ROW_GROUP):
                write(joined.rows(slice(first, first + ROW_GROUP)))
            waiting[:] = [joined.rows(slice(whole, None))]

    yield append
    if not waiting:
        raise DanqError(f"{path}: expected at least one row of predictions, received none")
    rest = concatenate(waiting)
    if len(rest):
        write(rest)


def _metadata(predictions: Predictions) -> dict[str, str]:
    names = ("run", "split", "task", "bin", "bundle_digest", "dataset_digest")
    return {f"danq.{name}": str(getattr(predictions, name)) for name in names}
