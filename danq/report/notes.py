"""The last section of the report: how its intervals and figures are computed."""

from danq.evaluate.intervals import FEWEST_BLOCKS
from danq.report.content import Section, listing, section
from danq.report.results import Results


def notes(results: Results) -> Section | None:
    """Explain intervals, and figures that need a definition, where anything was measured."""
    if not any(run.measured for run in results.runs):
        return None
    rows = [
        (
            "95% intervals",
            "Percentiles of a bootstrap over 100-kb blocks of the genome (over rows for sequences without "
            "coordinates, texts and images), moved back by as much as resampling raises the metric, which "
            "it does for the AUPRC: a row drawn twice ties with itself (Efron & Tibshirani 1993, An "
            f"Introduction to the Bootstrap, ch. 10 and 13). Below {FEWEST_BLOCKS} blocks there is no "
            "interval: so few tell too little of how much others would differ. They say how much other test "
            "rows would change a figure, not how much another seed would.",
        ),
        (
            "Differences",
            "Both runs are measured on the same resamples, so that what is hard for both cancels. The "
            "interval of several folds treats their test rows as drawn independently of each other.",
        ),
        (
            "SD",
            "Sample standard deviation over trainings with other seeds or folds. Of a difference: over pairs "
            "of the same seed and fold; where the runs have other seeds, over folds, or within one fold the "
            "root of the sum of both runs' variances.",
        ),
        ("AUPRC", "Average precision. A random ranking reaches the prevalence: the share of positive rows."),
        ("ECE", "Mean distance, over rows, of predicted probability and observed share in 15 equal bins."),
    ]
    return section("notes", "How figures are computed", "made", "", listing(["", ""], rows))
