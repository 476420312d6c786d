"""What an evaluation says of itself in the last lines of its log, and the limits of the report's verdict.

Each limit says from where on what was measured is worth a word; that of targets predicted alike stands in
`danq.evaluate.pairs`, those on the course of a training in `danq.learn.ending`. docs/report.md explains all.
"""

import polars as pl

from danq.evaluate.intervals import positives_needed
from danq.evaluate.pairs import alike
from danq.metrics import SCORED

FEWEST_POSITIVES = 20
"""Test positives of a target below which it tells little: at an AUROC of .7, 20 of them leave an interval of
about ±.1 (Hanley & McNeil 1982, doi 10.1148/radiology.143.1.7063747), as wide as good and poor models are
apart."""
HALF_WIDTH = 0.05
"""Half the width of the interval of an AUROC that the positives needed are counted for."""
MOST_TIMES = 25.0
"""How many times as many positives may be asked for to tell a difference: of a smaller one, more data of the
same kind is no way to tell it, and it hardly matters."""
CALIBRATED, SHIFTED = 0.2, 0.5
"""Calibration error as a part of the share of positives, up to which probabilities are taken for frequencies,
and up to which for roughly that: a model that says .012 for what happens in .010 is off by 20%."""
CHANCE_ECE = 1.5
"""Multiple of the error that drawing labels by the probabilities would give, up to which they are taken for
frequencies, too: few positives leave an error in any model."""
LEAK_AUROC, LARGE_LEAK_AUROC = 0.005, 0.02
"""Drop of the mean AUROC without repeats of training rows from which on leakage is told, and from which on
metrics are not to be relied on: as much as a better recipe gains, and as much as another model gains."""
LEAK_SHARE = 0.2
"""Share of test rows that repeat training rows from which on it is told, whatever the AUROC says: so many are
no test of what is new."""
RATE_TIMES = 2.0
"""How many times as frequent a target may be in one split as in another: beyond it, probabilities are off by
as much, and AUPRC, which depends on it, is another in each split."""
RATE_ERRORS = 3.0
"""Standard errors of the counts by which it must differ, too."""
RATE_SHARE = 0.25
"""Share of targets that must differ so: a single one may do by where a region was cut."""


def remarks(metrics: pl.DataFrame, pairs: pl.DataFrame) -> list[str]:
    """Say where a split has too few positives, and whether targets are predicted alike.

    `metrics` and `pairs` are rows of ``metrics.tsv`` and ``pairs.tsv`` of one split.
    """
    shortcomings = [few_positives(metrics)]
    same = alike(pairs)
    if same is not None and same.told:
        shortcomings.append(f"the model predicts its targets alike: {same.words}")
    return [remark for remark in shortcomings if remark]


def few_positives(metrics: pl.DataFrame) -> str | None:
    """Say that half of the targets or more have too few positives, and how many would do; None where not."""
    if metrics.is_empty():
        return None
    few, median = metrics.filter(pl.col("positives") < FEWEST_POSITIVES), metrics["positives"].median()
    if 2 * len(few) < len(metrics) or not isinstance(median, float):
        return None
    auroc = metrics.filter(status=SCORED)["auroc"].mean()
    needed = positives_needed(auroc if isinstance(auroc, float) else 0.5, HALF_WIDTH)
    return (
        f"{len(few):,} of {len(metrics):,} targets have fewer than {FEWEST_POSITIVES} positive rows (median "
        f"{median:g}); about {max(needed, FEWEST_POSITIVES):,} would tell an AUROC to "
        f"±{HALF_WIDTH:g}"
    )
