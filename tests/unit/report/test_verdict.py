"""The verdict in words: which run is best, by how much, and whether it beats what it must beat."""

from pathlib import Path

from results_tree import build

from danq.report.findings import Verdict
from danq.report.results import read_results
from danq.report.verdict import judge

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


def test_each_dataset_has_a_verdict(tmp_path: Path):
    runs = {"net": ("y", "danq", 2.5), "other": ("z", "danq", 0.5)}
    assert {name: each.findings[0].title for name, each in judged(tmp_path, runs).items()} == {
        "y": "Best run: net",
        "z": "Best run: other",
    }
