"""A search in the workflow: trials, half of which end early; the best is trained again and meets the test."""

import csv
import json
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project

SEARCH = "results/searches/net"
NETS = ("net.seed1337", "net.seed1338")


def configuration(trials: int) -> str:
    raw = yaml.safe_load(CONFIG)
    del raw["datasets"]["two"], raw["genomes"]["second"], raw["runs"]["words"]
    raw["datasets"]["one"]["composition"] = False
    raw["runs"]["net"] |= {
        "repeats": 2,
        "train": {"epochs": 2, "batch_size": 100, "optimizer": "adam", "monitor": "auprc"},
        "search": {
            "trials": trials,
            "rungs": [0.5],
            "options": {"units": [2, 4], "filters": {"low": 4, "high": 8}},
            "train": {"learning_rate": {"low": 0.003, "high": 0.03, "log": True}},
        },
    }
    return yaml.safe_dump(raw)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines(), delimiter="\t"))


def times(project: Project, *patterns: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for each in patterns for path in project.path.glob(each)}


def test_trials_are_planned_and_never_predicted(project: Project):
    project.configure(configuration(4))
    planned = project.planned()
    assert {job for job in planned if job.startswith(("trial/", "search/"))} == {
        *(f"trial/net.rung1.trial{number}" for number in (1, 2, 3, 4)),
        "search/net.rung1",
        "search/net",
    }, "which trials go on is not known before"
    assert {job for job in planned if job.startswith(("train/", "predict/"))} == {
        *(f"train/{net}" for net in NETS),
        *(f"predict/{net}.{split}" for net in NETS for split in ("valid", "test")),
    }


@pytest.mark.slow
def test_the_best_of_the_trials_is_trained_again_and_more_trials_rerun_none(project: Project):
    project.configure(configuration(2))
    done = project.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout
    assert "Nothing to be done" in project.snakemake("--cores", "2").stdout
    folder = project.path / SEARCH
    statuses = [(row["status"], row["epochs"]) for row in rows_of(folder / "trials.tsv")]
    assert statuses == [("best", "2"), ("ended early", "1")]
    best = json.loads((folder / "best.json").read_text())
    bundles = [json.loads((project.path / f"results/runs/{net}/bundle.json").read_text()) for net in NETS]
    for bundle, seed in zip(bundles, (1337, 1338), strict=True):
        drawn = {key: best[key] for key in ("trial", "parameters", "space")}
        assert bundle["search"] == {"name": "net"} | drawn
        assert bundle["options"]["filters"] == best["parameters"]["options.filters"]
        assert bundle["train"]["learning_rate"] == best["parameters"]["train.learning_rate"]
        assert bundle["train"]["seed"] == seed
    assert bundles[0]["best"]["valid_auprc"] == best["value"], "the trial had the first of the seeds"
    tested = {path.parent.parent.name for path in project.path.glob("results/**/test.npz")}
    assert tested == set(NETS), "only the run meets the test split"
    page = (project.path / "results" / "report.html").read_text()
    assert "net, mean of 2" in page
    assert 'id="search"' in page

    project.configure(configuration(4))
    kept = times(project, f"{SEARCH}/rung*/trial[12]/*", "results/datasets/**/*")
    models = times(project, "results/runs/*/model.keras")
    targets = [f"{SEARCH}/trials.tsv", *(f"results/runs/{net}/bundle.json" for net in NETS)]
    done = project.snakemake("--cores", "2", *targets)
    assert done.returncode == 0, done.stdout
    after = times(project, f"{SEARCH}/rung*/trial[12]/*", "results/datasets/**/*")
    assert {path: after[path] for path in kept} == kept, "no trial is trained again"
    trials = rows_of(folder / "trials.tsv")
    assert sorted(row["trial"] for row in trials) == ["1", "2", "3", "4"]
    assert [row["status"] for row in trials].count("ended early") == 2
    stays = json.loads((folder / "best.json").read_text())["trial"] == best["trial"]
    assert (times(project, "results/runs/*/model.keras") == models) == stays
