"""Sections of the report about single targets: one searchable table a dataset, curves, calibration."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from danq.drawing import shortened
from danq.evaluate.compare import Group
from danq.evaluate.runs import Run
from danq.metrics import AREAS, SCORED
from danq.report.content import LONGEST_HEAD, SEARCH, Column, Section, between, table
from danq.report.plots import MOST_LINES, Points, Tab, line_plot
from danq.report.results import Results

_SD = "sample standard deviation of the trainings"
_COLUMNS = {
    "auroc": Column("AUROC", "area under the ROC curve", 4, 0.5, 1, "Blues"),
    "auroc_sd": Column("AUROC SD", _SD, 4),
    "auroc_between": Column("AUROC interval", "95% interval", hidden=True),
    "auprc": Column("AUPRC", "average precision", 4, 0, 1, "Greens"),
    "auprc_sd": Column("AUPRC SD", _SD, 4),
    "auprc_between": Column("AUPRC interval", "95% interval", hidden=True),
    "f1": Column("F1", "at the threshold chosen on validation", 3),
    "mcc": Column("MCC", "Matthews correlation at that threshold", 3, hidden=True),
    "threshold": Column("threshold", "probability with the best F1 on validation", 4, hidden=True),
    "ece": Column("ECE", "expected calibration error", 4, hidden=True),
    "auroc_without_repeats": Column(
        "AUROC without repeats", "on rows that repeat no training window", 4, hidden=True
    ),
}
"""Columns of each run: one of the table of metrics, or made of several."""
_MEANS = [name for name in _COLUMNS if not name.endswith(("_sd", "_between"))]
_FEWEST_ROWS = 10


def per_target(results: Results) -> list[Section | None]:
    """One searchable table a dataset: every target, every run."""
    families = results.families()
    return [
        _table(groups, f"danq_targets_{number}", f"Targets of {name}" if len(families) > 1 else "Targets")
        for number, (name, groups) in enumerate(families.items())
    ]


def _table(groups: Sequence[Group], id_: str, title: str) -> Section | None:
    rows: dict[str, dict[str, Any]] = {}
    columns = {
        "positives": Column("Positives", "positive rows of the split", 0),
        "prevalence": Column("Prevalence (%)", "share of positive rows, the AUPRC of a random ranking", 2),
    }
    for number, group in enumerate(groups):
        # seeds test the same rows, folds other ones: rows are counted once a fold
        parts = [
            metrics.with_columns(counted=pl.lit(seed == 0))
            for fold in group.folds
            for seed, run in enumerate(group.in_fold(fold))
            if (metrics := run.on_split(run.metrics)) is not None
        ]
        columns |= _columns(f"r{number}", group.name, len(parts)) if parts else {}
        by_target = pl.concat(parts).group_by("target", maintain_order=True) if parts else ()
        for (target, *_), metrics in by_target:
            n, positives = (int(metrics.filter("counted")[name].sum()) for name in ("n", "positives"))
            common = {"positives": positives, "prevalence": 100 * positives / max(n, 1)}
            row = rows.setdefault(str(target), common)
            row |= {f"r{number}_{name}": metric for name, metric in _values(metrics).items()}
            row |= _status(metrics)
    columns["status"] = Column("Status", "why a target is not scored; it enters no mean")
    description = (
        f"{SEARCH}Metrics of every target, run by run. AUPRC is the average precision, to be read against "
        "the prevalence. F1 is taken at the threshold that is best on validation. More columns (intervals, "
        "MCC, thresholds, calibration, AUROC without repeats) are under “Configure columns”; a click on the "
        "head of a column sorts."
    )
    return table(id_, title, description, "Target", columns, rows)


def _columns(key: str, run: str, trainings: int) -> dict[str, Column]:
    columns = {}
    for name, column in _COLUMNS.items():
        mean = ", mean of the trainings" if trainings > 1 and name in AREAS else ""
        title = f"{shortened(run, LONGEST_HEAD)}: {column.title}"
        description = f"{run}: {column.description}{mean}"
        columns[f"{key}_{name}"] = replace(column, title=title, description=description)
    return columns


def _values(metrics: pl.DataFrame) -> dict[str, Any]:
    """Metrics of one target, means where a run was trained several times."""
    values: dict[str, Any] = {name: metrics[name].mean() for name in _MEANS}
    if len(metrics) > 1:
        return values | {f"{name}_sd": metrics[name].std() for name in AREAS}
    return values | {
        f"{name}_between": between(metrics[f"{name}_low"][0], metrics[f"{name}_high"][0]) for name in AREAS
    }


def _status(metrics: pl.DataFrame) -> dict[str, str]:
    """Say why a target is not scored, and in how many trainings where it is in others."""
    missing = metrics.filter(pl.col("status") != SCORED)
    if missing.is_empty():
        return {}
    reason = str(missing["status"][0]).replace("_", " ")
    part = "" if len(missing) == len(metrics) else f" in {len(missing)} of {len(metrics)} trainings"
    return {"status": f"not scored{part}: {reason}"}


def curves(results: Results, curve: str) -> Section | None:
    """ROC (`roc`) or precision-recall (`pr`) curves: means of all runs, then the targets of each run."""
    area = "auroc" if curve == "roc" else "auprc"
    rows, named = pl.col("curve") == curve, f"{{target}} ({{{area}:.3f}})"
    tabs = _tabs(results, "mean over targets", lambda run: run.curves, rows, ("x", "y"), named)
    description = (
        "Mean curve of each run over its scored targets, and the targets of each run with their "
        f"{area.upper()} in brackets."
    )
    if curve == "pr":
        description += " A random ranking gives a level line at the target's prevalence."
    if any(len(_scored(run)) > MOST_LINES for run in results.drawn if run.curves is not None):
        description += (
            f" Of more than {MOST_LINES} targets, {MOST_LINES} are drawn, evenly spread from the highest "
            "AUROC to the lowest."
        )
    description += results.first_drawn
    if curve == "roc":
        axes = ("False positive rate", "True positive rate")
        return line_plot("danq_roc", "ROC curves", description, axes, tabs, "random ranking", True)
    axes = ("Recall", "Precision")
    return line_plot("danq_pr", "Precision-recall curves", description, axes, tabs, unit_square=True)


def calibration(results: Results) -> Section | None:
    """Reliability of all targets together for each run, then of the targets of each run."""

    def suffix(run: Run) -> str:
        error = run.measured and run.measured.ece.pooled
        return "" if error is None else f" (ECE {error:.4f})"

    rows, named, columns = (
        pl.col("n") >= _FEWEST_ROWS,
        "{target} (ECE {ece:.4f})",
        ("mean_probability", "observed"),
    )
    tabs = _tabs(results, "targets pooled", lambda run: run.calibration, rows, columns, named, suffix)
    description = (
        "Share of positive rows among rows of similar predicted probability (15 bins of equal width from 0 "
        f"to 1; bins of fewer than {_FEWEST_ROWS} rows are not drawn). On the dashed line probabilities are "
        "frequencies. ECE, the expected calibration error, is the mean distance from that line over rows."
        + results.first_drawn
    )
    axes = ("Mean predicted probability", "Share of positive rows")
    return line_plot("danq_calibration", "Calibration", description, axes, tabs, "calibrated", True)


def _tabs(
    results: Results,
    together: str,
    table_of: Callable[[Run], pl.DataFrame | None],
    rows: pl.Expr,
    axes: tuple[str, str],
    named: str,
    suffix: Callable[[Run], str] = lambda run: "",
) -> list[Tab]:
    """Give a view of all runs, then one of each run with its targets, by some rows and columns of a table.

    `named` makes the name of a target's line of its row of the metrics; `suffix` ends that of a run.
    """
    whole: dict[str, Points] = {}
    by_run: dict[str, dict[str, Points]] = {}
    for run in results.drawn:
        table_ = run.on_split(table_of(run))
        if table_ is None:
            continue
        points = table_.filter(rows).select("target_index", *axes)
        # index -1 is all targets together
        whole[results.label(run) + suffix(run)] = points.filter(target_index=-1).select(axes).rows()
        by_run[results.label(run)] = {
            named.format(**row): points.filter(target_index=row["target_index"]).select(axes).rows()
            for row in _drawn_targets(run).iter_rows(named=True)
        }
    return [Tab(f"All runs, {together}", whole), *(Tab(name, lines) for name, lines in by_run.items())]


def _scored(run: Run) -> pl.DataFrame:
    metrics = run.on_split(run.metrics)
    return pl.DataFrame({"target_index": []}) if metrics is None else metrics.filter(status=SCORED)


def _drawn_targets(run: Run) -> pl.DataFrame:
    """Scored targets in their order; of many, some evenly spread from best to worst."""
    scored = _scored(run)
    if len(scored) <= MOST_LINES:
        return scored
    ranked = scored.sort("auroc", "target_index", descending=[True, False])
    return ranked[np.linspace(0, len(ranked) - 1, MOST_LINES).round().astype(np.int64)].sort("target_index")
