"""The section of the report about single targets: one searchable table a dataset."""

from typing import Any

from danq.evaluate.metrics import SCORED
from danq.evaluate.report_content import Column, Section, table
from danq.evaluate.results import Results


def per_target(results: Results) -> list[Section | None]:
    """One searchable table a dataset: every target, every run."""
    names = dict.fromkeys(run.dataset for run in results.runs)
    return [_targets_of(results, index, name, len(names) > 1) for index, name in enumerate(names)]


def _targets_of(results: Results, index: int, dataset: str, several: bool) -> Section | None:
    rows: dict[str, dict[str, Any]] = {}
    columns = {
        "positives": Column("Positives", "positive rows of the split", 0),
        "prevalence": Column("Prevalence (%)", "share of positive rows, the AUPRC of a random ranking", 2),
    }
    for number, run in enumerate(results.on(dataset)):
        metrics = run.on_split(run.metrics)
        if metrics is None:
            continue
        columns |= _target_columns(f"r{number}", run.name)
        for row in metrics.iter_rows(named=True):
            common = {"positives": row["positives"], "prevalence": 100 * row["prevalence"]}
            into = rows.setdefault(row["target"], common)
            into |= {
                f"r{number}_{key}": row[key] for key in ("auroc", "auprc", "f1", "mcc", "threshold", "ece")
            }
            into[f"r{number}_repeats"] = row["auroc_without_repeats"]
            for key in ("auroc", "auprc"):
                if row[f"{key}_low"] is not None:
                    into[f"r{number}_{key}_between"] = f"{row[f'{key}_low']:.3f}–{row[f'{key}_high']:.3f}"
            if row["status"] != SCORED:
                into["status"] = "not scored: " + row["status"].replace("_", " ")
    columns["status"] = Column("Status", "why a target is not scored; it enters no mean")
    id_ = f"danq_targets_{index}"
    box = (
        '<input type="search" class="form-control form-control-sm danq-search" '
        'placeholder="Search targets" aria-label="Search targets">'
    )
    description = (
        f"{box}Metrics of every target, run by run. AUPRC is the average precision, to be read against the "
        "prevalence. F1 is taken at the threshold that is best on validation. More columns (intervals, MCC, "
        "thresholds, calibration, AUROC without repeats) are under “Configure columns”; a click on the head "
        "of a column sorts."
    )
    title = f"Targets of {dataset}" if several else "Targets"
    return table(id_, title, description, "Target", columns, rows)


def _target_columns(key: str, run: str) -> dict[str, Column]:
    return {
        f"{key}_auroc": Column(f"{run}: AUROC", "area under the ROC curve", 4, 0.5, 1, "Blues"),
        f"{key}_auroc_between": Column(f"{run}: AUROC interval", "95% interval", hidden=True),
        f"{key}_auprc": Column(f"{run}: AUPRC", "average precision", 4, 0, 1, "Greens"),
        f"{key}_auprc_between": Column(f"{run}: AUPRC interval", "95% interval", hidden=True),
        f"{key}_f1": Column(f"{run}: F1", "at the threshold chosen on validation", 3),
        f"{key}_mcc": Column(f"{run}: MCC", "Matthews correlation at that threshold", 3, hidden=True),
        f"{key}_threshold": Column(
            f"{run}: threshold", "probability with the best F1 on validation", 4, hidden=True
        ),
        f"{key}_ece": Column(f"{run}: ECE", "expected calibration error", 4, hidden=True),
        f"{key}_repeats": Column(
            f"{run}: AUROC without repeats", "on rows that repeat no training window", 4, hidden=True
        ),
    }
