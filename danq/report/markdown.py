"""Markdown of names and numbers that come from files: nothing in them becomes a mark."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")


def text(value: Any) -> str:
    """Write something as text that is taken for nothing else."""
    return _MARKS.sub(r"\\\1", str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table."""
    lines = [head, ["---"] * len(head), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(language: str, lines: str) -> str:
    """Write a block of code, whatever stands in it."""
    longest = max((len(ticks) for ticks in re.findall("`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines.strip()}\n{fence}"
