"""Where things lie in the figure of a saturation mutagenesis, in px."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from danq.explain.scales import round_up

LEFT, RIGHT, HEADER, FOOTER = 62, 40, 76, 12
"""Margins of the figure."""
LOGO, GAP, ROW = 96, 8, 15
"""Height of a logo, the room under it, and the height of a row of cells."""

_MOST_COLUMNS, _WIDTH, _WIDEST_CELL, _NARROWEST = 120, 1080, 28, 560
_BEFORE_DELETIONS, _AXIS = 5, 36


@dataclass(frozen=True)
class Layout:
    """Sizes of one figure.

    Attributes
    ----------
    columns : int
        Positions of a line.
    cell : int
        Width of a position, in whole px, so that cells are equally wide.
    rows : int
        4, or 5 with deletions.
    low, high : float
        Ends of the logo's axis, in logit units; 0 is between them.
    limit : float
        Value at the end of the colour scale.
    """

    columns: int
    cell: int
    rows: int
    low: float
    high: float
    limit: float

    @property
    def width(self) -> int:
        """Width of the figure."""
        return LEFT + max(self.columns * self.cell, _NARROWEST) + RIGHT

    @property
    def apart(self) -> int:
        """Room between two columns."""
        return 1 if self.cell >= 12 else 0

    @property
    def heat(self) -> int:
        """Height of a line's cells."""
        return self.rows * ROW + (_BEFORE_DELETIONS if self.rows > 4 else 0)

    @property
    def line(self) -> int:
        """Height of a line with its axis."""
        return LOGO + GAP + self.heat + _AXIS

    def row(self, row: int) -> int:
        """Top of a row of cells below the top of its line."""
        return LOGO + GAP + row * ROW + (_BEFORE_DELETIONS if row > 3 else 0)

    def level(self, value: float) -> float:
        """Place of a value on the logo's axis below the top of its line."""
        return LOGO * (self.high - value) / (self.high - self.low)


def lay_out(contribution: NDArray[np.float64], logit_diff: NDArray[np.float32]) -> Layout:
    """Choose the sizes of a figure.

    Parameters
    ----------
    contribution : float64, shape (n,)
        Heights of the logo's letters, in logit units.
    logit_diff : float32, shape (n, 4 or 5)
        Values of the cells; NaN where there is none.
    """
    length, rows = logit_diff.shape
    lines = -(-length // _MOST_COLUMNS)
    # whole tens, so that the axes of all lines have their ticks in the same places
    columns = length if lines == 1 else -(-length // (10 * lines)) * 10
    low, high = min(float(contribution.min()), 0.0), max(float(contribution.max()), 0.0)
    if low == high:
        high = 1.0
    largest = float(np.nanmax(np.abs(logit_diff), initial=0.0))
    return Layout(columns, min(_WIDEST_CELL, _WIDTH // columns), rows, low, high, round_up(largest))
