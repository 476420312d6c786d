"""The verdict in words: which run is best, by how much, and whether it beats what it must beat."""

import json
import shutil
from math import isnan, nan
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from results_tree import build

from danq.evaluate.compare import Difference
from danq.report.findings import Verdict
from danq.report.page import write_report
from danq.report.results import read_results
from danq.report.standing import decisive, outcome
from danq.report.verdict import judge
from danq.storage import sealed

TARGETS = ("a", "b", "c")


def judged(path: Path, runs: dict[str, tuple[str, str, float]], **drawn) -> dict[str, Verdict]:
    return {verdict.dataset: verdict for verdict in judge(read_results(build(path, runs, TARGETS, **drawn)))}


def test_a_better_network_is_green_with_the_figure_that_says_so(tmp_path: Path):
    runs = {"net": ("y", "danq", 2.5), "words": ("y", "kmer_logistic", 0.5)}
    verdict = judged(tmp_path, runs)["y"]
    best, baseline, composition = verdict.findings[:3]
    assert (best.level, best.title) == ("green", "Best run: net")
    assert best.figure.startswith("net has the highest mean AUPRC, 0.")
    assert "95% interval +0." in best.figure
    assert best.figure.endswith("ahead of words")
    assert (baseline.level, baseline.title) == ("green", "Beats the baseline")
    assert (composition.level, composition.title) == ("none", "Not compared with composition")


def test_a_better_baseline_is_red_and_to_be_used(tmp_path: Path):
    runs = {"net": ("y", "danq", 0.5), "words": ("y", "kmer_logistic", 2.5)}
    verdict = judged(tmp_path, runs)["y"]
    assert verdict.findings[0].title == "Best run: words"
    assert (verdict.findings[1].level, verdict.findings[1].title) == ("red", "Loses to the baseline")
    assert "use it instead of net" in verdict.findings[1].meaning
    assert verdict.level == "red"


def test_without_an_interval_nothing_is_better(tmp_path: Path):
    runs = {"net": ("y", "danq", 2.5), "words": ("y", "kmer_logistic", 0.5)}
    verdict = judged(tmp_path, runs, resamples=0)["y"]
    assert verdict.findings[0].title == "Ahead: net"
    assert [finding.level for finding in verdict.findings[:2]] == ["amber", "amber"]
    assert "no interval" in verdict.findings[0].figure


def test_each_dataset_has_a_verdict_and_those_with_equal_test_rows_one(tmp_path: Path):
    runs = {"net": ("y", "danq", 2.5), "other": ("z.fold2", "danq", 0.5), "third": ("x", "danq", 0.5)}
    assert {name: each.findings[0].title for name, each in judged(tmp_path, runs).items()} == {
        "x, y": "Best run: net",
        "z.fold2": "Best run: other",
    }


@pytest.mark.parametrize(
    ("skill", "frequencies", "title", "level"),
    [
        (0.5, True, "Calibrated", "green"),
        (0.5, False, "Roughly calibrated", "amber"),
        (4.0, False, "Not calibrated", "red"),
    ],
)
def test_calibration_by_its_error_or_by_what_chance_leaves(
    tmp_path: Path, skill: float, frequencies: bool, title: str, level: str
):
    finding = judged(tmp_path, {"net": ("y", "danq", skill)}, frequencies=frequencies)["y"].findings[4]
    assert (finding.title, finding.level) == (title, level)
    assert ("too high" in finding.meaning) == (level != "green")


LEAKS = [
    ({"auroc": 0.0, "left": 300}, "Not leaking"),
    ({"auroc": 0.004, "left": 250}, "Not leaking"),
    ({"auroc": 0.006, "left": 299}, "Some leakage"),
    ({"auroc": 0.0, "left": 200}, "Some leakage"),
    ({"auroc": 0.03, "left": 299}, "Leaking"),
    ({"auroc": 0.0, "left": 299, "auprc": 0.5}, "Leaking"),
]


@pytest.mark.parametrize(("drop", "title"), LEAKS)
def test_leakage_by_the_drop_without_repeats_and_the_lead(tmp_path: Path, drop: dict, title: str):
    """The network's areas fall by so much without repeats, the baseline's do not."""
    runs = {"net": ("y", "danq", 2.0, 1), "words": ("y", "kmer_logistic", 1.0, 2)}
    path = build(tmp_path, runs, TARGETS)
    for run in runs:
        place = path / f"runs/{run}/evaluation/summary.json"
        content = json.loads(place.read_text())
        test = content["splits"]["test"]
        fall = {area: drop.get(area, 0.0) if run == "net" else 0.0 for area in ("auroc", "auprc")}
        areas = {
            area: {"mean": test[area]["mean"] - fall[area], "median": None, "targets": 3} for area in fall
        }
        shared = {"windows": 300, "overlapping": 0, "repeats": 300 - drop["left"], "left": drop["left"]}
        words = {"word_bp": 24, "smallest_share": 0.5, "words_sampled": 1.0, "scored": 3}
        test["leakage"] = shared | words | areas
        place.write_text(json.dumps(sealed(content)))
    (path / "runs/net/history.tsv").unlink()
    (verdict,) = judge(read_results(path))
    finding = verdict.findings[5]
    assert finding.title == title
    assert verdict.level == {"Not leaking": "green", "Some leakage": "amber", "Leaking": "red"}[title]
    if "auprc" in drop:
        assert "is not ahead of words" in finding.meaning


def test_a_run_without_evaluation_is_not_judged(tmp_path: Path):
    path = build(tmp_path, {"net": ("y", "danq", 2.0)}, TARGETS, resamples=0)
    shutil.rmtree(path / "runs/net/evaluation")
    (verdict,) = judge(read_results(path))
    assert (verdict.level, verdict.findings) == ("none", ())
    assert verdict.headline == "Nothing was evaluated, so nothing can be said of net."


def test_the_headline_says_what_to_use_and_what_is_the_matter(tmp_path: Path):
    good = judged(tmp_path / "good", {"net": ("y", "danq", 2.5), "words": ("y", "kmer_logistic", 0.5)})["y"]
    assert good.headline.startswith("net beats words, the baseline: mean AUPRC 0.")
    bad = judged(tmp_path / "bad", {"net": ("y", "danq", 0.5), "words": ("y", "kmer_logistic", 2.5)})["y"]
    assert bad.headline.startswith("Use words, the baseline: net has a mean AUPRC 0.")
    named = judged(tmp_path / "named", {"net": ("y", "danq", 2.5), "baseline": ("y", "kmer_logistic", 0.5)})
    assert named["y"].headline.startswith("net beats the baseline: mean AUPRC 0.")
    alone = judged(tmp_path / "alone", {"net": ("y", "danq", 2.5)})["y"]
    assert "there is no baseline to compare it with" in alone.headline
    assert alone.findings[1].key == "runs.baseline: {model: kmer_logistic, dataset: y}"
    assert alone.level == "amber"
    line = judged(tmp_path / "line", {"words": ("y", "kmer_logistic", 2.5)})["y"]
    assert line.headline.startswith("There is no network to judge; words has a mean AUPRC")
    assert line.level == "none"


def test_writing_the_report_logs_the_headline(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    runs = {"net": ("y", "danq", 0.5), "words": ("y", "kmer_logistic", 2.5)}
    path = build(tmp_path / "results", runs, TARGETS, resamples=20)
    with caplog.at_level("INFO", "danq"):
        write_report(path, tmp_path / "report.html")
    (verdict,) = judge(read_results(path))
    lines = [record for record in caplog.records if record.message.startswith("verdict on ")]
    assert [(line.levelname, line.message) for line in lines] == [
        ("WARNING", f"verdict on y, red: {verdict.headline}")
    ]


def of(metric: str, low: float, high: float) -> Difference:
    mean = 0.0 if isnan(low) else (low + high) / 2
    return Difference(metric, mean, low, high, np.zeros(1), nan, pl.DataFrame(), (1, 1), (1, 1))


@pytest.mark.parametrize(
    ("auprc", "auroc", "level", "by"),
    [
        ((0.01, 0.03), (0.01, 0.02), "green", "auprc"),
        ((0.01, 0.03), (-0.01, 0.02), "green", "auprc"),
        ((0.01, 0.03), (-0.03, -0.01), "amber", "auroc"),
        ((-0.01, 0.03), (0.01, 0.02), "amber", "auprc"),
        ((-0.01, 0.03), (-0.03, -0.01), "red", "auroc"),
        ((-0.03, -0.01), (0.01, 0.02), "red", "auprc"),
        ((nan, nan), (nan, nan), "amber", "auprc"),
    ],
)
def test_both_areas_decide(auprc: tuple, auroc: tuple, level: str, by: str):
    compared = (of("auprc", *auprc), of("auroc", *auroc))
    assert outcome(compared) == level
    assert decisive(compared).metric == by
