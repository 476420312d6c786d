"""Labelled texts out of CSV, TSV or Parquet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.data.examples.files import Record, Table, collect, read_records
from danq.data.examples.labels import Examples
from danq.data.options import DatasetOptions
from danq.data.writing import write_examples
from danq.errors import DanqError


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of all rows.

    Attributes
    ----------
    texts : list of n str
        None is empty.
    """

    texts: list[str]

    def write(self, directory: Path, names: list[str], split: NDArray[np.uint8]) -> dict[str, Any]:
        """Write ``examples.parquet``: name, split and text of each row."""
        write_examples(directory, names, split, self.texts)
        return {}


def read_texts(files: Mapping[str, Path], options: DatasetOptions) -> tuple[Examples, Texts]:
    """Read the texts of all files with their labels.

    A comma-separated table quotes fields as RFC 4180 says, so that a text may hold commas and line breaks;
    in a tab-separated one a quotation mark is a letter like any other. Lines end at LF or CRLF alone: other
    line breaks of Unicode are part of a text. White space around a text is dropped.

    Parameters
    ----------
    files : mapping of str to Path
        File of each split, or one under the empty name.
    options : DatasetOptions
        `text_column`, `label_columns` and `encoding` count here.

    Raises
    ------
    DanqError
        If a file cannot be read in the encoding, lacks a column, or a text is empty.
    """
    table = Table(options.text_column, options.label_columns, options.encoding, texts=True)
    examples, texts = collect(files, table, _text)
    return examples, Texts(texts)


def unlabelled_texts(path: Path, column: str, encoding: str) -> tuple[list[str], list[str]]:
    """Read names and texts of a CSV, TSV or Parquet table, whatever other columns it has.

    Parameters
    ----------
    path : Path
        The table.
    column : str
        Column of the texts.
    encoding : {'utf-8', 'latin-1'}
        Of CSV and TSV files.

    Raises
    ------
    DanqError
        If it cannot be read in the encoding, lacks the column, has no rows, or a text is empty.
    """
    names, texts = list[str](), list[str]()
    for number, record in enumerate(read_records(path, Table(column, [], encoding, texts=True)), 1):
        names.append(record.name or str(number))
        texts.append(_text(record, f"{path}:{record.line}"))
    if not texts:
        raise DanqError(f"{path}: expected at least one text, received none")
    return names, texts


def _text(record: Record, where: str) -> str:
    if not record.content:
        raise DanqError(f"{where}: expected a text, received an empty one")
    return record.content
