"""Options that several models have, and how a network is cut so that its outputs fit the sub-bins of a bin.

The labels of sub-bins are made by `danq.data.regions`.
"""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from danq.errors import DanqError
from danq.genome.intervals import window_start
from danq.options import Closed

Count = Annotated[int, Field(ge=1)]
Rnn = Annotated[Literal["lstm", "gru", "simple"], Field(description="recurrent cell")]
MergeMode = Annotated[
    Literal["concat", "sum", "mul", "ave", "none"],
    Field(
        description="how the two directions become one; none: each has a head of its own and the output is "
        "their mean logit (deeper layers below are concatenated)"
    ),
]
Padding = Annotated[Literal["valid", "same"], Field(description="same: edges are padded for the filters")]
RnnDropout = Annotated[float, Field(ge=0, lt=1, description="dropped part of each recurrent layer's output")]
Units = Annotated[list[Count], Field(min_length=1, description="recurrent units a direction, one a layer")]
Dense = Annotated[int, Field(ge=0, description="units of the dense layer before the output; 0: none")]


class Directional(Closed):
    """Models with `bidirectional` and `merge_mode`."""

    @model_validator(mode="after")
    def _nothing_to_merge(self) -> Self:
        values = dict(self)
        if (
            not values["bidirectional"]
            and values["merge_mode"] != type(self).model_fields["merge_mode"].default
        ):
            raise ValueError(
                f"expected `bidirectional: true` with `merge_mode: {values['merge_mode']}`, received false"
            )
        return self


class SubBinOptions(Closed):
    """Whether the whole input is classified, or each sub-bin of the window's bin."""

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


class Positions(NamedTuple):
    """The positions of the recurrent layer that a network makes of a window.

    Attributes
    ----------
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
    """Positions shared out among `number` sub-bins, the outputs: `each` positions of one, from `first` on."""

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
    """Share a network's positions out among the sub-bins of a window; without a size of these, each is one.

    A sub-bin gets the positions whose centres lie in it: equally many each, as the stride divides it.

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
