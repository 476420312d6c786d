"""What a search draws from: lists of values and ranges, and the value at a random place of each."""

import hashlib
import math
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from danq.options import Closed


class Range(Closed):
    """Numbers that a search draws from; whole ones for a key that takes whole numbers only."""

    low: float = Field(allow_inf_nan=False, description="lowest value")
    high: float = Field(allow_inf_nan=False, description="highest value")
    log: bool = Field(False, description="true: equal factors are equally likely, in place of differences")
    step: float | None = Field(
        None, gt=0, allow_inf_nan=False, description="distance between values, from `low` on"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"expected `low` below `high`, received {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"expected `low` above 0 with `log`, received {self.low:g}")
        if self.log and self.step is not None:
            raise ValueError("expected either `log` or `step`, received both")
        return self


def _form(value: Any) -> str:
    """Tell what is written by its form, so that a mistake in it is not told of the other forms, too."""
    if isinstance(value, Range):
        return "Range"
    if isinstance(value, Mapping):
        return "Range" if set(Range.model_fields) & set(value) else "Section"
    return "Values"


Parameter = Range | list[Any]
_Range = Annotated[Range, Tag("Range")]
_Values = Annotated[list[Any], Field(min_length=1), Tag("Values")]
_Parameter = Annotated[_Range | _Values, Discriminator(_form)]
_Section = Annotated[dict[str, _Parameter], Tag("Section")]
Space = dict[str, Annotated[_Range | _Values | _Section, Discriminator(_form)]]
"""Key → what is drawn; of a section such as `schedule`, its keys."""


def points_of(parameter: Parameter, whole: bool) -> float:
    """Count the values that can be drawn; infinite of a range that is continuous."""
    if isinstance(parameter, list):
        return len(parameter)
    step = parameter.step or (1 if whole else 0)
    return _steps(parameter, step) if step else math.inf


def _steps(parameter: Range, step: float) -> int:
    # .1 + .2 is more than .3
    return math.floor((parameter.high - parameter.low) / step + 1e-9) + 1


def uniform(seed: int, key: str, number: int, attempt: int) -> float:
    """Draw a number of [0, 1), the same on every machine and with every release of every library."""
    text = f"{seed} {key} {number} {attempt}"
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 11) / 2**53


def drawn_at(parameter: Parameter, whole: bool, place: float) -> Any:
    """Take the value that lies at a place, 0 to below 1, of a parameter's distribution."""
    if isinstance(parameter, list):
        return parameter[int(place * len(parameter))]
    low, high = parameter.low, parameter.high
    step = parameter.step or (1 if whole and not parameter.log else 0)
    if step:
        value = low + step * int(place * _steps(parameter, step))
    elif parameter.log and whole:
        # half a step more at either end, so that the ends are not drawn half as often
        value = math.exp(_between(math.log(low - 0.5), math.log(high + 0.5), place))
    elif parameter.log:
        value = math.exp(_between(math.log(low), math.log(high), place))
    else:
        value = _between(low, high, place)
    value = min(max(value, low), high)
    return round(value) if whole else value


def _between(low: float, high: float, part: float) -> float:
    return low + part * (high - low)


def only_whole(model: type[BaseModel], path: Sequence[str]) -> bool:
    """Whether the key at a path of a model takes whole numbers and no others."""
    annotation: Any = model
    for part in path:
        fields = getattr(annotation, "model_fields", {})
        annotation = fields[part].annotation if part in fields else None
    kinds = set(_kinds(annotation))
    return int in kinds and float not in kinds


def _kinds(annotation: Any) -> Iterator[Any]:
    """Types that a union is of, without what is said about them."""
    if get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _kinds(member)
    elif hasattr(annotation, "__metadata__"):
        yield from _kinds(get_args(annotation)[0])
    else:
        yield annotation


def is_section(model: type[BaseModel], key: str) -> bool:
    """Whether a key of a model is a section with keys of its own."""
    field = model.model_fields.get(key)
    annotation = field.annotation if field is not None else None
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
