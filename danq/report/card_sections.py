"""What the sections of a model card say: metrics, also as the Hugging Face Hub reads them, use and limits.

In Markdown nothing of names and numbers that come from files becomes a mark.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from danq.data.manifest import DatasetManifest
from danq.evaluate.compare import Group
from danq.evaluate.remarks import remarks
from danq.evaluate.runs import Means, Run
from danq.learn.manifest import BundleManifest
from danq.report.verdict import calibrated, leaking

KINDS = {"dna": "DNA sequences", "text": "texts", "image": "images"}
"""Kind of data → its rows, in words."""
_TASKS = {"dna": "other", "text": "text-classification", "image": "image-classification"}
"""Kind of data → task as the Hub calls it."""
METRICS = {"auroc": "AUROC", "auprc": "AUPRC", "f1": "F1", "mcc": "MCC", "ece": "calibration error"}
_HUB_TYPES = {"auroc": "roc_auc", "auprc": "average_precision", "f1": "f1", "mcc": "matthews_correlation"}
TARGET_COLUMNS = (
    *("target", "group", "rule", "regions", "training positives", "validation positives"),
    *("test positives", "AUROC", "AUPRC"),
)
SPLIT_COLUMNS = ("split", "rows", "scored", *METRICS.values(), "AUPRC of chance")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def text(value: Any) -> str:
    """Write something as text that is taken for nothing else."""
    return _MARKS.sub(r"\\\1", str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(language: str, lines: str) -> str:
    """Write a block of code, whatever stands in it."""
    longest = max((len(ticks) for ticks in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines.strip()}\n{fence}"


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
            *((target.group, target.rule) if target else ("", "")),
            f"{target.regions:,}" if target and target.regions else "",
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
        drawn = measured.intervals
        if drawn is None:
            yield f"No intervals, {split}: {measured.no_intervals or 'none were asked for'}."
        else:
            resamples = f"{drawn.resamples:,} resamples of {drawn.blocks:,} blocks ({drawn.block})"
            yield f"Intervals, {split}: {resamples}."


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _ended(means: Means) -> str:
    if means.low is None or means.high is None:
        return _number(means.mean)
    return f"{means.mean:.4f} ({means.low:.4f} to {means.high:.4f})"


def use(info: BundleManifest) -> str:
    """Say in two sentences what the model is for."""
    kind = KINDS[info.data_kind]
    use = f"To predict the targets of {kind} like those of the dataset `{info.dataset.name}`"
    if info.data_kind == "dna":
        use += ", and to compare the effects of variants (`danq score`) and mutations (`danq ism`) on them"
    return f"{use}, in research. It is no medical device and was not tested for decisions about people."


def limits(run: Run, data: DatasetManifest | None) -> Iterator[str]:
    """Say one by one what it was not tested on, and how far its figures can be relied on."""
    info = run.bundle
    yield from _of_data(info, data)
    if run.summary is None or run.measured is None:
        yield "Nothing was measured: how good the model is, is not known from this card."
        return
    group = Group(run.name, run.family, (run,))
    for finding in (calibrated(group), leaking(group, None, info.data_kind == "dna")):
        yield f"**{finding.title}.** {text(finding.figure)}. {finding.meaning}"
    if not_scored := ", ".join(f"{n:,} ({why})" for why, n in run.measured.not_scored.items()):
        yield f"Targets without a score on the {run.split} split: {text(not_scored)}."
    metrics, pairs = run.on_split(run.metrics), run.on_split(run.pairs)
    if metrics is not None and pairs is not None:
        yield from (f"{text(remark[0].upper() + remark[1:])}." for remark in remarks(metrics, pairs))
    if run.is_baseline:
        yield "It is a yardstick that other models are compared with."
    else:
        yield "A comparison with simpler models stands in the report of the run, not here."


def _of_data(info: BundleManifest, data: DatasetManifest | None) -> Iterator[str]:
    if info.data_kind == "dna":
        yield (
            f"It sees {info.window or 0:,} bp and nothing beyond; other genomes, cell types and conditions "
            "than those of the tracks or examples were not tested."
        )
        yield "Effects of variants were not compared with experiments in this evaluation."
    else:
        yield f"Other {KINDS[info.data_kind]} than those of the dataset were not tested."
    if data is None:
        return
    held_out = (data.options.get("split") or {}).get("test")
    if isinstance(held_out, list) and held_out:
        yield f"It was tested on {text(', '.join(held_out))} alone, which it had not seen."
    elif held_out:
        yield "Its test rows were drawn at random among all rows, so that they are as the training rows are."
    shares = [_share(data, split) for split in ("train", "test")]
    if shares[0] is not None and shares[1] is not None:
        yield (
            f"A target is positive in {shares[0]:.2%} of the training rows on average and in "
            f"{shares[1]:.2%} of the test rows; where it is rarer or more frequent, "
            "probabilities are off and AUPRC is another."
        )


def _share(data: DatasetManifest, split: str) -> float | None:
    labelled = [data.labelled(target, split) for target in data.targets]
    shares = [t.counts[split] / n for t, n in zip(data.targets, labelled, strict=True) if n]
    return sum(shares) / len(shares) if shares else None
