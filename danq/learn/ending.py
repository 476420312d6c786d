"""How a training ended, and what its course says of what to change: for the log and for the report.

Importable without TensorFlow.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["diverged", "untrained", "rising", "overfit"]

RISING_SHARE, RISING_SHARE_OF_COSINE = 3, 6
"""A rise is looked for in the last third of the epochs, but in 4 of them at least: fewer show no trend. Of a
cosine schedule at its end it is the last sixth, where the rate is below a tenth of its highest: before that
validation rises because the rate falls."""
RISING_ERRORS, STEEP_ERRORS = 3.0, 1.5
"""Standard errors by which the trend must lie above level, for the metric of a plateau goes up and down, too;
and by which a steep one must, for four epochs hardly ever show more."""
RISING_GAIN = 0.05
"""Rise over those epochs, as a part of how far validation is above chance, below which it is not told: the
last epochs of a training that has learnt what it can bring less."""
RISING_STEEPLY = 0.2
"""Rise, read in the same way, that is steep: plateaus go up and down by less."""
OVERFIT_GAP, OVERFIT_TIMES = 0.2, 2.0
"""Uncertainty of the labels that training explains beyond validation, as a part of all and as a multiple,
from which on it is told, in the epoch that is kept or the last; good trainings have gaps of a tenth."""


class Remark(NamedTuple):
    """What the course of one training says.

    Attributes
    ----------
    figure : str
        The numbers that say so.
    key : str
        Key of the run to try next, with a value, such as ``train.epochs: 24``.
    """

    kind: Kind
    figure: str
    key: str


def remarks(
    train: Mapping[str, Any],
    training: Mapping[str, Any],
    best: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    data_kind: str,
) -> list[Remark]:
    """Say what the course of a training says, the gravest first.

    Parameters
    ----------
    train, training, best, data_kind : mapping, mapping, mapping, str
        As in `BundleManifest`; what is missing there says nothing.
    history : sequence of mappings
        Rows of ``history.tsv`` by column.
    """
    made = [
        _diverged(train, training, best),
        _untrained(train, training, best),
        None if training.get("ended") == "diverged" else _rising(train, training, best, history),
        _overfit(train, training, best, history, data_kind),
    ]
    return [remark for remark in made if remark is not None]


def ended(train: Mapping[str, Any], training: Mapping[str, Any]) -> str | None:
    """Say why a training ended: ``epochs``, ``patience`` or ``diverged``; None for one without epochs."""
    if "ended" in training or not training.get("epochs"):
        return training.get("ended")
    return "epochs" if training["epochs"] >= train.get("epochs", math.inf) else "patience"


def not_above_chance(best: Mapping[str, Any]) -> str | None:
    """Say that a run is not trained enough, where its validation AUPRC is not above the prevalence.

    `best` is as `BundleManifest.best`.
    """
    auprc, prevalence = best.get("valid_auprc"), best.get("valid_prevalence")
    if auprc is None or prevalence is None or auprc > prevalence:
        return None
    return f"not trained enough: validation AUPRC {auprc:.4f}, of chance {prevalence:.4f}"


def _diverged(
    train: Mapping[str, Any], training: Mapping[str, Any], best: Mapping[str, Any]
) -> Remark | None:
    if training.get("ended") != "diverged":
        return None
    figure = f"{training.get('diverged')}; the weights of epoch {best.get('epoch')} are kept"
    return Remark("diverged", figure, _calmer(train))


def _calmer(train: Mapping[str, Any]) -> str:
    if train.get("clip_norm") is None:
        return "train.clip_norm: 1"
    return f"train.learning_rate: {train.get('learning_rate', 0.001) / 3:.2g}"


def _untrained(
    train: Mapping[str, Any], training: Mapping[str, Any], best: Mapping[str, Any]
) -> Remark | None:
    figure = not_above_chance(best)
    # a model that is not trained in epochs cannot be trained longer
    if figure is None or ended(train, training) is None:
        return None
    patient = ended(train, training) != "patience" and "epochs" in train
    return Remark("untrained", figure, f"train.epochs: {4 * train['epochs']}" if patient else _calmer(train))


def _rising(
    train: Mapping[str, Any],
    training: Mapping[str, Any],
    best: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
) -> Remark | None:
    known = [row["valid_auprc"] for row in history if row.get("valid_auprc") is not None]
    reason = ended(train, training)
    whole_cosine = reason == "epochs" and (train.get("schedule") or {}).get("kind") == "cosine"
    share = RISING_SHARE_OF_COSINE if whole_cosine else RISING_SHARE
    rise = still_rising(known, best.get("valid_prevalence") or 0.0, share)
    if rise is None:
        return None
    epochs = train.get("epochs") or len(history)
    how, key = f"stopped at its last epoch, {epochs},", f"train.epochs: {2 * epochs}"
    if reason == "patience":
        patience, monitor = train.get("patience"), train.get("monitor", "loss")
        how = f"stopped in epoch {len(history)} of {epochs}, for validation {monitor} had not got better,"
        key = f"train.patience: {2 * (patience or 5):g}" if monitor == "auprc" else "train.monitor: auprc"
    figure = (
        f"{how} with validation AUPRC still rising, from {rise.first:.3f} to {rise.last:.3f} in the last "
        f"{rise.epochs} epochs"
    )
    return Remark("rising", figure, key)


class Rise(NamedTuple):
    """Of the last `epochs` epochs, the metric in the first and in the last of them."""

    epochs: int
    first: float
    last: float


def still_rising(values: Sequence[float], chance: float = 0.0, share: int = RISING_SHARE) -> Rise | None:
    """Tell whether a metric was still rising when the training stopped; None where it was not.

    A line is laid through the last of `share` parts. It rises if it does so by `RISING_ERRORS` of its
    standard errors, and by `RISING_GAIN` of how far the best value is above `chance`; or by `STEEP_ERRORS`
    and `RISING_STEEPLY`. Of two or three epochs the last must be the best by `RISING_GAIN`; one epoch shows
    nothing.
    """
    if len(values) < 2:
        return None
    n = min(max(4, math.ceil(len(values) / share)), len(values))
    last = np.asarray(values[-n:], np.float64)
    height = max(max(values) - min(chance, min(values)), 1e-12)
    if n < 4:
        rising = last[-1] - last[:-1].max() >= RISING_GAIN * height
    else:
        epoch = np.arange(n) - (n - 1) / 2
        slope = float(epoch @ last / (epoch @ epoch))
        left = last - last.mean() - slope * epoch
        error = math.sqrt(float(left @ left) / (n - 2) / float(epoch @ epoch))
        limits = ((RISING_ERRORS, RISING_GAIN), (STEEP_ERRORS, RISING_STEEPLY))
        rising = any(
            slope >= n_errors * error and slope * (n - 1) >= gain * height for n_errors, gain in limits
        )
    return Rise(n, float(last[0]), float(last[-1])) if rising else None


def _overfit(
    train_options: Mapping[str, Any],
    training: Mapping[str, Any],
    best: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    data_kind: str,
) -> Remark | None:
    chance = training.get("chance_loss")
    kept = next((row for row in history if row.get("epoch") == best.get("epoch")), None)
    if kept is None or not chance or not all(chance.values()):
        return None
    parts = {row["epoch"]: _explained(row, chance) for row in (kept, history[-1])}
    if not any(map(_apart, parts.values())):
        return None
    shares = [
        f"{train:.0%} and {valid:.0%} in epoch {epoch}{', whose weights are kept' * (epoch == kept['epoch'])}"
        for epoch, (train, valid) in parts.items()
    ]
    figure = f"of the uncertainty of training and validation labels the model explains {'; '.join(shares)}"
    return Remark("overfit", figure, plainer(train_options, data_kind))


def _explained(row: Mapping[str, Any], chance: Mapping[str, float]) -> tuple[float, float]:
    """Part of the uncertainty of training and validation labels that the model of an epoch explains."""
    losses = (row.get(f"{split}_loss") for split in ("train", "valid"))
    train, valid = (
        0.0 if loss is None else max(1 - loss / chance[split], 0.0)
        for split, loss in zip(("train", "valid"), losses, strict=True)
    )
    return train, valid


def _apart(parts: tuple[float, float]) -> bool:
    train, valid = parts
    return train - valid >= OVERFIT_GAP and train >= OVERFIT_TIMES * valid


def plainer(train: Mapping[str, Any], data_kind: str) -> str:
    """Give the first way to learn less by heart that a run does not go yet."""
    if data_kind == "dna" and train.get("reverse_complement", "none") == "none":
        return "train.reverse_complement: augment"
    if not train.get("weight_decay"):
        return "train.optimizer: adamw, train.weight_decay: 0.01"
    return "options.dropout: 0.5"
