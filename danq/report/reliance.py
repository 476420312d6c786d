"""Whether the figures of a run can be relied on: calibration, and rows that repeat training rows."""

from collections.abc import Sequence

import numpy as np

from danq.evaluate.compare import Group
from danq.evaluate.limits import CALIBRATED, CHANCE_ECE, LARGE_LEAK_AUROC, LEAK_AUROC, LEAK_SHARE, SHIFTED
from danq.evaluate.runs import LeakageSummary, MeasuredSplit
from danq.report.findings import Finding, Level


def calibrated(subject: Group) -> Finding:
    """Say whether the probabilities of a run are frequencies, all targets pooled."""
    run = next((run for run in subject.evaluated if run.on_split(run.calibration) is not None), None)
    table = None if run is None else run.on_split(run.calibration)
    if run is None or table is None:
        return Finding(
            "none", "Calibration not known", f"no calibration of {subject.name}", "Nothing to tell."
        )
    bins = table.filter(target_index=-1)
    n, said = bins["n"].to_numpy().astype(np.float64), bins["mean_probability"].to_numpy()
    observed = bins["positives"].to_numpy() / n
    error, share, mean = (
        float(np.sum(n * each) / n.sum()) for each in (np.abs(said - observed), observed, said)
    )
    # mean distance of a frequency from its probability, where labels are drawn by the probabilities
    chance = float(np.sum(np.sqrt(2 / np.pi * n * said * (1 - said))) / n.sum())
    relative = error / max(min(share, 1 - share), 1e-12)
    figure = (
        f"{run.name}: expected calibration error {error:.4f}, {relative:.0%} of the share of positives, "
        f"{share:.4f}; the mean probability is {mean:.4f}, and {chance:.4f} of the error is chance"
    )
    if relative <= CALIBRATED or error <= CHANCE_ECE * chance:
        meaning = "Probabilities can be read as frequencies."
        return Finding("green", "Calibrated", figure, meaning)
    level: Level = "amber" if relative <= SHIFTED else "red"
    higher = "high" if mean > share else "low"
    title = "Roughly calibrated" if level == "amber" else "Not calibrated"
    meaning = (
        f"Probabilities are too {higher} to be read as frequencies; the order of predictions, and effects of "
        "variants as differences of logits, are not concerned."
    )
    weight = run.bundle.train.get("positive_weight", "none")
    key = None if weight == "none" else f"runs.{run.repeat.base}.train.positive_weight: none"
    return Finding(level, title, figure, meaning, key)


def leaking(subject: Group, rival: Group | None, genome: bool) -> Finding:
    """Say how much test rows that repeat training rows raise the metrics of a run, and its lead."""
    measured = _with_leakage(subject)
    if not measured:
        meaning = "The evaluation was not told the dataset, so nothing was compared with the training rows."
        return Finding("none", "Leakage not looked for", subject.name, meaning)
    rows = sum(leak.windows for _, leak in measured)
    share = 1 - sum(leak.left for _, leak in measured) / max(rows, 1)
    whole, left = (_mean([pair[side] for pair in measured], "auroc") for side in (0, 1))
    drop = 0.0 if whole is None or left is None else whole - left
    figure = f"{share:.1%} of {rows:,} test rows overlap or nearly repeat training rows"
    if whole is not None and left is not None:
        figure += f"; mean AUROC of {subject.name} {whole:.3f}, without them {left:.3f}"
    leads = _leads(subject, rival)
    gone = leads is not None and leads[0] > 0 >= leads[1]
    key = f"datasets.{subject.family}.exclude: [repeats.bed]" if genome else None
    if drop >= LARGE_LEAK_AUROC or gone:
        meaning = "The metrics are partly memory."
        if rival is not None and leads is not None:
            figure += f"; mean AUPRC minus that of {rival.name} {leads[0]:+.3f}, without them {leads[1]:+.3f}"
            if gone:
                meaning = f"{meaning[:-1]}: without these rows {subject.name} is not ahead of {rival.name}."
        return Finding("red", "Leaking", figure, meaning, key)
    if drop >= LEAK_AUROC or share >= LEAK_SHARE:
        meaning = "Look at the metrics without repeats, too, or leave repeats out."
        return Finding("amber", "Some leakage", figure, meaning, key)
    return Finding("green", "Not leaking", figure, "What test rows share with training rows changes little.")


def _with_leakage(group: Group) -> list[tuple[MeasuredSplit, LeakageSummary]]:
    each = (run.measured for run in group.evaluated)
    return [(split, split.leakage) for split in each if split is not None and split.leakage is not None]


def _mean(parts: Sequence[MeasuredSplit | LeakageSummary], area: str) -> float | None:
    means = [getattr(part, area).mean for part in parts]
    known = [mean for mean in means if mean is not None]
    return float(np.mean(known)) if known else None


def _leads(subject: Group, rival: Group | None) -> tuple[float, float] | None:
    """Lead in mean AUPRC on all rows, and on those that repeat nothing."""
    if rival is None or rival is subject:
        return None
    ours, theirs = _with_leakage(subject), _with_leakage(rival)
    sides = [[_mean([pair[side] for pair in each], "auprc") for each in (ours, theirs)] for side in (0, 1)]
    leads = [first - second for first, second in sides if first is not None and second is not None]
    return (leads[0], leads[1]) if len(leads) == 2 else None
