"""Penalised logistic regressions of many targets on the same features, fitted side by side.

Each target's minimum is that of scikit-learn's ``LogisticRegression``. All share the products with the
features, which take nearly all of the time; curvature, step and end are a target's own (or, of classes that
exclude each other, one for all). Blocks of rows are computed side by side and summed in their order, so that
results do not depend on the number of threads, as long as NumPy multiplies a block by one of them.
"""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

log = logging.getLogger("danq")

_THREADS, _ROWS = 2, 4096
_TARGETS = 64
"""Fitted side by side: bounds the memory of their logits."""
_REMEMBERED = 10
"""Steps that the second derivative is estimated from."""
_STEPS, _LENGTHS = 1000, 20
_TOLERANCE = 1e-5
"""How far above its minimum an objective may end, as a share of the variance of its labels over all rows,
which is less than the objective with the intercepts alone."""
_SLOPE_LEFT = 0.1
"""A step is long enough where the slope along it has fallen to this share."""

_Result = TypeVar("_Result")
Features = NDArray[np.float32]
Floats = NDArray[np.float64]


class Linear(NamedTuple):
    """Weights float64 (columns, k) and intercepts float64 (k,)."""

    weights: Floats
    intercepts: Floats

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Logits float32 (n, k) of features (n, columns)."""
        return features @ self.weights.astype(np.float32) + self.intercepts.astype(np.float32)


def regress(
    features: Features,
    labels: NDArray[np.int8],
    c: float,
    task: str,
    start: Linear | None = None,
    advance: Callable[[int], object] = lambda targets: None,
) -> Linear:
    """Fit every target; one that has one value only gets the constant logit of its frequency.

    Parameters
    ----------
    features : float32, shape (n, columns)
        Standardised.
    labels : int8, shape (n, k)
        0 or 1; exactly one 1 a row where the task is ``multiclass``. -1 where it is not known (of classes, in
        the whole row): no part of the objective.
    c : float
        Inverse strength of the L2 penalty, scikit-learn's C.
    start : Linear, optional
        Where to begin, such as the fit of another `c`; at the frequencies where left out.
    advance : callable, optional
        Is told of targets that are done.
    """
    known, k = labels >= 0, labels.shape[1]
    n, positives = known.sum(axis=0), (labels > 0).sum(axis=0)
    constant = np.log((positives + 0.5) / (n - positives + 0.5))
    begin = Linear(np.zeros((features.shape[1], k)), constant) if start is None else start
    result = Linear(np.zeros((features.shape[1], k)), constant)
    varying = np.flatnonzero((positives > 0) & (positives < n))
    joint = task == "multiclass" and len(varying) > 2
    if task == "multiclass" and len(varying):
        # of two classes, the logit of the second against the first
        varying = varying if joint else varying[1:]
        result.intercepts[positives > 0] = 0
    for first in range(0, len(varying), _TARGETS):
        columns = varying if joint else varying[first : first + _TARGETS]
        wanted = np.maximum(labels[:, columns], 0).astype(np.float32)
        with ThreadPoolExecutor(_THREADS) as pool:
            there = None if known.all() else known[:, columns]
            problem = _Problem(features, wanted, 1 / c, joint, pool, there)
            fitted = _minimise(problem, Linear(begin.weights[:, columns], begin.intercepts[columns]))
        result.weights[:, columns], result.intercepts[columns] = fitted
        advance(len(columns))
        if joint:
            break
    return result


class _Slope(NamedTuple):
    """The objective's terms of the labels at some place along a line.

    Probability less label of each row and target, float32 (n, k); first and second derivative along the line.
    """

    residuals: NDArray[np.float32]
    first: Floats
    second: Floats


@dataclass(frozen=True)
class _Problem:
    """Cross-entropy in nats, summed over rows, + penalty / 2 · ‖weights‖², intercepts free.

    Parameters are float64 (columns + 1, k), the intercepts last. What is summed up is of shape (k,), of a
    joint problem (1,).
    """

    features: Features
    labels: NDArray[np.float32]
    penalty: float
    joint: bool
    pool: ThreadPoolExecutor
    known: NDArray[np.bool_] | None = None

    def total(self, values: NDArray[np.floating]) -> Floats:
        """Sum over all but targets; of a joint problem over these, too."""
        sums: Floats = values.sum(axis=0, dtype=np.float64)
        return sums.sum(keepdims=True) if self.joint else sums

    def apply(self, parameters: Floats) -> NDArray[np.float32]:
        """Logits of all rows, float32 (n, k)."""
        exact = parameters.astype(np.float32)
        return np.concatenate(self._blocks(lambda rows: self.features[rows] @ exact[:-1] + exact[-1]))

    def gradient(self, residuals: NDArray[np.float32], place: Floats) -> Floats:
        """Derive the objective by each parameter."""
        parts = self._blocks(lambda rows: self.features[rows].T @ residuals[rows])
        weights = np.zeros_like(place[:-1])
        for part in parts:
            weights += part
        return np.vstack([weights + self.penalty * place[:-1], residuals.sum(axis=0, dtype=np.float64)])

    def along(self, logits: NDArray[np.float32], change: NDArray[np.float32], length: Floats) -> _Slope:
        """Look at ``logits + length * change``."""

        def block(rows: slice) -> _Slope:
            way = change[rows]
            p = probabilities(logits[rows] + length.astype(np.float32) * way, self.joint)
            residuals = p - self.labels[rows]
            if self.known is not None:
                residuals *= self.known[rows]
            if self.joint:
                bend = p * (way - (p * way).sum(axis=1, keepdims=True)) ** 2
            else:
                bend = p * (1 - p) * way**2
            if self.known is not None:
                bend *= self.known[rows]
            return _Slope(residuals, self.total(residuals * way), self.total(bend))

        residuals, first, second = zip(*self._blocks(block), strict=True)
        return _Slope(np.concatenate(residuals), np.sum(first, axis=0), np.sum(second, axis=0))

    def _blocks(self, function: Callable[[slice], _Result]) -> list[_Result]:
        blocks = [slice(first, first + _ROWS) for first in range(0, len(self.labels), _ROWS)]
        return list(self.pool.map(function, blocks))


def probabilities(logits: NDArray[np.float32], joint: bool) -> NDArray[np.float32]:
    """Softmax along the targets where they are `joint`, sigmoid of each otherwise."""
    if joint:
        shares: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares
    # exp may overflow to infinity, whose inverse is the 0 that it should be
    with np.errstate(over="ignore"):
        return np.reciprocal(1 + np.exp(-logits))


class _Step(NamedTuple):
    """One step: changes of parameters and of gradient, and their product; infinite where nothing moved."""

    moved: Floats
    turned: Floats
    product: Floats


def _minimise(problem: _Problem, start: Linear) -> Linear:
    """Find the minimum by L-BFGS (Nocedal & Wright 2006, algorithm 7.4)."""
    penalty, everything = problem.penalty, np.full(problem.labels.shape[1], len(problem.labels))
    n = everything if problem.known is None else problem.known.sum(axis=0)
    shares = problem.labels.sum(axis=0, dtype=np.float64) / n
    spread = shares * (1 - shares)
    # second derivatives where weights are 0: columns have variance 1
    scale = np.repeat([n * spread + penalty, n * spread], [len(problem.features[0]), 1], axis=0)
    allowed = 2 * _TOLERANCE * problem.total((n * spread)[None])
    place = np.vstack(start)
    logits = problem.apply(place)
    residuals = problem.along(logits, logits, np.zeros(1)).residuals
    gradient = problem.gradient(residuals, place)
    steps: deque[_Step] = deque(maxlen=_REMEMBERED)
    for _ in range(_STEPS):
        # an objective is at most half of this above its minimum, for it is curved as its penalty at least
        unfinished = problem.total(gradient**2 / np.minimum(scale, penalty)) > allowed
        if not unfinished.any():
            break
        direction = -_newton(problem, gradient, steps, scale) * unfinished
        change = problem.apply(direction)
        length, residuals = _length(problem, logits, change, place, direction, gradient)
        moved = length * direction
        place += moved
        logits += length.astype(np.float32) * change
        before, gradient = gradient, problem.gradient(residuals, place)
        product = problem.total(moved * (gradient - before))
        steps.append(_Step(moved, gradient - before, np.where(product > 0, product, np.inf)))
    else:
        log.warning("logistic regression: not at its minimum after %d steps", _STEPS)
    return Linear(place[:-1], place[-1])


def _newton(problem: _Problem, gradient: Floats, steps: deque[_Step], scale: Floats) -> Floats:
    """Gradient times the inverse of the second derivative, as far as the last steps tell it."""
    result = gradient.copy()
    shares = []
    for step in reversed(steps):
        share = problem.total(step.moved * result) / step.product
        result -= share * step.turned
        shares.append(share)
    result /= scale
    if steps:
        last = steps[-1]
        turned = problem.total(last.turned**2 / scale)
        result *= np.divide(last.product, turned, out=np.ones_like(turned), where=np.isfinite(last.product))
    for step, share in zip(steps, reversed(shares), strict=True):
        result += step.moved * (share - problem.total(step.turned * result) / step.product)
    return result


def _length(
    problem: _Problem,
    logits: NDArray[np.float32],
    change: NDArray[np.float32],
    place: Floats,
    direction: Floats,
    gradient: Floats,
) -> tuple[Floats, NDArray[np.float32]]:
    """Length of a step, and the residuals there: Newton's method within the bounds that slopes set."""
    slope = problem.total(gradient * direction)
    weights = direction[:-1]
    pull = problem.penalty * problem.total(place[:-1] * weights)
    bend = problem.penalty * problem.total(weights**2)
    length, low, high = np.ones_like(slope), np.zeros_like(slope), np.full_like(slope, np.inf)
    for _ in range(_LENGTHS):
        here = problem.along(logits, change, length)
        first, second = here.first + pull + length * bend, here.second + bend
        going = np.abs(first) > _SLOPE_LEFT * np.abs(slope)
        if not going.any():
            break
        low, high = np.where(first < 0, length, low), np.where(first < 0, high, length)
        # what has finished does not move, and has no curvature
        newton = length - first / np.where(going, second, 1)
        middle = np.where(np.isinf(high), 2 * length, (low + high) / 2)
        length = np.where(going, np.where((newton > low) & (newton < high), newton, middle), length)
    return length, here.residuals
