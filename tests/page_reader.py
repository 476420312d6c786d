"""Sections of the report read back from their HTML, which must be well-formed XML."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree as ET

from danq.report import compare, data, runs, search, targets
from danq.report.content import Section
from danq.report.page import sections
from danq.report.results import Results, read_results
from danq.report.verdict import judge

Rows = dict[str, dict[str, str]]
ALONE = {
    "Runs": runs.side_by_side,
    "Repeats of runs": runs.trainings,
    "Calls at thresholds": runs.calls,
    "Training": runs.training,
    "Targets": targets.per_target,
    "Curves": targets.curves,
    "Runs compared": compare.overview,
    "Differences between runs": compare.differences,
    "Target by target": compare.by_target,
    "AUROC target by target": compare.scatter,
    "Search": search.search,
    "Data and splits": data.data,
    "Class balance": data.balance,
    "Repeats of training rows": data.leakage,
    "Options": data.options,
    "Provenance": data.provenance,
}
"""Sections that are made by themselves, for drawing all of them takes a second."""


class Sections(Mapping[str, Section]):
    """Sections by title, each made when it is asked for; all where they are gone through."""

    def __init__(self, results: Results) -> None:
        self._results = results

    @cached_property
    def _all(self) -> dict[str, Section]:
        return {section.title: section for section in sections(self._results, judge(self._results))}

    def __getitem__(self, title: str) -> Section:
        if title not in ALONE:
            return self._all[title]
        section = ALONE[title](self._results)
        if section is None:
            raise KeyError(title)
        assert section.title == title
        return section

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


def by_title(results: Path) -> Sections:
    return Sections(read_results(results))


def parsed(section: Section) -> ET.Element:
    return ET.fromstring(f'<div xmlns:xlink="x">{section.html}</div>')


def shown(element: ET.Element) -> str:
    return "".join(element.itertext())


def prose(section: Section) -> str:
    """Text of the first paragraph."""
    return shown(parsed(section).find("p"))


def tables(section: Section) -> list[Rows]:
    """Cells that are not empty, by head (with that of its group) and name of the row, of each table."""
    return [_rows(table) for table in parsed(section).iter("table")]


def rows(section: Section) -> Rows:
    """Cells of the only table."""
    (table,) = tables(section)
    return table


def heads(section: Section) -> list[str]:
    """Heads of the first table's columns, each with that of its group."""
    return _heads(next(parsed(section).iter("table")))


def descriptions(section: Section) -> dict[str, str]:
    """What is shown under the pointer, by head of the first table."""
    table = next(parsed(section).iter("table"))
    cells = list(table.find("thead"))[-1]
    return {head: cell.get("title", "") for head, cell in zip(_heads(table), list(cells)[1:], strict=True)}


def views(section: Section) -> dict[str, ET.Element]:
    """Views of all figures by the names on their buttons."""
    return {
        each.get("data-name"): each for each in parsed(section).iter("div") if each.get("class") == "view"
    }


def legend(view: ET.Element) -> list[str]:
    return [shown(entry) for entry in view.iter("li")]


def remarks(view: ET.Element) -> list[str]:
    """What is shown under the pointer in a drawing."""
    return [shown(title) for title in view.iter("title")][1:]


def _heads(table: ET.Element) -> list[str]:
    lines = list(table.find("thead") or [])
    groups = [""] * len(list(lines[-1])[1:])
    if len(lines) > 1:
        groups = [shown(cell) for cell in list(lines[0])[1:] for _ in range(int(cell.get("colspan", "1")))]
    return [f"{group} {shown(cell)}".strip() for group, cell in zip(groups, list(lines[-1])[1:], strict=True)]


def _rows(table: ET.Element) -> Rows:
    lines = list(table.find("tbody"))
    heads = _heads(table) if table.find("thead") is not None else [""] * (len(list(lines[0])) - 1)
    if not any(heads):
        return {shown(line[0]): {"": " | ".join(map(shown, line[1:]))} for line in lines}
    cells = {shown(line[0]): dict(zip(heads, map(shown, line[1:]), strict=True)) for line in lines}
    return {name: {head: cell for head, cell in row.items() if cell} for name, row in cells.items()}
