"""A run with two seeds in three folds: what is planned, and what comes out of three folds."""

import json

import polars as pl
import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project, write_variants

FOLDS, SEEDS = (1, 2, 3), (1337, 1338)
NETS = [f"net.fold{fold}.seed{seed}" for fold in FOLDS for seed in SEEDS]
RUNS = [*NETS, *(f"words.fold{fold}" for fold in FOLDS)]

MEAN = {"model": "ensemble", "dataset": "one", "options": {"members": ["net", "words"]}}


def repeated() -> dict:
    raw = yaml.safe_load(CONFIG)
    del raw["datasets"]["two"], raw["genomes"]["second"]
    raw["datasets"]["one"]["split"] = {"folds": 3}
    raw["runs"]["net"]["repeats"] = 2
    raw["runs"]["words"]["dataset"] = "one"
    return raw


def test_repeats_and_folds_are_planned_as_plain_runs(project: Project):
    raw = repeated()
    write_variants(project.path / "data", 20)
    raw["callsets"] = {"all": {"vcf": "data/variants.vcf", "runs": ["net"]}}
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--dry-run", "results/scores/all/scores.parquet")
    assert done.returncode == 0, done.stdout
    (score,) = (part for part in done.stdout.split("\n\n") if "log: results/logs/score/all.log" in part)
    for net in NETS:
        assert f"results/runs/{net}/model.keras" in score, "all repeats are one ensemble"
    planned = project.planned()
    assert {f"train/{run}" for run in RUNS} == {job for job in planned if job.startswith("train/")}
    assert {f"dataset/one.fold{fold}" for fold in FOLDS} < planned
    assert "genome/first" in planned


def test_an_ensemble_waits_for_its_members_and_scores_as_one_model(project: Project):
    raw = repeated()
    write_variants(project.path / "data", 20)
    raw["runs"]["mean"] = MEAN
    raw["callsets"] = {"all": {"vcf": "data/variants.vcf", "runs": ["mean"]}}
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--dry-run", "results/scores/all/scores.parquet")
    assert done.returncode == 0, done.stdout
    jobs = done.stdout.split("\n\n")
    (score,) = (part for part in jobs if "log: results/logs/score/all.log" in part)
    assert "results/runs/mean.fold2/members" in score
    assert "results/runs/net.fold2" not in score
    (join,) = (part for part in jobs if "log: results/logs/train/mean.fold2.log" in part)
    for member in ("net.fold2.seed1337", "net.fold2.seed1338", "words.fold2"):
        assert f"results/runs/{member}/model.keras" in join


def test_a_start_from_a_repeated_run_is_refused_before_any_job(project: Project):
    raw = repeated()
    raw["runs"]["tuned"] = {"model": "danq", "dataset": "one", "train": {"init_from": "net"}}
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--cores", "1")
    said = [line for line in done.stdout.splitlines() if line.startswith("danq: ")]
    assert done.returncode != 0
    assert len(said) == 1
    assert "runs.tuned.train.init_from: expected a run that is trained once, received 'net'" in said[0]
    assert project.files() == set()


@pytest.mark.slow
def test_every_row_tests_once_and_the_report_tells_the_spread(project: Project):
    raw = repeated()
    del raw["runs"]["net"]
    raw["runs"]["mean"] = MEAN | {"options": {"members": ["words"]}}
    words = [f"words.fold{fold}" for fold in FOLDS]
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--cores", "2")
    assert done.returncode == 0, done.stdout
    results = project.path / "results"
    assert sorted(json.loads((results / "config.json").read_text())["runs"]) == sorted(
        [*words, *(f"mean.fold{fold}" for fold in FOLDS)]
    )
    tested = dict[str, str]()
    for fold in FOLDS:
        windows = pl.read_parquet(results / f"datasets/one.fold{fold}/windows.parquet")
        here = windows.group_by("contig").agg(pl.col("split").unique())
        assert (here["split"].list.len() == 1).all(), "a contig is in one split"
        splits = dict(here.explode("split").iter_rows())
        assert sorted(splits.values()) == ["test", "train", "valid"]
        tested |= {contig: f"fold{fold}" for contig, split in splits.items() if split == "test"}
        manifest = json.loads((results / f"datasets/one.fold{fold}/dataset.json").read_text())
        assert manifest["options"]["split"]["test"] == [c for c, split in splits.items() if split == "test"]
    assert sorted(tested) == ["chr1", "chr2", "chr3"]
    assert len({(results / f"runs/{run}/weights.safetensors").read_bytes() for run in words}) == len(words)
    page = (results / "report.html").read_text()
    for shown in ("words, mean of 3", "mean, mean of 3"):
        assert shown in page
    assert "Nothing to be done" in project.snakemake("--cores", "2").stdout
