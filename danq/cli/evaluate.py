"""``danq evaluate``: predictions of a run become metrics, intervals, curves and calibration."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from danq.cli.options import Threads

log = logging.getLogger("danq")


def evaluate(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Labelled predictions of one run, one .npz, .parquet or .tsv file a split."),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Directory of metrics.tsv, summary.json, curves, calibration, resamples, pairs."),
    ],
    dataset: Annotated[
        Path | None,
        typer.Option(help="Dataset of the predictions: look for test windows that repeat training windows."),
    ] = None,
    resamples: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Resamples of 100-kb blocks for 95% intervals, 0 for none  "
            "[default: 1000, or none where rows x targets exceed 30 million]",
        ),
    ] = None,
    threads: Threads = None,
) -> None:
    """Measure predictions: AUROC, AUPRC, F1 at thresholds chosen on validation, calibration, leakage.

    Targets without positives or without negatives in a split are not scored there and enter no mean; unknown
    labels (-1, or nothing) enter nothing. Another tool's predictions need `ids`, `targets`, `labels` and
    `probabilities` or `logits`.
    """
    from danq.evaluate.evaluate import evaluate_predictions
    from danq.jobs import sole_writer

    with sole_writer(out):
        summary = evaluate_predictions(predictions, out, dataset, resamples)
    log.info("%s: metrics of run %s on %s", out, summary.run, ", ".join(summary.splits))
