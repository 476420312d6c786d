"""What may stand in a configuration, taken from the typed models: in words, and as a JSON schema."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from danq.config import Callset, Config, GenomeSource, Run
from danq.config.search import Search
from danq.config.space import Range
from danq.data.options import DatasetOptions, Negatives, SplitOptions
from danq.learn.options import PredictOptions, Schedule, TrainOptions
from danq.models import MODELS
from danq.views.options import View

_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("The file", Config),
    ("`genomes.<name>`, where it is a section", GenomeSource),
    ("`datasets.<name>`", DatasetOptions),
    ("`datasets.<name>.keep`, where it is a ratio", Negatives),
    ("`datasets.<name>.split`", SplitOptions),
    ("`runs.<name>`", Run),
    ("`runs.<name>.train`", TrainOptions),
    ("`runs.<name>.train.schedule`", Schedule),
    ("`runs.<name>.predict`", PredictOptions),
    ("`runs.<name>.search`", Search),
    ("`runs.<name>.search.options.<key>` and `runs.<name>.search.train.<key>`, where it is a range", Range),
    ("`callsets.<name>`", Callset),
    ("`views[]`, where it is a section", View),
)


def reference() -> str:
    """Markdown with one table a section: key, what it takes, default, meaning with unit."""
    options = [(f"`runs.<name>.options` of model `{name}`", model.Options) for name, model in MODELS.items()]
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
        tags = [item.tag.lower() for item in annotation.__metadata__ if isinstance(item, Tag)]
        return tags[0] if tags else _takes(args[0])
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


def json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a configuration file: closed, with the options of each model.

    Which options a run may hold is decided by its ``model``; the options of a model in a file of one's
    own are left open here and checked by `danq.config.load_config`.
    """
    schema = Config.model_json_schema()
    for section in schema["properties"].values():
        section["additionalProperties"] = False  # names that do not match the pattern
    choices = []
    for name, module in MODELS.items():
        options = module.Options.model_json_schema(ref_template="#/$defs/{model}")
        schema["$defs"] |= options.pop("$defs", {})
        key = f"{name}_options"
        schema["$defs"][key] = {**options, "title": key}
        is_model = {"properties": {"model": {"const": name}}, "required": ["model"]}
        choices.append({"if": is_model, "then": {"properties": {"options": {"$ref": f"#/$defs/{key}"}}}})
    run = schema["$defs"]["Run"]
    run["properties"]["model"] |= {"anyOf": [{"enum": list(MODELS)}, {"pattern": r"\.py$"}]}
    run["allOf"] = choices
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {**dialect, **schema, "title": "danq configuration"}
