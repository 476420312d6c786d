"""Sections of the report that say in words what its verdict found."""

from collections.abc import Mapping, Sequence

from danq.report.content import Section, headed, macro, section
from danq.report.findings import Level, Verdict

WORDS: Mapping[Level, str] = {
    "green": "Good",
    "amber": "Look closer",
    "red": "Problem",
    "none": "Not known",
}
"""What is written beside each colour."""


def verdict_sections(verdicts: Sequence[Verdict]) -> list[Section | None]:
    """Put the headline and findings of each dataset first, then what went wrong and what to try."""
    several = len(verdicts) > 1
    cards = [macro("verdict", verdict=each, words=WORDS, named=several) for each in verdicts]
    diagnoses = [
        headed(each.dataset if several else "", macro("findings", findings=each.diagnoses, words=WORDS))
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
