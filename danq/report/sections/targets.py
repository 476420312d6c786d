"""The section of the report about single targets: one searchable table a dataset."""

from typing import Any

import polars as pl

from danq.drawing import shortened
from danq.evaluate.runs import Group
from danq.metrics import AREAS, SCORED
from danq.report.content import LONGEST_HEAD, SEARCH, Column, Section, table
from danq.report.results import Results

_MEANS = ("auroc", "auprc", "f1", "mcc", "threshold", "ece")


def per_target(results: Results) -> list[Section | None]:
    """One searchable table a dataset: every target, every run."""
    families = results.families()
    return [
        _targets_of(groups, index, name, len(families) > 1)
        for index, (name, groups) in enumerate(families.items())
    ]


def _targets_of(groups: list[Group], index: int, dataset: str, several: bool) -> Section | None:
    rows: dict[str, dict[str, Any]] = {}
    columns = {
        "positives": Column("Positives", "positive rows of the split", 0),
        "prevalence": Column("Prevalence (%)", "share of positive rows, the AUPRC of a random ranking", 2),
    }
    for number, group in enumerate(groups):
        # seeds test the same rows, folds other ones: rows are counted once a fold
        first = [run for fold in group.folds for run in group.in_fold(fold)[:1]]
        parts = [
            found.with_columns(pl.lit(any(run is each for each in first)).alias("counted"))
            for run in group.evaluated
            if (found := run.on_split(run.metrics)) is not None
        ]
        if not parts:
            continue
        columns |= _target_columns(f"r{number}", group.name, len(parts) > 1)
        for (target, *_), found in pl.concat(parts).group_by("target", maintain_order=True):
            n, positives = (int(found.filter("counted")[name].sum()) for name in ("n", "positives"))
            common = {"positives": positives, "prevalence": 100 * positives / max(n, 1)}
            into = rows.setdefault(str(target), common)
            into |= _values(found, f"r{number}")
            into |= _status(found)
    columns["status"] = Column("Status", "why a target is not scored; it enters no mean")
    id_ = f"danq_targets_{index}"
    description = (
        f"{SEARCH}Metrics of every target, run by run. AUPRC is the average precision, to be read against "
        "the prevalence. F1 is taken at the threshold that is best on validation. More columns (intervals, "
        "MCC, thresholds, calibration, AUROC without repeats) are under “Configure columns”; a click on the "
        "head of a column sorts."
    )
    title = f"Targets of {dataset}" if several else "Targets"
    return table(id_, title, description, "Target", columns, rows)


def _values(found: pl.DataFrame, key: str) -> dict[str, Any]:
    """Metrics of one target, means where a run was trained several times."""
    into: dict[str, Any] = {f"{key}_{name}": found[name].mean() for name in _MEANS}
    into[f"{key}_repeats"] = found["auroc_without_repeats"].mean()
    if len(found) > 1:
        return into | {f"{key}_{name}_sd": found[name].std() for name in AREAS}
    for row in found.iter_rows(named=True):
        for name in AREAS:
            if row[f"{name}_low"] is not None:
                into[f"{key}_{name}_between"] = f"{row[f'{name}_low']:.3f}–{row[f'{name}_high']:.3f}"
    return into


def _status(found: pl.DataFrame) -> dict[str, str]:
    """Say why a target is not scored, and in how many trainings where it is in others."""
    missing = found.filter(pl.col("status") != SCORED)
    if missing.is_empty():
        return {}
    reason = str(missing["status"][0]).replace("_", " ")
    part = "" if len(missing) == len(found) else f" in {len(missing)} of {len(found)} trainings"
    return {"status": f"not scored{part}: {reason}"}


def _target_columns(key: str, run: str, repeated: bool) -> dict[str, Column]:
    full, run = f"{run}: ", shortened(run, LONGEST_HEAD)
    mean = ", mean of the trainings" if repeated else ""
    return {
        f"{key}_auroc": Column(f"{run}: AUROC", f"{full}area under the ROC curve{mean}", 4, 0.5, 1, "Blues"),
        f"{key}_auroc_sd": Column(f"{run}: AUROC SD", f"{full}sample standard deviation of the trainings", 4),
        f"{key}_auroc_between": Column(f"{run}: AUROC interval", f"{full}95% interval", hidden=True),
        f"{key}_auprc": Column(f"{run}: AUPRC", f"{full}average precision{mean}", 4, 0, 1, "Greens"),
        f"{key}_auprc_sd": Column(f"{run}: AUPRC SD", f"{full}sample standard deviation of the trainings", 4),
        f"{key}_auprc_between": Column(f"{run}: AUPRC interval", f"{full}95% interval", hidden=True),
        f"{key}_f1": Column(f"{run}: F1", f"{full}at the threshold chosen on validation", 3),
        f"{key}_mcc": Column(f"{run}: MCC", f"{full}Matthews correlation at that threshold", 3, hidden=True),
        f"{key}_threshold": Column(
            f"{run}: threshold", f"{full}probability with the best F1 on validation", 4, hidden=True
        ),
        f"{key}_ece": Column(f"{run}: ECE", f"{full}expected calibration error", 4, hidden=True),
        f"{key}_repeats": Column(
            f"{run}: AUROC without repeats", f"{full}on rows that repeat no training window", 4, hidden=True
        ),
    }
