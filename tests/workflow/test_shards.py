"""Genomes and predictions cut into jobs: what is planned, and that the results are the same."""

import shutil

import pytest
import yaml

from danq.genome.encode import build_genome
from tests.workflow.conftest import CONFIG, Project


def cut(project: Project) -> None:
    """Cut the first genome into two jobs, and the predictions of both runs into three."""
    raw = yaml.safe_load(CONFIG)
    raw["genomes"]["first"] = {"fasta": "data/first.fa", "shards": 2}
    for run in raw["runs"].values():
        run["shards"] = 3
    project.configure(yaml.safe_dump(raw))


def test_shards_are_jobs_of_their_own(project: Project):
    cut(project)
    planned = project.planned()
    of_genome = {f"genome/first.{shard}-of-2" for shard in (1, 2)}
    names = ("net.valid", "net.test", "words.valid", "words.test")
    of_runs = {f"predict/{name}.{shard}-of-3" for name in names for shard in (1, 2, 3)}
    assert of_genome | of_runs == {job for job in planned if "-of-" in job}
    assert {"genome/first", "genome/second", *(f"predict/{name}" for name in names)} <= planned


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"fasta": "data/first.fa", "shards": 0}, "genomes.first.shards: expected a value greater than"),
        ({"shards": 2}, "genomes.first.fasta: expected this key, received nothing"),
        (
            {"fasta": "data/first.fa", "shard": 2},
            "genomes.first.shard: unknown key; expected one of fasta, sh",
        ),
        ({"fasta": "data/no.fa"}, "genomes.first.fasta: expected a file, received 'data/no.fa'"),
        (3, "genomes.first: expected"),
    ],
)
def test_a_genome_that_cannot_be_is_refused(project: Project, source: object, expected: str):
    genomes = {"first": source, "second": "data/second.fa"}
    project.configure(yaml.safe_dump(yaml.safe_load(CONFIG) | {"genomes": genomes}))
    done = project.snakemake("--dry-run")
    assert done.returncode != 0
    assert expected in done.stdout


def test_a_genome_in_shards_is_the_genome(project: Project):
    cut(project)
    done = project.snakemake("--cores", "2", "results/genomes/first/genome.json")
    assert done.returncode == 0, done.stdout
    assert "genome_shard" in done.stdout
    build_genome(project.path / "data" / "first.fa", project.path / "whole")
    made = project.path / "results" / "genomes" / "first"
    for name in ("codes.npy", "contigs.tsv", "iupac.npy"):
        assert (made / name).read_bytes() == (project.path / "whole" / name).read_bytes()
    left = {"codes.npy", "contigs.tsv", "iupac.npy", "genome.json"}
    assert {path.name for path in made.iterdir()} == left


@pytest.mark.slow
def test_predictions_in_shards_are_the_predictions(finished: Project, project: Project):
    shutil.copytree(finished.path, project.path, dirs_exist_ok=True)
    raw = yaml.safe_load(CONFIG)
    for run in raw["runs"].values():
        run["shards"] = 2
    project.configure(yaml.safe_dump(raw))
    assert not [job for job in project.planned() if job.startswith("train/")], (
        "shards are no option of training"
    )
    files = [f"results/runs/{run}/predictions/test.npz" for run in raw["runs"]]
    for name in files:
        (project.path / name).unlink()
    done = project.snakemake("--cores", "2", *files)
    assert done.returncode == 0, done.stdout
    for name in files:
        made = project.path / name
        assert made.read_bytes() == (finished.path / name).read_bytes()
        assert sorted(path.name for path in made.parent.iterdir()) == ["test.npz", "valid.npz"]
