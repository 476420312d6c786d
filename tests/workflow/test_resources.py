"""What jobs ask a cluster for: one place says it, and only what uses a GPU asks for one."""

import re
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import CONFIG, Project, set_key, write_variants

pytest.importorskip("snakemake_executor_plugin_slurm")
ON_GPU = {"train", "predict", "predict_shard", "score", "score_shard", "view"}
ON_CPU = {
    "train_on_cpu",
    "predict_on_cpu",
    "predict_shard_on_cpu",
    "view_on_cpu",
    "score_on_cpu",
    "score_table_on_cpu",
}
OTHERS = {"genome", "dataset", "evaluate", "ensemble", "model_card", "report"}


@pytest.fixture
def mixed(project: Project) -> Project:
    """Networks and linear models, means of both kinds, and callsets of either, whole and in shards."""
    raw = yaml.safe_load(CONFIG)
    raw["runs"]["more"] = {"model": "kmer_logistic", "dataset": "two", "options": {"k": [2], "c": [0.1]}}
    raw["runs"]["base"] = {"model": "kmer_logistic", "dataset": "one", "options": {"k": [2], "c": [0.1]}}
    for name, members, dataset in (("linear", ["words", "more"], "two"), ("both", ["net", "base"], "one")):
        raw["runs"][name] = {"model": "ensemble", "dataset": dataset, "options": {"members": members}}
    raw["runs"]["both"]["shards"] = raw["runs"]["linear"]["shards"] = 2
    first = {"vcf": "data/variants.vcf", "genome": "first"}
    raw["callsets"] = {
        "cut": first | {"runs": ["net"], "shards": 2},
        "whole": first | {"runs": ["net"]},
        "table": {"vcf": "data/alleles.tsv", "genome": "second", "runs": ["words"]},
    }
    write_variants(project.path / "data", 5)
    project.configure(yaml.safe_dump(raw))
    return project


def resources(project: Project, *arguments: str) -> dict[str, set[tuple[tuple[str, str], ...]]]:
    """Rule → what its jobs ask for, of a dry run with the profile of Slurm."""
    profile = project.repository / "profiles" / "slurm"
    done = project.snakemake("--dry-run", "--workflow-profile", str(profile), *arguments)
    assert done.returncode == 0, done.stdout
    found: dict[str, set[tuple[tuple[str, str], ...]]] = {}
    for rule, asked in re.findall(
        r"^rule (\w+):\n(?:    .*\n)*?    resources: (.*)$", done.stdout, re.MULTILINE
    ):
        values = dict(value.split("=", 1) for value in asked.split(", ") if "=" in value)
        kept = ("slurm_partition", "gpu", "runtime", "mem_mb")
        found.setdefault(rule, set()).add(tuple((name, values.get(name, "")) for name in kept))
    found.pop("default")
    return found


def test_only_networks_and_what_they_score_ask_for_a_gpu(mixed: Project):
    asked = resources(mixed)
    assert set(asked) == ON_GPU | ON_CPU | OTHERS
    for rule, jobs in asked.items():
        wanted = ("gpu", "1") if rule in ON_GPU else ("cpu", "")
        assert {(dict(job)["slurm_partition"], dict(job)["gpu"]) for job in jobs} == {wanted}, rule
        # where nobody says anything, what the rule's work takes
        assert all(dict(job)["runtime"] and dict(job)["mem_mb"] for job in jobs), rule


def test_defaults_of_time_and_memory_hold_for_all_jobs_and_a_rule_s_own_above_them(mixed: Project):
    mine = ["--default-resources", "slurm_partition=mine", "runtime=7", "mem_mb=123*attempt"]
    asked = resources(mixed, *mine, "--set-resources", "train:runtime=9")
    for rule, jobs in asked.items():
        minutes = "9" if rule == "train" else "7"
        assert {(dict(job)["runtime"], dict(job)["mem_mb"]) for job in jobs} == {(minutes, "123")}, rule
        assert {dict(job)["slurm_partition"] for job in jobs} == {"mine"}


@pytest.fixture
def together(project: Project) -> Project:
    """A network that three processes train."""
    train = {"batch_size": 60, "distribute": "multi_worker", "workers": 3}
    project.configure(set_key("runs.net.train", train))
    return project


def test_a_training_on_several_nodes_asks_for_as_many_tasks_which_srun_starts(together: Project):
    profile = together.repository / "profiles" / "slurm"
    done = together.snakemake(
        *("--dry-run", "--workflow-profile", str(profile), "results/runs/net/bundle.json"),
        *("--set-threads", "train_on_nodes=4", "--cores", "4"),
    )
    assert done.returncode == 0, done.stdout
    (asked,) = re.findall(
        r"^rule train_on_nodes:\n(?:    .*\n)*?    resources: (.*)$", done.stdout, re.MULTILINE
    )
    launch = "srun --ntasks=3 --cpus-per-task=4 --kill-on-bad-exit=1 "
    expected = {
        "slurm_partition=gpu",
        "gres=gpu:1",
        "mpi=srun",
        "tasks=3",
        "nodes=3",
        "tasks_per_gpu=0",
    }
    assert expected <= set(asked.split(", "))
    assert f"Shell command: {launch}danq train --config results/config.json --run net " in done.stdout


def test_a_training_on_several_nodes_is_refused_where_nothing_starts_its_tasks(
    together: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    commands = tmp_path_factory.mktemp("commands")
    for path in Path("/usr/bin").iterdir():
        if path.name != "srun":
            (commands / path.name).symlink_to(path)
    monkeypatch.setenv("PATH", str(commands))
    done = together.snakemake("--cores", "1", "results/runs/net/bundle.json")
    assert done.returncode == 1
    assert "train.distribute of net: expected none or mirrored without Slurm" in done.stdout
    assert together.files() <= {"results/config.json"}
