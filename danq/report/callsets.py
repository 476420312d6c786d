"""Scored callsets of a results directory: their tables are read part by part, however long they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from danq.errors import DanqError
from danq.files import read_manifest
from danq.score.measures import EFFECT, column_of, targets_of

KIND, FORMAT_VERSION = "scores", 1
NAMES = ("row", "allele", "contig", "pos", "id", "ref", "alt", "sample", "haplotype")
"""Columns that say which allele a row is about; the last two with samples only."""

_SHOWN_BASES = 12


@dataclass(frozen=True)
class Callset:
    """One scored callset.

    Attributes
    ----------
    name : str
        Name of its directory.
    path : Path
        The directory.
    manifest : dict
        ``scores.json``.
    columns : tuple of str
        Columns of ``scores.parquet``; none where the scores were written as text.
    truth : DataFrame or None
        ``truth.tsv``.
    """

    name: str
    path: Path
    manifest: dict[str, Any]
    columns: tuple[str, ...]
    truth: pl.DataFrame | None

    @property
    def wide(self) -> bool:
        """Whether there is a row for each allele; in the tidy form it is one for each allele and target."""
        return EFFECT in self.columns

    @property
    def targets(self) -> dict[int, str]:
        """Index → name of each target that has columns of its own."""
        return targets_of(self.columns)

    def column(self, target: int, measure: str) -> str:
        """Name of the column of a target's measure."""
        return column_of(target, self.targets[target], measure)

    def blocks(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[pl.DataFrame]:
        """Read row groups of the scores one after the other.

        Parameters
        ----------
        columns : sequence of str
            Names that are no column of the table are left out.
        groups : sequence of int, optional
            Numbers of the row groups; all of them where left out.

        Raises
        ------
        DanqError
            If the table is damaged.
        """
        kept = [name for name in columns if name in self.columns]
        with _parquet(self.path) as file:
            for group in range(file.num_row_groups) if groups is None else groups:
                try:
                    found = pl.from_arrow(file.read_row_group(group, columns=kept))
                except (pa.ArrowException, OSError) as error:
                    raise _damaged(self.path, error) from None
                yield pl.DataFrame(found).select(kept)


def read_callset(manifest: Path) -> Callset:
    """Read what a directory of scores says of itself, not the scores.

    Raises
    ------
    DanqError
        If a file is missing, damaged, or of another format version.
    """
    folder = manifest.parent
    told = read_manifest(manifest, KIND, FORMAT_VERSION)
    columns: tuple[str, ...] = ()
    # asked for as text, the scores are for other readers than the report
    if not (folder / "scores.tsv").is_file() or (folder / "scores.parquet").exists():
        with _parquet(folder) as file:
            columns = tuple(file.schema_arrow.names)
    # what an earlier scoring with other options left there is not shown
    truth = folder / "truth.tsv"
    compared = truth.is_file() and told.get("truth")
    return Callset(folder.name, folder, told, columns, _read_truth(truth) if compared else None)


def _read_truth(path: Path) -> pl.DataFrame:
    numbers = dict.fromkeys(("auroc", "auprc", "pearson", "spearman"), pl.Float64)
    texts = dict.fromkeys(("score", "target", "status"), pl.String)
    try:
        return pl.read_csv(
            path,
            separator="\t",
            quote_char=None,
            schema_overrides={**numbers, **texts, "n": pl.Int64, "positives": pl.Int64},
        )
    except pl.exceptions.PolarsError as error:
        raise DanqError(f"{path}: expected a table ({str(error).splitlines()[0]})") from None


def _parquet(folder: Path) -> pq.ParquetFile:
    path = folder / "scores.parquet"
    try:
        return pq.ParquetFile(path)
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; {folder} holds no scores") from None
    except (pa.ArrowException, OSError) as error:
        raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> DanqError:
    said = str(error).splitlines()[0]
    return DanqError(f"{folder / 'scores.parquet'}: expected a Parquet table ({said})")


def with_flags(callset: Callset, rows: pl.DataFrame) -> pl.DataFrame:
    """Add the ledger's flags to some rows of the scores.

    Parameters
    ----------
    callset : Callset
        Where they are from.
    rows : DataFrame
        With those of the columns `NAMES` that the scores have.

    Raises
    ------
    DanqError
        If the ledger is missing or damaged.
    """
    path = callset.path / "ledger.tsv"
    keys = [name for name in ("row", "allele", "sample", "haplotype") if name in rows.columns]
    try:
        ledger = pl.scan_csv(path, separator="\t", quote_char=None, infer_schema=False)
        wanted = rows["row"].cast(pl.String).to_list()
        found = ledger.filter(pl.col("row").is_in(wanted)).select(*keys, "flags").collect(engine="streaming")
    except (pl.exceptions.PolarsError, FileNotFoundError) as error:
        raise DanqError(f"{path}: expected a ledger ({str(error).splitlines()[0]})") from None
    typed = found.cast({key: rows.schema[key] for key in keys})
    return rows.join(typed, on=keys, how="left", maintain_order="left")


def label(row: dict[str, Any]) -> str:
    """Name an allele as ``chrI:123 A>G``, long ones shortened, with the sample that carries it."""
    carried = f" · {row['sample']} haplotype {row['haplotype']}" if row.get("sample") else ""
    return f"{row['contig']}:{row['pos']} {_bases(row['ref'])}>{_bases(row['alt'])}{carried}"


def _bases(text: str) -> str:
    return text if len(text) <= _SHOWN_BASES else f"{text[: _SHOWN_BASES - 4]}…({len(text):,} bp)"
