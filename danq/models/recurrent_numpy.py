"""One direction of a recurrent layer, computed in NumPy for references and their alternates at once.

The layer is scanned position by position, with one row for each sequence. References take part from the first
position on. An alternate equals its reference up to the first position whose input differs: it joins there,
with a copy of the reference's state, and is a row like any other from then on. Nothing is approximated; what
is spared is the product with the recurrent kernel, most of the work, wherever the two are the same.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_PROJECTED_AT_ONCE = 256
"""Rows of one product with the input kernel: enough to run at full speed, few enough to stay in the cache."""

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

    def project(self, features: Floats) -> Floats:
        """Multiply inputs (n, features) by `kernel` and add `bias`: float32, shape (n, gates * units)."""
        product = features @ self.kernel
        product += self.bias
        return product

    def advance(self, projected: Floats, state: Floats, memory: Floats, gates: Floats) -> None:
        """Advance `state` and `memory` by one position, in place: this runs for every position of a scan.

        Parameters
        ----------
        projected, gates : float32, shape (n, gates * units)
            Inputs as `project` gives them; scratch.
        state, memory : float32, shape (n, units)
            ``memory`` is the LSTM's cell state; elsewhere it is left alone.
        """
        np.matmul(state, self.recurrent, out=gates)
        units = self.units
        if self.kind == "simple":
            np.tanh(np.add(gates, projected, out=gates), out=state)
        elif self.kind == "gru":
            gates += self.recurrent_bias
            update_and_reset = gates[:, : 2 * units]
            update_and_reset += projected[:, : 2 * units]
            _halved_sigmoid(update_and_reset)
            candidate = gates[:, 2 * units :]
            # reset after the product: the gate scales the state's share of the candidate, not the state
            candidate *= gates[:, units : 2 * units]
            candidate += projected[:, 2 * units :]
            np.tanh(candidate, out=candidate)
            # update * state + (1 - update) * candidate, with one product fewer
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
    # sigmoid(2x) = (1 + tanh x) / 2: the weights of these gates are stored halved for it, which is exact
    np.tanh(values, out=values)
    values += 1
    values *= _HALF


def cell(kind: Literal["lstm", "gru", "simple"], weights: list[Floats]) -> Cell:
    """Arrange what `get_weights()` gives of a Keras LSTM, GRU (reset after) or SimpleRNN."""
    kernel, recurrent, bias = (np.array(array, np.float32) for array in weights)
    units = len(recurrent)
    biases = np.atleast_2d(bias)
    if kind == "lstm":
        # Keras: input, forget, candidate, output; with the candidate last, one call serves the three sigmoids
        order = np.r_[0 : 2 * units, 3 * units : 4 * units, 2 * units : 3 * units]
        kernel, recurrent, biases = kernel[:, order], recurrent[:, order], biases[:, order]
    halved = {"lstm": 3, "gru": 2, "simple": 0}[kind] * units
    for array in (kernel, recurrent, biases):
        array[:, :halved] *= _HALF
    second = biases[1] if len(biases) > 1 else np.zeros_like(biases[0])
    return Cell(kind, np.ascontiguousarray(kernel), np.ascontiguousarray(recurrent), biases[0].copy(), second)


@dataclass(frozen=True)
class Changes:
    """Positions at which the inputs of m alternates differ from their references', ordered by position.

    Attributes
    ----------
    first, last : int64, shape (m,)
        First and last position that differs; `first` > `last` where none does.
    position, row : int64, shape (p,)
        Each differing position of each alternate.
    features : float32, shape (p, features)
        The alternate's input there.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    position: NDArray[np.int64]
    row: NDArray[np.int64]
    features: Floats


class Collector:
    """What a head needs of the states of all positions; the last state itself is always kept.

    Parameters
    ----------
    kind : {'flatten', 'pools', 'max', 'last'}
        flatten: the sum over positions of state times that position's kernel, which is the flattened states
        times the whole kernel; pools: sum and maximum over positions; max: maximum; last: nothing.
    kernels : float32, shape (positions, units, outputs), or None
        Of ``flatten``.
    """

    def __init__(self, kind: str, kernels: Floats | None, rows: int, units: int) -> None:
        self.kernels = kernels
        width = units if kernels is None else kernels.shape[2]
        self.total = np.zeros((rows, width), np.float32) if kind in ("flatten", "pools") else None
        self.most = np.full((rows, units), -np.inf, np.float32) if kind in ("pools", "max") else None
        self._product = np.empty((rows, width), np.float32) if kernels is not None else None

    @property
    def arrays(self) -> list[Floats]:
        """What an alternate takes over from its reference when it joins."""
        return [array for array in (self.total, self.most) if array is not None]

    def add(self, states: Floats, position: int) -> None:
        """Take in the states (n, units) of the first n rows at a position of the sequence."""
        n = len(states)
        if self.total is not None:
            if self.kernels is not None and self._product is not None:
                self.total[:n] += np.matmul(states, self.kernels[position], out=self._product[:n])
            else:
                self.total[:n] += states
        if self.most is not None:
            np.maximum(self.most[:n], states, out=self.most[:n])


class Scanned(NamedTuple):
    """Last states, and what a `Collector` gathered: float32, shape (g + m, ...), references first."""

    last: Floats
    collected: list[Floats]


def scan(
    cell: Cell,
    backward: bool,
    reference: Floats,
    changes: Changes,
    group: NDArray[np.int64],
    collect: tuple[str, Floats | None],
) -> Scanned:
    """Run one direction, backward from the last position on, over the positions of references and alternates.

    Parameters
    ----------
    reference : float32, shape (positions, g, features)
        Inputs of the references.
    changes : Changes
        Where the m alternates differ from them.
    group : int64, shape (m,)
        Each alternate's reference.
    collect : tuple
        Kind and kernels of a `Collector`.
    """
    positions, g, _ = reference.shape
    order, taking_part = _joining(changes, positions, backward)
    row_of = np.empty_like(order)
    row_of[order] = np.arange(g, g + len(order))
    source = group[order]
    differing = np.searchsorted(changes.position, np.arange(positions + 1))
    rows = g + len(order)
    state, memory = (np.zeros((rows, cell.units), np.float32) for _ in range(2))
    projected, gates = (np.zeros((rows, cell.kernel.shape[1]), np.float32) for _ in range(2))
    collector = Collector(*collect, rows, cell.units)
    projections = _Projections(cell, reference[::-1] if backward else reference)
    active = g
    for j in range(positions + 1):
        joining = slice(active, g + taking_part[j])
        for array in (state, memory, *collector.arrays):
            array[joining] = array[source[active - g : taking_part[j]]]
        active = joining.stop
        if j == positions:
            break
        position = positions - 1 - j if backward else j
        # an alternate that has joined may have its reference's input again: only others are multiplied
        projected[:g] = projections.at(j)
        projected[g:active] = projected[source[: active - g]]
        here = slice(differing[position], differing[position + 1])
        if here.stop > here.start:
            projected[row_of[changes.row[here]]] = cell.project(changes.features[here])
        cell.advance(projected[:active], state[:active], memory[:active], gates[:active])
        collector.add(state[:active], position)
    given_order = np.r_[np.arange(g), row_of]
    return Scanned(state[given_order], [array[given_order] for array in collector.arrays])


def _joining(changes: Changes, positions: int, backward: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order alternates by when they join a scan, and count those that take part at each of its positions.

    So ordered, the rows that take part are always the first ones: slices of each array, without a copy.

    Returns
    -------
    order, taking_part : int64, shapes (m,) and (positions + 1,)
    """
    joins = positions - 1 - changes.last if backward else changes.first
    # one that differs nowhere joins behind the last position, where it takes over all of its reference
    joins = np.where(changes.first > changes.last, positions, joins)
    order = np.argsort(joins, kind="stable")
    return order, np.searchsorted(joins[order], np.arange(positions + 1), side="right")


class _Projections:
    """Inputs of the references times the input kernel, some positions in one product."""

    def __init__(self, cell: Cell, reference: Floats) -> None:
        self._cell, self._reference = cell, reference
        self._at_once = max(1, _PROJECTED_AT_ONCE // reference.shape[1])
        self._ready = np.empty((0, 0, 0), np.float32)

    def at(self, j: int) -> Floats:
        """Projection (g, gates * units) at the j-th position of the scan; to be called in order."""
        index = j % self._at_once
        if index == 0:
            block = self._reference[j : j + self._at_once]
            flat = self._cell.project(block.reshape(-1, block.shape[2]))
            self._ready = flat.reshape(*block.shape[:2], -1)
        return self._ready[index]
