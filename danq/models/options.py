"""Types of options that several models have."""

from typing import Annotated, Literal

from pydantic import Field

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
