"""What befalls jobs of a real Slurm: preemption, a cancelled shard of an array, a killed Snakemake."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.verbs import danq
from tests.workflow.conftest import HELD, Project, set_key, write_project, write_variants
from tests.workflow.test_slurm import overrides, slurm_answers

pytestmark = [pytest.mark.slurm, pytest.mark.environment, pytest.mark.slow]

BIN = Path(sys.executable).parent
TOGETHER = {"epochs": 3, "batch_size": 50, "distribute": "multi_worker"}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Project:
    """A project whose dataset is made and whose linear model is trained."""
    if not slurm_answers():
        pytest.skip("no Slurm answers; tests/workflow/one_node_slurm.sh starts one (as root, on Debian)")
    project = Project(tmp_path_factory.mktemp("jobs"), repository)
    write_project(project.path)
    write_variants(project.path / "data", 3000)
    (project.path / "held.py").write_text(HELD.replace("TIMES", "1"))
    raw = yaml.safe_load(set_key("runs.net.train", TOGETHER))
    raw["runs"]["net"]["model"] = "held.py"
    # linear, on the genome of the variants
    raw["runs"]["words"]["dataset"] = "one"
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--cores", "1", "results/runs/words/bundle.json")
    assert done.returncode == 0, done.stdout
    return project


def submit(directory: Path, script: str, *options: str) -> str:
    """Number of a job of one core that runs a script; its output is appended to ``job.log``."""
    asked = ["--parsable", "--mem=2500", "--time=10", "--open-mode=append", "--output=job.log", *options]
    done = subprocess.run(
        ["sbatch", *asked],
        input=f"#!/bin/bash\n{script}\n",
        cwd=directory,
        env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def until(condition: Callable[[], object], seconds: float = 600) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)


def shown(job: str, value: str = "JobState") -> list[str]:
    """What Slurm says of a job's tasks, most often their states."""
    text = subprocess.run(["scontrol", "show", "job", job], capture_output=True, text=True, check=True).stdout
    return re.findall(rf"{value}=(\w+)", text)


def over(job: str) -> bool:
    return not {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED"} & set(shown(job))


def manifest(bundle: Path) -> dict:
    return json.loads((bundle / "bundle.json").read_text())


def test_two_tasks_that_are_preempted_go_on_in_the_requeued_job_to_equal_weights(ready: Project):
    train = "srun --ntasks=2 --cpus-per-task=1 --kill-on-bad-exit=1 danq train --config results/config.json"
    train += " --run net --dataset results/datasets/one --threads 1 --out"
    log = ready.path / "job.log"
    # as docs/clusters.md has it: Slurm itself queues no job again that ends by itself in its grace time
    again = "status=$?; [ $status != 143 ] || scontrol requeue $SLURM_JOB_ID; exit $status"
    job = submit(ready.path, f"{train} disturbed; {again}", "--ntasks=2", "--requeue", "--exclusive")
    until((ready.path / "held" / job / "work").exists)
    urgent = submit(ready.path, "true", "--partition=urgent", "--exclusive", "--output=urgent.log")
    until(lambda: over(urgent) and shown(job) == ["PENDING"])
    assert "stopped by SIGTERM in epoch 1 after step" in log.read_text()
    assert shown(job, "Restarts") == ["1"]
    # Slurm waits two minutes otherwise; in the second in which it ended the job, its node would refuse it
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now+5"], check=True)
    until(lambda: over(job))
    assert shown(job) == ["COMPLETED"], log.read_text()
    other = submit(ready.path, f"{train} undisturbed", "--ntasks=2")
    until(lambda: over(other))
    bundles = [manifest(ready.path / name) for name in ("disturbed", "undisturbed")]
    assert bundles[0]["digest"] == bundles[1]["digest"]
    assert [bundle["training"]["resumed"] for bundle in bundles] == [1, 0]
    assert bundles[1]["training"]["device"].startswith("2 workers, each ")
    # of two tasks one writes
    assert log.read_text().count("DONE epoch 3/3") == 2


def test_of_an_array_of_shards_only_the_cancelled_one_is_computed_again(ready: Project):
    score = "danq score --model results/runs/words --genome results/genomes/first --vcf data/variants.vcf"
    score += " --threads 1"
    shard = f"{score} --work cut.work --receipt $SLURM_ARRAY_TASK_ID.json --shard $SLURM_ARRAY_TASK_ID/3"
    slow = "[ $SLURM_ARRAY_TASK_ID != 2 ] || { touch began; sleep 600; }"
    job = submit(ready.path, f"{slow}; {shard}", "--array=1-3")
    until((ready.path / "began").exists)
    subprocess.run(["scancel", f"{job}_2"], check=True)
    until(lambda: over(job))
    assert sorted(shown(job)) == ["CANCELLED", "COMPLETED", "COMPLETED"]
    again = submit(ready.path, shard, "--array=1-3")
    until(lambda: over(again))
    assert set(shown(again)) == {"COMPLETED"}
    receipts = [json.loads((ready.path / f"{number}.json").read_text()) for number in (1, 2, 3)]
    assert [receipt["rows_computed_now"] > 0 for receipt in receipts] == [False, True, False]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ready.path)
        arguments = score.split()[1:]
        assert danq(*arguments, "--work", "cut.work", "--out", "cut") == 0
        assert danq(*arguments, "--out", "whole") == 0
    for name in ("scores.parquet", "annotated.vcf.gz", "ledger.tsv"):
        cut, whole = ready.path / "cut" / name, ready.path / "whole" / name
        assert cut.read_bytes() == whole.read_bytes(), name


def test_a_job_that_outlives_a_killed_snakemake_is_not_disturbed_by_the_next(ready: Project):
    raw = yaml.safe_load((ready.path / "config" / "config.yaml").read_text())
    raw["runs"]["net"]["train"] = {"epochs": 3, "batch_size": 50}
    ready.configure(yaml.safe_dump(raw))
    profile = ready.repository / "profiles" / "slurm"
    command = [sys.executable, "-m", "snakemake", "--snakefile", ready.repository / "Snakefile"]
    command += ["--workflow-profile", profile, "results/runs/net/bundle.json", *overrides(profile)]

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            command, cwd=ready.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    log = ready.path / "results" / "logs" / "train" / "net.log"
    shutil.rmtree(ready.path / "held", ignore_errors=True)
    first = start()
    until(lambda: [*ready.path.glob("held/*/work")])
    first.send_signal(signal.SIGKILL)
    output = first.communicate()[0]
    orphan = re.findall(r"SLURM jobid (\d+)", output)[-1]
    assert shown(orphan) == ["RUNNING"]
    subprocess.run([*command, "--unlock"], cwd=ready.path, check=True, capture_output=True)
    # the second job finds the first at work, and is not tried again
    refused = start().communicate(timeout=600)[0]
    assert "another job is writing there: danq train" in refused
    assert f"Slurm job {orphan}" in refused
    (ready.path / "go").touch()
    until(lambda: over(orphan))
    assert shown(orphan) == ["COMPLETED"]
    last = start()
    output = last.communicate(timeout=600)[0]
    assert last.returncode == 0, output
    bundle = manifest(ready.path / "results" / "runs" / "net")
    # what the orphan made was taken
    assert bundle["training"]["resumed"] == 0
    assert "trained net" not in log.read_text()


def test_a_job_that_had_too_little_memory_gets_more(ready: Project):
    config = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=True).stdout
    if not re.search(r"TaskPlugin +=.*cgroup", config):
        pytest.skip("Slurm cannot make control groups (version 1) here, which hold jobs to their memory")
    profile = ready.repository / "profiles" / "slurm"
    done = ready.snakemake(
        *("--workflow-profile", str(profile), "results/genomes/second/genome.json", *overrides(profile)),
        *(
            "--default-resources",
            "slurm_account=test",
            "slurm_partition=cpu",
            "mem_mb=50 * 16 ** (attempt - 1)",
        ),
    )
    assert done.returncode == 0, done.stdout
    text = subprocess.run(["scontrol", "show", "job"], capture_output=True, text=True, check=True).stdout
    jobs = [job for job in text.split("\n\n") if f"WorkDir={ready.path}\n" in job and "=rule_genome" in job]
    asked = [(re.findall(r"JobState=(\w+)", job)[0], re.findall(r"mem=(\w+)", job)[0]) for job in jobs]
    assert asked == [("OUT_OF_MEMORY", "50M"), ("COMPLETED", "800M")]
