"""A recurrent layer read for sequences that share steps with a reference: exact, and only where they differ.

Every row walks through the steps in the same way whether or not it shares work: an alternate joins the walk
at the first step where it differs from its reference, with the reference's state.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_PROJECTED_AT_ONCE = 256
_HALF = np.float32(0.5)


@dataclass(frozen=True)
class Cell:
    """Weights of one direction of a recurrent layer, as Keras stores them but for the order of the gates.

    Attributes
    ----------
    kind : {'lstm', 'gru', 'simple'}
        Its equations.
    kernel : float32, shape (features, gates * units)
        Weights of the inputs.
    recurrent : float32, shape (units, gates * units)
        Weights of the state.
    bias, recurrent_bias : float32, shape (gates * units,)
        The second one is used by ``gru`` only.
    """

    kind: Literal["lstm", "gru", "simple"]
    kernel: Floats
    recurrent: Floats
    bias: Floats
    recurrent_bias: Floats

    @property
    def units(self) -> int:
        """Size of the state."""
        return int(self.recurrent.shape[0])

    def step(self, projected: Floats, state: Floats, memory: Floats, gates: Floats) -> None:
        """Advance `state` and `memory` (n, units) by one step, in place.

        Parameters
        ----------
        projected : float32, shape (n, gates * units)
            Inputs times `kernel` plus `bias`.
        state, memory : float32, shape (n, units)
            ``memory`` is the LSTM's cell state; elsewhere it is left alone.
        gates : float32, shape (n, gates * units)
            Scratch.
        """
        np.matmul(state, self.recurrent, out=gates)
        units = self.units
        if self.kind == "simple":
            np.tanh(np.add(gates, projected, out=gates), out=state)
        elif self.kind == "gru":
            gates += self.recurrent_bias
            both = gates[:, : 2 * units]
            both += projected[:, : 2 * units]
            _halved_sigmoid(both)
            candidate = gates[:, 2 * units :]
            candidate *= gates[:, units : 2 * units]
            candidate += projected[:, 2 * units :]
            np.tanh(candidate, out=candidate)
            state -= candidate
            state *= gates[:, :units]
            state += candidate
        else:
            gates += projected
            _halved_sigmoid(gates[:, : 3 * units])
            candidate = gates[:, 3 * units :]
            np.tanh(candidate, out=candidate)
            memory *= gates[:, units : 2 * units]
            candidate *= gates[:, :units]
            memory += candidate
            np.tanh(memory, out=state)
            state *= gates[:, 2 * units : 3 * units]


def _halved_sigmoid(values: Floats) -> None:
    # sigmoid(2x) = (1 + tanh x) / 2: the weights of these gates are stored halved, which is exact
    np.tanh(values, out=values)
    values += 1
    values *= _HALF


def cell(kind: Literal["lstm", "gru", "simple"], weights: list[Floats]) -> Cell:
    """Arrange what `get_weights()` gives of a Keras LSTM, GRU (reset after) or SimpleRNN."""
    kernel, recurrent, bias = (np.array(array, np.float32) for array in weights)
    units = len(recurrent)
    biases = np.atleast_2d(bias)
    if kind == "lstm":  # Keras: input, forget, candidate, output
        order = np.r_[0 : 2 * units, 3 * units : 4 * units, 2 * units : 3 * units]
        kernel, recurrent, biases = kernel[:, order], recurrent[:, order], biases[:, order]
    halved = {"lstm": 3, "gru": 2, "simple": 0}[kind] * units
    for array in (kernel, recurrent, biases):
        array[:, :halved] *= _HALF
    second = biases[1] if len(biases) > 1 else np.zeros_like(biases[0])
    return Cell(kind, np.ascontiguousarray(kernel), np.ascontiguousarray(recurrent), biases[0].copy(), second)


@dataclass(frozen=True)
class Changes:
    """Steps at which alternates differ from their references, ordered by step.

    Attributes
    ----------
    first, last : int64, shape (m,)
        First and last step that differs; `first` > `last` where none does.
    step, row : int64, shape (p,)
        Each differing step of each alternate.
    features : float32, shape (p, features)
        The alternate's input there.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    step: NDArray[np.int64]
    row: NDArray[np.int64]
    features: Floats


class Collector:
    """What a head needs of the states it is shown step by step; the last state itself is always kept.

    Parameters
    ----------
    kind : {'flatten', 'pools', 'max', 'last'}
        flatten: the sum over steps of state times that step's kernel; pools: sum and maximum over steps;
        max: maximum; last: nothing.
    kernels : float32, shape (steps, units, outputs), or None
        Of ``flatten``.
    rows, units : int
        Shape of the states.
    """

    def __init__(self, kind: str, kernels: Floats | None, rows: int, units: int) -> None:
        self.kind, self.kernels = kind, kernels
        width = units if kernels is None else kernels.shape[2]
        self.total = np.zeros((rows, width), np.float32) if kind in ("flatten", "pools") else None
        self.most = np.full((rows, units), -np.inf, np.float32) if kind in ("pools", "max") else None
        self._product = np.empty((rows, width), np.float32) if kernels is not None else None

    @property
    def arrays(self) -> list[Floats]:
        """What an alternate takes over from its reference when it joins."""
        return [array for array in (self.total, self.most) if array is not None]

    def add(self, states: Floats, step: int) -> None:
        """Take in the states (n, units) of the first n rows at a step of the sequence."""
        n = len(states)
        if self.total is not None:
            if self.kernels is not None and self._product is not None:
                self.total[:n] += np.matmul(states, self.kernels[step], out=self._product[:n])
            else:
                self.total[:n] += states
        if self.most is not None:
            np.maximum(self.most[:n], states, out=self.most[:n])


def walk(
    cell: Cell,
    backward: bool,
    reference: Floats,
    changes: Changes,
    group: NDArray[np.int64],
    collect: tuple[str, Floats | None],
) -> tuple[Floats, list[Floats]]:
    """Read references and alternates in one direction.

    Parameters
    ----------
    cell : Cell
        The direction's weights.
    backward : bool
        Start at the last step.
    reference : float32, shape (steps, g, features)
        Inputs of the references.
    changes : Changes
        Where the m alternates differ from them.
    group : int64, shape (m,)
        Each alternate's reference.
    collect : tuple
        Kind and kernels of a `Collector`.

    Returns
    -------
    states : float32, shape (g + m, units)
        Last states, references first.
    collected : list of float32, shape (g + m, ...)
        What the collector gathered.
    """
    steps, g, _ = reference.shape
    join = steps - 1 - changes.last if backward else changes.first
    join = np.where(changes.first > changes.last, steps, join)
    order = np.argsort(join, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(g, g + len(order))
    source = group[order]
    # at step j the first joined[j] rows walk
    joined = g + np.searchsorted(join[order], np.arange(steps + 1), side="right")
    rows = g + len(order)
    state, memory = (np.zeros((rows, cell.units), np.float32) for _ in range(2))
    projected, gates = (np.zeros((rows, cell.kernel.shape[1]), np.float32) for _ in range(2))
    collector = Collector(*collect, rows, cell.units)
    carried = [state, memory, *collector.arrays]
    limits = np.searchsorted(changes.step, np.arange(steps + 1))
    references = _Projection(cell, reference, backward)
    active = g
    for j in range(steps + 1):
        new = slice(active, joined[j])
        for array in carried:
            array[new] = array[source[active - g : joined[j] - g]]
        active = joined[j]
        if j == steps:
            break
        step = steps - 1 - j if backward else j
        projected[:g] = references.step(j)
        projected[g:active] = projected[source[: active - g]]
        differing = slice(limits[step], limits[step + 1])
        if differing.stop > differing.start:
            projected[place[changes.row[differing]]] = project(cell, changes.features[differing])
        cell.step(projected[:active], state[:active], memory[:active], gates[:active])
        collector.add(state[:active], step)
    back = np.r_[np.arange(g), place]
    return state[back], [array[back] for array in collector.arrays]


class _Projection:
    """Inputs of the references times the kernel, some steps at once."""

    def __init__(self, cell: Cell, reference: Floats, backward: bool) -> None:
        self._cell = cell
        self._reference = reference[::-1] if backward else reference
        self._at_once = max(1, _PROJECTED_AT_ONCE // reference.shape[1])
        self._ready = np.empty((0, 0, 0), np.float32)

    def step(self, j: int) -> Floats:
        """Projection (g, gates * units) at the j-th step of the walk; to be called in order."""
        index = j % self._at_once
        if index == 0:
            block = self._reference[j : j + self._at_once]
            flat = project(self._cell, block.reshape(-1, block.shape[2]))
            self._ready = flat.reshape(*block.shape[:2], -1)
        return self._ready[index]


def project(cell: Cell, features: Floats) -> Floats:
    """Multiply inputs (n, features) by the cell's kernel and add its bias."""
    product = features @ cell.kernel
    product += cell.bias
    return product
