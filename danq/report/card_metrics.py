"""The metrics of a model card: as tables, and as the Hugging Face Hub reads them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from danq.data.manifest import DatasetManifest
from danq.evaluate.runs import Means, MeasuredSplit, Run
from danq.report.card_limits import KINDS

_TASKS = {"dna": "other", "text": "text-classification", "image": "image-classification"}
"""Kind of data → task as the Hub calls it."""
METRICS = {"auroc": "AUROC", "auprc": "AUPRC", "f1": "F1", "mcc": "MCC", "ece": "calibration error"}
_HUB_TYPES = {"auroc": "roc_auc", "auprc": "average_precision", "f1": "f1", "mcc": "matthews_correlation"}
TARGET_COLUMNS = (
    *("target", "group", "rule", "regions", "training positives", "validation positives"),
    *("test positives", "AUROC", "AUPRC"),
)
SPLIT_COLUMNS = ("split", "rows", "scored", *METRICS.values(), "AUPRC of chance")


def front(run: Run) -> dict[str, Any]:
    """Give what the Hub reads: tags, and the metrics of the split that is shown."""
    info, measured = run.bundle, run.measured
    tags = ["danq", *(["genomics"] if info.data_kind == "dna" else []), info.data_kind, Path(info.model).name]
    front: dict[str, Any] = {"library_name": "keras", "tags": list(dict.fromkeys(tags))}
    if measured is None:
        return front
    metrics = [
        {"type": hub, "name": f"mean {METRICS[name]}", "value": round(mean, 6)}
        for name, hub in _HUB_TYPES.items()
        if (mean := getattr(measured, name).mean) is not None
    ]
    dataset = {"name": info.dataset.name, "type": info.dataset.name, "split": run.split}
    task = {"type": _TASKS[info.data_kind], "name": f"{info.task} classification of {KINDS[info.data_kind]}"}
    if metrics:
        results = [{"task": task, "dataset": dataset, "metrics": metrics}]
        front["model-index"] = [{"name": info.run, "results": results}]
    return front


def target_rows(run: Run, data: DatasetManifest | None) -> Iterator[tuple[Any, ...]]:
    """Give `TARGET_COLUMNS` of each target."""
    shown = run.on_split(run.metrics)
    areas = {} if shown is None else {row["target"]: row for row in shown.iter_rows(named=True)}
    described = {} if data is None else {target.name: target for target in data.targets}
    for name in run.bundle.targets:
        row, target = areas.get(name, {}), described.get(name)
        counts = target.counts if target else {}
        yield (
            name,
            *(
                (target.group, target.rule, f"{target.regions:,}" if target.regions else "")
                if target
                else ("", "", "")
            ),
            *(f"{counts[split]:,}" if split in counts else "" for split in ("train", "valid", "test")),
            *(_number(row.get(area)) for area in ("auroc", "auprc")),
        )


def split_rows(run: Run) -> Iterator[tuple[Any, ...]]:
    """Give `SPLIT_COLUMNS` of each split."""
    for split, measured in (run.summary.splits if run.summary else {}).items():
        yield (
            split,
            f"{measured.n:,}",
            f"{measured.scored:,} of {measured.targets:,}",
            *(_ended(getattr(measured, name)) for name in METRICS),
            _number(_chance(run, split)),
        )


def _chance(run: Run, split: str) -> float | None:
    """Mean prevalence of the targets that are scored: the AUPRC of a random order."""
    if run.metrics is None:
        return None
    mean = run.metrics.filter(split=split, status="scored")["prevalence"].mean()
    return mean if isinstance(mean, float) else None


def notes(run: Run) -> Iterator[str]:
    """Say of each split how classes were called, and of what intervals were drawn."""
    for split, measured in (run.summary.splits if run.summary else {}).items():
        if measured.classes is not None:
            classes = measured.classes
            yield (
                f"The most probable class, {split}: accuracy {_number(classes.accuracy)}, macro F1 "
                f"{_number(classes.macro_f1)}, MCC {_number(classes.mcc)}."
            )
        yield _interval(split, measured)


def _interval(split: str, measured: MeasuredSplit) -> str:
    drawn = measured.intervals
    if drawn is None:
        return f"No intervals, {split}: {measured.no_intervals or 'none were asked for'}."
    return f"Intervals, {split}: {drawn.resamples:,} resamples of {drawn.blocks:,} blocks ({drawn.block})."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _ended(means: Means) -> str:
    if means.low is None or means.high is None:
        return _number(means.mean)
    return f"{means.mean:.4f} ({means.low:.4f} to {means.high:.4f})"
