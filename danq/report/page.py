"""The report: one self-contained HTML page that asks no network for anything."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from markupsafe import Markup

from danq.files import published
from danq.report import compare, data, notes, runs, scores, search, targets, views
from danq.report.content import GROUPS, TEMPLATES, Section, inline_digest
from danq.report.findings import Verdict
from danq.report.results import Results, read_results
from danq.report.verdict import judge
from danq.report.verdict_section import verdict_sections

log = logging.getLogger("danq")

_HERE = Path(__file__).parent
_TITLES = {
    "dna": "DNA sequence classification",
    "text": "Text classification",
    "image": "Image classification",
}


def write_report(
    results: Path,
    out: Path,
    names: Sequence[str] = (),
    callsets: Collection[str] = (),
    viewing: Collection[str] = (),
) -> None:
    """Gather everything a results directory holds into one HTML file that needs no network.

    Parts of the directory may be missing. The same results give the same bytes. `names` of runs,
    `callsets` and the `viewing` runs are as in `read_results`.

    Raises
    ------
    DanqError
        If there is no run or something named is missing, or a file of the results is damaged.
    """
    read = read_results(results, names, callsets, viewing)
    verdicts = judge(read)
    for verdict in verdicts:
        level = logging.WARNING if verdict.level == "red" else logging.INFO
        log.log(level, "verdict on %s, %s: %s", verdict.dataset, verdict.level, verdict.headline)
    page = render(_title(read), _introduction(read), sections(read, verdicts))
    with published(out) as partial:
        partial.write_text(page, encoding="utf-8")


def sections(results: Results, verdicts: Sequence[Verdict]) -> list[Section]:
    """Make the sections of the report in their order, without empty ones."""
    made = [
        *verdict_sections(verdicts),
        runs.side_by_side(results),
        targets.curves(results),
        targets.calibration(results),
        runs.calls(results),
        targets.per_target(results),
        compare.overview(results),
        compare.differences(results),
        compare.scatter(results),
        compare.by_target(results),
        search.search(results),
        *scores.scores(results),
        views.regions(results),
        data.data(results),
        data.balance(results),
        data.leakage(results),
        runs.trainings(results),
        runs.training(results),
        runs.throughput(results),
        runs.jobs(results),
        data.options(results),
        data.provenance(results),
        data.provenance_of_scores(results),
        notes.notes(results),
    ]
    return [section for section in made if section is not None]


def render(title: str, introduction: str, made: Sequence[Section]) -> str:
    """Lay sections out as a page, in their groups, whose own script and style alone may act in it."""
    own = {kind: (_HERE / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")}
    allowed = {kind: inline_digest(text) for kind, text in own.items()}
    groups = [(id_, name, [each for each in made if each.group == id_]) for id_, name in GROUPS.items()]
    return TEMPLATES.get_template("page.html").render(
        title=title,
        introduction=introduction,
        groups=[group for group in groups if group[2]],
        policy=f"default-src 'none'; script-src '{allowed['js']}'; style-src '{allowed['css']}'; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(own["css"]),
        script=Markup(own["js"]),
    )


def _title(results: Results) -> str:
    kinds = {manifest.data_kind for manifest in results.datasets.values()} or {"dna"}
    return _TITLES[kinds.pop()] if len(kinds) == 1 else "Classification"


def _introduction(results: Results) -> str:
    families = results.families()
    counts = {"run": len(results.groups), "dataset": len(families)}
    introduction = " on ".join(f"{n} {what}{'s' if n > 1 else ''}" for what, n in counts.items())
    introduction += f" ({', '.join(families)})"
    return introduction + (f", {len(results.runs)} trainings." if len(results.runs) > counts["run"] else ".")
