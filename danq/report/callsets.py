"""Scored callsets of a results directory: their tables are read part by part, however long they are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.evaluate.agreement import FIGURES
from danq.parquet import refusing_damage
from danq.score.manifest import ScoresManifest
from danq.score.measures import EFFECT, LOGIT_DIFF, TARGET, column_of, targets_of
from danq.views.places import NAMES, open_scores, shortened

_WORDS = ("group", "score", "target", "truth", "status")


@dataclass(frozen=True)
class Callset:
    """One scored callset, by its directory; no `columns` where the scores were written as text."""

    path: Path
    manifest: ScoresManifest
    columns: tuple[str, ...]
    truth: pl.DataFrame | None

    @property
    def name(self) -> str:
        """Name of its directory."""
        return self.path.name

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

    @property
    def row_groups(self) -> int:
        """How many row groups the table has."""
        with open_scores(self.path) as file:
            return int(file.num_row_groups)

    def blocks(self, columns: Sequence[str], groups: Sequence[int] | None = None) -> Iterator[pl.DataFrame]:
        """Read all or some row groups one after the other; names that are no columns are left out.

        Raises
        ------
        DanqError
            If the table is damaged.
        """
        kept = [name for name in columns if name in self.columns]
        with open_scores(self.path) as file:
            for group in range(file.num_row_groups) if groups is None else groups:
                with refusing_damage(self.path / "scores.parquet", "Parquet table"):
                    block = pl.from_arrow(file.read_row_group(group, columns=kept))
                yield pl.DataFrame(block).select(kept)

    def reduced(
        self,
        columns: Sequence[str],
        part: Callable[[pl.DataFrame], pl.DataFrame],
        join: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> pl.DataFrame | None:
        """Reduce each row group with `part`, and what came so far with `join`; None without a row group."""
        whole: list[pl.DataFrame] = []
        for block in self.blocks(columns):
            whole = [join(pl.concat([*whole, part(block)]))]
        return whole[0] if whole else None


def read_callset(folder: Path) -> Callset:
    """Read what a directory of scores says of itself, not the scores.

    Raises
    ------
    DanqError
        If a file is missing, damaged, or of another format version.
    """
    scores = ScoresManifest.read(folder)
    scores.check(folder, "scores.parquet", "ledger.tsv", "truth.tsv", "truth.parquet")
    columns: tuple[str, ...] = ()
    # asked for as text, the scores are for other readers than the report
    if not (folder / "scores.tsv").is_file() or (folder / "scores.parquet").exists():
        with open_scores(folder) as file:
            columns = tuple(file.schema_arrow.names)
    # what an earlier scoring with other options left there is not shown
    truth = folder / "truth.tsv"
    compared = truth.is_file() and scores.truth is not None
    return Callset(folder, scores, columns, _read_truth(truth) if compared else None)


def _read_truth(path: Path) -> pl.DataFrame:
    figures = [f"{name}{end}" for name in FIGURES for end in ("", "_low", "_high")]
    kinds = {pl.Float64: figures, pl.String: _WORDS, pl.Int64: ("n", "positives", "blocks")}
    schema = {name: kind for kind, names in kinds.items() for name in names}
    with refusing_damage(path, "table"):
        table = pl.read_csv(path, separator="\t", quote_char=None, schema_overrides=schema)
        return table.with_columns(pl.col("group", "target").fill_null(""))


def histogram(callset: Callset, bins: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count alleles in bins of equal width from 0 to the largest effect: counts, and edges of the bins."""

    def effects() -> Iterator[NDArray[np.float64]]:
        # in the precision of the edges, or the largest effect falls beyond the last
        return (b[EFFECT].drop_nulls().cast(pl.Float64).to_numpy() for b in callset.blocks([EFFECT]))

    largest = max((values.max(initial=0.0) for values in effects()), default=0.0)
    edges = np.linspace(0.0, float(largest) or 1.0, bins + 1)
    counts = np.zeros(bins, np.int64)
    for values in effects():
        counts += np.histogram(values, edges)[0]
    return counts, edges


def strongest_alleles(
    callset: Callset, of_allele: Sequence[str], of_target: Sequence[str], most: int
) -> list[dict[str, Any]]:
    """Give the alleles with the largest effects, the largest first.

    Each has the columns `NAMES` that there are, `flags` of the ledger, and those of the measures `of_allele`
    and, for its strongest target, `of_target` that were written.
    """
    groups = count()

    def numbered(block: pl.DataFrame) -> pl.DataFrame:
        return block.with_row_index("offset").with_columns(group=pl.lit(next(groups), pl.Int64))

    def largest(rows: pl.DataFrame) -> pl.DataFrame:
        ranked = rows.drop_nulls(EFFECT).sort(EFFECT, "group", "offset", descending=[True, False, False])
        return ranked.head(most)

    top = callset.reduced([*NAMES, *of_allele], numbered, largest)
    if top is None:
        return []
    rows = _with_flags(callset, top).to_dicts()
    index = {name: number for number, name in callset.targets.items()}
    columns = {
        target: {callset.column(index[target], measure): measure for measure in of_target}
        for target in top[TARGET].unique(maintain_order=True)
        if target in index
    }
    wanted = [column for each in columns.values() for column in each]
    kept = sorted(set(top["group"].to_list()))
    for group, block in zip(kept, callset.blocks(wanted, kept), strict=True):
        for row in (row for row in rows if row["group"] == group):
            measures = columns.get(row[TARGET], {}).items()
            row |= {m: block[column][row["offset"]] for column, m in measures if column in block.columns}
    return rows


def _with_flags(callset: Callset, rows: pl.DataFrame) -> pl.DataFrame:
    path = callset.path / "ledger.tsv"
    keys = [name for name in ("row", "allele", "sample", "haplotype") if name in rows.columns]
    with refusing_damage(path, "ledger"):
        ledger = pl.scan_csv(path, separator="\t", quote_char=None, infer_schema=False)
        wanted = pl.col("row").is_in(rows["row"].cast(pl.String).to_list())
        flags = ledger.filter(wanted).select(*keys, "flags").collect(engine="streaming")
    typed = flags.cast({key: rows.schema[key] for key in keys})
    return rows.join(typed, on=keys, how="left", maintain_order="left")


def strongest_targets(callset: Callset, most: int) -> dict[int, str]:
    """Targets with the largest absolute effects, the largest first: index → name."""
    targets = callset.targets
    columns = [callset.column(target, LOGIT_DIFF) for target in targets]
    if not columns:
        return {}
    largest = callset.reduced(columns, lambda block: block.select(pl.all().abs().max()), pl.DataFrame.max)
    if largest is None:
        return {}
    sizes = dict(zip(targets, largest.row(0), strict=True))
    return {target: targets[target] for target in sorted(targets, key=lambda t: -(sizes[t] or 0.0))[:most]}


def extents(callset: Callset) -> pl.DataFrame:
    """Where the scored alleles of each contig lie: contig, n, first, last (1-based, both included)."""
    joined = (pl.col("n").sum(), pl.col("first").min(), pl.col("last").max())
    each = (pl.len().alias("n"), pl.col("pos").min().alias("first"), pl.col("pos").max().alias("last"))
    by_contig = callset.reduced(
        ["contig", "pos", EFFECT],
        lambda block: block.drop_nulls(EFFECT).group_by("contig", maintain_order=True).agg(each),
        lambda parts: parts.group_by("contig", maintain_order=True).agg(joined),
    )
    return pl.DataFrame({"contig": []}) if by_contig is None else by_contig


def points(
    callset: Callset, contigs: pl.DataFrame, columns: Sequence[str], most: int
) -> dict[str, pl.DataFrame]:
    """Alleles with their effect `y` by view: a column, or a contig where the only column is `EFFECT`.

    `contigs` are some rows of `extents`. Of more than `most` alleles, a view has the strongest of each of as
    many equal parts of a contig.
    """
    view = "contig" if list(columns) == [EFFECT] else "column"
    width = -(-(pl.col("last") - pl.col("first") + 1) // most)
    piece = pl.when(pl.col("n") > most).then((pl.col("pos") - pl.col("first")) // width)

    def long(block: pl.DataFrame) -> pl.DataFrame:
        names = [name for name in NAMES if name in block.columns]
        values = block.unpivot(columns, index=names, variable_name="column", value_name="y").drop_nulls("y")
        return values.join(contigs, on="contig", maintain_order="left")

    def thinned(values: pl.DataFrame) -> pl.DataFrame:
        ranked = values.with_columns(piece=piece, size=pl.col("y").abs())
        ranked = ranked.sort("size", "row", "allele", descending=[True, False, False], maintain_order=True)
        best = ranked.filter(pl.col("piece").is_null() | pl.struct(view, "piece").is_first_distinct())
        return best.sort("pos", "row", "allele", maintain_order=True).drop("piece", "size")

    kept = callset.reduced([*NAMES, *columns], long, thinned)
    parts = {} if kept is None else kept.partition_by(view, as_dict=True)
    return {str(name): part for (name,), part in parts.items()}


def label(row: dict[str, Any]) -> str:
    """Name an allele as ``chrI:123 A>G``, long ones shortened, with the sample that carries it."""
    carried = f" · {row['sample']} haplotype {row['haplotype']}" if row.get("sample") else ""
    return f"{row['contig']}:{row['pos']} {shortened(row['ref'])}>{shortened(row['alt'])}{carried}"
