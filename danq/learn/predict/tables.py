"""Predictions written as Parquet or tab-separated text, row group by row group."""

from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import atomic
from danq.learn.predict.predictions import Append, Predictions, concatenate

ROW_GROUP = 10_000
"""Rows of one Parquet row group, whatever the blocks they came in."""

_Block = TypeVar("_Block", bound=Sized)
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
            with _rows_of(path, write) as append:
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

        with _rows_of(path, write) as append:
            yield append


@contextmanager
def grouped(
    write: Callable[[_Block], None],
    join: Callable[[list[_Block]], _Block],
    cut: Callable[[_Block, int, int], _Block],
) -> Iterator[Callable[[_Block], None]]:
    """Regroup blocks of any size into groups of `ROW_GROUP` rows, so that bytes do not depend on them.

    Parameters
    ----------
    write : callable
        Takes each group; the last one may be shorter, and none is empty.
    join : callable
        Makes one block of several.
    cut : callable
        Takes the rows from a first one to before a last one out of a block.

    Yields
    ------
    callable
        Call it with the next block.
    """
    waiting: list[_Block] = []

    def append(block: _Block) -> None:
        waiting.append(block)
        if sum(map(len, waiting)) >= ROW_GROUP:
            joined = join(waiting)
            whole = len(joined) - len(joined) % ROW_GROUP
            for first in range(0, whole, ROW_GROUP):
                write(cut(joined, first, first + ROW_GROUP))
            waiting[:] = [cut(joined, whole, len(joined))]

    yield append
    if sum(map(len, waiting)):
        write(join(waiting))


@contextmanager
def _rows_of(path: Path, write: Callable[[Predictions], None]) -> Iterator[Append]:
    total = 0
    with grouped(write, concatenate, lambda block, first, last: block.rows(slice(first, last))) as append:

        def count(block: Predictions) -> None:
            nonlocal total
            total += len(block)
            append(block)

        yield count
    if not total:
        raise DanqError(f"{path}: expected at least one row of predictions, received none")


def _metadata(predictions: Predictions) -> dict[str, str]:
    names = ("run", "split", "task", "bin", "bundle_digest", "dataset_digest")
    return {f"danq.{name}": str(getattr(predictions, name)) for name in names}
