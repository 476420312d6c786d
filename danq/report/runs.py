"""Sections of the report about runs: side by side, calls, training, speed, jobs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import polars as pl

from danq.evaluate.compare import mean_and_sd
from danq.evaluate.intervals import FEWEST_BLOCKS
from danq.evaluate.runs import MeasuredSplit, Run
from danq.learn.ending import not_above_chance
from danq.report.content import Column, Section, area_column, between, table
from danq.report.plots import Points, Tab, line_plot
from danq.report.results import Results

_MOST = "the most probable class (of one target, positive at 0.5 and above)"
_SPEED = {
    "minutes": Column("Training (min)", "minutes of training", 1),
    "speed": Column("Samples/s", "training examples a second", 0),
    "device": Column("Device", "what the training ran on"),
}
_COLUMNS = {
    "model": Column("Model", "architecture"),
    "auroc": area_column("auroc", "Mean AUROC", "mean over scored targets of the area under the ROC curve"),
    "auroc_interval": Column("95% interval", "of the mean AUROC, by bootstrap over blocks of the genome"),
    "auroc_median": area_column("auroc", "Median AUROC", "median over scored targets"),
    "auprc": area_column("auprc", "Mean AUPRC", "mean over scored targets of the average precision"),
    "auprc_interval": Column("95% interval", "of the mean AUPRC, by bootstrap over blocks of the genome"),
    "auprc_median": area_column("auprc", "Median AUPRC", "median over scored targets"),
    "f1": Column(
        "Mean F1 (validation)", "mean over targets of F1 at the threshold that is best on validation", 3
    ),
    "binary_f1": Column("F1 (0.5)", "F1 of the positive rows, called at probability 0.5; one target", 4),
    "accuracy": Column("Accuracy", f"share of rows that are called rightly: {_MOST}", 4, 0, 1, "Blues"),
    "macro_f1": Column("Macro F1", f"mean F1 over classes, {_MOST} being called", 4),
    "mcc": Column("MCC", f"Matthews correlation of {_MOST}", 4),
    "blocks": Column(
        "Blocks", "what the bootstrap draws: blocks of 100 kb that hold rows, or else single rows"
    ),
    "scored": Column("Scored", "targets with positives and negatives in the split, of all targets"),
    "ece": Column("ECE", "expected calibration error, mean over scored targets", 4),
    "remark": Column(
        "Remark",
        "whether the run was evaluated and its training got further than chance on the validation rows",
    ),
    "epoch": Column("Best epoch", "epoch whose weights were kept", 0),
    **_SPEED,
    "parameters": Column("Parameters", "trained and fixed weights", 0),
}
_HISTORY = {
    "Loss": ("Loss a row", {"train_loss": ", training", "valid_loss": ", validation"}),
    "AUROC": ("Validation AUROC, mean over targets", {"valid_auroc": ""}),
    "AUPRC": ("Validation AUPRC, mean over targets", {"valid_auprc": ""}),
    "F1": ("Validation F1, mean over targets", {"valid_f1": ""}),
    "Learning rate": ("Learning rate", {"learning_rate": ""}),
}
_CALLED_AT = {
    "chosen": ("validation", "at the threshold of each target that is best on validation"),
    "half": ("0.5", "at probability 0.5"),
}
_CALLS = {
    "accuracy": ("Accuracy", "share of right labels"),
    "binary_f1": ("F1", "F1 of the positive rows, for runs with one target"),
    "macro_f1": ("Macro F1", "mean F1 over scored targets; of one target, over positives and negatives"),
    "micro_f1": ("Micro F1", "F1 of all labels pooled; of one target, the accuracy"),
    "mcc": ("MCC", "Matthews correlation, mean over scored targets"),
}


def side_by_side(results: Results) -> Section | None:
    """One row a run: what it is, how good, how long it took; of repeated runs their mean and sd as well."""
    columns = _with_sd(_COLUMNS, ("auroc", "auprc", "f1", "binary_f1", "accuracy", "macro_f1", "mcc"))
    rows = _by_group(results, _row, columns)
    repeated = [group for group in results.groups if len(group.members) > 1]
    rows |= {results.label(run): _row(run) for group in repeated for run in group.members}
    splits = sorted({run.split for run in results.runs})
    description = (
        f"How the runs compare on rows of the {' and '.join(splits)} split that no model saw in training. "
        "Means and medians are over the targets that have both positives and negatives there. Intervals are "
        "95% intervals of a bootstrap over 100-kb blocks of the genome (over rows for sequences without "
        "coordinates, texts and images). They are percentiles of the resamples, moved back by as much as "
        "resampling raises the metric, which it does for the AUPRC: a row drawn twice ties with itself "
        "(Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 10 and 13). "
        f"Below {FEWEST_BLOCKS} blocks there is no interval: so few tell too little of how much others would "
        "differ."
    )
    if repeated:
        description += (
            " A run with several seeds or folds has a line with the mean of its trainings, and their sample "
            "standard deviation (SD); the trainings themselves follow below."
        )
    return table("danq_runs", "Runs side by side", description, "Run", columns, rows)


def _with_sd(columns: Mapping[str, Column], deviating: Iterable[str]) -> dict[str, Column]:
    """Put a column with the standard deviation after each of some columns."""
    wide: dict[str, Column] = {}
    for name, column in columns.items():
        wide[name] = column
        if name in deviating:
            meaning = f"sample standard deviation of the trainings: {column.title}"
            wide[f"{name}_sd"] = Column("SD", meaning, column.decimals)
    return wide


def _by_group(
    results: Results, row_of: Callable[[Run], dict[str, Any]], columns: Mapping[str, Column]
) -> dict[str, dict[str, Any]]:
    """One row a run that has any value; of several trainings their mean, without those not evaluated."""
    rows = {}
    for group in results.groups:
        trainings = [row_of(run) for run in group.evaluated or group.members]
        if len(group.members) == 1:
            rows[results.label(group.members[0])] = trainings[0]
        else:
            rows[f"{results.label(group)}, {group.counted}"] = _mean_row(trainings, columns)
    return {name: row for name, row in rows.items() if row}


def _mean_row(rows: list[dict[str, Any]], columns: Mapping[str, Column]) -> dict[str, Any]:
    """Mean of every number over rows, its standard deviation where there is a column, text that all share."""
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for row in rows for key in row):
        known = [row[key] for row in rows if row.get(key) is not None]
        if known and not any(isinstance(value, str) for value in known):
            merged[key], spread = mean_and_sd(known)
            merged |= {f"{key}_sd": spread} if f"{key}_sd" in columns else {}
        elif len(set(known)) == 1:
            merged[key] = known[0]
    return merged


def _row(run: Run) -> dict[str, Any]:
    best, measured = run.bundle.best, run.measured
    row = _speed(run) | {
        "model": run.bundle.model,
        "parameters": run.bundle.parameters,
        "epoch": best.get("epoch"),
        "remark": not_above_chance(best) or (None if measured else "not evaluated"),
    }
    if measured is None:
        return row
    # at one threshold only beside each other: the calls of one target are shown at 0.5
    row |= {"f1": None if measured.classes else measured.f1.mean, "ece": measured.ece.mean}
    row |= {"blocks": _blocks(measured), "scored": f"{measured.scored} of {measured.targets}"}
    for name, area in (("auroc", measured.auroc), ("auprc", measured.auprc)):
        row |= {name: area.mean, f"{name}_median": area.median}
        row[f"{name}_interval"] = between(area.low, area.high)
    classes = ("binary_f1", "accuracy", "macro_f1", "mcc")
    return row | {name: getattr(measured.classes, name, None) for name in classes}


def _blocks(measured: MeasuredSplit) -> str | None:
    """Say what was drawn for the intervals, or why there are none."""
    drawn = measured.intervals
    if drawn is None:
        return f"no intervals: {measured.no_intervals}" if measured.no_intervals else None
    return f"{drawn.blocks:,} {'rows' if drawn.block == 'row' else 'of 100 kb'}"


def calls(results: Results) -> Section | None:
    """One row a run: how good calls are at the thresholds of validation and at 0.5; of repeats the mean."""
    metrics = {
        f"{at}_{metric}": Column(f"{title} ({name})", f"{meaning}; {threshold}", 4)
        for at, (name, threshold) in _CALLED_AT.items()
        for metric, (title, meaning) in _CALLS.items()
    }
    columns = {"called": Column("Targets called", "targets to which validation gives a threshold, of all")}
    columns |= _with_sd(metrics, metrics)
    description = (
        "How good calls of the targets are once every probability is called positive or negative: "
        f"{_CALLED_AT['chosen'][1]} (“validation”), and {_CALLED_AT['half'][1]} (“0.5”). Accuracy and micro "
        "F1 are over all labels of the targets that were called; macro F1 and MCC are means over those with "
        "positives and negatives. Where positives are rare, calling none gives a high accuracy."
    )
    rows = _by_group(results, _calls, columns)
    return table("danq_calls", "Calls at thresholds", description, "Run", columns, rows)


def _calls(run: Run) -> dict[str, Any]:
    if run.measured is None or run.measured.calls is None or run.measured.called is None:
        return {}
    row: dict[str, Any] = {
        f"{at}_{metric}": getattr(scores, metric)
        for at, scores in run.measured.calls.items()
        if scores
        for metric in _CALLS
    }
    return row | {"called": f"{run.measured.called['chosen']} of {run.measured.targets}"}


def training(results: Results) -> Section | None:
    """Loss and validation metrics by epoch, of runs with more than one epoch."""
    tabs = []
    for name, (ylab, columns) in _HISTORY.items():
        lines: dict[str, Points] = {}
        dashed, groups = [], []
        for number, run in enumerate(results.drawn):
            for column, suffix in columns.items():
                line = results.label(run) + suffix
                if points := _by_epoch(run.history, column):
                    lines[line] = points
                    dashed += [line] if column == "train_loss" else []
                    groups.append(number)
        tabs.append(Tab(name, lines, tuple(dashed), ylab, tuple(groups)))
    description = (
        "By epoch: the loss on training and validation rows, and the means over scored targets on validation "
        "(F1 at a threshold of 0.5). Runs that are not trained in epochs have no line." + results.first_drawn
    )
    axes = ("Epoch", "Loss a row")
    return line_plot("danq_training", "Training", description, axes, tabs, whole_steps=True)


def _by_epoch(history: pl.DataFrame | None, column: str) -> Points:
    if history is None or len(history) < 2 or history.schema.get(column, pl.String) == pl.String:
        return []
    known = history.select("epoch", column).drop_nulls()
    return [(epoch, float(value)) for epoch, value in known.iter_rows() if np.isfinite(value)]


def throughput(results: Results) -> Section | None:
    """How fast each run trained, and whether its input kept up."""
    rows = {results.label(run): _speed(run) for run in results.runs}
    columns = {
        "speed": _SPEED["speed"],
        "wait": Column("Waiting for input (%)", "share of the training time spent waiting for batches", 1),
        "epochs": Column("Epochs", "passes over the training examples", 0),
        "minutes": _SPEED["minutes"],
        "resumed": Column("Resumed", "whether the training went on after an interruption"),
        "device": _SPEED["device"],
    }
    description = "Speed of training. Where waiting is near 0, reading and encoding kept up with the device."
    return table("danq_throughput", "Throughput", description, "Run", columns, rows)


def _speed(run: Run) -> dict[str, Any]:
    measured = run.bundle.training
    share, seconds = measured.get("wait_share"), measured.get("seconds")
    return {
        "device": measured.get("device"),
        "speed": measured.get("samples_per_second"),
        "wait": None if share is None else 100 * share,
        "epochs": measured.get("epochs"),
        "minutes": None if seconds is None else seconds / 60,
        "resumed": "from a checkpoint" if measured.get("resumed") else None,
    }


def jobs(results: Results) -> Section | None:
    """Time and memory of the workflow's jobs."""
    rows = {} if results.jobs is None else {row["job"]: row for row in results.jobs.iter_rows(named=True)}
    columns = {
        "seconds": Column("Time (s)", "seconds from start to end", 1),
        "memory": Column("Peak memory (MB)", "largest resident memory of the job's processes", 0),
        "load": Column("Processor use (%)", "mean over the job; 100 is one core", 0),
    }
    description = "Resources of the workflow's jobs, as Snakemake measured them."
    return table("danq_jobs", "Jobs", description, "Job", columns, rows)
