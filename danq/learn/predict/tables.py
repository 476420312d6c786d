"""Predictions written as Parquet or tab-separated text."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.learn.predict.predictions import Append, Predictions
from danq.tables import Format, writing_rows

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


def writing_parquet(path: Path) -> AbstractContextManager[Append]:
    """Write predictions to a Parquet file; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no row was given.
    """
    return _writing(path, "parquet")


def writing_tsv(path: Path) -> AbstractContextManager[Append]:
    """Write predictions to tab-separated text with a header line; memory does not grow with the rows.

    Raises
    ------
    DanqError
        If the file cannot be written, or no row was given.
    """
    return _writing(path, "tsv")


@contextmanager
def _writing(path: Path, form: Format) -> Iterator[Append]:
    total = 0
    with ExitStack() as stack:
        opened: list[Callable[[pa.Table], None]] = []

        def append(block: Predictions) -> None:
            nonlocal total
            table = pa.table(table_columns(block), metadata=_metadata(block))
            if not opened:
                # only the first block says which columns there are
                rows = writing_rows(path, table.schema, form, ("contig", "flags"))
                opened.append(stack.enter_context(rows))
            opened[0](table)
            total += len(block)

        yield append
        if not total:
            raise DanqError(f"{path}: expected at least one row of predictions, received none")


def _metadata(predictions: Predictions) -> dict[str, str]:
    names = ("run", "split", "task", "bin", "bundle_digest", "dataset_digest")
    return {f"danq.{name}": str(getattr(predictions, name)) for name in names}
