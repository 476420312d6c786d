"""Records of labelled sequences out of FASTA, CSV, TSV or Parquet; what a file is, its first bytes tell."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from danq.errors import DanqError
from danq.files import open_binary, read_lines

_NAME, _SPLIT = "name", "split"


class Record(NamedTuple):
    """One labelled sequence.

    Attributes
    ----------
    line : int
        1-based line it ends in (its row in a Parquet file), for messages.
    name : str
        Its name, or empty.
    sequence : str
        Letters as they stand in the file.
    labels : tuple of str
        One text a label column; of a FASTA header the last field.
    split : str
        Contents of the column ``split``, or empty.
    """

    line: int
    name: str
    sequence: str
    labels: tuple[str, ...]
    split: str = ""


def read_records(path: Path, sequence_column: str, label_columns: Sequence[str]) -> Iterator[Record]:
    """Read labelled sequences; text files may be gzip-compressed.

    The last whitespace-separated field of a FASTA header is the label and the first, where there are two or
    more, the name. Tables may have the columns ``name`` and ``split`` besides those asked for; a table is
    tab-separated if its header line holds a tab, and comma-separated otherwise.

    Raises
    ------
    DanqError
        If the file is missing, damaged, empty, lacks a column, or a record lacks a part.
    """
    with open_binary(path) as stream:
        first = stream.read(4)
    if not first:
        raise DanqError(f"{path}: expected labelled sequences, received an empty file")
    if first == b"PAR1":
        return _parquet(path, sequence_column, label_columns)
    if first.lstrip()[:1] == b">":
        return _fasta(path)
    return _table(path, sequence_column, label_columns)


def _fasta(path: Path) -> Iterator[Record]:
    header, started, parts, last = "", 0, list[str](), 0
    for number, line in read_lines(path):
        if line.startswith(">"):
            if started:
                yield _fasta_record(path, started, header, parts)
            header, started, parts = line[1:], number, []
        elif line.strip():
            parts.append(line.strip())
        last = number
    if last:
        yield _fasta_record(path, started, header, parts)


def _fasta_record(path: Path, line: int, header: str, parts: list[str]) -> Record:
    fields = header.split()
    if not fields:
        raise DanqError(f"{path}:{line}: expected a label in the header, received an empty one")
    if not parts:
        raise DanqError(f"{path}:{line}: expected a sequence after the header, received none")
    return Record(line, fields[0] if len(fields) > 1 else "", "".join(parts), (fields[-1],))


def _table(path: Path, sequence_column: str, label_columns: Sequence[str]) -> Iterator[Record]:
    lines = (line for _, line in read_lines(path))
    header = next(lines).lstrip("\ufeff")
    delimiter = "\t" if "\t" in header else ","
    columns = next(csv.reader([header], delimiter=delimiter))
    places = _places(f"{path}:1", columns, sequence_column, label_columns)
    rows = csv.reader(lines, delimiter=delimiter)
    try:
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise DanqError(
                    f"{path}:{rows.line_num + 1}: expected {len(columns)} fields, received {len(row)}"
                )
            yield _row(rows.line_num + 1, row, places)
    except csv.Error as error:
        raise DanqError(f"{path}:{rows.line_num + 1}: expected a table row, received {error}") from None


def _parquet(path: Path, sequence_column: str, label_columns: Sequence[str]) -> Iterator[Record]:
    import polars as pl

    try:
        table = pl.read_parquet(path)
        places = _places(str(path), table.columns, sequence_column, label_columns)
        texts = table.select(
            pl.col(column).cast(pl.Int8 if dtype == pl.Boolean else dtype).cast(pl.String).fill_null("")
            for column, dtype in table.schema.items()
            if column in {*label_columns, sequence_column, _NAME, _SPLIT}
        )
    except pl.exceptions.PolarsError as error:
        first = (str(error).splitlines() or [""])[0]
        raise DanqError(f"{path}: expected a Parquet table of sequences, received {first}") from None
    places = _places(str(path), texts.columns, sequence_column, label_columns)
    for number, row in enumerate(texts.iter_rows(), 1):
        yield _row(number, row, places)


class _Places(NamedTuple):
    """Positions of the columns in a row; None where a table does not have one."""

    sequence: int
    labels: tuple[int, ...]
    name: int | None
    split: int | None


def _places(
    where: str, columns: Sequence[str], sequence_column: str, label_columns: Sequence[str]
) -> _Places:
    for column in (sequence_column, *label_columns):
        if columns.count(column) != 1:
            received = "twice" if column in columns else f"columns {', '.join(columns[:10])}"
            raise DanqError(f"{where}: expected one column {column!r}, received {received}")
    return _Places(
        columns.index(sequence_column),
        tuple(columns.index(column) for column in label_columns),
        columns.index(_NAME) if _NAME in columns else None,
        columns.index(_SPLIT) if _SPLIT in columns else None,
    )


def _row(line: int, row: Sequence[str], places: _Places) -> Record:
    return Record(
        line,
        "" if places.name is None else row[places.name].strip(),
        row[places.sequence].strip(),
        tuple(row[place].strip() for place in places.labels),
        "" if places.split is None else row[places.split].strip(),
    )
