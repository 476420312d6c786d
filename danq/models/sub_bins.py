"""Which steps of a network belong to which labelled stretch of DNA."""

from typing import Literal, NamedTuple

from pydantic import Field

from danq.errors import DanqError
from danq.genome.intervals import window_start
from danq.options import Closed


class StepOptions(Closed):
    """Whether the whole input is classified, or each of its steps."""

    output: Literal["sequence", "steps"] = Field(
        "sequence",
        description="sequence: classify the whole input; steps: classify each step of it, as datasets of DNA "
        "with `steps` label them",
    )
    bin: int | None = Field(
        None,
        ge=1,
        description="bp at the centre of the window that are labelled; left out, as in the dataset "
        "(output: steps)",
    )
    steps: int | None = Field(
        None,
        ge=1,
        description="bp; one output for each stretch of this length in the bin; left out, as in the dataset, "
        "or else one for each step of the network (output: steps)",
    )


class Span(NamedTuple):
    """Consecutive steps of a network: where the first labelled stretch begins, and how they are shared out.

    Attributes
    ----------
    first : int
        First step used.
    each : int
        Steps of a stretch.
    stretches : int
        Outputs.
    """

    first: int
    each: int
    stretches: int


class Steps(NamedTuple):
    """The steps a network makes of a window.

    Attributes
    ----------
    number : int
        How many they are.
    stride : int
        bp from one step to the next.
    centre : int
        Half bp; twice the position of the first step's centre, so that it is a whole number.
    option : str
        Name of the option that sets the stride, for messages.
    """

    number: int
    stride: int
    centre: int
    option: str


def flank(options: StepOptions, window: int) -> int:
    """Bp before the bin in its window.

    Raises
    ------
    DanqError
        If there is no bin, it is longer than the window, or not whole stretches.
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


def span(options: StepOptions, window: int, steps: Steps) -> Span:
    """Share a network's steps out among the labelled stretches of a window.

    A stretch gets the steps whose centres lie in it: equally many each, as the stride divides it.

    Parameters
    ----------
    options : StepOptions
        Bin and stretches.
    window : int
        bp.
    steps : Steps
        What the network makes of the window.

    Returns
    -------
    Span
        Every step by itself, where the options name no length of a stretch.

    Raises
    ------
    DanqError
        If the stride does not divide a stretch, naming those that do; or if the window is too short to give
        every stretch its steps, naming the shortest that is not.
    """
    if options.steps is None:
        return Span(0, 1, steps.number)
    before, labelled = flank(options, window), options.bin or 0
    if options.steps % steps.stride:
        raise DanqError(
            f"{steps.option}: expected a size that divides the labelled steps of {options.steps} bp, "
            f"{_divisors(options.steps)}; received {steps.stride}"
        )
    # rounded up: a step whose centre lies on the border belongs to the stretch behind it
    first = -((steps.centre - 2 * before) // (2 * steps.stride))
    used = labelled // steps.stride
    missing = max(0, -first, first + used - steps.number)
    if missing:
        raise DanqError(
            f"window: expected at least {window + 2 * missing * steps.stride} bp for the {labelled} "
            f"labelled bp at its centre and the sizes of this model, received {window}"
        )
    return Span(first, options.steps // steps.stride, labelled // options.steps)


def _divisors(number: int) -> str:
    return ", ".join(str(size) for size in range(1, number + 1) if number % size == 0)
