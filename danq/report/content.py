"""What the report is made of: sections, and the tables, listings and figures in them.

A section is made by a function of `Results` that returns ``section(id, title, group, prose, *parts)``, or
None where there is nothing to show; `danq.report.page.sections` lists these functions in the order of the
page. Parts come from `table`, `listing`, `figure` and `headed`, drawings from `danq.report.plots`. Whatever
is handed to these functions as ``str`` is text and is escaped by Jinja2; only what they return is `Markup`,
which is taken as it is. Nobody else makes `Markup`, except a template of its own in an environment that
escapes.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

GroupId = Literal["verdict", "good", "compared", "variants", "made"]
GROUPS: Mapping[GroupId, str] = {
    "verdict": "Verdict",
    "good": "How good",
    "compared": "Compared",
    "variants": "Variants",
    "made": "How it was made",
}
"""The parts of the page, in order, with their titles."""
TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Section:
    """One section of the page; `printed` ones are in the print view as well."""

    id: str
    title: str
    group: GroupId
    html: Markup
    printed: bool = False


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title, description : str
        Head, and what is shown when the pointer rests on it.
    decimals : int or None
        Decimals shown; None for text.
    group : str
        Head above those of neighbouring columns of the same group, such as the run that they are about.
    hidden, signed : bool
        Shown only when the reader chooses it; positive numbers have a plus sign.
    """

    title: str
    description: str
    decimals: int | None = None
    group: str = ""
    hidden: bool = False
    signed: bool = False

    def written(self, value: Any) -> str:
        """Write a cell; nothing where the value is missing or no number."""
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return ""
        if self.decimals is None or isinstance(value, str):
            return text(value)
        return f"{value:{'+' if self.signed else ''},.{self.decimals}f}"


@dataclass(frozen=True)
class Key:
    """An entry of a legend: name, colour as ``#rrggbb``, and whether its line is dashed."""

    name: str
    colour: str
    dashed: bool = False


@dataclass(frozen=True)
class View:
    """One of the views of a figure: the name on its button, a drawing, and the legend beside it."""

    name: str
    drawing: Markup
    legend: Sequence[Key] = ()


def text(value: object) -> str:
    """Make visible what a page swallows: white space at the ends of names, tabs and line breaks in them."""
    return re.sub(r"^\s+|\s+$|[^\S ]", lambda space: "␣" * len(space[0]), str(value))


def section(
    id_: str, title: str, group: GroupId, prose: str, *parts: Markup, printed: bool = False
) -> Section | None:
    """Make a section of parts under a paragraph of plain text; None if all parts are empty."""
    if not any(parts):
        return None
    body = Markup("<p>{}</p>").format(prose) if prose else Markup()
    return Section(id_, title, group, body + Markup().join(parts), printed)


def headed(title: str, *parts: Markup) -> Markup:
    """Put a small head above parts; nothing if all are empty. Without a title the parts alone."""
    body = Markup().join(parts)
    return Markup("<h4>{}</h4>").format(text(title)) + body if body and title else body


def table(first: str, columns: Mapping[str, Column], rows: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Make a table that the reader can sort, search and choose columns of; nothing without any value.

    Parameters
    ----------
    first : str
        Head of the names of rows.
    columns : mapping of str to Column
        Columns by key; those without any value are left out.
    rows : mapping of str to mapping
        Values (numbers or text) by key of the column, by name of the row.
    """
    written = {
        name: {key: column.written(row.get(key)) for key, column in columns.items()}
        for name, row in rows.items()
    }
    used = {key: column for key, column in columns.items() if any(row[key] for row in written.values())}
    if not used:
        return Markup()
    heads = [(group, len(list(each))) for group, each in groupby(column.group for column in used.values())]
    return macro(
        "table",
        first=first,
        columns=list(used.values()),
        heads=heads if any(group for group, _ in heads) else [],
        rows=[(text(name), [row[key] for key in used]) for name, row in written.items()],
    )


def listing(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Lay out facts, the first of each row as its head; nothing without rows, no empty heads."""
    if not rows:
        return Markup()
    shown = [[text(value) for value in row] for row in rows]
    return macro("listing", heads=[text(head) for head in heads if any(heads)], rows=shown)


def figure(views: Sequence[View | None], caption: str = "") -> Markup:
    """Make a figure with a button a view where there are several; nothing without views."""
    drawn = [view for view in views if view is not None]
    return macro("figure", views=drawn, caption=caption) if drawn else Markup()


def between(low: float | None, high: float | None, sign: str = "") -> str | None:
    """Write an interval; None where there is none, or its ends are no numbers."""
    if low is None or high is None or not isfinite(low):
        return None
    return f"{low:{sign}.3f} to {high:{sign}.3f}" if sign else f"{low:.3f}–{high:.3f}"


def macro(name: str, **values: Any) -> Markup:
    """Fill in a macro of ``content.html``."""
    macros = TEMPLATES.get_template("content.html").module
    return Markup(getattr(macros, name)(**values))


def inline_digest(text: str) -> str:
    """Write the SHA-256 of an inlined script or style as a Content-Security-Policy has it."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
