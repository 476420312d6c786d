"""The project on a real Slurm of one node, with the profile that users get (see one_node_slurm.sh)."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import Project, set_key, write_variants

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

RULES = ("genome", "dataset", "train", "predict", "evaluate", "score_shard", "score", "report")
ON_GPU = ("train", "predict", "score_shard", "score")


def overrides(profile: Path) -> list[str]:
    """What one small node without accounting needs beside the profile, whose map of resources is kept."""
    resources = yaml.safe_load((profile / "config.yaml").read_text())["set-resources"]
    for rule in RULES:
        resources.setdefault(rule, {}).update({"mem_mb": 1500, "runtime": 20})
    return [
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2"),
        *("--seconds-between-status-checks", "2"),
        *("--latency-wait", "10"),
        *("--default-resources", "slurm_account=test", "slurm_partition=cpu", "mem_mb=500", "runtime=5"),
        *("--set-threads", *(f"{rule}=1" for rule in RULES)),
        *(
            "--set-resources",
            *(f"{r}:{key}={value}" for r, keys in resources.items() for key, value in keys.items()),
        ),
    ]


def slurm_answers() -> bool:
    if shutil.which("sinfo") is None:
        return False
    return (
        subprocess.run(["sinfo", "--noheader"], capture_output=True, check=False, timeout=30).returncode == 0
    )


def submitted_from(directory: Path) -> dict[str, str]:
    """What the controller knows of the jobs of one directory, by the rule that their comment names."""
    shown = subprocess.run(["scontrol", "show", "job"], capture_output=True, text=True, check=True).stdout
    found = {}
    for job in shown.split("\n\n"):
        rule = re.search(r"Comment=rule_(score_shard|[a-z]+)", job)
        if rule and f"WorkDir={directory}\n" in job:
            found[rule.group(1)] = job
    return found


def test_the_workflow_runs_on_slurm_with_models_on_the_gpu_partition(project: Project):
    if not slurm_answers():
        pytest.skip("no Slurm answers; tests/workflow/one_node_slurm.sh starts one (as root, on Debian)")
    write_variants(project.path / "data", 50)
    callset = {"vcf": "data/variants.vcf", "genome": "first", "runs": ["net"], "shards": 2}
    project.configure(set_key("callsets.cut", callset))
    profile = project.repository / "profiles" / "slurm"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project.repository / "Snakefile")]
    command += [
        "--workflow-profile",
        str(profile),
        "results/runs/net/evaluation/metrics.tsv",
        "results/scores/cut/annotated.vcf.gz",
        *overrides(profile),
    ]
    # a plain SIGTERM would wait for the jobs
    done = subprocess.run(
        ["timeout", "-k", "20", "1000", *command],
        cwd=project.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert (project.path / "results/runs/net/evaluation/metrics.tsv").is_file()
    assert len((project.path / "results/scores/cut/ledger.tsv").read_text().splitlines()) == 51
    jobs = submitted_from(project.path)
    assert set(jobs) == set(RULES) - {"report"}
    for rule, job in jobs.items():
        assert "JobState=COMPLETED" in job, job
        on_gpu = rule in ON_GPU
        assert f"Partition={'gpu' if on_gpu else 'cpu'} " in job.replace("\n", " "), job
        # written gres:gpu:1 or gres/gpu:1, depending on Slurm's release
        assert bool(re.search(r"TresPer(Job|Node)=gres[:/]gpu:1", job)) == on_gpu, job
