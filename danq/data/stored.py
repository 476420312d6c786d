"""The arrays and tables of a dataset directory, checked when they are opened."""

from pathlib import Path

import polars as pl

from danq.errors import DanqError


def load_table(path: Path, n: int) -> pl.DataFrame:
    """Read a Parquet table of n rows.

    Raises
    ------
    DanqError
        If it is missing, damaged, or has another number of rows.
    """
    try:
        table = pl.read_parquet(path)
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; {path.parent} is no complete dataset") from None
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise DanqError(f"{path}: expected a Parquet table, received a damaged file ({first})") from None
    if len(table) != n:
        raise DanqError(f"{path}: expected {n} rows, received {len(table)}")
    return table
