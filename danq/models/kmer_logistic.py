"""Honest baseline: logistic regression on the k-mers of both strands of the same window.

log(1 + count) of each canonical k-mer, standardised on training rows, one L2-penalised regression a target.
k and C are chosen by the mean AUROC over targets on the validation split. The result is a Keras model of one
dense layer, so that it predicts as any other model.
"""

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from threadpoolctl import ThreadpoolController

from danq.data.dataset import Dataset
from danq.data.encoders import Encoder
from danq.data.encoders.kmers import KmerCounts
from danq.errors import DanqError
from danq.metrics import SCORED, auprc, auroc, cross_entropy, known_shares, rank
from danq.models.logistic_regression import Linear, regress
from danq.options import Closed
from danq.progress import progress

if TYPE_CHECKING:
    import keras

log = logging.getLogger("danq")

KIND = "dna"

_READ_AT_ONCE = 8192


class Options(Closed):
    """What is tried, and on how many rows."""

    k: list[Annotated[int, Field(ge=1, le=8)]] = Field(
        [4, 5, 6], min_length=1, description="word lengths in bp to choose from, each 1 to 8"
    )
    c: list[Annotated[float, Field(gt=0)]] = Field(
        [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 1e-1],
        min_length=1,
        description="inverse strengths of the L2 penalty (scikit-learn's C) to choose from; tried from the "
        "smallest until the validation value has been falling twice",
    )
    tuning_rows: int = Field(
        20_000, ge=1, description="training and validation rows at most while k and C are chosen"
    )
    tuning_targets: int = Field(25, ge=1, description="targets at most while k and C are chosen")
    max_rows: int = Field(60_000, ge=1, description="training rows at most in the final fit")


class _Scale(NamedTuple):
    """Mean and standard deviation of each column; columns that never vary have an infinite deviation."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def encoder(options: Options) -> Encoder:
    """Unfitted encoder of the longest word; `fit` chooses among all lengths."""
    return KmerCounts(max(options.k))


def check_window(options: Options, window: int) -> list[int]:
    """Give the word lengths that a window of so many bp holds, ascending; without any a refusal."""
    lengths = sorted({k for k in options.k if k <= window})
    if not lengths:
        raise DanqError(f"k: expected a word of at most the window's {window} bp, received {options.k}")
    return lengths


def build(options: Options, encoder: Encoder, n_targets: int, task: str) -> "keras.Model":
    """Build the linear model: ``{"counts"}`` → log(1 + count) → dense ``logits``, all weights 0."""
    import keras

    counts = keras.Input(encoder.inputs["counts"][0], dtype="float32", name="counts")
    logits = keras.layers.Dense(n_targets, kernel_initializer="zeros", name="logits", dtype="float32")
    return keras.Model({"counts": counts}, logits(keras.ops.log1p(counts)), name="kmer_logistic")


def logits(
    inputs: dict[str, NDArray[np.float32]], weights: dict[str, list[NDArray[np.float32]]]
) -> NDArray[np.float32]:
    """Compute by NumPy what the model of `build` does: float32 (n, k) of its inputs and trained weights."""
    kernel, bias = weights["logits"]
    return np.log1p(inputs["counts"]) @ kernel + bias


def fit(options: Options, dataset: Dataset, seed: int) -> tuple[Encoder, "keras.Model", list[dict[str, Any]]]:
    """Choose k and C on the validation split, fit on the training split.

    Returns
    -------
    tuple
        Fitted encoder, model, and a history of one entry (with the chosen ``k`` and ``c``).

    Raises
    ------
    DanqError
        If every k is longer than the window.
    """
    # the regressions multiply in threads of their own
    with ThreadpoolController().limit(limits=1):
        return _fit(options, dataset, seed)


def _fit(
    options: Options, dataset: Dataset, seed: int
) -> tuple[Encoder, "keras.Model", list[dict[str, Any]]]:
    started = time.monotonic()
    generator = np.random.default_rng(seed)
    rows = _sample(dataset.rows("train"), options.max_rows, generator)
    counter, c = _choose(options, dataset, rows, generator)
    features, labels = _features(dataset, rows, counter), dataset.labels(rows)
    scale = _standardise(features)
    with progress("fitting k-mer regressions", len(dataset.targets), "targets") as advance:
        linear = regress(features, labels, c, dataset.task, advance=advance)
    entry = {
        "epoch": 1,
        "train_loss": _loss(linear.logits(features), labels, dataset.task),
        **_validate(dataset, counter, scale, linear),
        "seconds": time.monotonic() - started,
        "samples_per_second": len(rows) / (time.monotonic() - started),
        "k": counter.k,
        "c": c,
    }
    score = "not measured" if entry["valid_auroc"] is None else f"{entry['valid_auroc']:.4f}"
    seconds = entry["seconds"]
    log.info("k-mer regression: k = %d, C = %g, validation AUROC %s, %.0f s", counter.k, c, score, seconds)
    return counter, _model(options, counter, scale, linear, dataset.task), [entry]


def _sample(values: NDArray[np.int64], most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    return values if len(values) <= most else np.sort(generator.choice(values, most, replace=False))


def _choose(
    options: Options, dataset: Dataset, rows: NDArray[np.int64], generator: np.random.Generator
) -> tuple[KmerCounts, float]:
    """Try every k and C on some rows and targets; the first best mean AUROC wins."""
    lengths = check_window(options, dataset.window)
    train, valid = (_sample(part, options.tuning_rows, generator) for part in (rows, dataset.rows("valid")))
    targets = np.arange(len(dataset.targets))
    if dataset.task == "multilabel":
        targets = _sample(targets, options.tuning_targets, generator)
    labels = [dataset.labels(part)[:, targets] for part in (train, valid)]
    middle = sorted(options.c)[len(options.c) // 2]
    if not ((labels[1] == 1).any(axis=0) & (labels[1] == 0).any(axis=0)).any():
        log.warning("k-mer regression: no target has both labels in validation; k and C are not tuned")
        return KmerCounts(lengths[-1], dataset.window), middle
    best = (0.0, lengths[-1], middle)
    with progress("choosing k and C", len(lengths), "word lengths") as advance:
        for k in lengths:
            counter = KmerCounts(k, dataset.window)
            features = [_features(dataset, part, counter) for part in (train, valid)]
            _rescale(features[1], _standardise(features[0]))
            for c, score in _path(sorted(options.c), features, labels, dataset.task):
                log.debug("k-mer regression: k = %d, C = %g: validation AUROC %.4f", k, c, score)
                best = (score, k, c) if score > best[0] else best
            advance(1, f"AUROC {best[0]:.4f}")
    return KmerCounts(best[1], dataset.window), best[2]


def _path(
    strengths: list[float], features: list[NDArray[np.float32]], labels: list[NDArray[np.int8]], task: str
) -> Iterator[tuple[float, float]]:
    """Yield (C, validation AUROC) of fits, from the smallest C until the AUROC has fallen twice."""
    scores: list[float] = []
    linear = None
    for c in strengths:
        linear = regress(features[0], labels[0], c, task, linear)
        # the caller has seen to it that some target has both labels
        scores.append(_scores(linear.logits(features[1]), labels[1])[0] or 0.0)
        yield c, scores[-1]
        if len(scores) > 2 and scores[-3] > scores[-2] > scores[-1]:
            return


def _features(dataset: Dataset, rows: NDArray[np.int64], counter: KmerCounts) -> NDArray[np.float32]:
    features = np.empty((len(rows), counter.size), np.float32)
    for first in range(0, len(rows), _READ_AT_ONCE):
        block = slice(first, first + _READ_AT_ONCE)
        features[block] = counter.encode(dataset.codes(rows[block]))["counts"]
    return np.log1p(features, out=features)


def _standardise(features: NDArray[np.float32]) -> _Scale:
    """Standardise columns in place; says how. Works in blocks, for the features may fill the memory."""
    mean = features.mean(axis=0, dtype=np.float64)
    squares = np.zeros_like(mean)
    for first in range(0, len(features), _READ_AT_ONCE):
        squares += ((features[first : first + _READ_AT_ONCE] - mean) ** 2).sum(axis=0)
    deviation = np.sqrt(squares / len(features)).astype(np.float32)
    scale = _Scale(mean.astype(np.float32), np.where(deviation > 0, deviation, np.float32(np.inf)))
    _rescale(features, scale)
    return scale


def _rescale(features: NDArray[np.float32], scale: _Scale) -> None:
    features -= scale.mean
    features /= scale.deviation


def _validate(
    dataset: Dataset, counter: KmerCounts, scale: _Scale, linear: Linear
) -> dict[str, float | None]:
    """Loss and scores of all validation rows."""
    rows = dataset.rows("valid")
    labels = dataset.labels(rows)
    logits = np.empty(labels.shape, np.float32)
    for first in range(0, len(rows), _READ_AT_ONCE):
        block = slice(first, first + _READ_AT_ONCE)
        features = _features(dataset, rows[block], counter)
        _rescale(features, scale)
        logits[block] = linear.logits(features)
    auroc, auprc = _scores(logits, labels)
    return {"valid_loss": _loss(logits, labels, dataset.task), "valid_auroc": auroc, "valid_auprc": auprc}


def _scores(logits: NDArray[np.float32], labels: NDArray[np.int8]) -> tuple[float, float] | tuple[None, None]:
    """Mean AUROC and AUPRC over the targets that have both values; None if there is none."""
    rankings = [rank(logits[:, target], labels[:, target]) for target in range(labels.shape[1])]
    scored = [ranking for ranking in rankings if ranking.status == SCORED]
    if not scored:
        return None, None
    return float(np.mean([*map(auroc, scored)])), float(np.mean([*map(auprc, scored)]))


def _loss(logits: NDArray[np.float32], labels: NDArray[np.int8], task: str) -> float:
    return float(cross_entropy(logits, labels, task).sum() / max(known_shares(labels).sum(), 1e-9))


def _model(options: Options, counter: KmerCounts, scale: _Scale, linear: Linear, task: str) -> "keras.Model":
    """Fold the standardisation into the dense layer."""
    model = build(options, counter, len(linear.intercepts), task)
    kernel = linear.weights / scale.deviation[:, None]
    bias = linear.intercepts - scale.mean.astype(np.float64) @ kernel
    model.get_layer("logits").set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
    return model
