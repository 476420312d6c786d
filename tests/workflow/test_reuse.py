"""Results are bound to content: other names, or another number of shards, neither train nor score again."""

import json
import shutil

import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project, write_variants

pytestmark = pytest.mark.slow


def configure(project: Project, run: str, dataset: str, callset: str, shards: int) -> None:
    """A linear model and a table of alleles by these names."""
    raw = yaml.safe_load(CONFIG)
    ours = {
        "genomes": {"second": raw["genomes"]["second"]},
        "datasets": {dataset: raw["datasets"]["two"]},
        "runs": {run: raw["runs"]["words"] | {"dataset": dataset}},
        "callsets": {callset: {"vcf": "data/alleles.tsv", "runs": [run], "shards": shards, "views": 0}},
    }
    project.configure(yaml.safe_dump(ours))


def test_another_name_or_number_of_shards_computes_nothing_again(project: Project):
    results = project.path / "results"

    def make(*names: str, shards: int) -> None:
        configure(project, *names, shards)
        done = project.snakemake("--cores", "2", f"results/scores/{names[2]}/scores.json")
        assert done.returncode == 0, done.stdout

    def log(name: str) -> str:
        return (results / "logs" / f"{name}.log").read_text()

    write_variants(project.path / "data", 40)
    make("words", "two", "table", shards=1)
    trained, scored = results / "runs/words/model.keras", results / "scores/table/scores.parquet"
    before = trained.read_bytes(), scored.read_bytes()
    assert "trained words" in log("train/words")

    make("words", "two", "table", shards=2)
    assert scored.read_bytes() == before[1]
    assert ", 0 scored now" in log("score/table.1-of-2")
    assert "finished scores of equal content are taken" in log("score/table")

    # a run trains in place of the one that is gone, and its dataset has another name as well
    make("lexis", "second_set", "alleles", shards=1)
    assert "taken in place of a new one" in log("train/lexis")
    assert "trained" not in log("train/lexis")
    assert (results / "runs/lexis/model.keras").read_bytes() == before[0]
    assert (results / "scores/alleles/scores.parquet").read_bytes() == before[1]
    assert "finished scores of equal content are taken" in log("score/alleles")
    bundle = json.loads((results / "runs/lexis/bundle.json").read_text())
    assert (bundle["run"], bundle["dataset"]["name"]) == ("lexis", "second_set")
    used = json.loads((results / "scores/alleles/scores.json").read_text())["bundles"]
    assert [(each["run"], each["path"]) for each in used] == [("lexis", "results/runs/lexis")]

    # what is damaged is computed anew; the two callsets share one file
    shutil.rmtree(results / "scores/alleles")
    kept = results / "scores/.finished/alleles/scores.parquet"
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    make("lexis", "second_set", "alleles", shards=1)
    assert "finished scores" not in log("score/alleles")
    assert (results / "scores/alleles/scores.parquet").read_bytes() == before[1]
