"""What the report says of results in words: findings, the verdict that they make, and where their limits lie.

Each limit stands here with its reason; docs/report.md explains all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["green", "amber", "red", "none"]
"""Good; to be looked at; not to be relied on; nothing known."""

FEWEST_POSITIVES = 20
"""Test positives of a target below which it tells little: at an AUROC of .7, 20 of them leave an interval of
about ±.1 (Hanley & McNeil 1982, doi 10.1148/radiology.143.1.7063747), as wide as good and poor models are
apart."""
WANTED_HALF_WIDTH = 0.05
"""Half the width of the interval of an AUROC that the needed positives are counted for."""
CALIBRATED, SHIFTED = 0.2, 0.5
"""Calibration error as a part of the share of positives, up to which probabilities are taken for frequencies,
and up to which for roughly that: a model that says .012 for what happens in .010 is off by 20%."""
CHANCE_ECE = 1.5
"""Multiple of the error that drawing the labels alone would give, up to which a model is calibrated, too."""
LEAK_AUROC, LARGE_LEAK_AUROC = 0.005, 0.02
"""Drop of the mean AUROC without repeats of training rows from which on leakage is told, and from which on it
is no small thing: as much as a better recipe gains, and as much as an other model gains."""
LEAK_SHARE = 0.05
"""Share of test rows that repeat training rows from which on it is told, whatever the AUROC says."""


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
        Name of the dataset as the configuration has it.
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
