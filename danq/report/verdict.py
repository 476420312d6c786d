"""The verdict of the report: how the best network stands to what it must beat, and whether to rely on it."""

from danq.evaluate.compare import Group
from danq.report.diagnoses import BASELINE, diagnose
from danq.report.findings import Finding, Level, Verdict, gravest
from danq.report.reliance import calibrated, leaking
from danq.report.results import Results
from danq.report.standing import (
    METRIC,
    NAMES,
    Standing,
    decisive,
    is_network,
    lead,
    leads,
    listed,
    mean_of,
    outcome,
    standing,
)
from danq.report.training_course import TITLES, trained

_SAID = {BASELINE, *TITLES.values()}


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
    ahead = lead(first, second)
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
