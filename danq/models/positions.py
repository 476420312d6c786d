"""Which positions of a recurrent layer belong to which sub-bin, the parts of the bin that a model classifies.

The labels of sub-bins are made by `danq.data.regions`; here a network is cut so that its outputs fit them.
"""

from typing import NamedTuple

from danq.errors import DanqError
from danq.genome.intervals import window_start
from danq.models.options import SubBinOptions


class Positions(NamedTuple):
    """The positions that a network makes of a window.

    Attributes
    ----------
    number : int
        How many they are.
    stride : int
        bp from one position to the next.
    centre : int
        Half bp; twice the place of the first position's centre in the window, so that it is a whole number.
    option : str
        Name of the option that sets the stride, for messages.
    """

    number: int
    stride: int
    centre: int
    option: str


class SubBins(NamedTuple):
    """Consecutive positions: where the first sub-bin begins, and how they are shared out.

    Attributes
    ----------
    first : int
        First position used.
    each : int
        Positions of a sub-bin.
    number : int
        Sub-bins, of which each is an output.
    """

    first: int
    each: int
    number: int


def before_bin(options: SubBinOptions, window: int) -> int:
    """Bp before the bin in its window.

    Raises
    ------
    DanqError
        If there is no bin, it is longer than the window, or not whole sub-bins.
    """
    if options.bin is None or options.bin > window:
        received = "none" if options.bin is None else options.bin
        raise DanqError(f"bin: expected at most the window's {window} bp, received {received}")
    if options.steps and options.bin % options.steps:
        raise DanqError(
            f"steps: expected a size that divides the bin of {options.bin} bp, {_divisors(options.bin)}; "
            f"received {options.steps}"
        )
    return window_start(0, window, options.bin)


def share_out(options: SubBinOptions, window: int, positions: Positions) -> SubBins:
    """Share a network's positions out among the sub-bins of a window.

    A sub-bin gets the positions whose centres lie in it: equally many each, as the stride divides it.

    Parameters
    ----------
    options : SubBinOptions
        Sizes of bin and sub-bins; where they name no size of a sub-bin, every position is one.
    window : int
        bp.
    positions : Positions
        What the network makes of the window.

    Raises
    ------
    DanqError
        If the stride does not divide a sub-bin, naming those that do; or if the window is too short to give
        every sub-bin its positions, naming the shortest that is not.
    """
    if options.steps is None:
        return SubBins(0, 1, positions.number)
    before, labelled = before_bin(options, window), options.bin or 0
    if options.steps % positions.stride:
        raise DanqError(
            f"{positions.option}: expected a size that divides the labelled steps of {options.steps} bp, "
            f"{_divisors(options.steps)}; received {positions.stride}"
        )
    # rounded up: a position whose centre lies on the border belongs to the sub-bin behind it
    first = -((positions.centre - 2 * before) // (2 * positions.stride))
    used = labelled // positions.stride
    missing = max(0, -first, first + used - positions.number)
    if missing:
        raise DanqError(
            f"window: expected at least {window + 2 * missing * positions.stride} bp for the {labelled} "
            f"labelled bp at its centre and the sizes of this model, received {window}"
        )
    return SubBins(first, options.steps // positions.stride, labelled // options.steps)


def _divisors(number: int) -> str:
    return ", ".join(str(size) for size in range(1, number + 1) if number % size == 0)
