"""Labelled records out of FASTA, CSV, TSV or Parquet; how a table is separated, its name tells first."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from danq.errors import DanqError, check_name, first_few, first_line
from danq.files import bounded_lines, open_binary, read_lines
from danq.genome.track_formats import suffix_of
from danq.text_checks import separated

if TYPE_CHECKING:
    import polars as pl

_NAME, _SPLIT = "name", "split"
_LONGEST_FIELD = 2**31 - 1
"""Characters; csv alone would refuse texts of 128 thousand and more."""


class Record(NamedTuple):
    """One labelled sequence, text or image.

    Attributes
    ----------
    where : str
        Its place, for messages: the file with the 1-based line it ends in (its row in a Parquet file).
    name : str
        May be empty.
    content : str or callable
        The sequence or text as it stands in the file, but for space around it; of an image what decodes it.
    labels : tuple of str
        One text a label column; of a FASTA header the last field.
    split : str
        Contents of the column ``split``, or another word for it, or empty.
    """

    where: str
    name: str
    content: Any
    labels: tuple[str, ...]
    split: str = ""


class Table(NamedTuple):
    """What is known of a table before it is read.

    Attributes
    ----------
    content, labels : str, sequence of str
        Column of the sequence or text; columns of labels.
    encoding : {'utf-8', 'latin-1'}
        Of CSV and TSV files.
    texts : bool
        Its rows are texts: no FASTA is expected, and in a TSV a quotation mark is a letter like any other.
    """

    content: str
    labels: Sequence[str]
    encoding: str = "utf-8"
    texts: bool = False


def read_records(path: Path, table: Table) -> Iterator[Record]:
    """Read labelled records; text files may be gzip-compressed.

    The last whitespace-separated field of a FASTA header is the label and the first, where there are two or
    more, the name. Tables may have the columns ``name`` and ``split`` besides those asked for; how one is
    separated says `_separator`. A comma-separated table quotes fields as RFC 4180 says, so that a text may
    hold commas and line breaks; in a tab-separated one of texts a quotation mark is a letter like any other.
    Lines end at LF or CRLF alone: other line breaks of Unicode are part of a text. White space around a field
    is dropped.

    Raises
    ------
    DanqError
        If the file is missing, damaged, empty, lacks a column, or a record lacks a part.
    """
    with open_binary(path) as stream:
        first = stream.read(4)
    what = "texts" if table.texts else "sequences"
    if not first:
        raise DanqError(f"{path}: expected labelled {what}, received an empty file")
    if first == b"PAR1":
        return _parquet(path, table, what)
    if first.lstrip()[:1] == b">" and not table.texts:
        return _fasta(path)
    return _table(path, table)


def _fasta(path: Path) -> Iterator[Record]:
    header, started, parts = "", 0, list[str]()
    for number, line in read_lines(path):
        if line.startswith(">"):
            if started:
                yield _fasta_record(path, started, header, parts)
            header, started, parts = line[1:], number, []
        elif line.strip():
            parts.append(line.strip())
    yield _fasta_record(path, started, header, parts)


def _fasta_record(path: Path, line: int, header: str, parts: list[str]) -> Record:
    fields = header.split()
    if not fields:
        raise DanqError(f"{path}:{line}: expected a label in the header, received an empty one")
    if not parts:
        raise DanqError(f"{path}:{line}: expected a sequence after the header, received none")
    return Record(f"{path}:{line}", fields[0] if len(fields) > 1 else "", "".join(parts), (fields[-1],))


def _table(path: Path, table: Table) -> Iterator[Record]:
    lines = _lines(path, table)
    header = next(lines).rstrip("\n").lstrip("\ufeff")
    delimiter = _separator(path, header)
    try:
        plain = table.texts and delimiter == "\t" and "\r" not in header
        columns = header.split("\t") if plain else next(csv.reader([header], delimiter=delimiter))
    except csv.Error:
        raise DanqError(
            f"{path}:1: expected lines that end in LF or CRLF, received CR or a quotation mark left open"
        ) from None
    _check_columns(f"{path}:1", columns, [table.content, *table.labels], delimiter)
    for line, row in _rows(path, lines, delimiter, table.texts):
        if not row:
            continue
        if len(row) != len(columns):
            raise DanqError(f"{path}:{line}: expected {len(columns)} fields, received {len(row)}")
        yield _record(f"{path}:{line}", dict(zip(columns, row, strict=True)), table)


def _separator(path: Path, header: str) -> str:
    """Comma or tab, by the name, ``.csv``, ``.tsv`` or ``.tab`` (and ``.gz``), else by the header line.

    A header of one column has neither: then there are no commas to be told from those of texts.
    """
    by_name = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
    return by_name.get(suffix_of(path)) or ("," if "," in header and "\t" not in header else "\t")


def _lines(path: Path, table: Table) -> Iterator[str]:
    """Lines of a table without their LF or CRLF; a LF after each of texts, whose quotes may span lines."""
    with open_binary(path) as stream:
        for number, line in enumerate(bounded_lines(path, stream), 1):
            try:
                text = line.decode(table.encoding)
            except UnicodeDecodeError:
                # a zero byte is in no text of one byte a character
                hint = "; `encoding: latin-1` reads other texts" if table.texts and b"\0" not in line else ""
                raise DanqError(f"{path}:{number}: expected UTF-8 text, received binary data{hint}") from None
            yield text.rstrip("\r\n") + ("\n" if table.texts else "")


def _rows(path: Path, lines: Iterator[str], delimiter: str, texts: bool) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header, each with the 1-based line it ends in."""
    if texts and delimiter == "\t":
        for number, line in enumerate(lines, 2):
            yield number, line.removesuffix("\n").split("\t") if line.strip() else []
        return
    # strict for texts: a quotation mark that is never closed would swallow the rest of the file
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.reader(lines, delimiter=delimiter, strict=texts)
    begun = 2
    try:
        for row in rows:
            if not texts and rows.line_num >= begun:
                raise DanqError(
                    f"{path}:{begun}: expected a row on one line, received a quotation mark left open"
                )
            yield rows.line_num + 1, row
            begun = rows.line_num + 2
    except csv.Error as error:
        raise DanqError(f"{path}:{begun}: expected a table row, received {error}") from None


def _parquet(path: Path, table: Table, what: str) -> Iterator[Record]:
    texts = read_parquet(path, table.content, table.labels, what)[1]
    for number, row in enumerate(texts.iter_rows(named=True), 1):
        yield _record(f"{path}:{number}", row, table)


def read_parquet(
    path: Path, content: str, labels: Sequence[str], what: str, binary: bool = False
) -> tuple["pl.Series", "pl.DataFrame"]:
    """Read a Parquet table of labelled rows, which messages call `what`.

    Returns
    -------
    content : polars Series
        That column as it stands.
    texts : polars DataFrame
        As text, truth values as 0 and 1, empty where there is none: the columns of labels, ``name`` and
        ``split`` where the table has them, and the content unless it is `binary`.

    Raises
    ------
    DanqError
        If it is no such table, lacks a column, or one of labels holds neither numbers nor names.
    """
    import polars as pl

    from danq.parquet import DAMAGED
    from danq.parquet import read_parquet as read_table

    try:
        table = read_table(path)
        _check_columns(str(path), table.columns, [content, *labels])
        for column in labels:
            dtype = table.schema[column]
            if dtype.is_nested() or dtype.is_temporal() or str(dtype) in ("Binary", "Object"):
                raise DanqError(f"{path}: {column}: expected numbers or names as labels, received {dtype}")
        wanted = {*labels, _NAME, _SPLIT} | (set() if binary else {content})
        texts = table.select(
            pl.col(column).cast(pl.Int8 if dtype == pl.Boolean else dtype).cast(pl.String).fill_null("")
            for column, dtype in table.schema.items()
            if column in wanted
        )
    except DAMAGED as error:
        raise DanqError(f"{path}: expected a Parquet table of {what}, received {first_line(error)}") from None
    return table[content], texts


def _check_columns(where: str, columns: Sequence[str], needed: Sequence[str], delimiter: str = "") -> None:
    for column in needed:
        if columns.count(column) != 1:
            received = "twice" if column in columns else f"columns {first_few(columns, 10)}"
            # the separator that the name stands for is none of this file
            others = {",": "\t", "\t": ","}.get(delimiter, "\n")
            hint = ""
            if len(columns) == 1 and others in columns[0]:
                hint = "; a file named .csv is separated by commas, one named .tsv by tabs"
            elif len(columns) == 1:
                hint = separated(columns[0], 2)
            raise DanqError(f"{where}: expected one column {column!r}, received {received}{hint}")
    for column in (_NAME, _SPLIT):
        if columns.count(column) > 1:
            raise DanqError(f"{where}: expected at most one column {column!r}, received several")


def _record(where: str, row: Mapping[str, str], table: Table) -> Record:
    labels = tuple(row[column].strip() for column in table.labels)
    name, split = (row.get(column, "").strip() for column in (_NAME, _SPLIT))
    return Record(where, name, row[table.content].strip(), labels, split)


def unlabelled_texts(path: Path, column: str, encoding: str) -> tuple[list[str], list[str]]:
    """Read names and texts, in `column`, of a CSV, TSV or Parquet table, whatever other columns it has.

    Raises
    ------
    DanqError
        If it cannot be read in the encoding, lacks the column, has no rows, or a text is empty.
    """
    names, texts = list[str](), list[str]()
    for number, record in enumerate(read_records(path, Table(column, [], encoding, texts=True)), 1):
        names.append(check_name(record.name, record.where) or str(number))
        texts.append(text_of(record))
    if not texts:
        raise DanqError(f"{path}: expected at least one text, received none")
    return names, texts


def text_of(record: Record) -> str:
    """Text of a record; an empty one is refused."""
    if not record.content:
        raise DanqError(f"{record.where}: expected a text, received an empty one")
    return str(record.content)
