"""`danq browse`: what the page holds, and each refusal with status 2."""

import json
import re
import shutil
from pathlib import Path

import pytest
from viewed_results import NAMES

from danq.report.browse_tracks import shown


def run(danq, project, out, *arguments: object) -> int:
    return danq("browse", project.path / "results", "--out", out, *arguments)


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
    assert danq("browse", viewed_project.path / "results", "--out", tmp_path / "a.html") == 0
    of_callsets = {
        name: [track for track in _tracks(tmp_path / name) if track.endswith(("· variants", "· effect"))]
        for name in ("a.html", "b.html")
    }
    assert of_callsets["a.html"]
    assert of_callsets["b.html"] == []


def _tracks(page):
    data = re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    return [track["name"] for track in json.loads(data[1])["tracks"]]


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
    assert "pip install igv-notebook" in capsys.readouterr().err


def test_names_are_written_for_igv_js():
    assert shown("<img src=x>:\t") == "‹img src=x›_ "
    assert Path(shown("HLA:1")).name == "HLA_1"
