"""Options that several models have."""

from typing import Annotated, Literal

from pydantic import Field

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
