"""The report as one page: sections in order, names as they are, no network."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from page_reader import by_title, prose, rows
from results_tree import DRAWN_TARGETS, build, build_three

from danq.errors import DanqError
from danq.report.content import GROUPS, text
from danq.report.page import write_report


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    return build_three(tmp_path_factory.mktemp("tree") / "results")


@pytest.fixture(scope="module")
def page(tree) -> str:
    write_report(tree, tree.parent / "report.html")
    return (tree.parent / "report.html").read_text(encoding="utf-8")


def test_the_page_has_five_groups_with_every_section_in_order(page):
    sections = {
        "Verdict": ["Findings", "Diagnoses"],
        "How good": ["Runs", "Curves", "Calibration", "Calls at thresholds", "Targets"],
        "Compared": [
            *("Runs compared", "Differences between runs"),
            *("AUROC target by target", "Target by target"),
        ],
        "How it was made": [
            *("Data and splits", "Class balance", "Training", "Time of training", "Time of jobs"),
            *("Options", "Provenance", "How figures are computed"),
        ],
    }
    body = page[page.index("<main>") :]
    heads = re.findall(r"<h([23])>([^<]*)</h", body)
    told = [name for level, name in heads if level == "2"]
    assert told == [name for name in GROUPS.values() if name in sections]
    assert heads == [
        each for name in told for each in [("2", name), *(("3", title) for title in sections[name])]
    ]
    links = re.findall(r'<a href="#([^"]*)">', page[: page.index("<main>")])
    assert all(f'id="{link}"' in body for link in links)
    assert len(links) == len(heads)


def test_a_page_about_texts_does_not_speak_of_dna(tmp_path):
    build(tmp_path / "results", {"danq": ("reviews", "char_word_lstm", 1.0)}, DRAWN_TARGETS)
    path = tmp_path / "results" / "datasets" / "reviews" / "dataset.json"
    manifest = json.loads(path.read_text()) | {
        "data_kind": "text",
        "window": None,
        "bin": None,
        "genome": None,
    }
    path.write_text(json.dumps(manifest))
    path = tmp_path / "results" / "runs" / "danq" / "bundle.json"
    bundle = json.loads(path.read_text())
    bundle["dataset"]["genome_digest"] = None
    path.write_text(json.dumps(bundle))
    write_report(tmp_path / "results", tmp_path / "report.html")
    assert "<title>Text classification</title>" in (tmp_path / "report.html").read_text()
    told = by_title(tmp_path / "results")
    assert prose(told["Data and splits"]) == "What was learned from."
    assert "Digest of the genome" not in told["Provenance"].html


def test_the_page_names_no_host(page):
    assert not re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+|\b[\w-]+\.(?:com|io|net|org|ai|dev)\b", page)
    assert not re.search(r"\b(?:src|action|srcset|xlink:href)=\"(?!#)|@import|url\((?!#)", page)
    assert "<title>DNA sequence classification</title>" in page


def test_only_the_page_s_own_script_and_style_may_act(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)[1].replace(
        "&#39;", "'"
    )
    assert policy.startswith("default-src 'none'; ")
    for tag in ("script", "style"):
        (inlined,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inlined.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<[^<>]+\s(style|on\w+)=", page), (
        "styles and handlers of single elements are forbidden"
    )


def test_equal_results_give_equal_bytes(tree, page, tmp_path):
    write_report(tree, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_names_are_shown_as_they_are(tree, page):
    assert set(DRAWN_TARGETS) == set(rows(by_title(tree)["Targets"]))
    assert "<b>x</b>" not in page


def test_names_that_differ_in_white_space_stay_apart(tmp_path):
    targets = ("x", "x ", " x", "x  ")
    build(tmp_path / "results", {"danq": ("yeast", "danq", 1.0)}, targets, resamples=0)
    assert list(rows(by_title(tmp_path / "results")["Targets"])) == ["x", "x␣", "␣x", "x␣␣"]
    assert text("x\ty\n z") == "x␣y␣ z"


def test_a_directory_without_runs_is_refused(tmp_path):
    with pytest.raises(DanqError, match="expected at least one run"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
