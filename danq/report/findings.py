"""What the report says of results in words: findings, and the verdict that they make.

The limits stand in `danq.evaluate.remarks` and `danq.learn.ending`; docs/report.md explains all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["green", "amber", "red", "none"]
"""Good; to be looked at; not to be relied on; nothing known."""


@dataclass(frozen=True)
class Finding:
    """One thing that the results say, in plain text.

    Attributes
    ----------
    figure : str
        The numbers that say so.
    meaning : str
        What it means for who uses the model.
    key : str or None
        Key of the configuration to try next, with a value, such as ``runs.danq.train.epochs: 48``.
    """

    level: Level
    title: str
    figure: str
    meaning: str
    key: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What is to be said of the runs on one dataset: first in one line, then point by point.

    Attributes
    ----------
    dataset : str
        Name of the dataset as the configuration has it; of several with the same test rows all names.
    headline : str
        One sentence or two, without the dataset's name.
    findings, diagnoses : tuple of Finding
        One a question that is always asked; what went wrong, the gravest first.
    """

    dataset: str
    level: Level
    headline: str
    findings: tuple[Finding, ...]
    diagnoses: tuple[Finding, ...]


def gravest(levels: Iterable[Level]) -> Level:
    """Give the gravest of some levels; none without any."""
    order: tuple[Level, ...] = ("none", "green", "amber", "red")
    return max(levels, key=order.index, default="none")
