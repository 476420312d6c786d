"""The JSON schema of a configuration, generated from the typed models."""

import importlib
from typing import Any

from danq.config import Config


def json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a configuration file: closed, with the options of each model.

    Which options a run may hold is decided by its ``model``; the options of a model in a file of one's
    own are left open here and checked by `danq.config.load_config`.
    """
    schema = Config.model_json_schema()
    for section in schema["properties"].values():
        section["additionalProperties"] = False  # names that do not match the pattern
    models = importlib.import_module("danq.models").MODELS
    choices = []
    for name, module in models.items():
        options = module.Options.model_json_schema(ref_template="#/$defs/{model}")
        schema["$defs"] |= options.pop("$defs", {})
        key = f"{name}_options"
        schema["$defs"][key] = {**options, "title": key}
        choices.append(_when(name, f"#/$defs/{key}"))
    run = schema["$defs"]["Run"]
    run["properties"]["model"] |= {"anyOf": [{"enum": list(models)}, {"pattern": r"\.py$"}]}
    run["allOf"] = choices
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "danq configuration",
    }


def _when(model: str, reference: str) -> dict[str, Any]:
    return {
        "if": {"properties": {"model": {"const": model}}, "required": ["model"]},
        "then": {"properties": {"options": {"$ref": reference}}},
    }
