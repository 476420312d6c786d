"""Sections of the report in the form MultiQC reads as custom content."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

LONGEST_HEAD = 24
"""Letters of the name of a run in the head of a column."""
SEARCH = (
    '<input type="search" class="form-control form-control-sm danq-search" '
    'placeholder="Search targets" aria-label="Search targets">'
)
"""A box that hides the rows of the section's table whose name lacks what is typed."""


@dataclass(frozen=True)
class Section:
    """One section: what MultiQC is told of it, and its data."""

    id: str
    config: dict[str, Any]
    data: Any

    def content(self) -> dict[str, Any]:
        """Contents of its ``_mqc.json`` file."""
        return {"id": self.id, **self.config, "data": self.data}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    decimals : int or None
        Decimals shown; None for text.
    low, high, colour : float or None, float or None, str
        Range and scale of the bar behind the number; no bar without `colour`.
    hidden, signed : bool
        Shown only when the reader chooses it; positive numbers have a plus sign.
    """

    title: str
    description: str
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    colour: str = ""
    hidden: bool = False
    signed: bool = False

    def header(self) -> dict[str, Any]:
        """Give what MultiQC is told of the column."""
        written = f"{{:{'+' if self.signed else ''},.{self.decimals}f}}"
        header = {
            "title": text(self.title),
            "description": text(self.description),
            "hidden": self.hidden,
            "scale": self.colour or False,
            "format": None if self.decimals is None else written,
            "min": self.low,
            "max": self.high,
        }
        return {key: value for key, value in header.items() if value is not None}


def area_column(area: str, title: str, description: str) -> Column:
    """Make a column of an AUROC or AUPRC, with a bar from what chance reaches, or 0, to 1."""
    low, colour = (0.5, "Blues") if area == "auroc" else (0, "Greens")
    return Column(title, description, 4, low, 1, colour)


def section(id_: str, title: str, description: str, kind: str, data: Any, **config: Any) -> Section:
    """Make a section of one of MultiQC's kinds of plots; `description` is HTML."""
    common = {"section_name": text(title), "description": description, "plot_type": kind}
    return Section(id_, common | config, data)


def text(value: object) -> str:
    """Escape what comes from names and files, so that it is shown as it is.

    MultiQC takes names of rows for paths and keeps what stands after the last slash: slashes are escaped too.
    It strips names as well: white space at either end becomes a visible sign, so that names stay distinct.
    """
    shown = re.sub(r"^\s+|\s+$", lambda ends: "␣" * len(ends[0]), str(value))
    return html.escape(shown).replace("/", "&#47;")


def between(low: float | None, high: float | None, sign: str = "") -> str | None:
    """Write an interval; None where there is none, or its ends are no numbers."""
    if low is None or high is None or not isfinite(low):
        return None
    return f"{low:{sign}.3f} to {high:{sign}.3f}" if sign else f"{low:.3f}–{high:.3f}"


def table(
    id_: str,
    title: str,
    description: str,
    first: str,
    columns: Mapping[str, Column],
    rows: Mapping[str, Mapping[str, Any]],
) -> Section | None:
    """Make a table of values by row name and column; `first` is the head of the names.

    Columns without any value are left out; None if all are. `description` is HTML.
    """
    data = {
        text(name): {
            key: text(row[key]) if isinstance(row[key], str) else row[key]
            for key in columns
            if row.get(key) is not None and (not isinstance(row[key], float) or isfinite(row[key]))
        }
        for name, row in rows.items()
    }
    used = {key for row in data.values() for key in row}
    if not used:
        return None
    headers = {key: column.header() for key, column in columns.items() if key in used}
    pconfig = {
        "id": f"{id_}_table",
        "title": text(title),
        "col1_header": text(first),
        "sort_rows": False,
        "no_violin": True,
        "save_file": False,
    }
    return section(id_, title, description, "table", data, headers=headers, pconfig=pconfig)


def page(id_: str, title: str, description: str, body: str) -> Section | None:
    """Make a section of HTML; None if it is empty."""
    return section(id_, title, description, "html", body) if body else None


def listing(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out a plain HTML table; an empty string without rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{text(name)}</th>" for name in heads)
    body = ""
    for name, *values in rows:
        body += f"<tr><th>{text(name)}</th>{''.join(f'<td>{text(value)}</td>' for value in values)}</tr>"
    return (
        f'<table class="table table-sm danq-list"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
