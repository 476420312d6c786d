"""The verdict of the report: how the best network stands to what it must beat, and whether to rely on it."""

from danq.evaluate.compare import Group
from danq.report.findings import Finding, Level, Verdict, gravest
from danq.report.results import Results
from danq.report.standing import METRIC, NAMES, Lead, Standing, lead, mean_of, standing


def judge(results: Results) -> tuple[Verdict, ...]:
    """Judge the runs of each dataset, in the order of the report."""
    return tuple(_judge(standing(name, groups)) for name, groups in results.families().items())


def _judge(runs: Standing) -> Verdict:
    subject = runs.subject
    if subject is None:
        names = ", ".join(group.name for group in runs.unmeasured)
        headline = f"{runs.dataset}: nothing was evaluated, so nothing can be said of {names}."
        return Verdict(runs.dataset, "none", headline, (), ())
    findings = [_best(runs), _beats(subject, runs.baseline, "the baseline")]
    findings.append(_beats(subject, runs.composition, "composition"))
    level = gravest(finding.level for finding in findings)
    return Verdict(runs.dataset, level, f"{runs.dataset}: {findings[0].figure}.", tuple(findings), ())


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


def _beats(subject: Group, rival: Group | None, what: str) -> Finding:
    """Say whether a network is better than one of its yardsticks, by AUPRC and not worse by AUROC."""
    if rival is None or rival is subject:
        return Finding(
            "none", f"Not compared with {what}", "no such run", f"No run of {what} to compare with."
        )
    leads = [each for metric in NAMES if (each := lead(subject, rival, metric)) is not None]
    if not leads:
        meaning = "They were measured on other rows."
        return Finding("none", f"Not compared with {what}", f"{subject.name} and {rival.name}", meaning)
    figure = f"{subject.name} minus {rival.name}: "
    figure += ", ".join(f"{NAMES[each.metric]} {each.words}" for each in leads)
    level = _level(leads)
    titles: dict[Level, tuple[str, str]] = {
        "green": (f"Beats {what}", f"{subject.name} is better than {rival.name} on these rows."),
        "amber": (f"Not told from {what}", f"These rows do not say that it is better than {rival.name}."),
        "red": (f"Loses to {what}", f"{rival.name} is better: use it instead of {subject.name}."),
    }
    return Finding(level, titles[level][0], figure, titles[level][1])


def _level(leads: list[Lead]) -> Level:
    """Red where the first is surely behind; green where it is surely ahead and no other is surely behind."""
    if leads[0].sure < 0:
        return "red"
    return "green" if leads[0].sure > 0 and min(each.sure for each in leads) >= 0 else "amber"
