"""The section of the report about called targets: accuracy, F1 and correlation at thresholds."""

from typing import Any

from danq.evaluate.runs import Run
from danq.report.content import Column, Section, table
from danq.report.results import Results
from danq.report.sections.runs import mean_row

_AT = {"chosen": "at the threshold of each target that is best on validation", "half": "at probability 0.5"}
_SHORT = {"chosen": "validation", "half": "0.5"}
_METRICS = {
    "accuracy": ("Accuracy", "share of right labels"),
    "binary_f1": ("F1", "F1 of the positive rows, for runs with one target"),
    "macro_f1": ("Macro F1", "mean F1 over scored targets; of one target, over positives and negatives"),
    "micro_f1": ("Micro F1", "F1 of all labels pooled; of one target, the accuracy"),
    "mcc": ("MCC", "Matthews correlation, mean over scored targets"),
}


def calls(results: Results) -> Section | None:
    """One row a run: how good calls are at the thresholds of validation and at 0.5; of repeats the mean."""
    rows: dict[str, dict[str, Any]] = {}
    shown = [f"{at}_{metric}" for at in _AT for metric in _METRICS]
    for group in results.groups:
        given = [_row(run) for run in group.evaluated]
        if len(group.members) == 1:
            rows |= {results.label(run): row for run, row in zip(group.evaluated, given, strict=True)}
        elif given:
            rows[f"{results.label(group)}, {group.counted}"] = mean_row(given, shown)
    columns = {"called": Column("Targets called", "targets to which validation gives a threshold, of all")}
    for at, told in _AT.items():
        for metric, (title, description) in _METRICS.items():
            name = f"{at}_{metric}"
            columns[name] = Column(f"{title} ({_SHORT[at]})", f"{description}; {told}", 4)
            columns[f"{name}_sd"] = Column("SD", "sample standard deviation of the trainings", 4)
    description = (
        "How good calls of the targets are once every probability is called positive or negative: "
        f"{_AT['chosen']} (“validation”), and {_AT['half']} (“0.5”). Accuracy and micro F1 are over all "
        "labels of the targets that were called; macro F1 and MCC are means over those with positives and "
        "negatives. Where positives are rare, calling none gives a high accuracy."
    )
    return table("danq_calls", "Calls at thresholds", description, "Run", columns, rows)


def _row(run: Run) -> dict[str, Any]:
    found = run.measured or {}
    row: dict[str, Any] = {
        f"{at}_{metric}": each.get(metric)
        for at, each in (found.get("calls") or {}).items()
        if each
        for metric in _METRICS
    }
    if "called" in found:
        row["called"] = f"{found['called']['chosen']} of {found['targets']}"
    return row
