"""The recipe: which network learns from so many examples, and how; what `danq init` writes as a run."""

from dataclasses import dataclass
from typing import Any

_BUDGET = 600_000
"""Training examples that a small network sees over all epochs; of a larger dataset each comes less often."""
_FEWEST, _MOST = 10, 60
"""Epochs."""
_LARGE = 1_000_000
"""Training windows from which on the published network pays, given a GPU."""
_MANY_BINS, _MANY_TARGETS = 500_000, 50
"""Training bins of which not all are kept; targets whose positives are enough by themselves."""


@dataclass(frozen=True)
class Counts:
    """What a recipe is sized by.

    Attributes
    ----------
    windows : int
        Training examples: all bins while `keep` is to be chosen, those that it leaves afterwards.
    positives : tuple of int
        Of each target, among the training examples.
    window : int
        bp that the model sees.
    gpu : bool
        Whether a GPU trains.
    """

    windows: int
    positives: tuple[int, ...]
    window: int
    gpu: bool


@dataclass(frozen=True)
class Recipe:
    """What goes into a configuration.

    Attributes
    ----------
    runs : dict of str to dict
        The runs as a configuration has them, without `dataset`.
    reasons : dict of str to str
        A comment for each of some keys: ``danq.train.epochs``, ``keep``.
    keep : str or dict
        Which training bins the dataset keeps, as a configuration has it.
    """

    runs: dict[str, dict[str, Any]]
    reasons: dict[str, str]
    keep: Any = "all"


def choose_recipe(counts: Counts) -> Recipe:
    """Choose network, regularisation, optimizer, schedule and epochs by what there is to learn from."""
    runs, reasons = _runs(counts)
    keep, why = _keep(counts)
    return Recipe(runs, reasons | {"keep": why}, keep)


def _runs(counts: Counts) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    baseline = {"model": "kmer_logistic"}
    reasons = {"kmer_logistic": "the baseline that a network has to beat"}
    if counts.gpu and counts.windows >= _LARGE:
        train = {"reverse_complement": "augment", "require_gpu": True}
        reasons["danq"] = "DanQ as published"
        return {"danq": {"model": "danq", "train": train}, "kmer_logistic": baseline}, reasons
    epochs = min(_MOST, max(_FEWEST, round(_BUDGET / counts.windows)))
    batch = 100 if counts.windows > 5000 else 50
    steps = epochs * -(-counts.windows // batch)
    options = {
        "filters": 192,
        "kernel": 13,
        "padding": "same",
        "pool": max(5, round(counts.window / 30)),
        "dropout": 0.1,
        "units": 96,
        "rnn_dropout": 0.5,
        "dense": 128,
    }
    train = {
        "batch_size": batch,
        "epochs": epochs,
        "monitor": "auprc",
        "optimizer": "adam",
        "learning_rate": 0.002,
        "schedule": {"kind": "cosine", "warmup_steps": min(200, steps // 20), "decay": 0.01},
        "reverse_complement": "augment",
    }
    if len(counts.positives) > 1:
        train["target_weight"] = "rare"
        reasons["danq.train.target_weight"] = "rare targets count as well as common ones"
    reasons |= {
        "danq": "a small DanQ, sized by the number of training windows",
        "danq.train.epochs": "passes over the training windows; the cosine schedule runs to its end",
        "danq.train.monitor": "the epoch of the highest validation AUPRC is kept",
        "danq.train.reverse_complement": "each window is read on a random strand",
    }
    return {"danq": {"model": "danq", "options": options, "train": train}, "kmer_logistic": baseline}, reasons


def _keep(counts: Counts) -> tuple[Any, str]:
    """Choose the training bins that are kept, and say why."""
    if counts.windows < _MANY_BINS:
        return "all", "all training bins: they are not too many"
    if len(counts.positives) < _MANY_TARGETS:
        return {"negatives_per_positive": 1.0, "match": "gc"}, "training bins: positives and as many others"
    return "positive", "training bins with at least one target"
