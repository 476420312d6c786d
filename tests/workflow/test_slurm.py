"""The project on a real Slurm of one node, with the profile that users get (see one_node_slurm.sh)."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import HELD, Project, set_key, write_variants

pytestmark = [pytest.mark.slurm, pytest.mark.environment, pytest.mark.slow]

RULES = (
    *("genome", "dataset", "train", "train_on_cpu", "predict_on_cpu"),
    *("score_shard", "score_on_cpu"),
)
ON_GPU = ("train", "score_shard")


def overrides(profile: Path) -> list[str]:
    """What one small node without accounting needs beside the profile, whose map of resources is kept."""
    resources = yaml.safe_load((profile / "config.yaml").read_text())["set-resources"]
    return [
        *("--slurm-status-command", "squeue"),
        *("--slurm-init-seconds-before-status-checks", "2"),
        *("--seconds-between-status-checks", "2"),
        *("--latency-wait", "10"),
        *("--default-resources", "slurm_account=test", "slurm_partition=cpu", "mem_mb=1500", "runtime=20"),
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


def submitted_from(directory: Path, state: str = "COMPLETED") -> dict[str, str]:
    """What the controller knows of the jobs of one directory, by the rule that their comment names."""
    shown = subprocess.run(["scontrol", "show", "job"], capture_output=True, text=True, check=True).stdout
    found = {}
    for job in shown.split("\n\n"):
        rule = re.search(r"Comment=rule_((train|predict|score)_on_cpu|score_shard|[a-z]+)", job)
        if rule and f"WorkDir={directory}\n" in job and f"JobState={state} " in job:
            found[rule.group(1)] = job
    return found


def stop_three_tries(directory: Path) -> None:
    """Tell three jobs of the training to stop, as Slurm does before a time limit, when they wait for it."""
    stopped, until = set[str](), time.monotonic() + 900
    while len(stopped) < 3 and time.monotonic() < until:
        time.sleep(0.2)
        for job in {mark.parent.name for mark in directory.glob("held/*/work")} - stopped:
            subprocess.run(["scancel", "--signal=TERM", job], check=False)
            stopped.add(job)


def test_the_workflow_runs_on_slurm_with_networks_on_the_gpu_partition_and_across_time_limits(
    project: Project,
):
    if not slurm_answers():
        pytest.skip("no Slurm answers; tests/workflow/one_node_slurm.sh starts one (as root, on Debian)")
    write_variants(project.path / "data", 50)
    (project.path / "held.py").write_text(HELD.replace("TIMES", "3"))
    raw = yaml.safe_load(set_key("runs.net.train.epochs", 3))
    raw["runs"]["net"]["model"] = "held.py"
    raw["callsets"] = {"cut": {"vcf": "data/variants.vcf", "genome": "first", "runs": ["net"], "shards": 2}}
    project.configure(yaml.safe_dump(raw))
    profile = project.repository / "profiles" / "slurm"
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project.repository / "Snakefile")]
    command += [
        "--workflow-profile",
        str(profile),
        "results/runs/words/predictions/valid.npz",
        "results/scores/cut/annotated.vcf.gz",
        *overrides(profile),
    ]
    threading.Thread(target=stop_three_tries, args=[project.path], daemon=True).start()
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
    assert len((project.path / "results/scores/cut/ledger.tsv").read_text().splitlines()) == 51
    jobs = submitted_from(project.path)
    assert set(jobs) == set(RULES)
    for rule, job in jobs.items():
        on_gpu = rule in ON_GPU
        assert f"Partition={'gpu' if on_gpu else 'cpu'} " in job.replace("\n", " "), job
        # written gres:gpu:1 or gres/gpu:1, depending on Slurm's release
        assert bool(re.search(r"TresPer(Job|Node)=gres[:/]gpu:1", job)) == on_gpu, job
        assert "TimeLimit=00:20:00 " in job, job
        # the training, which was stopped, did not get more than others
        assert re.search(r"mem=1500M", job), job
    stops = re.findall(r"train/net stopped by SIGTERM in epoch .* and goes on in another job", done.stdout)
    assert len(stops) == 3, done.stdout
    check_weights(project)


def check_weights(project: Project) -> None:
    """The weights are, to the last byte, those of a training that nothing disturbed."""
    where = project.path / "undisturbed"
    danq = Path(sys.executable).with_name("danq")
    command = [danq, "train", "--config", "results/config.json", "--run", "net", "--dataset"]
    subprocess.run(
        [*command, "results/datasets/one", "--threads", "1", "--out", where], cwd=project.path, check=True
    )
    bundles = [
        json.loads((path / "bundle.json").read_text()) for path in (project.path / "results/runs/net", where)
    ]
    assert bundles[0]["digest"] == bundles[1]["digest"]
    assert bundles[0]["training"]["resumed"] == 3
    assert bundles[1]["training"]["resumed"] == 0
