"""The verdict of the report: how the best network stands to what it must beat, and whether to rely on it."""

from collections.abc import Mapping, Sequence

import numpy as np

from danq.evaluate.compare import Group, difference
from danq.evaluate.remarks import CALIBRATED, CHANCE_ECE, LARGE_LEAK_AUROC, LEAK_AUROC, LEAK_SHARE, SHIFTED
from danq.evaluate.runs import LeakageSummary, MeasuredSplit
from danq.report.content import Section, headed, macro, section
from danq.report.diagnoses import BASELINE, diagnose
from danq.report.findings import Finding, Level, Verdict, gravest
from danq.report.results import Results
from danq.report.standing import (
    METRIC,
    NAMES,
    Standing,
    decisive,
    is_network,
    leads,
    listed,
    mean_of,
    outcome,
    standing,
)
from danq.report.training_course import TITLES, trained

_SAID = {BASELINE, *TITLES.values()}
_WORDS: Mapping[Level, str] = {
    "green": "Good",
    "amber": "Look closer",
    "red": "Problem",
    "none": "Not known",
}
"""What is written beside each colour."""


def judge(results: Results) -> tuple[Verdict, ...]:
    """Judge the runs of each dataset, and those of several with the same test rows together.

    The best network is judged, or the best run where there is no network. The level of a verdict is the
    gravest of what the run must beat, of its training and of leakage; a grave diagnosis keeps it from being
    green.
    """
    sets = results.comparable().items()
    return tuple(
        _judge(results, standing(name, groups), number == 0) for number, (name, groups) in enumerate(sets)
    )


def _judge(results: Results, runs: Standing, first: bool) -> Verdict:
    subject, diagnoses = runs.subject, diagnose(results, runs, first)
    if subject is None:
        names = ", ".join(group.name for group in runs.unmeasured)
        headline = f"Nothing was evaluated, so nothing can be said of {names}."
        return Verdict(runs.dataset, "none", headline, (), diagnoses)
    dna = subject.members[0].bundle.data_kind == "dna"
    genome = subject.members[0].bundle.dataset.genome_digest is not None
    best, beats = _best(runs), _beats(subject, runs.baseline, "the baseline", dna)
    composition = _beats(subject, runs.composition, "composition", False)
    course, leak = trained(runs.trained_for(subject)), leaking(subject, runs.baseline, genome)
    level = gravest(finding.level for finding in (beats, composition, course, leak))
    if level == "green" and any(diagnosis.level == "red" for diagnosis in diagnoses):
        level = "amber"
    if level == "green" and not is_network(subject):
        # a yardstick that leaks nothing is no good news of a network
        level = "none"
    findings = (best, beats, composition, course, calibrated(subject), leak)
    return Verdict(runs.dataset, level, _headline(runs, subject, findings, diagnoses), findings, diagnoses)


def _headline(
    runs: Standing, subject: Group, findings: tuple[Finding, ...], diagnoses: tuple[Finding, ...]
) -> str:
    """Say in one sentence what to use, and in a second what is the matter, if anything is."""
    rival = runs.baseline
    compared = () if rival is None or rival is subject else leads(subject, rival)
    area = f"{NAMES[METRIC]} {mean_of(subject, METRIC):.3f}"
    named = "the baseline" if rival is None or rival.name == "baseline" else f"{rival.name}, the baseline"
    if not is_network(subject):
        headline = f"There is no network to judge; {subject.name} has a {area}."
    elif rival is None or not compared:
        headline = f"{subject.name} has a {area}; there is no baseline to compare it with."
    elif outcome(compared) == "green":
        headline = f"{subject.name} beats {named}: {area}, {compared[0].words} over it."
    elif outcome(compared) == "red":
        by = decisive(compared)
        area = f"{NAMES[by.metric]} {mean_of(subject, by.metric):.3f}"
        headline = f"Use {named}: {subject.name} has a {area}, {by.words} against it."
    else:
        how = compared[0].words
        headline = f"{subject.name} is not shown to beat {named}: {area}, {how}."
    # what the first sentence says is not said again, and other runs' trainings do not concern it
    asked = [*findings[3:], *(each for each in diagnoses if each.title not in _SAID)]
    grave = [each.title for level in ("red", "amber") for each in asked if each.level == level]
    if not grave:
        return headline
    return f"{headline} Look at: {'; '.join(title.lower() for title in list(dict.fromkeys(grave))[:3])}."


def _best(runs: Standing) -> Finding:
    """Say which run is best, and how far the next is behind."""
    first = runs.ranked[0]
    figure = f"{first.name} has the highest {NAMES[METRIC]}, {mean_of(first, METRIC):.3f}"
    if len(runs.ranked) == 1:
        return Finding("none", f"Best run: {first.name}", figure, "There is no other run to compare it with.")
    second = runs.ranked[1]
    ahead = difference(first, second, METRIC)
    if ahead is None:
        meaning = "They were measured on other rows: the figures do not tell which of them is better."
        return Finding("amber", f"Highest: {first.name}", f"{figure}; next is {second.name}", meaning)
    figure += f", {ahead.words} ahead of {second.name}"
    if ahead.sure > 0:
        meaning = f"It is better than {second.name}: the interval holds no zero."
        return Finding("green", f"Best run: {first.name}", figure, meaning)
    meaning = f"The test rows do not tell it from {second.name}: it is ahead, not better."
    return Finding("amber", f"Ahead: {first.name}", figure, meaning)


def _beats(subject: Group, rival: Group | None, what: str, needed: bool) -> Finding:
    """Say whether a network is better than one of its yardsticks, by AUPRC and not worse by AUROC."""
    if rival is None or not is_network(subject):
        key = f"runs.baseline: {{model: kmer_logistic, dataset: {subject.family}}}" if needed else None
        missing = rival is None and needed
        meaning = (
            f"Without {what} nobody knows whether a network is worth it." if missing else "Nothing to tell."
        )
        figure = f"no run of {what}" if rival is None else "no network"
        level: Level = "amber" if missing else "none"
        return Finding(level, f"Not compared with {what}", figure, meaning, key if missing else None)
    compared = leads(subject, rival)
    if not compared:
        meaning = "They were measured on other rows."
        return Finding("amber", f"Not compared with {what}", f"{subject.name} and {rival.name}", meaning)
    figure, level = f"{subject.name} minus {rival.name}: {listed(compared)}", outcome(compared)
    titles: dict[Level, tuple[str, str]] = {
        "green": (f"Beats {what}", f"{subject.name} is better than {rival.name} on these rows."),
        "amber": (f"Not told from {what}", f"These rows do not say that it is better than {rival.name}."),
        "red": (f"Loses to {what}", f"{rival.name} is better: use it instead of {subject.name}."),
    }
    return Finding(level, titles[level][0], figure, titles[level][1])


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


def verdict_sections(verdicts: Sequence[Verdict]) -> list[Section | None]:
    """Put the headline and findings of each dataset first, then what went wrong and what to try."""
    several = len(verdicts) > 1
    cards = [macro("verdict", verdict=each, words=_WORDS, named=several) for each in verdicts]
    diagnoses = [
        headed(each.dataset if several else "", macro("findings", findings=each.diagnoses, words=_WORDS))
        for each in verdicts
        if each.diagnoses
    ]
    prose = (
        "What the results show to be amiss, the gravest first, and the key of the configuration to try next."
    )
    return [
        section("findings", "Findings", "verdict", "", *cards, printed=True),
        section("diagnoses", "Diagnoses", "verdict", prose, *diagnoses, printed=True),
    ]
