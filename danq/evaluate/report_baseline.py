"""Sections of the report that compare runs with the baseline, target by target."""

from typing import Any

import numpy as np
import polars as pl

from danq.evaluate.bootstrap import interval
from danq.evaluate.report_content import Column, Section, between, table, text
from danq.evaluate.report_plots import GREY, PALETTE
from danq.evaluate.results import Results, Run


def against_baseline(results: Results) -> Section | None:
    """One row for each run that has a baseline on its dataset, paired by target."""
    rows = {}
    for run in results.runs:
        baseline = results.baseline(run)
        if baseline is not None:
            rows[f"{results.label(run)} − {baseline.name}"] = _compared(run, baseline)
    columns: dict[str, Column] = {}
    for name, title in (("auroc", "AUROC"), ("auprc", "AUPRC")):
        columns |= {
            f"{name}_better": Column(
                f"{title} higher", "targets on which the run is better, of those scored"
            ),
            f"{name}_mean": Column(f"Mean Δ {title}", "run minus baseline, mean over targets"),
            f"{name}_interval": Column("95% interval", "of the mean difference, both on the same resamples"),
            f"{name}_median": Column(f"Median Δ {title}", "run minus baseline, median over targets"),
        }
    description = (
        "Each run minus the baseline on the same dataset (Δ), target by target. The baseline is a logistic "
        "regression on the k-mer counts of the same windows, tuned on validation. A mean difference whose "
        "interval excludes 0 is unlikely to come from the choice of test regions."
    )
    return table("danq_comparison", "Against the baseline", description, "Difference", columns, rows)


def paired(run: Run, baseline: Run) -> pl.DataFrame | None:
    """Targets scored in both runs: target, and AUROC and AUPRC of the run and (`_base`) of the baseline."""
    ours, theirs = run.on_split(run.metrics), baseline.on_split(baseline.metrics)
    if ours is None or theirs is None or run.split != baseline.split:
        return None
    columns = ["target", "auroc", "auprc"]
    joined = ours.select(columns).join(
        theirs.select(columns), on="target", suffix="_base", maintain_order="left"
    )
    return joined.drop_nulls()


def _compared(run: Run, baseline: Run) -> dict[str, Any]:
    both = paired(run, baseline)
    if both is None or both.is_empty():
        return {}
    row: dict[str, Any] = {}
    for name in ("auroc", "auprc"):
        difference = (both[name] - both[f"{name}_base"]).to_numpy()
        row[f"{name}_better"] = f"{int((difference > 0).sum())} of {len(difference)}"
        row[f"{name}_mean"] = f"{difference.mean():+.4f}"
        row[f"{name}_median"] = f"{np.median(difference):+.4f}"
        row[f"{name}_interval"] = _paired_interval(run, baseline, name)
    return row


def _paired_interval(run: Run, baseline: Run, name: str) -> str | None:
    ours, theirs = run.on_split(run.resamples), baseline.on_split(baseline.resamples)
    if ours is None or theirs is None or not _share_resamples(run, baseline):
        return None
    difference = (ours[name] - theirs[name]).fill_null(float("nan")).to_numpy()
    low, high = interval(difference)
    return None if np.isnan(low) else between(low, high, "+")


def _share_resamples(run: Run, baseline: Run) -> bool:
    """Tell whether both drew the same blocks: the same rows, number of resamples and seed."""
    if run.summary is None or baseline.summary is None:
        return False
    first, second = (each.summary["provenance"] for each in (run, baseline) if each.summary)
    same_rows = first["inputs"].get("dataset") == second["inputs"].get("dataset")
    same_draw = first["options"].get("seed") == second["options"].get("seed")
    drawn = [each.measured["intervals"] for each in (run, baseline) if each.measured]
    return bool(same_rows and same_draw and len(drawn) == 2 and drawn[0] == drawn[1])


def against(results: Results) -> Section | None:
    """AUROC of each target in the baseline and in a run, one view a run."""
    views: dict[str, dict[str, dict[str, Any]]] = {}
    for run in results.runs:
        baseline = results.baseline(run)
        both = None if baseline is None else paired(run, baseline)
        if both is None or baseline is None or both.is_empty():
            continue
        views[f"{results.label(run)} and {baseline.name}"] = {
            text(row["target"]): {"x": round(row["auroc_base"], 4), "y": round(row["auroc"], 4)}
            for row in both.iter_rows(named=True)
        }
    if not views:
        return None
    lowest = min(value for view in views.values() for point in view.values() for value in point.values())
    config = {
        "section_name": "Targets against the baseline",
        "description": "Each point is a target; on targets above the dotted line the run is better.",
        "plot_type": "scatter",
        "pconfig": {
            "id": "danq_against_plot",
            "title": "AUROC of each target",
            "xlab": "AUROC of the baseline",
            "ylab": "AUROC of the run",
            "square": True,
            "height": 600,
            "marker_size": 7,
            "color": PALETTE[0],
            "showlegend": False,
            "series_label": False,
            "save_data_file": False,
            "data_labels": [{"name": text(name)} for name in views],
            **_equality(float(np.floor(lowest * 20) / 20), len(views)),
        },
    }
    return Section("danq_against", config, list(views.values()))


def _equality(low: float, views: int) -> dict[str, Any]:
    """Axes from `low` to 1, and a dotted line where both runs are equal."""
    dots = [
        {"x": x, "y": x, "name": "equal", "color": GREY, "marker_size": 3, "annotate": False}
        for x in np.linspace(low, 1, 121).round(4).tolist()
    ]
    return {"xmin": low, "xmax": 1, "ymin": low, "ymax": 1, "extra_series": [dots for _ in range(views)]}
