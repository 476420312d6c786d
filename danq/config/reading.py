"""Reading a configuration file, and putting what is wrong with it into one line."""

import json
import math
import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from danq.errors import DanqError
from danq.limits import check_limit

_Model = TypeVar("_Model", bound=BaseModel)
_SHOWN = 5
_DEEPEST, _BYTES_OF_A_VALUE = 100, 100
_SURROGATE = re.compile("[\ud800-\udfff]")
_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")
_TYPES = {
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "float_type": "a number",
    "int_type": "an integer",
    "list_type": "a list",
    "model_type": "a mapping of keys to values",
    "path_type": "a path",
    "string_pattern_mismatch": "a name of letters, digits, `_`, `.` and `-` (neither of the last two first)",
    "string_type": "text",
}


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, or one that is no text, and what unfolds or nests without end."""

    _depth = _nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._nodes += 1
        check_limit("DANQ_MAX_NODES", self.name, "values", self._nodes)
        if self._depth > _DEEPEST:
            mark = self.peek_event().start_mark
            raise DanqError(f"{mark.name}:{mark.line + 1}: expected at most {_DEEPEST} levels")
        try:
            node = super().compose_node(parent, index)
        finally:
            self._depth -= 1
        if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
            raise DanqError(
                f"{self.name}:{node.start_mark.line + 1}: expected text, received half a character"
            )
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            check_limit("DANQ_MAX_NODES", node.start_mark.name, "values", _unfolded(node, {}))
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines = dict[Any, int]()
        for key_node, _ in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                file = node.start_mark.name
                raise DanqError(f"{file}:{line}: expected text as a key, received a collection")
            if key in lines and key != "<<":
                file = node.start_mark.name
                raise DanqError(f"{file}:{line}: key {key!r} stands in line {lines[key]} already")
            lines[key] = line
        return super().construct_mapping(node, deep)


def _unfolded(node: yaml.Node, known: dict[int, float]) -> float:
    """Count the values below a node, those behind an alias each time that it is used."""
    if id(node) not in known:
        # an alias within what it names has no end
        known[id(node)] = math.inf
        below = [] if isinstance(node, yaml.ScalarNode) else node.value
        parts = (part for item in below for part in (item if isinstance(item, tuple) else (item,)))
        known[id(node)] = 1 + sum(_unfolded(part, known) for part in parts)
    return known[id(node)]


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON file that holds one mapping.

    Raises
    ------
    DanqError
        If the file is missing, damaged, holds no mapping, or a key twice (with its line).
    """
    try:
        with path.open(encoding="utf-8") as stream:
            check_limit("DANQ_MAX_NODES", path, "values", path.stat().st_size / _BYTES_OF_A_VALUE)
            value = yaml.load(stream, _Loader)
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; expected a configuration") from None
    except (IsADirectoryError, PermissionError, UnicodeDecodeError, yaml.reader.ReaderError):
        raise DanqError(f"{path}: expected a readable YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else f"{path}"
        problem = getattr(error, "problem", None) or str(error)
        # to YAML * is the mark of an alias, and [ in a list begins another one
        pattern = "alias" in f"{getattr(error, 'context', None)} {problem}" or "got '['" in problem
        hint = '; patterns such as "*_alt" and "chr[0-9]" stand in quotes' if pattern else ""
        raise DanqError(f"{place}: expected YAML; {problem}{hint}") from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        # a tag such as !!int before something else
        raise DanqError(f"{path}: expected YAML; {error}") from None
    if not isinstance(value, dict):
        received = "nothing" if value is None else repr(value)[:60]
        raise DanqError(f"{path}: expected keys such as `datasets` and `runs`, received {received}")
    return value


def plain(value: Any) -> Any:
    """Reduce a configuration to JSON types; 1e-3, which YAML 1.1 reads as text, becomes a number."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str) and _EXPONENT.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() else number
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return str(value)


def filled(model: type[_Model], raw: Any) -> _Model:
    """Fill a model, strictly as JSON: paths are text, but "60" in quotes is no number and 1 no truth value.

    Raises
    ------
    ValidationError
        If a key is unknown or missing, or a value is not what it should be.
    """
    return model.model_validate_json(json.dumps(raw), strict=True)


def describe(
    error: ValidationError, model: type[BaseModel], raw: Any, prefix: Sequence[str] = ()
) -> list[str]:
    """One phrase `key.path: expected …, received …` for each key that is wrong.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    model : type of BaseModel
        The model that was filled.
    raw : JSON-like
        What it was filled from.
    prefix : sequence of str
        Path of `raw` within the configuration.
    """
    complaints = dict[tuple[str | int, ...], tuple[list[str], str]]()
    for problem in error.errors(include_url=False):
        place, value = _place(problem["loc"], raw, problem["type"])
        expected, received = _expected(problem, model, value)
        alternatives, _ = complaints.setdefault(place, ([], received))
        if expected not in alternatives:
            alternatives.append(expected)
    phrases = list[str]()
    for place, (alternatives, received) in complaints.items():
        # of a value of several types the complaint of the type that came furthest is the useful one
        if not any(len(other) > len(place) and other[: len(place)] == place for other in complaints):
            key = ".".join(map(str, (*prefix, *place))) or "top level"
            phrases.append(f"{key}: {' or '.join(alternatives).replace('or expected', 'or')}{received}")
    return phrases


def one_line(source: str, problems: Sequence[str]) -> str:
    """Join problems into one line; beyond the first few only their number is said."""
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return f"{source}: {'; '.join(problems[:_SHOWN])}{more}"


def _place(loc: Sequence[str | int], raw: Any, kind: str) -> tuple[tuple[str | int, ...], Any]:
    """Keep those parts of a pydantic location that are keys of the data; the rest names types of a union."""
    path, value = list[str | int](), raw
    for part in loc:
        is_key = isinstance(value, Mapping) and part in value
        if is_key or (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            path.append(part)
            value = value[part]
    if kind == "missing":
        path.append(loc[-1])
    return tuple(path), value


def _expected(problem: Any, model: type[BaseModel], value: Any) -> tuple[str, str]:
    kind, received = problem["type"], f", received {json.dumps(value, ensure_ascii=False)[:80]}"
    if kind == "extra_forbidden":
        keys = ", ".join(sorted({*_keys(model, problem["loc"][:-1])}))
        return f"unknown key; expected one of {keys}", f"; received '{problem['loc'][-1]}'"
    if kind == "missing":
        return "expected this key", ", received nothing"
    if kind == "value_error":
        return str(problem["ctx"]["error"]), ""
    if problem["loc"][-1] == "[key]":
        received = f", received '{problem['input']}'"
    if kind == "string_type" and isinstance(value, int | float):
        return "expected text (in quotes where it is a number, or yes or no)", received
    if kind == "too_short":
        return "expected at least one entry", ", received none"
    if kind == "literal_error":
        return f"expected {problem['ctx']['expected']}", received
    text = _TYPES.get(kind) or re.sub(r"^Input should be (?=\w+ than)", "a value ", problem["msg"])
    return "expected " + text.removeprefix("Input should be "), received


def _keys(annotation: Any, loc: Sequence[str | int]) -> Iterator[str]:
    """Keys of the section at a pydantic location, found by walking the types."""
    if hasattr(annotation, "__metadata__"):
        yield from _keys(get_args(annotation)[0], loc)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            yield from annotation.model_fields
        elif loc[0] in annotation.model_fields:
            yield from _keys(annotation.model_fields[str(loc[0])].annotation, loc[1:])
    elif get_origin(annotation) in (dict, list) and loc:
        yield from _keys(get_args(annotation)[-1], loc[1:])
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            tagged = bool(loc) and loc[0] == getattr(_bare(member), "__name__", None)
            yield from _keys(member, loc[1:] if tagged else loc)


def _bare(annotation: Any) -> Any:
    """Take off what is said about a type."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
