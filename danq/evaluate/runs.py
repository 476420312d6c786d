"""What was measured of a training: what ``summary.json`` says but for the tables, and both read back."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from danq.errors import DanqError, check_name
from danq.evaluate.class_metrics import ClassMetrics
from danq.evaluate.pairs import SCHEMA as PAIRS
from danq.evaluate.per_target import SCHEMA, TARGET
from danq.learn.manifest import BundleManifest
from danq.learn.options import Repeat, read_name
from danq.limits import check_memory
from danq.models import BASELINES
from danq.parquet import read_parquet, refusing_damage
from danq.storage import Entry, Manifest

_TEXTS, _FLOATS = ("run", "split", "target"), ("mean_probability", "observed", "bin_low", "bin_high")
_NAMED = {**dict.fromkeys(_TEXTS, pl.String), "target_index": pl.Int32}
CURVES = {**_NAMED, "curve": pl.String, "x": pl.Float32, "y": pl.Float32}
CALIBRATION = {**_NAMED, **dict.fromkeys(_FLOATS, pl.Float64), "n": pl.Int64, "positives": pl.Int64}
RESAMPLES = {"split": pl.String, "resample": pl.Int32}
HISTORY = {
    "epoch": pl.Int64,
    **dict.fromkeys(("train_loss", "valid_loss", "valid_auroc", "valid_auprc", "valid_f1"), pl.Float64),
    "learning_rate": pl.Float64,
}
"""Columns of the tables that are read back, in whatever order."""


class Means(Entry):
    """A metric over the targets that are scored; `low` and `high` are the 95% interval of an area's mean.

    `pooled` is the calibration error of all targets together.
    """

    mean: float | None
    median: float | None
    targets: int
    low: float | None = None
    high: float | None = None
    pooled: float | None = None


class Drawn(Entry):
    """Of which blocks intervals were resampled: level, resamples, blocks, and what a block is."""

    level: float
    resamples: int
    blocks: int
    block: str


class LeakageSummary(Entry):
    """Test rows that overlap or repeat training rows, and the areas on those `left`.

    `word_bp` is 0 where rows are compared as a whole; otherwise a window repeats training sequence where at
    least `smallest_share` of its words occur there, of which `words_sampled` (a share) were looked up.
    """

    windows: int
    overlapping: int
    repeats: int
    left: int
    word_bp: int
    smallest_share: float
    words_sampled: float
    scored: int
    auroc: Means
    auprc: Means


class MeasuredSplit(Entry):
    """One split.

    Attributes
    ----------
    n, targets, scored : int
        Rows, targets, and targets that have both positives and negatives.
    unknown_labels : int
        Labels of all rows and targets that are not known and enter nothing.
    rows : str
        SHA-256 of names, order and labels of rows and targets: runs with the same one can be compared.
    not_scored : dict of str to int
        Why targets are not scored → how many.
    intervals : Drawn or None
        None without intervals, for the reason `no_intervals`.
    classes : ClassMetrics or None
        The most probable class of each row, where a row has one.
    calls : dict of str to (ClassMetrics or None)
        Targets called one by one, at thresholds `chosen` on validation and at `half`; `called` says how many.
    """

    n: int
    unknown_labels: int = 0
    rows: str
    targets: int
    scored: int
    not_scored: dict[str, int]
    auroc: Means
    auprc: Means
    f1: Means
    mcc: Means
    ece: Means
    intervals: Drawn | None
    classes: ClassMetrics | None = None
    calls: dict[str, ClassMetrics | None] | None = None
    called: dict[str, int] | None = None
    leakage: LeakageSummary | None
    no_intervals: str | None


class Evaluation(Manifest):
    """``summary.json``; `TABLES` are the files beside it."""

    TABLES: ClassVar[tuple[str, ...]] = (
        *("metrics.tsv", "curves.parquet", "calibration.tsv"),
        *("resamples.parquet", "pairs.tsv"),
    )

    KIND, FILE = "evaluation", "summary.json"

    run: str
    task: str
    splits: dict[str, MeasuredSplit]
    provenance: dict[str, Any]


@dataclass(frozen=True)
class Run:
    """One run by the name of its directory, as far as it has got: its files, None where one is not there.

    `resamples` lacks those of single targets.
    """

    name: str
    bundle: BundleManifest
    history: pl.DataFrame | None
    summary: Evaluation | None
    metrics: pl.DataFrame | None
    curves: pl.DataFrame | None
    calibration: pl.DataFrame | None
    resamples: pl.DataFrame | None
    pairs: pl.DataFrame | None

    @property
    def dataset(self) -> str:
        """Name of the dataset it was trained on."""
        return self.bundle.dataset.name

    @property
    def is_baseline(self) -> bool:
        """Whether it is what other runs on the same dataset are compared with, or a mean of such alone."""
        models = [member.model for member in self.bundle.members] or [self.bundle.model]
        return all(model in BASELINES for model in models)

    @property
    def repeat(self) -> Repeat:
        """Which fold and seed of which run this is, if its name says so and its bundle agrees."""
        repeat = read_name(self.name)
        other_seed = repeat.seed not in (None, self.bundle.train.get("seed"))
        other_fold = repeat.fold not in (None, read_name(self.dataset).fold)
        return Repeat(self.name) if other_seed or other_fold else repeat

    @property
    def family(self) -> str:
        """Name of the dataset as the configuration has it, without the fold."""
        return self.dataset if self.repeat.fold is None else read_name(self.dataset).base

    @property
    def split(self) -> str:
        """Split whose metrics are shown: test, or else what was evaluated last."""
        splits = list(self.summary.splits) if self.summary else []
        return "test" if "test" in splits or not splits else str(splits[-1])

    @property
    def measured(self) -> MeasuredSplit | None:
        """Means over targets on `split`."""
        return self.summary.splits.get(self.split) if self.summary else None

    @property
    def draw(self) -> tuple[int, Drawn] | None:
        """By what blocks were drawn: runs on the same rows with the same one share their resamples."""
        if self.summary is None or self.measured is None or self.measured.intervals is None:
            return None
        return self.summary.provenance["options"].get("seed"), self.measured.intervals

    def on_split(self, table: pl.DataFrame | None) -> pl.DataFrame | None:
        """Rows of one of its tables that belong to `split`; None where there are none."""
        rows = None if table is None else table.filter(split=self.split)
        return None if rows is None or rows.is_empty() else rows


def read_run(folder: Path) -> Run:
    """Read a run from the directory of its bundle, with what `danq evaluate` wrote there.

    Raises
    ------
    DanqError
        If a file is damaged or of another format version.
    """
    evaluation, bundle = folder / "evaluation", BundleManifest.read(folder)
    summary = Evaluation.read(evaluation) if (evaluation / Evaluation.FILE).is_file() else None
    run = Run(
        name=folder.name,
        bundle=bundle,
        history=read_table(folder / "history.tsv", HISTORY),
        summary=summary,
        metrics=read_table(evaluation / "metrics.tsv", SCHEMA),
        curves=read_table(evaluation / "curves.parquet", CURVES),
        calibration=read_table(evaluation / "calibration.tsv", CALIBRATION),
        resamples=_resamples(evaluation / "resamples.parquet"),
        pairs=read_table(evaluation / "pairs.tsv", PAIRS),
    )
    # a file that is no table has been refused as such; now one that is another table
    bundle.check(folder, "history.tsv")
    if summary is not None:
        summary.check(evaluation, *Evaluation.TABLES)
    return run


def read_table(
    path: Path, types: dict[str, Any] | None = None, without: str | None = None
) -> pl.DataFrame | None:
    """Read a TSV with names in its first line, or a Parquet table; None where there is no such file.

    Parameters
    ----------
    types : dict, optional
        Columns that it must have, and their types. In a TSV NaN becomes null.
    without : str, optional
        Columns of a Parquet table that are not read, as a regular expression from ``^`` to ``$``.

    Raises
    ------
    DanqError
        If it is no such table.
    """
    if not path.is_file():
        return None
    parquet = path.suffix == ".parquet"
    with refusing_damage(path, "Parquet table" if parquet else "table"):
        if parquet:
            names = pl.read_parquet_schema(path)
            kept = [name for name in names if not (without and re.search(without, name))]
            return _typed(path, read_parquet(path, kept), types or {})
        check_memory(path, path.stat().st_size)
        table = pl.read_csv(path, separator="\t", schema_overrides=types, infer_schema_length=None)
        return _typed(path, table.fill_nan(None), types or {})


def _typed(path: Path, table: pl.DataFrame, types: dict[str, Any]) -> pl.DataFrame:
    """Give a table the types that its columns must have; polars says what cannot be."""
    for name in types:
        if name not in table.columns:
            raise pl.exceptions.ColumnNotFoundError(f"it lacks the column {name}")
    for name, values in zip(table.columns, table, strict=True):
        for text in (name, *(values.unique() if name in (*_TEXTS, "first", "second") else ())):
            check_name(str(text), path, "text")
    return table.cast(pl.Schema(types))


def _resamples(path: Path) -> pl.DataFrame | None:
    """Read the resamples of a run; each split must have the same ones."""
    table = read_table(path, RESAMPLES, without=f"^{TARGET}.*$")
    if table is not None and table.select("split", "resample").is_duplicated().any():
        raise DanqError(f"{path}: expected each resample of a split once, received one twice")
    # without intervals there are none
    areas = {} if table is None else dict.fromkeys({"auroc", "auprc"} & set(table.columns), pl.Float64)
    with refusing_damage(path, "Parquet table"):
        return None if table is None else table.cast(pl.Schema(areas))
