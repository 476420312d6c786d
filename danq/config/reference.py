"""Every key of a configuration in words: meaning, unit, type and default, taken from the typed models."""

import importlib
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from danq.config import Callset, Config, Run
from danq.data.options import DatasetOptions, Negatives, SplitOptions
from danq.learn.options import PredictOptions, Schedule, TrainOptions

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", Config),
    ("`datasets.<name>`", DatasetOptions),
    ("`datasets.<name>.keep`, where it is a ratio", Negatives),
    ("`datasets.<name>.split`", SplitOptions),
    ("`runs.<name>`", Run),
    ("`runs.<name>.train`", TrainOptions),
    ("`runs.<name>.train.schedule`", Schedule),
    ("`runs.<name>.predict`", PredictOptions),
    ("`callsets.<name>`", Callset),
)


def reference() -> str:
    """Markdown with one table a section: key, what it takes, default, meaning with unit."""
    models = importlib.import_module("danq.models").MODELS
    options = [(f"`runs.<name>.options` of model `{name}`", model.Options) for name, model in models.items()]
    return "\n".join(line for title, model in (*_SECTIONS, *options) for line in _table(title, model))


def _table(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {title}\n"
    yield "| key | takes | default | meaning |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        cells = (f"`{name}`", _takes(field.annotation), _default(field), field.description or "")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _takes(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_takes(arg) for arg in args if arg is not type(None))
    if origin is Literal:
        return ", ".join(f"`{arg}`" for arg in args)
    if hasattr(annotation, "__metadata__"):
        return _takes(args[0])
    if origin is list:
        return f"list of {_takes(args[0])}"
    if origin is dict:
        return f"mapping to {_takes(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    words = {str: "text", int: "integer", float: "number", bool: "true, false", Any: "values"}
    return words.get(annotation, "path")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    if isinstance(field.default, BaseModel):
        return "see its section"
    text = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    return f"`{text}`"
