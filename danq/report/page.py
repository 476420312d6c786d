"""The report: one self-contained HTML page that asks no network for anything."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from markupsafe import Markup

from danq.evaluate.intervals import FEWEST_BLOCKS
from danq.files import published
from danq.report import agreement, compare, data, runs, scores, search, targets, views
from danq.report.content import GROUPS, TEMPLATES, Section, inline_digest, listing, section
from danq.report.findings import Verdict
from danq.report.results import Results, read_results
from danq.report.verdict import judge, verdict_sections

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
        scores.counts(results),
        scores.distribution(results),
        scores.strongest(results),
        scores.along(results),
        agreement.truth(results),
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
        _notes(results),
    ]
    return [each for each in made if each is not None]


def _notes(results: Results) -> Section | None:
    """Explain intervals, and figures that need a definition, where anything was measured."""
    if not any(run.measured for run in results.runs):
        return None
    rows = [
        (
            "95% intervals",
            "Percentiles of a bootstrap over 100-kb blocks of the genome (over rows for sequences without "
            "coordinates, texts and images), moved back by as much as resampling raises the metric, which "
            "it does for the AUPRC: a row drawn twice ties with itself (Efron & Tibshirani 1993, An "
            f"Introduction to the Bootstrap, ch. 10 and 13). Below {FEWEST_BLOCKS} blocks there is no "
            "interval: so few tell too little of how much others would differ. They say how much other test "
            "rows would change a figure, not how much another seed would.",
        ),
        (
            "Differences",
            "Both runs are measured on the same resamples, so that what is hard for both cancels. The "
            "interval of several folds treats their test rows as drawn independently of each other.",
        ),
        (
            "SD",
            "Sample standard deviation over trainings with other seeds or folds. Of a difference: over pairs "
            "of the same seed and fold; where the runs have other seeds, over folds, or within one fold the "
            "root of the sum of both runs' variances.",
        ),
        ("AUPRC", "Average precision. A random ranking reaches the prevalence: the share of positive rows."),
        ("ECE", "Mean distance, over rows, of predicted probability and observed share in 15 equal bins."),
    ]
    return section("notes", "How figures are computed", "made", "", listing(["", ""], rows))


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
