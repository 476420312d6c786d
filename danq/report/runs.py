"""Sections of the report about runs: side by side, calls, training, speed, jobs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from danq.evaluate.compare import mean_and_sd
from danq.evaluate.runs import MeasuredSplit, Run
from danq.learn.ending import not_above_chance
from danq.report.content import Column, Section, between, figure, section, table
from danq.report.plots import Line, Plot, Points, line_view
from danq.report.results import Results

_MOST = "the most probable class (of one target, positive at 0.5 and above)"
_SPEED = {
    "minutes": Column("Training (min)", "minutes of training", 1),
    "speed": Column("Samples/s", "training examples a second", 0),
    "device": Column("Device", "what the training ran on"),
}
_COLUMNS = {
    "model": Column("Model", "architecture"),
    "auroc": Column("Mean", "mean over scored targets of the area under the ROC curve", 4, "AUROC"),
    "auroc_interval": Column("95% interval", "of the mean AUROC, by bootstrap over test rows", group="AUROC"),
    "auroc_median": Column("Median", "median AUROC of the scored targets", 4, "AUROC", hidden=True),
    "auprc": Column("Mean", "mean over scored targets of the average precision", 4, "AUPRC"),
    "auprc_interval": Column("95% interval", "of the mean AUPRC, by bootstrap over test rows", group="AUPRC"),
    "auprc_median": Column("Median", "median AUPRC of the scored targets", 4, "AUPRC", hidden=True),
    "f1": Column(
        "Mean F1", "mean over targets of F1 at the threshold that is best on validation", 3, "Calls"
    ),
    "binary_f1": Column(
        "F1 (0.5)", "F1 of the positive rows, called at probability 0.5; one target", 4, "Calls"
    ),
    "accuracy": Column("Accuracy", f"share of rows that are called rightly: {_MOST}", 4, "Calls"),
    "macro_f1": Column("Macro F1", f"mean F1 over classes, {_MOST} being called", 4, "Calls"),
    "mcc": Column("MCC", f"Matthews correlation of {_MOST}", 4, "Calls"),
    "ece": Column("ECE", "expected calibration error, mean over scored targets", 4),
    "scored": Column("Scored", "targets with positives and negatives in the split, of all targets"),
    "blocks": Column(
        "Blocks",
        "what the bootstrap draws: blocks of 100 kb that hold rows, or else single rows",
        hidden=True,
    ),
    "remark": Column(
        "Remark",
        "whether the run was evaluated and its training got further than chance on the validation rows",
    ),
    "epoch": Column("Best epoch", "epoch whose weights were kept", 0),
    "minutes": replace(_SPEED["minutes"], hidden=True),
    "parameters": Column("Parameters", "trained and fixed weights", 0, hidden=True),
}
_HISTORY = {
    "Loss a row": {"train_loss": ", training", "valid_loss": ""},
    "Validation AUROC": {"valid_auroc": ""},
    "Validation AUPRC": {"valid_auprc": ""},
    "Validation F1": {"valid_f1": ""},
    "Learning rate": {"learning_rate": ""},
}
_DEVIATING = ("auroc", "auprc", "f1", "binary_f1", "accuracy", "macro_f1", "mcc")
"""Columns whose standard deviation over the trainings of a run is shown."""
_CALLED_AT = {
    "chosen": ("Threshold of validation", "at the threshold of each target that is best on validation"),
    "half": ("Threshold 0.5", "at probability 0.5"),
}
_CALLS = {
    "accuracy": ("Accuracy", "share of right labels"),
    "binary_f1": ("F1", "F1 of the positive rows, for runs with one target"),
    "macro_f1": ("Macro F1", "mean F1 over scored targets; of one target, over positives and negatives"),
    "micro_f1": ("Micro F1", "F1 of all labels pooled; of one target, the accuracy"),
    "mcc": ("MCC", "Matthews correlation, mean over scored targets"),
}


def side_by_side(results: Results) -> Section | None:
    """One row a run: what it is, how good, how long it took; of repeated runs their mean and sd."""
    columns = _with_sd(_COLUMNS, _DEVIATING)
    splits = sorted({run.split for run in results.runs})
    prose = (
        f"How good the runs are on rows of the {' and '.join(splits)} split, which no model saw in training. "
        "Means and medians are over the targets that have both positives and negatives there."
    )
    if len(results.groups) < len(results.runs):
        prose += (
            " A run with several seeds or folds has the mean of its trainings and their sample standard "
            "deviation (SD)."
        )
    rows = table("Run", columns, _by_group(results, _row, columns))
    return section("runs", "Runs", "good", prose, rows, printed=True)


def trainings(results: Results) -> Section | None:
    """One row a training of the runs that were trained several times."""
    repeated = [group for group in results.groups if len(group.members) > 1]
    rows = {results.label(run): _row(run) for group in repeated for run in group.members}
    prose = "The trainings of the runs with several seeds or folds, one by one."
    return section("trainings", "Repeats of runs", "made", prose, table("Training", _COLUMNS, rows))


def _with_sd(columns: Mapping[str, Column], deviating: Iterable[str]) -> dict[str, Column]:
    """Put a column with the standard deviation after each of some columns."""
    wide: dict[str, Column] = {}
    for name, column in columns.items():
        wide[name] = column
        if name in deviating:
            meaning = f"sample standard deviation of the trainings: {column.description}"
            wide[f"{name}_sd"] = Column("SD", meaning, column.decimals, column.group)
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
    where = run.bundle.training.get("diverged")
    diverged = where and f"training diverged: {where}"
    row = _speed(run) | {
        "model": run.bundle.model,
        "parameters": run.bundle.parameters,
        "epoch": best.get("epoch"),
        "remark": not_above_chance(best) or diverged or (None if measured else "not evaluated"),
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
        f"{at}_{metric}": Column(title, f"{meaning}; {threshold}", 4, name)
        for at, (name, threshold) in _CALLED_AT.items()
        for metric, (title, meaning) in _CALLS.items()
    }
    columns = {"called": Column("Targets called", "targets to which validation gives a threshold, of all")}
    columns |= _with_sd(metrics, metrics)
    prose = (
        "How good calls of the targets are once every probability is called positive or negative: "
        f"{_CALLED_AT['chosen'][1]}, and {_CALLED_AT['half'][1]}. Accuracy and micro F1 are over all labels "
        "of the targets that were called; macro F1 and MCC are means over those with positives and "
        "negatives. Where positives are rare, calling none gives a high accuracy."
    )
    rows = table("Run", columns, _by_group(results, _calls, columns))
    return section("calls", "Calls at thresholds", "good", prose, rows)


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
    plots = []
    for title, columns in _HISTORY.items():
        lines = [
            Line(results.label(run) + suffix, points, number, column == "train_loss")
            for number, run in enumerate(results.drawn)
            for column, suffix in columns.items()
            if (points := _by_epoch(run.history, column))
        ]
        plots.append(Plot(title, ("Epoch", ""), lines, whole_steps=True))
    prose = (
        "By epoch: the loss on training and validation rows, and the means over scored targets on validation "
        "(F1 at a threshold of 0.5). Runs that are not trained in epochs have no line." + results.first_drawn
    )
    drawn = figure([line_view("Training", plots, columns=3, size=(330, 270))])
    return section("training", "Training", "made", prose, drawn, printed=True)


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
    prose = "Speed of training. Where waiting is near 0, reading and encoding kept up with the device."
    return section("throughput", "Time of training", "made", prose, table("Run", columns, rows))


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
    prose = "Resources of the workflow's jobs, as Snakemake measured them."
    return section("jobs", "Time of jobs", "made", prose, table("Job", columns, rows))
