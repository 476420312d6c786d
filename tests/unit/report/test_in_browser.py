"""The page in a real browser: it asks no network, and runs its own script alone, whatever names hold."""

import json
from pathlib import Path

import numpy as np
import pytest
from chromium import Page, opened
from results_tree import build, write_scores

from danq.report.findings import Finding, Verdict
from danq.report.page import render, sections, write_report
from danq.report.results import read_results
from danq.report.verdict import judge, verdict_sections

HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }} `${alert(3)}` & é"
RUN = HOSTILE.replace("/", "")
TARGETS = tuple(f"{number} {HOSTILE}" for number in range(70))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results whose every string is hostile."""
    path = tmp_path_factory.mktemp("tree") / "results"
    runs = {RUN: (RUN, "danq", 2.0), f"b{RUN}": (RUN, "kmer_logistic", 1.0)}
    build(path, runs, TARGETS, n=60, resamples=12)
    for file in (*path.glob("runs/*/bundle.json"), *path.glob("datasets/*/dataset.json")):
        told = json.loads(file.read_text())
        told["provenance"] |= {"command": HOSTILE, "platform": HOSTILE, "versions": {HOSTILE: HOSTILE}}
        told["options"] |= {HOSTILE: HOSTILE} if "run" in told else {}
        told |= {"renamed": {HOSTILE: HOSTILE}} if "renamed" in told else {}
        file.write_text(json.dumps(told))
    row = {"allele": 1, "contig": HOSTILE, "id": HOSTILE, "ref": "<b>", "alt": "'\"", "flags": ""}
    alleles = [{"row": i + 1, "pos": 100 + i, **row, "id": str(i)} for i in range(20)]
    write_scores(path, RUN, TARGETS, alleles, np.random.default_rng(0).normal(size=(20, len(TARGETS))))
    return path


@pytest.fixture(scope="module")
def page(results: Path, chromium: str, tmp_path_factory: pytest.TempPathFactory):
    place = tmp_path_factory.mktemp("page")
    write_report(results, place / "report.html")
    with opened(chromium, (place / "report.html").as_uri(), place / "profile") as page:
        yield page


def count(page: Page, selector: str) -> int:
    return page.run(f"document.querySelectorAll({json.dumps(selector)}).length")


def test_everything_can_be_clicked_and_hovered_and_nothing_hostile_happens(page: Page):
    page.run("document.querySelectorAll('button, summary, .heads th, input').forEach(each => each.click())")
    for selector in ("legend li", "view svg use", "table tbody th"):
        page.hover(f"document.querySelector('.{selector}')")
    assert count(page, "img, iframe, object, embed, form") == 0
    assert count(page, "script") == 1
    assert page.complaints == []
    assert len(page.requests) == 1, "the page itself"
    shown = page.run("document.querySelector('#targets tbody th').textContent")
    assert shown.endswith(HOSTILE)


def test_tables_are_searched_sorted_and_shown_in_part(page: Page):
    page.go(page.requests[0])
    rows = "[...document.querySelectorAll('#targets tbody tr')].filter(row => !row.hidden)"
    assert page.run(f"{rows}.length") == 60
    page.run("document.querySelector('#targets .tools button').click()")
    assert page.run(f"{rows}.length") == 70
    head = "document.querySelectorAll('#targets .heads th')[3]"
    for order in ("descending", "ascending"):
        page.run(f"{head}.click()")
        assert page.run(f"{head}.getAttribute('aria-sort')") == order
        values = page.run(f"{rows}.map(row => Number(row.cells[3].textContent))")
        assert values == sorted(values, reverse=order == "descending")
    search = "document.querySelector('#targets input[type=search]')"
    page.run(f"{search}.value = '69'; {search}.dispatchEvent(new Event('input'))")
    assert page.run(f"{rows}.length") == 1


def test_columns_are_chosen_and_views_switched(page: Page):
    shown = "[...document.querySelector('#runs tbody tr').cells].filter(cell => cell.offsetWidth)"
    page.run("document.querySelector('#runs details').open = true")
    page.hover("document.querySelector('#runs fieldset label')")
    assert page.run("document.querySelector('#runs fieldset label').matches(':hover')"), "nothing covers it"
    before = page.run(f"{shown}.length")
    page.run("[...document.querySelectorAll('#runs fieldset input')].find(box => !box.checked).click()")
    assert page.run(f"{shown}.length") == before + 1
    buttons = "document.querySelectorAll('#curves .buttons button')"
    page.run(f"{buttons}[1].click()")
    assert page.run("[...document.querySelectorAll('#curves .view')].map(view => view.hidden)") == [
        True,
        False,
        True,
    ]
    assert page.complaints == []


def test_the_print_view_has_the_verdict_and_the_main_figures_within_a4(page: Page):
    page.call("Emulation.setEmulatedMedia", media="print")
    # 210 mm less the margins, at 96 px an inch
    page.call("Emulation.setDeviceMetricsOverride", width=688, height=1000, deviceScaleFactor=1, mobile=False)
    shown = page.run("[...document.querySelectorAll('section')].filter(e => e.offsetHeight).map(e => e.id)")
    assert shown == ["findings", "diagnoses", "runs", "curves", "calibration", "overview", "training"]
    assert page.run("document.querySelector('nav').offsetHeight") == 0
    assert page.run("document.documentElement.scrollWidth") <= 688
    views = "[...document.querySelectorAll('#curves .view')].filter(view => view.offsetHeight).length"
    assert page.run(views) == 1, "the one that was chosen"


def test_a_verdict_is_told_in_words_and_escaped(results: Path, chromium: str, tmp_path: Path):
    finding = [
        Finding(level, HOSTILE, HOSTILE, HOSTILE, HOSTILE) for level in ("green", "amber", "red", "none")
    ]
    told = [
        each for each in verdict_sections([Verdict(RUN, "red", HOSTILE, (*finding,), (*finding,))]) if each
    ]
    read = read_results(results)
    made = [*told, *(each for each in sections(read, judge(read)) if each.group == "good")]
    (tmp_path / "report.html").write_text(render(HOSTILE, HOSTILE, made))
    with opened(chromium, (tmp_path / "report.html").as_uri(), tmp_path / "profile") as page:
        words = page.run("[...document.querySelectorAll('.findings .word')].map(each => each.textContent)")
        assert words == ["Good", "Look closer", "Problem", "Not known"] * 2
        assert page.run("document.querySelector('.headline').textContent").endswith(HOSTILE)
        assert page.run("document.querySelector('h1').textContent") == HOSTILE
        assert count(page, "img") == 0
        assert page.complaints == []
