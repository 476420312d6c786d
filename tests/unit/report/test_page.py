"""The report as one page: sections in order, names as they are, no network."""

import json
import re
from pathlib import Path

import pytest
from results_tree import build

from danq.errors import DanqError
from danq.report.page import sections, write_report
from danq.report.results import read_results

TARGETS = ("CDS", "NFKB/p65", "tRNA <b>x</b>", "ARS, 100%", "M", "never")
RUNS = {
    "danq": ("yeast", "danq", 2.0),
    "a_first": ("yeast", "danq", 1.5),
    "baseline": ("yeast", "kmer_logistic", 1.0),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tree") / "results"
    build(path, RUNS, TARGETS, without=(5,))
    jobs = path / "benchmarks" / "train"
    jobs.mkdir(parents=True)
    (jobs / "danq.tsv").write_text("s\th:m:s\tmax_rss\tmean_load\n12.5\t0:00:12\t812.3\t150.0\n")
    return path


@pytest.fixture(scope="module")
def page(tree) -> str:
    write_report(tree, tree.parent / "report.html")
    return (tree.parent / "report.html").read_text(encoding="utf-8")


def by_title(path: Path) -> dict:
    return {section.config["section_name"]: section for section in sections(read_results(path))}


def test_the_page_has_every_section_in_order(page):
    heads = [
        "Runs side by side",
        "Runs compared",
        "Differences between runs",
        "Target by target",
        "AUROC target by target",
        "Calls at thresholds",
        "Targets",
        "ROC curves",
        "Precision-recall curves",
        "Calibration",
        "Training",
        "Class balance",
        "Data and splits",
        "Throughput",
        "Jobs",
        "Options",
        "Provenance",
    ]
    assert re.findall(r'<h2 class="mb-0" id="[^"]*">([^<]*)</h2>', page) == heads


def test_a_page_about_texts_does_not_speak_of_dna(tmp_path):
    build(tmp_path / "results", {"danq": ("reviews", "char_word_lstm", 1.0)}, TARGETS)
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
    assert told["Data and splits"].config["description"] == "What was learned from."
    assert "Digest of the genome" not in json.dumps(told["Provenance"].content())


def test_the_page_needs_no_network_and_links_nowhere(page):
    body = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r'(href|src|action)="?(https?:)?//', body)
    assert not re.search(r"@import|url\(['\"]?https?:", body)
    assert not re.search(r'<script[^>]+src="(?!data:)', page)
    for name in ("Created with MultiQC", "MultiQC Toolbox", "seqera.io", "MultiQC Report"):
        assert name not in body
    assert "<title>DNA sequence classification</title>" in page


def test_names_are_shown_as_they_are(page):
    names = re.findall(r'<span class="th-sample-name" data-original-sn="([^"]*)"', page)
    assert {"NFKB&#47;p65", "tRNA &lt;b&gt;x&lt;&#47;b&gt;", "ARS, 100%", "M"} <= set(names)
    assert "<b>x</b>" not in page


def test_a_table_of_targets_can_be_searched(page):
    box = page.index('<input type="search"', page.index('id="mqc-module-section-danq_targets_0"'))
    section = page.rindex('class="mqc-module-section"', 0, box)
    assert "mqc_per_sample_table" in page[box : page.index('class="mqc-module-section"', box)]
    assert 'id="mqc-module-section-danq_targets_0"' in page[section - 100 : box]
    script = page.rpartition("<script>")[2]
    for name in ("danq-search", ".mqc-module-section", "mqc_per_sample_table"):
        assert name in script


def test_names_that_differ_in_white_space_stay_apart(tmp_path):
    targets = ("x", "x ", " x", "x\t ")
    build(tmp_path / "results", {"danq": ("yeast", "danq", 1.0)}, targets, resamples=0)
    assert list(by_title(tmp_path / "results")["Targets"].data) == ["x", "x␣", "␣x", "x␣␣"]
    write_report(tmp_path / "results", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    names = re.findall(r'<span class="th-sample-name" data-original-sn="([^"]*)"', page)
    assert {"x", "x␣", "␣x", "x␣␣"} <= set(names)


def test_many_views_wrap_and_long_names_end_in_dots(page):
    assert ".dataset-switch-group { flex-wrap: wrap;" in page
    assert "text-overflow: ellipsis" in page
    assert "name.title = name.textContent" in page


def test_a_directory_without_runs_is_refused(tmp_path):
    with pytest.raises(DanqError, match="expected at least one run"):
        write_report(tmp_path, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
