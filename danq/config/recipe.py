"""The recipe: which network learns from so many examples, and how; what `danq init` writes as a run."""

from dataclasses import dataclass
from typing import Any

_BUDGET = 600_000
"""Training examples that a small network sees over all epochs: of a larger dataset each comes less often."""
_FEWEST_EPOCHS, _MOST_EPOCHS = 10, 40
"""Beyond 40 passes nothing got better, but for the smallest datasets."""
_TINY, _MOST_EPOCHS_OF_TINY = 3000, 60
_FEW = 10_000
"""Training windows below which more is dropped."""
_LARGE = 1_000_000
"""Training windows from which on the published network pays, given a GPU."""
_ENOUGH = 5000
"""Training windows below which more negatives are taken than positives."""
_ALL = 0.4
"""Part of the bins that are positive for some target from which on all bins are kept."""


@dataclass(frozen=True)
class Counts:
    """What a recipe is sized by.

    Attributes
    ----------
    windows : int
        Training examples.
    targets : int
        Targets, or classes.
    window : int
        bp that the model sees.
    gpu : bool
        Whether a GPU trains.
    of_genome : bool
        Examples are bins in the middle of a window, instead of sequences of their own, labelled as a whole.
    classes : bool
        Each example is of one class, instead of positive for any number of targets.
    """

    windows: int
    targets: int
    window: int
    gpu: bool
    of_genome: bool = True
    classes: bool = False


@dataclass(frozen=True)
class Recipe:
    """What goes into a configuration.

    Attributes
    ----------
    runs : dict of str to dict
        The runs as a configuration has them, without `dataset`.
    reasons : dict of str to str
        A comment for each of some keys, such as ``danq.train.epochs``.
    """

    runs: dict[str, dict[str, Any]]
    reasons: dict[str, str]


def choose_recipe(counts: Counts) -> Recipe:
    """Choose network, regularisation, optimizer, schedule and epochs by what there is to learn from.

    What was tried, on which data, and what it gave stands in docs/results.md.
    """
    network, reasons = _published() if counts.gpu and counts.windows >= _LARGE else _small(counts)
    runs = {
        "danq": network,
        "kmer_logistic": {"model": "kmer_logistic"},
        "mean": {"model": "ensemble", "options": {"members": ["danq", "kmer_logistic"]}},
    }
    reasons |= {
        "kmer_logistic": "the baseline that a network has to beat",
        "mean": "the mean of both, weighted by validation AUPRC: of what does not help nothing is taken",
    }
    return Recipe(runs, reasons)


def _published() -> tuple[dict[str, Any], dict[str, str]]:
    train = {"monitor": "auprc", "reverse_complement": "augment", "require_gpu": True}
    return {"model": "danq", "train": train}, {
        "danq": "DanQ as published",
        "danq.train.monitor": "the epoch of the highest validation AUPRC is kept",
        "danq.train.reverse_complement": "each window is read on a random strand",
    }


def _small(counts: Counts) -> tuple[dict[str, Any], dict[str, str]]:
    most = _MOST_EPOCHS if counts.windows > _TINY else _MOST_EPOCHS_OF_TINY
    epochs = min(most, max(_FEWEST_EPOCHS, round(_BUDGET / counts.windows)))
    batch = 100 if counts.windows > _ENOUGH else 50
    steps = epochs * -(-counts.windows // batch)
    whole = not counts.of_genome
    options = {
        "filters": 192,
        "kernel": 13,
        "padding": "same",
        "pool": min(counts.window, max(5, round(counts.window / 30))),
        "dropout": 0.3 if whole or counts.windows < _FEW else 0.1,
        "units": 96,
        "rnn_dropout": 0.5,
        "head": "pools" if whole else "flatten",
        "dense": 128,
    }
    train = {
        "batch_size": batch,
        "epochs": epochs,
        "monitor": "auprc",
        "optimizer": "adam",
        "learning_rate": 0.002,
        "schedule": {"kind": "cosine", "warmup_steps": min(200, steps // 20), "decay": 0.01},
        "average": round(1 - 1 / max(50, steps / 20), 5),
        "reverse_complement": "augment",
    }
    reasons = {
        "danq": "a small DanQ, sized by the number of training windows",
        "danq.options.head": "where a motif lies does not matter"
        if whole
        else "the bin is the window's middle",
        "danq.train.epochs": f"passes over {counts.windows:,} training windows; the schedule runs to its end",
        "danq.train.monitor": "the epoch of the highest validation AUPRC is kept",
        "danq.train.average": "weights are a running mean of the last twentieth of the steps",
        "danq.train.reverse_complement": "each window is read on a random strand",
    }
    if counts.targets > 1 and not counts.classes:
        train["target_weight"] = "rare"
        reasons["danq.train.target_weight"] = "rare targets count as well as common ones"
    return {"model": "danq", "options": options, "train": train}, reasons


def choose_keep(bins: int, positive: int) -> tuple[dict[str, float] | None, str]:
    """Choose the training bins that are kept, and say why.

    Parameters
    ----------
    bins, positive : int
        Training bins, and those of them that are positive for a target.

    Returns
    -------
    dict or None, str
        What a dataset's `keep` holds, None for all bins; the comment.
    """
    if not positive or positive >= _ALL * bins:
        return None, "all training bins"
    # of few positives, so many negatives that there is something to learn from
    negatives = max(1, -(-(_ENOUGH - positive) // positive))
    if positive * (1 + negatives) >= bins:
        return None, "all training bins: positives are few"
    many = "as many" if negatives == 1 else f"{negatives} times as many"
    return {
        "negatives_per_positive": float(negatives)
    }, f"training bins: those with a target and {many} without"
