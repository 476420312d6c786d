"""From predictions with labels to metrics, intervals, curves and calibration on disk."""

import hashlib
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from danq.data.dataset import SPLITS, Dataset, open_dataset
from danq.data.examples.labels import SPLIT_WORDS
from danq.errors import DanqError
from danq.evaluate.class_metrics import call_metrics, class_metrics, has_classes
from danq.evaluate.curves import calibration_table, curve_table, pool
from danq.evaluate.intervals import BLOCK_BP, LEVEL, draw_rows, interval
from danq.evaluate.leakage import REPEATED, Leakage, identical, leakage
from danq.evaluate.pairs import pair_table
from danq.evaluate.per_target import SplitScores, known_labels, score_split
from danq.evaluate.remarks import remarks
from danq.evaluate.runs import Drawn, Evaluation, LeakageSummary, Means, MeasuredSplit
from danq.files import sha256, staged
from danq.learn.predict.predictions import Predictions
from danq.learn.predict.reading import read_predictions
from danq.metrics import AREAS, SCORED, UNKNOWN
from danq.provenance import provenance
from danq.tables import write_frame

log = logging.getLogger("danq")

SEED = 1337
_ROWS_AT_ONCE = 1 << 16


def evaluate_predictions(
    paths: list[Path], out: Path, dataset: Path | None = None, resamples: int | None = None, seed: int = SEED
) -> Evaluation:
    """Measure a run's predictions and write `metrics.tsv`, `summary.json`, curves and calibration.

    Parameters
    ----------
    paths : list of Path
        Predictions of one run, one a split, as `read_predictions` reads them. Thresholds for F1 are chosen
        on `valid`. Unknown labels enter nothing and are counted.
    dataset : Path, optional
        The dataset behind the predictions; with it the test split is compared with the training windows.
    resamples : int, optional
        Resamples for 95% intervals, 0 for none; left out, `RESAMPLES` where that is `AFFORDABLE`.
    seed : int
        Seed of the resamples. Runs on one dataset share them, so their differences can be paired.

    Raises
    ------
    DanqError
        If the predictions have no labels, are of several runs, of one split twice, or not of the dataset.
    """
    if resamples is not None and resamples < 0:
        raise DanqError(f"--resamples: expected 0 or more, received {resamples}")
    splits = _read(paths, out)
    opened = None if dataset is None else open_dataset(dataset)
    thresholds: NDArray[np.float64] | None = None
    measured: list[SplitScores] = []
    described: dict[str, MeasuredSplit] = {}
    for split, predictions in splits.items():
        leak = None if opened is None else _leak(predictions, opened)
        drawn, undrawn = draw_rows(predictions, resamples, seed)
        # the sub-bins of a window share its fate
        kept = None if leak is None else np.repeat(leak.left, len(predictions) // max(len(leak.left), 1))
        scores = score_split(predictions, thresholds, drawn, kept)
        # validation comes first
        thresholds = scores.thresholds if split == "valid" else thresholds
        measured.append(scores)
        described[split] = _describe(scores, leak, undrawn)
        log.info("%s", _line(split, described[split]))
    run = next(iter(splits.values()))
    inputs = {"bundle": run.bundle_digest, "dataset": run.dataset_digest}
    inputs |= {str(path): sha256(path) for path in paths}
    origin = provenance(inputs, {"resamples": resamples, "seed": seed})
    summary = Evaluation(run=run.run, task=run.task, splits=described, provenance=origin)
    pairs = [pair_table(scores.predictions, known_labels(scores.predictions)) for scores in measured]
    _write(out, measured, pairs, summary)
    for line in remarks(measured[-1].metrics(), pairs[-1]):
        log.warning("%s: %s", measured[-1].predictions.split, line)
    return summary


def _read(paths: list[Path], out: Path) -> dict[str, Predictions]:
    """Predictions of one run by split, validation first, whose thresholds the others are called at.

    A file that does not say its split has that of its name, or else `test`; where none says the run, it is
    called as the directory `out` of results, or the one that holds it where it is called `evaluation`.
    """
    read: dict[str, tuple[Path, Predictions]] = {}
    each = {path: read_predictions(path) for path in paths}
    folder = out.resolve()
    name = folder.parent.name if folder.name == "evaluation" else folder.name
    run = next((predictions.run for predictions in each.values() if predictions.run), name)
    for path, predictions in each.items():
        if not predictions.split:
            words = re.split(r"[\W_]+", path.name.lower())
            split = next((SPLITS[SPLIT_WORDS[word]] for word in words if word in SPLIT_WORDS), "test")
            predictions = replace(predictions, split=split)
            log.info("%s: says no split, taken for that of %s", path, split)
        predictions = predictions if predictions.run else replace(predictions, run=run)
        if predictions.labels is None or not len(predictions):
            raise DanqError(f"{path}: expected predictions of labelled rows, received none with labels")
        if predictions.split in read:
            other = read[predictions.split][0]
            raise DanqError(f"{path}: the split {predictions.split!r} is that of {other} already")
        first, earlier = next(iter(read.values()), (path, predictions))
        if predictions.run != earlier.run:
            raise DanqError(
                f"{path}: expected predictions of run {earlier.run!r} as in {first}, "
                f"received run {predictions.run!r}; evaluate one run at a time"
            )
        if not np.array_equal(predictions.targets, earlier.targets):
            raise DanqError(f"{path}: expected the targets of {first}, received other ones")
        read[predictions.split] = path, predictions
    if not read:
        raise DanqError("expected at least one file of predictions, received none")
    order = dict.fromkeys(["valid", *SPLITS, *sorted(read)])
    return {split: read[split][1] for split in order if split in read}


def _leak(predictions: Predictions, dataset: Dataset) -> Leakage | None:
    """Check that the rows are the dataset's; compare those of the test split with the training windows."""
    split = predictions.split
    if predictions.dataset_digest and predictions.dataset_digest != dataset.digest:
        raise DanqError(
            f"{dataset.path}: expected the dataset {predictions.dataset_digest[:12]} of the predictions, "
            f"received {dataset.digest[:12]}"
        )
    if split not in SPLITS or predictions.ids.tolist() != dataset.label_ids(dataset.rows(split)):
        raise DanqError(
            f"{dataset.path}: expected the rows of the predictions in its split {split!r}, found other ones"
        )
    if split != "test":
        return None
    return leakage(dataset, split) if dataset.kind == "dna" else identical(dataset, split)


def _describe(scores: SplitScores, leak: Leakage | None, undrawn: str) -> MeasuredSplit:
    """Everything of a split that is no table; `undrawn` says why there are no intervals."""
    metrics, predictions, resamples = scores.metrics(), scores.predictions, scores.resamples
    scored = metrics.filter(status=SCORED)
    status = metrics.filter(pl.col("status") != SCORED)["status"].value_counts()
    means = {name: _means(scored[name]) for name in ("auroc", "auprc", "f1", "mcc")}
    for name, values in scores.macro_areas().items():
        mean = means[name].mean
        ends = interval(values, np.nan if mean is None else mean).tolist()
        low, high = (None if np.isnan(end) else end for end in ends)
        means[name] = _means(scored[name], low=low, high=high)
    drawn = None
    if resamples is not None:
        blocks, number = resamples.counts.shape
        block = "row" if predictions.start is None else f"{BLOCK_BP} bp"
        drawn = Drawn(level=LEVEL, resamples=number, blocks=blocks, block=block)
    of_kind: dict[str, Any] = {}
    if has_classes(predictions):
        of_kind["classes"] = class_metrics(predictions.probabilities, known_labels(predictions))
    if predictions.task != "multiclass":
        k = len(predictions.targets)
        of_kind["calls"] = {name: call_metrics(each, k) for name, each in scores.calls.items()}
        of_kind["called"] = {name: len(each) for name, each in scores.calls.items()}
    return MeasuredSplit(
        n=len(predictions),
        unknown_labels=int(metrics["unknown"].sum()),
        rows=_digest_rows(predictions),
        targets=len(predictions.targets),
        scored=len(scored),
        not_scored=dict(sorted(status.iter_rows())),
        **means,
        ece=_means(scored["ece"], pooled=pool([target.reliability for target in scores.targets]).ece),
        intervals=drawn,
        **of_kind,
        leakage=None if leak is None else _describe_leakage(metrics, leak),
        no_intervals=undrawn or None,
    )


def _digest_rows(predictions: Predictions) -> str:
    """SHA-256 of names, order and labels of rows and targets: runs with the same one can be compared."""
    labels, digest = known_labels(predictions), hashlib.sha256()
    for names in (predictions.targets, predictions.ids):
        for first in range(0, len(names), _ROWS_AT_ONCE):
            digest.update("\0".join([*names[first : first + _ROWS_AT_ONCE].tolist(), ""]).encode())
        digest.update(b"\1")
    for first in range(0, len(labels), _ROWS_AT_ONCE):
        block = labels[first : first + _ROWS_AT_ONCE]
        digest.update(np.packbits(block > 0, axis=1).tobytes())
        if (block == UNKNOWN).any():
            digest.update(np.packbits(block == UNKNOWN, axis=1).tobytes())
    return digest.hexdigest()


def _describe_leakage(metrics: pl.DataFrame, leak: Leakage) -> LeakageSummary:
    left = {name: metrics[f"{name}_without_repeats"] for name in AREAS}
    return LeakageSummary(
        windows=len(leak.repeats),
        overlapping=int(leak.overlaps.sum()),
        repeats=int(leak.repeats.sum()),
        left=int(leak.left.sum()),
        word_bp=leak.k,
        smallest_share=REPEATED,
        words_sampled=leak.sampled,
        scored=int(left["auroc"].is_not_null().sum()),
        **{name: _means(values) for name, values in left.items()},
    )


def _means(values: pl.Series, **more: float | None) -> Means:
    known = values.drop_nulls()
    numbers: dict[str, Any] = {"mean": known.mean(), "median": known.median()}
    return Means(**numbers, targets=len(known), **more)


def _line(split: str, measured: MeasuredSplit) -> str:
    of = f"{measured.scored} of {measured.targets} targets scored"
    of += f"; {measured.unknown_labels:,} unknown labels left out" if measured.unknown_labels else ""
    if not measured.scored:
        return f"{split}: {of}"
    means = f"mean AUROC {measured.auroc.mean:.4f}, mean AUPRC {measured.auprc.mean:.4f}"
    classes = measured.classes
    more = f", accuracy {classes.accuracy:.4f}, MCC {classes.mcc:.4f}" if classes else ""
    return f"{split}: {means}{more} ({of})"


def _write(out: Path, measured: list[SplitScores], pairs: list[pl.DataFrame], summary: Evaluation) -> None:
    metrics, resamples = [s.metrics() for s in measured], [s.resampled() for s in measured]
    gathered = [calibration_table(s.predictions, [t.reliability for t in s.targets]) for s in measured]
    drawn = [curve_table(s.predictions, [t.curves for t in s.targets]) for s in measured]
    with staged(out) as partial:
        write_frame(partial / "metrics.tsv", pl.concat(metrics))
        write_frame(partial / "calibration.tsv", pl.concat(gathered))
        write_frame(partial / "curves.parquet", pl.concat(drawn))
        write_frame(partial / "pairs.tsv", pl.concat(pairs))
        write_frame(partial / "resamples.parquet", pl.concat(resamples, how="diagonal"))
        summary.write(partial)
