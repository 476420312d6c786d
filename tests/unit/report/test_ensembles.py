"""An ensemble is judged by the training of its network; one of baselines alone is a baseline."""

import json
from pathlib import Path

from results_tree import build

from danq.report.results import read_results
from danq.report.verdict import judge


def results(path: Path, members: dict[str, str], skill: float = 3.0):
    """A network that lost its interval to the baseline, the baseline, and their mean."""
    runs = {"net": ("y", "danq", 1.0), "words": ("y", "kmer_logistic", 0.8), "mean": ("y", "ensemble", skill)}
    build(path, runs, ("a", "b", "c"))
    manifest = path / "runs" / "mean" / "bundle.json"
    raw = json.loads(manifest.read_text())
    raw["members"] = [
        {"run": run, "model": model, "digest": "ab" * 32, "weight": 1 / len(members)}
        for run, model in members.items()
    ]
    raw |= {"train": {}, "training": raw["training"] | {"epochs": 1, "ended": None}}
    manifest.write_text(json.dumps(raw))
    return read_results(path)


def test_the_training_of_its_network_is_what_is_judged(tmp_path: Path):
    (verdict,) = judge(results(tmp_path, {"net": "danq", "words": "kmer_logistic"}))
    best, baseline, _, course = verdict.findings[:4]
    assert best.title == "Best run: mean"
    assert baseline.figure.startswith("mean minus words")
    assert course.figure.startswith("net")


def test_one_of_baselines_alone_is_no_network(tmp_path: Path):
    read = results(tmp_path, {"words": "kmer_logistic"})
    assert {run.name: run.is_baseline for run in read.runs} == {"net": False, "words": True, "mean": True}
    (verdict,) = judge(read)
    assert verdict.findings[1].figure.startswith("net minus ")


def test_the_folds_of_one_are_one_run(tmp_path: Path):
    """Members and weights are those of each fold; the run is the same."""
    runs = {f"mean.fold{fold}": (f"y.fold{fold}", "ensemble", 2.0) for fold in (1, 2, 3)}
    build(tmp_path, runs, ("a", "b"))
    for fold in (1, 2, 3):
        manifest = tmp_path / "runs" / f"mean.fold{fold}" / "bundle.json"
        raw = json.loads(manifest.read_text())
        names = [f"net.fold{fold}.seed1", f"net.fold{fold}.seed2"]
        raw["options"] = {"members": [names, f"words.fold{fold}"], "weights": "validation"}
        raw["dataset"]["digest"] = f"{fold}" * 64
        raw["members"] = [{"run": names[0], "model": "danq", "digest": "ab" * 32, "weight": 1}]
        manifest.write_text(json.dumps(raw))
    (group,) = read_results(tmp_path).groups
    assert (group.name, len(group.members)) == ("mean", 3)
