"""What an evaluation says of itself in the last lines of its log."""

import polars as pl

from danq.evaluate.intervals import positives_needed
from danq.evaluate.limits import FEWEST_POSITIVES, HALF_WIDTH
from danq.evaluate.pairs import alike
from danq.metrics import SCORED


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
