"""Tables of predictions, as `danq predict` writes them, read back as arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
from numpy.typing import NDArray

from danq.data.examples.labels import NO_BIT
from danq.errors import DanqError, first_few, first_line
from danq.files import bounded_lines, open_binary, readable
from danq.learn.predict.outputs import ROW_COLUMNS, TARGET_COLUMNS
from danq.learn.predict.predictions import SCALARS, UNPREDICTED
from danq.limits import check_memory
from danq.metrics import UNKNOWN
from danq.parquet import DAMAGED, read_parquet
from danq.text_checks import separated

_NUMBERS = {"start": pl.Int64, "end": pl.Int64}
_ENDINGS = {name: f"__{title}" for name, title in TARGET_COLUMNS.items()}


def read_table(path: Path) -> dict[str, NDArray[Any]]:
    """Read a Parquet table or tab-separated text, whose quotation marks are letters, as arrays by name.

    Raises
    ------
    DanqError
        If it cannot be read, a target lacks a column that others have, or a field holds no number.
    """
    try:
        with readable(path):
            table, metadata = _parquet(path) if _is_parquet(path) else (_tsv(path), {})
    except DAMAGED as error:
        raise DanqError(
            f"{path}: expected a table of predictions, received {first_line(error)}; "
            "if it is damaged, remove it and make it again"
        ) from None
    arrays: dict[str, NDArray[Any]] = {
        name: np.array(int(metadata[name]) if name == "bin" else metadata[name])
        for name in SCALARS
        if name in metadata
    }
    for name, title in ROW_COLUMNS.items():
        if title in table.columns:
            arrays[name] = _column(path, table[title], _NUMBERS.get(name))
    targets = _targets(table.columns)
    if "ids" not in arrays or not targets:
        hint = separated(table.columns[0], 2) if len(table.columns) == 1 else ""
        raise DanqError(
            f"{path}: expected columns `id` and `<target>__probability` or `<target>__logit` of each target, "
            f"received {first_few(table.columns)}{hint}"
        )
    lost = _without_numbers(arrays, len(table))
    for name, ending in _ENDINGS.items():
        titles = [f"{target}{ending}" for target in targets]
        there = [title for title in titles if title in table.columns]
        if there and len(there) < len(titles):
            lacking = [title for title in titles if title not in there]
            raise DanqError(f"{path}: expected a column for each target, found no {first_few(lacking)}")
        if there:
            columns = (table[title] for title in titles)
            read = (
                (_labels(path, each) if name == "labels" else _values(path, each, lost)) for each in columns
            )
            arrays[name] = np.stack(list(read), axis=1)
    return arrays | {"targets": np.array(targets)}


def _targets(columns: list[str]) -> list[str]:
    """Find the targets, in the order of their first columns."""
    ends = ((column, ending) for column in columns for ending in _ENDINGS.values())
    return list(dict.fromkeys(column.removesuffix(end) for column, end in ends if column.endswith(end)))


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _parquet(path: Path) -> tuple[pl.DataFrame, dict[str, str]]:
    table = read_parquet(path, checked=True)
    with pq.ParquetFile(path) as file:
        stored = file.schema_arrow.metadata or {}
    texts = {key.decode(): value.decode() for key, value in stored.items() if key.startswith(b"danq.")}
    return table, {key.removeprefix("danq."): value for key, value in texts.items()}


def _tsv(path: Path) -> pl.DataFrame:
    check_memory(path, path.stat().st_size)
    _check_fields(path)
    # as texts: what is no number is then told with its line
    return pl.read_csv(path, separator="\t", quote_char=None, infer_schema=False, glob=False)


def _check_fields(path: Path) -> None:
    """Refuse lines of other lengths than the header: the rest of one that was cut off would be unknown."""
    columns = 0
    with open_binary(path) as stream:
        for number, line in enumerate(bounded_lines(path, stream), 1):
            received = line.count(b"\t") + 1
            columns = columns or received
            if received != columns:
                raise DanqError(f"{path}:{number}: expected {columns} fields, received {received}")


def _column(path: Path, column: pl.Series, dtype: Any) -> NDArray[Any]:
    if dtype is not None:
        return _cast(path, column, dtype).to_numpy()
    _check_plain(path, column, "names")
    return column.cast(pl.String).fill_null("").to_numpy().astype(np.str_)


def _check_plain(path: Path, column: pl.Series, expected: str) -> None:
    """Refuse a column of a Parquet table that holds neither numbers nor texts nor truth values."""
    if column.dtype.is_nested() or column.dtype.is_temporal() or column.dtype in (pl.Binary, pl.Object):
        raise DanqError(f"{path}: {column.name}: expected {expected}, received {column.dtype}")


def _without_numbers(arrays: dict[str, NDArray[Any]], rows: int) -> pl.Series:
    """Mark the rows whose flag says why they have no numbers."""
    return pl.Series(np.isin(arrays["flags"], UNPREDICTED) if "flags" in arrays else np.zeros(rows, bool))


def _values(path: Path, column: pl.Series, lost: pl.Series) -> NDArray[np.float32]:
    if lost.any():
        # a number that stands there all the same is refused by the caller
        nothing = "nan" if column.dtype == pl.String else float("nan")
        column = column.set(lost & _absent(column), nothing)
    return _cast(path, column, pl.Float32).to_numpy()


def _labels(path: Path, column: pl.Series) -> NDArray[np.float32]:
    if isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    _check_plain(path, column, "numbers")
    if column.dtype == pl.String:
        column = column.set(_absent(column), str(UNKNOWN))
    if column.dtype == pl.Boolean:
        column = column.cast(pl.Int8)
    return _cast(path, column.fill_null(UNKNOWN), pl.Float32).to_numpy()


def _absent(column: pl.Series) -> pl.Series:
    """Mark where nothing stands, or a word for it."""
    if column.dtype != pl.String:
        return column.is_null()
    return column.fill_null("").str.strip_chars().str.to_lowercase().is_in(list(NO_BIT))


def _cast(path: Path, column: pl.Series, dtype: Any) -> pl.Series:
    """Turn into numbers; nothing, or a text that is none, is refused with its place."""
    _check_plain(path, column, "numbers")
    texts = column.str.strip_chars() if column.dtype == pl.String else column
    numbers = texts.cast(dtype, strict=False)
    for row in numbers.is_null().arg_true().head(1):
        # a header stands above the rows of a text
        place = f" row {row + 1}" if _is_parquet(path) else row + 2
        received = "nothing" if column[row] is None else repr(column[row])
        raise DanqError(f"{path}:{place}: {column.name}: expected a number, received {received}")
    return numbers
