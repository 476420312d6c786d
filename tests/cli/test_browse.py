"""`danq browse`: the page in a real browser shows the numbers of the files and asks no network; refusals."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from chromium import Page, opened
from viewed_results import NAMES

from danq.report.browse_tracks import shown
from danq.views.manifest import read_views

READY = """new Promise((done, failed) => {
  const wait = () => document.documentElement.dataset.tracks ? done() : setTimeout(wait, 50);
  setTimeout(() => failed(document.getElementById("state").textContent), 40000);
  wait();
})"""
LOOK = """(async () => {
  const at = {chr: "chrI", start: 100, end: 200, bpPerPixel: 0.1, viewport: {}};
  const tracks = {};
  for (const view of browser.trackViews) {
    const track = view.track;
    if (!track.config || !track.config.url) continue;
    const features = await track.getFeatures(at.chr, at.start, at.end, at.bpPerPixel);
    const canvas = view.viewports[0].canvas;
    const drawn = canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    tracks[track.name] = {
      features: features.map(f => [f.start, f.end, f.value ?? null, f.alternateBases ?? null]),
      pixels: drawn ? drawn.some(value => value) : false,
      places: (await track.getFeatures("chrI", 0, 3000, 1)).length,
    };
  }
  const sequence = await browser.genome.getSequence("chrI", 100, 200);
  return {tracks, sequence: typeof sequence === "string" ? sequence : String.fromCharCode(...sequence)};
})()"""


def run(danq, project, out, *arguments: object) -> int:
    return danq("browse", project.path / "results", "--out", out, *arguments)


@pytest.fixture(scope="module")
def page(viewed_project, chromium, tmp_path_factory):
    from viewed_results import run_verb

    place = tmp_path_factory.mktemp("browse")
    out = place / "browse.html"
    assert run_verb("browse", viewed_project.path / "results", "--out", out) == 0
    with opened(chromium, out.as_uri(), place / "profile") as page:
        page.run(READY)
        yield page


@pytest.mark.slow
def test_tracks_show_the_numbers_of_the_files(page: Page, viewed_project):
    seen = page.run(LOOK)
    first, *_ = read_views(viewed_project.path / "results" / "views" / "net")
    assert seen["sequence"] == viewed_project.contigs["chrI"][100:200]
    predicted = seen["tracks"]["CTCF · net"]["features"]
    inside = [record for record in predicted if 100 <= record[0] < 200]
    assert [record[:2] for record in inside] == [[at, at + 1] for at in range(100, 200)]
    np.testing.assert_allclose([record[2] for record in inside], first.probabilities[:, 0], atol=1e-6)
    of_track = [record[:2] for record in seen["tracks"]["CTCF · track"]["features"]]
    # the interval 80 to 100 lies in a wider region that was looked at as well
    assert [record for record in of_track if record[1] > 100 and record[0] < 200] == [[90, 101], [199, 260]]


@pytest.mark.slow
def test_variants_of_an_annotated_vcf_and_of_a_table_lie_at_their_bases(page: Page, viewed_project):
    seen = page.run(LOOK)
    alleles = [(pos, alt) for contig, pos, _, alt in viewed_project.alleles if (contig, pos) < ("chrI", 200)]
    for callset in ("as_vcf", "as_tsv"):
        variants = seen["tracks"][f"{callset} · variants"]
        here = [record for record in variants["features"] if 100 <= record[0] < 200]
        assert [(record[0] + 1, record[3]) for record in here] == alleles
        assert variants["pixels"]
        effects = seen["tracks"][f"{callset} · effect"]["features"]
        scores = pl.read_parquet(viewed_project.path / "results" / "scores" / callset / "scores.parquet")
        wanted = {
            row["pos"]: row["max_abs_logit_diff"] for row in scores.to_dicts() if row["contig"] == "chrI"
        }
        for start, end, value, _ in effects:
            assert end == start + 1
            assert abs(value) == pytest.approx(wanted[end], abs=1e-4)


@pytest.mark.slow
def test_everything_is_drawn_and_nothing_is_asked_for(page: Page):
    seen = page.run(LOOK)
    named = {shown(name) for name in NAMES}
    assert {f"{name} · net" for name in named} | {f"{name} · track" for name in named} <= set(seen["tracks"])
    assert all(track["places"] for track in seen["tracks"].values())
    assert seen["tracks"]["CTCF · net"]["pixels"]
    page.run("region.selectedIndex = region.options.length - 1; region.dispatchEvent(new Event('change'))")
    page.run("new Promise(done => setTimeout(done, 1500))")
    assert page.run("browser.referenceFrameList[0].chr") in ("chrI", "chrII")
    outside = [address for address in page.requests if not address.startswith(("file:", "data:", "blob:"))]
    assert outside == []
    # what igv.js and the reading of pixels above are warned of
    known = ("index file not specified", "willReadFrequently")
    assert [each for each in page.complaints if not any(phrase in each for phrase in known)] == []
    assert page.run("document.querySelectorAll('img[src=x]').length") == 0


def test_names_and_data_cannot_leave_their_places(danq, viewed_project, tmp_path):
    assert run(danq, viewed_project, tmp_path / "b.html") == 0
    text = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert NAMES[1] not in text
    assert "<img" not in text.partition('<script type="application/json"')[0]
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert data
    settings = json.loads(data[1])
    assert settings["loadDefaultGenomes"] is False
    assert settings["search"] is False
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert "default-src &#39;none&#39;" in policy[1]
    assert "unsafe-inline" not in policy[1].partition("style-src")[0]


def test_targets_and_runs_are_chosen(danq, viewed_project, tmp_path):
    assert run(danq, viewed_project, tmp_path / "b.html", "--target", "CTCF", "--run", "net") == 0
    text = (tmp_path / "b.html").read_text(encoding="utf-8")
    assert "CTCF \\u00b7 net" in text
    assert "onerror" not in text.partition('id="data">')[2].partition("</script>")[0]


def test_results_without_callsets_have_no_variants(danq, viewed_project, tmp_path):
    shutil.copytree(viewed_project.path / "results", tmp_path / "results")
    shutil.rmtree(tmp_path / "results" / "scores")
    assert danq("browse", tmp_path / "results", "--out", tmp_path / "b.html") == 0
    assert (
        "variants" not in (tmp_path / "b.html").read_text(encoding="utf-8").partition('id="data">')[2][:9000]
    )


def test_an_annotated_file_without_index_is_read_line_by_line(danq, viewed_project, tmp_path):
    shutil.copytree(viewed_project.path / "results", tmp_path / "results")
    assert danq("browse", tmp_path / "results", "--out", tmp_path / "a.html") == 0
    (tmp_path / "results" / "scores" / "as_vcf" / "annotated.vcf.gz.tbi").unlink()
    assert danq("browse", tmp_path / "results", "--out", tmp_path / "b.html") == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


REFUSED = [
    (("--run", "gone"), "--run: expected a run that looked at regions (net), received 'gone'"),
    (("--genome", "hg19"), "--genome: expected one of g, received 'hg19'"),
    (("--target", "Pol2"), "--target: expected a target of run net (CTCF, "),
    (("--igv-js", "absent.js"), "absent.js: no such file"),
    (("--igv-js", __file__), "expected igv.min.js, the script of igv.js that is no module"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_a_mistake_is_one_line_and_status_2(danq, viewed_project, tmp_path, capsys, arguments, message):
    assert run(danq, viewed_project, tmp_path / "b.html", *arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert message in lines[-1]
    assert lines[-1].startswith("danq: ")
    assert list(tmp_path.iterdir()) == []


def test_results_that_nobody_looked_at(danq, tmp_path, capsys):
    (tmp_path / "results").mkdir()
    assert danq("browse", tmp_path / "results", "--out", tmp_path / "b.html") == 2
    assert (
        "expected regions that a run looked at (views/<run>/views.json), found none"
        in capsys.readouterr().err
    )


def test_more_than_a_browser_holds_is_refused(danq, viewed_project, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("danq.report.browse.LARGEST", 5_000)
    assert run(danq, viewed_project, tmp_path / "b.html") == 2
    assert "of data, received 0 MB; name fewer runs or targets" in capsys.readouterr().err
    assert not (tmp_path / "b.html").exists()


def test_without_igv_js_it_says_where_to_get_it(danq, viewed_project, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(danq, viewed_project, tmp_path / "b.html") == 2
    assert "pip install 'danq[browse]'" in capsys.readouterr().err


def test_names_are_written_for_igv_js():
    assert shown("<img src=x>:\t") == "‹img src=x›_ "
    assert Path(shown("HLA:1")).name == "HLA_1"
