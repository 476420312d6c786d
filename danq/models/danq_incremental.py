"""DanQ computed for alternate alleles from what they share with their reference window, exactly.

Convolutions are computed only where the bases differ, recurrent states only from the first differing position
on in each direction, and the dense layer only for states that differ. Plain NumPy in float32: no other part
of the arithmetic is changed, so that an alternate gets the logits it would get as a reference, up to
rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from danq.models.recurrent_numpy import Cell, Changes, Floats, Scanned, cell, scan

_POOLED_AT_ONCE = 64
"""Positions whose convolution is one product: with 13 bp a position about 1 MB, which stays in the cache."""

_ONE_HOT = np.vstack([np.eye(4, dtype=np.float32), np.zeros((1, 4), np.float32)])


@dataclass(frozen=True)
class _Head:
    """From what the collectors gathered to logits; `hidden` is None without a dense layer."""

    hidden: tuple[Floats, Floats] | None
    logits: tuple[Floats, Floats]


@dataclass(frozen=True)
class Incremental:
    """A trained DanQ as arrays.

    Attributes
    ----------
    kernel, bias : float32, shapes (kernel * 4, filters) and (filters,)
        Of the convolution; the bases of a filter one after the other.
    activation : callable
        float32 array to float32 array; may overwrite its argument.
    early : bool
        Apply the activation before pooling, because it does not keep the order of numbers.
    pool, pad_left, pad_right, positions : int
        bp that one position pools, bases of zeros at the ends, positions of the recurrent layer.
    cells : tuple of Cell
        Forward and, if there is one, backward.
    head, merge : str
        As the options; ``none`` means a head for each direction.
    kernels : tuple of (float32 (positions, units, outputs) or None)
        First dense kernel of a ``flatten`` head, for each direction.
    heads : tuple of _Head
        One, or one for each direction.
    """

    kernel: Floats
    bias: Floats
    activation: Callable[[Floats], Floats]
    early: bool
    pool: int
    pad_left: int
    pad_right: int
    positions: int
    cells: tuple[Cell, ...]
    head: str
    merge: str
    kernels: tuple[Floats | None, ...]
    heads: tuple[_Head, ...]

    def logits(
        self, reference: NDArray[np.uint8], alternate: NDArray[np.uint8], group: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Logits of references and alternates.

        Parameters
        ----------
        reference : uint8, shape (g, window)
            Bases as 0..4.
        alternate : uint8, shape (m, window)
            Windows that differ from their reference; the fewer bases, the less work.
        group : int64, shape (m,)
            Index of each alternate's reference.

        Returns
        -------
        float32, shapes (g, k) and (m, k)
        """
        g = len(reference)
        position, row = np.indices((self.positions, g)).reshape(2, -1)
        pooled = self._pooled(reference, row, position).reshape(self.positions, g, -1)
        changes = self._changes(reference[group], alternate)
        directions = [
            scan(weights, number == 1, pooled, changes, group, (self.head, kernels))
            for number, (weights, kernels) in enumerate(zip(self.cells, self.kernels, strict=True))
        ]
        logits = self._logits(directions)
        return logits[:g], logits[g:]

    def _pooled(
        self, windows: NDArray[np.uint8], row: NDArray[np.int64], position: NDArray[np.int64]
    ) -> Floats:
        """Pooled features float32 (p, filters) of p pairs of window and position."""
        bases = np.pad(_ONE_HOT[windows], ((0, 0), (self.pad_left, self.pad_right), (0, 0)))
        flat = bases.reshape(len(windows), bases.shape[1] * 4)
        # views[window, i] are the bases under a filter that begins at i: the convolution is a matrix product
        views = sliding_window_view(flat, len(self.kernel), axis=1)[:, ::4]
        result = np.empty((len(row), self.kernel.shape[1]), np.float32)
        for first in range(0, len(row), _POOLED_AT_ONCE):
            part = slice(first, first + _POOLED_AT_ONCE)
            begins = position[part, None] * self.pool + np.arange(self.pool)
            values = views[row[part, None], begins].reshape(-1, len(self.kernel)) @ self.kernel
            values = values.reshape(-1, self.pool, self.kernel.shape[1])
            if self.early:
                result[part] = self.activation(values + self.bias).max(axis=1)
            else:
                result[part] = values.max(axis=1)
        # bias and activation may follow the maximum where they keep the order: `pool` times less work
        return result if self.early else self.activation(result + self.bias)

    def _changes(self, reference: NDArray[np.uint8], alternate: NDArray[np.uint8]) -> Changes:
        differs = reference != alternate
        changed = differs.any(axis=1)
        window = reference.shape[1]
        first_base = np.where(changed, differs.argmax(axis=1), window)
        last_base = np.where(changed, window - 1 - differs[:, ::-1].argmax(axis=1), -1)
        # base b lies under the filters that begin at b + pad_left - width + 1 to b + pad_left
        width = len(self.kernel) // 4
        first = np.maximum(first_base + self.pad_left - width + 1, 0) // self.pool
        last = np.where(changed, np.minimum((last_base + self.pad_left) // self.pool, self.positions - 1), -1)
        # all positions from first to last of each row, one after the other: [first .. last] without a loop
        counts = np.maximum(last - first + 1, 0)
        row = np.repeat(np.arange(len(alternate)), counts)
        position = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts) + first[row]
        order = np.argsort(position, kind="stable")
        row, position = row[order], position[order]
        return Changes(first, last, position, row, self._pooled(alternate, row, position))

    def _logits(self, directions: list[Scanned]) -> Floats:
        if len(self.heads) == 1:
            return self._of_head(self.heads[0], directions)
        parts = zip(self.heads, directions, strict=True)
        forward, backward = (self._of_head(head, [direction]) for head, direction in parts)
        return (forward + backward) * np.float32(0.5)

    def _of_head(self, head: _Head, directions: list[Scanned]) -> Floats:
        kernel, bias = head.hidden or head.logits
        if self.head == "flatten":
            # the collectors have multiplied by the first dense kernel already
            total = sum((direction.collected[0] for direction in directions[1:]), directions[0].collected[0])
        else:
            total = self._features(directions) @ kernel
        total = total + bias
        return total if head.hidden is None else np.maximum(total, 0) @ head.logits[0] + head.logits[1]

    def _features(self, directions: list[Scanned]) -> Floats:
        if self.head == "last":
            states = [direction.last for direction in directions]
            if len(states) == 1 or self.merge == "concat":
                return np.concatenate(states, axis=1)
            merged = states[0] * states[1] if self.merge == "mul" else states[0] + states[1]
            return merged * np.float32(0.5) if self.merge == "ave" else merged
        parts = [direction.collected[-1] for direction in directions]
        if self.head == "pools":
            averages = [direction.collected[0] / np.float32(self.positions) for direction in directions]
            parts = averages + parts
        return np.concatenate(parts, axis=1)


def incremental(options: Any, weights: Mapping[str, Sequence[Floats]], window: int) -> Incremental | None:
    """Arrange the weights of a trained DanQ, by the layers' names, for sharing work between alleles.

    Returns
    -------
    Incremental or None
        None where the options leave nothing to share exactly: with several recurrent layers, of which the
        upper ones see a difference at every position; with an output for each sub-bin; or with directions
        that are mixed at every position before a pooling or product.
    """
    merge = options.merge_mode if options.bidirectional else "concat"
    mixed = {"flatten": ("mul",), "last": (), "pools": ("sum", "mul", "ave"), "max": ("sum", "mul", "ave")}
    if options.output == "steps" or options.rnn_layers > 1 or merge in mixed[options.head]:
        return None
    kernel, bias = weights["conv"]
    if kernel.shape != (options.kernel, 4, options.filters):
        raise ValueError(f"kernel of shape {kernel.shape}, {options.filters} filters of {options.kernel} bp")
    rnn = list(weights["rnn"])
    cells = tuple(cell(options.rnn, rnn[first : first + 3]) for first in range(0, len(rnn), 3))
    pads = options.kernel - 1 if options.padding == "same" else 0
    length = window + pads - options.kernel + 1
    positions = length // options.pool
    ends = ("_forward", "_backward") if merge == "none" and len(cells) == 2 else ("",)
    heads = tuple(_read_head(weights, end) for end in ends)
    kernels: tuple[Floats | None, ...] = (None,) * len(cells)
    if options.head == "flatten":
        kernels = _position_kernels(merge, heads, positions, cells)
    activation, early = _ACTIVATIONS[options.activation]
    return Incremental(
        kernel=np.array(kernel.reshape(-1, options.filters), np.float32),
        bias=np.array(bias, np.float32),
        activation=activation,
        early=early,
        pool=options.pool,
        pad_left=pads // 2,
        pad_right=pads - pads // 2,
        positions=positions,
        cells=cells,
        head=options.head,
        merge=merge,
        kernels=kernels,
        heads=heads,
    )


def _read_head(weights: Mapping[str, Sequence[Floats]], end: str) -> _Head:
    hidden, logits = weights.get(f"dense{end}"), weights[f"logits{end}"]
    return _Head((hidden[0], hidden[1]) if hidden else None, (logits[0], logits[1]))


def _position_kernels(
    merge: str, heads: tuple[_Head, ...], positions: int, cells: tuple[Cell, ...]
) -> tuple[Floats, ...]:
    """Rows of the flattened features' kernel that belong to each direction, position by position."""
    firsts = [(head.hidden or head.logits)[0] for head in heads]
    units = cells[0].units
    if merge == "concat":
        parts = firsts[0].reshape(positions, len(cells), units, -1)
        # each direction's part lies contiguous, for it is multiplied at every position
        return tuple(np.ascontiguousarray(parts[:, number]) for number in range(len(cells)))
    shaped = [first.reshape(positions, units, -1) for first in firsts]
    if merge == "none":
        return tuple(shaped)
    # the kernel of a sum is that of either summand
    both = shaped[0] * np.float32(0.5) if merge == "ave" else shaped[0]
    return (both, both)


def _elu(values: Floats) -> Floats:
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))


def _gelu(values: Floats) -> Floats:
    from scipy.special import erf

    return values * _HALF * (1 + erf(values * np.float32(2**-0.5)))


def _sigmoid(values: Floats) -> Floats:
    return (np.tanh(values * _HALF) + 1) * _HALF


_HALF = np.float32(0.5)
_ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], bool]] = {
    "relu": (lambda values: np.maximum(values, 0), False),
    "elu": (_elu, False),
    "tanh": (np.tanh, False),
    "sigmoid": (_sigmoid, False),
    "exponential": (np.exp, False),
    "gelu": (_gelu, True),
    "silu": (lambda values: values * _sigmoid(values), True),
}
"""Function, and whether it has to be applied before pooling because it is not monotone."""
