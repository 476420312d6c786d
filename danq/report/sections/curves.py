"""Sections of the report that draw curves: ROC, precision-recall, calibration, training."""

import numpy as np
import polars as pl

from danq.evaluate.runs import Run
from danq.metrics import SCORED
from danq.report.content import Section
from danq.report.plots import MOST_LINES, Points, Tab, line_plot
from danq.report.results import Results

_FEWEST_ROWS = 10


def curves(results: Results, curve: str) -> Section | None:
    """ROC (`roc`) or precision-recall (`pr`) curves: means of all runs, then the targets of each run."""
    means: dict[str, Points] = {}
    tabs, thinned = [], False
    for run in results.drawn:
        found = run.on_split(run.curves)
        if found is None or run.metrics is None:
            continue
        found = found.filter(curve=curve)
        means[results.label(run)] = _points(found.filter(target_index=-1))
        shown, left = _choose(run)
        thinned |= left
        area = "auroc" if curve == "roc" else "auprc"
        lines = {
            f"{row['target']} ({row[area]:.3f})": _points(found.filter(target_index=row["target_index"]))
            for row in shown.iter_rows(named=True)
        }
        tabs.append(Tab(results.label(run), lines))
    choice = (
        f" Of more than {MOST_LINES} targets, {MOST_LINES} are drawn, evenly spread from the highest AUROC "
        "to the lowest."
        if thinned
        else ""
    )
    choice += _first(results)
    tabs.insert(0, Tab("All runs, mean over targets", means))
    if curve == "roc":
        title, axes = "ROC curves", ("False positive rate", "True positive rate")
        description = (
            "Mean curve of each run over its scored targets, and the targets of each run with their AUROC in "
            "brackets."
        )
        return line_plot("danq_roc", title, description + choice, axes, tabs, "random ranking", True)
    title, axes = "Precision-recall curves", ("Recall", "Precision")
    description = (
        "Mean curve of each run over its scored targets, and the targets of each run with their AUPRC in "
        "brackets. A random ranking gives a level line at the target's prevalence."
    )
    return line_plot("danq_pr", title, description + choice, axes, tabs, "", True)


def _choose(run: Run) -> tuple[pl.DataFrame, bool]:
    """Scored targets to draw, in their order, and whether others are left out."""
    metrics = run.on_split(run.metrics)
    if metrics is None:
        return pl.DataFrame({"target_index": []}), False
    scored = metrics.filter(status=SCORED)
    if len(scored) <= MOST_LINES:
        return scored, False
    ranked = scored.sort("auroc", "target_index", descending=[True, False])
    kept = np.linspace(0, len(ranked) - 1, MOST_LINES).round().astype(np.int64)
    return ranked[kept].sort("target_index"), True


def _first(results: Results) -> str:
    several = any(len(group.members) > 1 for group in results.groups)
    return " Of a run with several seeds or folds the first is drawn." if several else ""


def _points(table_: pl.DataFrame) -> Points:
    return [(float(x), float(y)) for x, y in table_.select("x", "y").iter_rows()]


def calibration(results: Results) -> Section | None:
    """Reliability of all targets together for each run, then of the targets of each run."""
    pooled: dict[str, Points] = {}
    tabs = []
    for run in results.drawn:
        found = run.on_split(run.calibration)
        measured = run.measured
        if found is None or measured is None:
            continue
        error = measured["ece"]["pooled"]
        suffix = "" if error is None else f" (ECE {error:.4f})"
        pooled[results.label(run) + suffix] = _reliability(found, -1)
        lines = {
            f"{row['target']} (ECE {row['ece']:.4f})": _reliability(found, row["target_index"])
            for row in _choose(run)[0].iter_rows(named=True)
        }
        tabs.append(Tab(results.label(run), lines))
    tabs.insert(0, Tab("All runs, targets pooled", pooled))
    description = (
        "Share of positive rows among rows of similar predicted probability (15 bins of equal width from 0 "
        f"to 1; bins of fewer than {_FEWEST_ROWS} rows are not drawn). On the dashed line probabilities are "
        "frequencies. ECE, the expected calibration error, is the mean distance from that line over rows."
        + _first(results)
    )
    axes = ("Mean predicted probability", "Share of positive rows")
    return line_plot("danq_calibration", "Calibration", description, axes, tabs, "calibrated", True)


def _reliability(found: pl.DataFrame, index: int) -> Points:
    kept = found.filter((pl.col("target_index") == index) & (pl.col("n") >= _FEWEST_ROWS))
    return [(float(x), float(y)) for x, y in kept.select("mean_probability", "observed").iter_rows()]


def training(results: Results) -> Section | None:
    """Loss and validation metrics by epoch, of runs with more than one epoch."""
    tabs = []
    measures = {
        "Loss": ("train_loss", "valid_loss"),
        "AUROC": ("valid_auroc",),
        "AUPRC": ("valid_auprc",),
        "F1": ("valid_f1",),
        "Learning rate": ("learning_rate",),
    }
    for name, columns in measures.items():
        lines: dict[str, Points] = {}
        dashed, groups = [], []
        for number, run in enumerate(results.drawn):
            if run.history is None or len(run.history) < 2:
                continue
            for column in columns:
                suffix = {"train_loss": ", training", "valid_loss": ", validation"}.get(column, "")
                points = _by_epoch(run.history, column)
                if points:
                    lines[results.label(run) + suffix] = points
                    dashed += [results.label(run) + suffix] if column == "train_loss" else []
                    groups.append(number)
        ylab = {"Loss": "Loss a row", "Learning rate": "Learning rate"}.get(
            name, f"Validation {name}, mean over targets"
        )
        tabs.append(Tab(name, lines, tuple(dashed), ylab, tuple(groups)))
    description = (
        "By epoch: the loss on training and validation rows, and the means over scored targets on validation "
        "(F1 at a threshold of 0.5). Runs that are not trained in epochs have no line." + _first(results)
    )
    return line_plot(
        "danq_training", "Training", description, ("Epoch", "Loss a row"), tabs, whole_steps=True
    )


def _by_epoch(history: pl.DataFrame, column: str) -> Points:
    if column not in history.columns or history[column].dtype == pl.String:
        return []
    known = history.select("epoch", column).drop_nulls()
    return [(epoch, float(value)) for epoch, value in known.iter_rows() if np.isfinite(value)]
