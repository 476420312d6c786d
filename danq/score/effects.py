"""What an allele changes: probabilities, their difference, and the difference of log-odds from logits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from danq.errors import DanqError
from danq.metrics import class_log_odds
from danq.score.options import Strands
from danq.score.runner import Logits, Runner
from danq.variants.haplotypes import Windows


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of m alleles on k targets, with ALT minus REF as their sign.

    Attributes
    ----------
    p_ref, p_alt : float32, shape (m, k)
        Probability on the reference and the alternate window; the mean over strands.
    diff : float32, shape (m, k)
        ``p_alt - p_ref``, taken before rounding.
    logit_diff : float32, shape (m, k)
        Difference of the natural log-odds.
    spread : float32, shape (m, k), or None
        Standard deviation (n − 1) of `logit_diff` over the models of an ensemble.
    evalue : float32, shape (m, k), or None
        Share of a background's alleles with a larger `statistic`.
    """

    p_ref: NDArray[np.float32]
    p_alt: NDArray[np.float32]
    diff: NDArray[np.float32]
    logit_diff: NDArray[np.float32]
    spread: NDArray[np.float32] | None = None
    evalue: NDArray[np.float32] | None = None

    def statistic(self) -> NDArray[np.float64]:
        """|diff · log2 odds difference|, DeepSEA's statistic behind e-values: float64, shape (m, k)."""
        return np.abs(self.diff.astype(np.float64) * self.logit_diff / math.log(2))


def score_windows(runners: Sequence[Runner], windows: Windows, strands: Strands) -> Effects:
    """Run models, several of which are an ensemble, on windows and compute what the alleles change.

    Raises
    ------
    DanqError
        If a model gives no numbers.
    """
    if not len(windows.alternate):
        nothing = [np.empty((0, len(runners[0].targets)), np.float32)] * 4
        return combine([Effects(*nothing)] * len(runners))
    models = []
    for number, runner in enumerate(runners, 1):
        logits = runner.logits(windows.reference, windows.alternate, windows.group)
        if not (np.isfinite(logits.reference).all() and np.isfinite(logits.alternate).all()):
            raise DanqError(f"model {number}: expected finite logits, received others; is it trained?")
        models.append(effects(logits, windows.group, runner.task, strands))
    return combine(models)


def effects(logits: Logits, group: NDArray[np.int64], task: str, strands: Strands) -> Effects:
    """Compute the effects of alternates on what a model says of their reference windows.

    Parameters
    ----------
    logits : Logits
        float32, (strands, g, k) of references and (strands, m, k) of alternates; forward strand first.
    group : int64, shape (m,)
        Index of each alternate's reference window.
    task : {"multilabel", "multiclass"}
        Sigmoid, or softmax over the targets.
    strands : {"scores", "predictions", "forward"}
        scores: probability and log-odds differences of each strand, then their mean (Zhou and Troyanskaya
        2015, DeepSEA); predictions: log-odds of the mean probability; forward: the first strand alone.

    Returns
    -------
    Effects
        Computed in float64, so that no log-odds are infinite.
    """
    last = 1 if strands == "forward" else None
    reference, alternate = (
        class_log_odds(values[:last]) if task == "multiclass" else values[:last].astype(np.float64)
        for values in logits
    )
    # σ(a) − σ(r) without 1 − p, which loses its digits where p is close to 1
    ahead = expit(alternate) * expit(-reference)[:, group]
    behind = expit(reference)[:, group] * expit(-alternate)
    if strands == "predictions":
        logit_diff = _odds_of_mean(alternate) - _odds_of_mean(reference)[group]
    else:
        logit_diff = (alternate - reference[:, group]).mean(axis=0)
    return Effects(
        p_ref=expit(reference).mean(axis=0).astype(np.float32)[group],
        p_alt=expit(alternate).mean(axis=0).astype(np.float32),
        diff=(ahead - behind).mean(axis=0).astype(np.float32),
        logit_diff=logit_diff.astype(np.float32),
    )


def combine(models: Sequence[Effects]) -> Effects:
    """Average the effects of models and add the spread of their `logit_diff`; a single one stays as it is."""
    if len(models) == 1:
        return models[0]
    stacked = {
        name: np.stack([getattr(model, name) for model in models]).astype(np.float64)
        for name in ("p_ref", "p_alt", "diff", "logit_diff")
    }
    means = {name: values.mean(axis=0).astype(np.float32) for name, values in stacked.items()}
    return Effects(**means, spread=stacked["logit_diff"].std(axis=0, ddof=1).astype(np.float32))


def _odds_of_mean(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of the mean over strands of the probabilities: shape (strands, n, k) → (n, k)."""
    return np.logaddexp.reduce(log_expit(log_odds)) - np.logaddexp.reduce(log_expit(-log_odds))
