"""Sections of the report about single targets: a table a dataset, curves, calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
from markupsafe import Markup

from danq.evaluate.compare import Group
from danq.evaluate.pairs import spread
from danq.evaluate.runs import Run
from danq.metrics import AREAS, SCORED
from danq.report.content import Column, Section, between, figure, headed, section, table
from danq.report.plots import MOST_LINES, Line, Plot, Points, line_view
from danq.report.results import Results

_SD = "sample standard deviation of the trainings"
_COLUMNS = {
    "auroc": Column("AUROC", "area under the ROC curve", 4),
    "auroc_sd": Column("AUROC SD", _SD, 4),
    "auroc_between": Column("AUROC interval", "95% interval", hidden=True),
    "auprc": Column("AUPRC", "average precision", 4),
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
_FEWEST_ROWS, _MOST_VIEWS = 10, 12
"""Rows of a bin that is drawn; runs whose targets are drawn."""


def per_target(results: Results) -> Section | None:
    """One table a dataset: every target, every run."""
    families = results.families()
    tables = [headed(name if len(families) > 1 else "", _table(each)) for name, each in families.items()]
    prose = (
        "AUPRC is the average precision, to be read against the prevalence. F1 is taken at the threshold "
        "that is best on validation. Intervals, MCC, thresholds, calibration and AUROC without repeats are "
        "further columns."
    )
    return section("targets", "Targets", "good", prose, *tables)


def _table(groups: Sequence[Group]) -> Markup:
    rows: dict[str, dict[str, Any]] = {}
    columns = {
        "positives": Column("Positives", "positive rows of the split", 0),
        "prevalence": Column("Prevalence (%)", "share of positive rows, the AUPRC of a random ranking", 2),
        "unknown": Column("Unknown", "rows whose label is not known; they enter nothing", 0),
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
            counted = metrics.filter("counted")
            n, positives, unknown = (int(counted[name].sum()) for name in ("n", "positives", "unknown"))
            prevalence = 100 * positives / max(n, 1)
            common = {"positives": positives, "prevalence": prevalence, "unknown": unknown or None}
            row = rows.setdefault(str(target), common)
            row |= {f"r{number}_{name}": metric for name, metric in _values(metrics).items()}
            row |= _status(metrics)
    columns["status"] = Column("Status", "why a target is not scored; it enters no mean")
    return table("Target", columns, rows)


def _columns(key: str, run: str, trainings: int) -> dict[str, Column]:
    columns = {}
    for name, column in _COLUMNS.items():
        mean = ", mean of the trainings" if trainings > 1 and name in AREAS else ""
        description = f"{run}: {column.description}{mean}"
        columns[f"{key}_{name}"] = replace(column, group=run, description=description)
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


def curves(results: Results) -> Section | None:
    """ROC and precision-recall curves: means of all runs, then the targets of each run."""
    known = [run for run in results.drawn if run.on_split(run.curves) is not None]
    named = {results.label(run): run for run in known}
    whole = [_curves(run, {-1: (name, number)}) for number, (name, run) in enumerate(named.items())]
    views = [line_view("All runs, mean over targets", map(_joined, *whole))] if whole else []
    for name, run in _with_views(named).items():
        targets = {
            row["target_index"]: (f"{row['target']} ({row['auroc']:.3f}, {row['auprc']:.3f})", place)
            for place, row in enumerate(_drawn_targets(run).iter_rows(named=True))
        }
        views.append(line_view(name, _curves(run, targets)))
    prose = (
        "Mean curves of the runs over their scored targets, or the targets of one run, with AUROC and AUPRC "
        "in brackets. A random ranking gives the dashed diagonal on the left, and on the right a level line "
        "at "
        "the target's prevalence." + _drawn_in_part(named)
    )
    drawn = figure(views)
    return section("curves", "Curves", "good", prose + results.first_drawn, drawn, printed=True)


def _curves(run: Run, names: Mapping[int, tuple[str, int]]) -> tuple[Plot, Plot]:
    """Draw the ROC and precision-recall curves of some targets (-1: their mean), by name and colour."""
    curves = run.on_split(run.curves)
    lines: dict[str, list[Line]] = {"roc": [], "pr": []}
    if curves is not None:
        for curve, each in lines.items():
            points = _by_target(curves.filter(curve=curve), "x", "y")
            each += [Line(name, points.get(index, []), colour) for index, (name, colour) in names.items()]
    roc = Plot("ROC", ("False positive rate", "True positive rate"), lines["roc"], True, True, dotted=False)
    return roc, Plot("Precision-recall", ("Recall", "Precision"), lines["pr"], True, dotted=False)


def _joined(*plots: Plot) -> Plot:
    return replace(plots[0], lines=[line for plot in plots for line in plot.lines])


def _by_target(table_: pl.DataFrame, *axes: str) -> dict[int, Points]:
    parts = table_.select("target_index", *axes).partition_by("target_index", as_dict=True, include_key=False)
    return {int(index): part.rows() for (index,), part in parts.items()}


def calibration(results: Results) -> Section | None:
    """Reliability of all targets together for each run, then of the targets of each run."""
    known = [run for run in results.drawn if run.on_split(run.calibration) is not None]
    named = {results.label(run): run for run in known}
    whole = []
    for number, (name, run) in enumerate(named.items()):
        error = run.measured and run.measured.ece.pooled
        shown = name if error is None else f"{name} (ECE {error:.4f})"
        whole.append(_calibration(run, {-1: (shown, number)}))
    views = [line_view("All runs, targets pooled", [_joined(*whole)])] if whole else []
    for name, run in _with_views(named).items():
        targets = {
            row["target_index"]: (f"{row['target']} (ECE {row['ece']:.4f})", place)
            for place, row in enumerate(_drawn_targets(run).iter_rows(named=True))
        }
        views.append(line_view(name, [_calibration(run, targets)]))
    prose = (
        "Share of positive rows among rows of similar predicted probability (15 bins of equal width from 0 "
        f"to 1; bins of fewer than {_FEWEST_ROWS} rows are not drawn). On the dashed line probabilities are "
        "frequencies. ECE, the expected calibration error, is the mean distance from that line over rows."
        + _drawn_in_part(named)
    )
    drawn = figure(views)
    return section("calibration", "Calibration", "good", prose + results.first_drawn, drawn, printed=True)


def _calibration(run: Run, names: Mapping[int, tuple[str, int]]) -> Plot:
    bins = run.on_split(run.calibration)
    kept = None if bins is None else bins.filter(pl.col("n") >= _FEWEST_ROWS)
    points = {} if kept is None else _by_target(kept, "mean_probability", "observed")
    lines = [Line(name, points.get(index, []), colour) for index, (name, colour) in names.items()]
    axes = ("Mean predicted probability", "Share of positive rows")
    return Plot("Calibration", axes, lines, unit_square=True, diagonal=True)


def _with_views(named: Mapping[str, Run]) -> dict[str, Run]:
    """Give the runs that have a view of their own: of many those with the highest AUROC, in their order."""
    areas = {name: (run.measured and run.measured.auroc.mean) or -1.0 for name, run in named.items()}
    kept = sorted(areas, key=lambda name: areas[name], reverse=True)[:_MOST_VIEWS]
    return {name: run for name, run in named.items() if name in kept}


def _drawn_in_part(named: Mapping[str, Run]) -> str:
    """Say what is left out of the views."""
    prose = ""
    if any(len(_scored(run)) > MOST_LINES for run in named.values()):
        prose += f" Of more than {MOST_LINES} targets, {MOST_LINES} are drawn, evenly spread by their AUROC."
    if len(named) > _MOST_VIEWS:
        prose += f" The {_MOST_VIEWS} runs with the highest mean AUROC have a view of their own."
    return prose


def _scored(run: Run) -> pl.DataFrame:
    metrics = run.on_split(run.metrics)
    return pl.DataFrame({"target_index": []}) if metrics is None else metrics.filter(status=SCORED)


def _drawn_targets(run: Run) -> pl.DataFrame:
    """Scored targets from the highest AUROC to the lowest; of many, some evenly spread."""
    ranked = _scored(run)
    if ranked.is_empty():
        return ranked
    ranked = ranked.sort("auroc", "target_index", descending=[True, False])
    return ranked[spread(len(ranked), MOST_LINES)]
