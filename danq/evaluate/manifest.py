"""What ``summary.json`` says of an evaluation: what was measured on each split, but for the tables."""

from typing import Any

from danq.evaluate.class_metrics import ClassMetrics
from danq.storage import Entry, Manifest


class Means(Entry):
    """A metric over the targets that are scored; `low` and `high` are the 95% interval of an area's mean.

    `pooled` is the calibration error of all targets together.
    """

    mean: float | None
    median: float | None
    targets: int
    low: float | None = None
    high: float | None = None
    pooled: float | None = None


class Drawn(Entry):
    """Of which blocks intervals were resampled: level, resamples, blocks, and what a block is."""

    level: float
    resamples: int
    blocks: int
    block: str


class LeakageSummary(Entry):
    """Test rows that overlap or repeat training rows, and the areas on those `left`.

    `word_bp` is 0 where rows are compared as a whole; otherwise a window repeats training sequence where at
    least `smallest_share` of its words occur there, of which `words_sampled` (a share) were looked up.
    """

    windows: int
    overlapping: int
    repeats: int
    left: int
    word_bp: int
    smallest_share: float
    words_sampled: float
    scored: int
    auroc: Means
    auprc: Means


class MeasuredSplit(Entry):
    """One split.

    Attributes
    ----------
    n, targets, scored : int
        Rows, targets, and targets that have both positives and negatives.
    rows : str
        SHA-256 of names, order and labels of rows and targets: runs with the same one can be compared.
    not_scored : dict of str to int
        Why targets are not scored → how many.
    auroc, auprc, f1, mcc, ece : Means
    intervals : Drawn or None
        None without intervals, for the reason `no_intervals`.
    classes : ClassMetrics or None
        The most probable class of each row, where a row has one.
    calls : dict of str to (ClassMetrics or None)
        Targets called one by one, at thresholds `chosen` on validation and at `half`; `called` says how many.
    leakage : LeakageSummary or None
    """

    n: int
    rows: str
    targets: int
    scored: int
    not_scored: dict[str, int]
    auroc: Means
    auprc: Means
    f1: Means
    mcc: Means
    ece: Means
    intervals: Drawn | None
    classes: ClassMetrics | None = None
    calls: dict[str, ClassMetrics | None] | None = None
    called: dict[str, int] | None = None
    leakage: LeakageSummary | None
    no_intervals: str | None

    def mean(self, metric: str) -> float | None:
        """Mean of one of the metrics over targets."""
        means: Means = getattr(self, metric)
        return means.mean


class Evaluation(Manifest):
    """``summary.json``."""

    KIND, FILE = "evaluation", "summary.json"

    run: str
    task: str
    splits: dict[str, MeasuredSplit]
    provenance: dict[str, Any]
