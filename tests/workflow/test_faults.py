"""Faults around the workflow: killed, begun twice, on a machine without Slurm, or by a clock put back."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import Project, set_key

SLURM = re.compile(r"s(batch|acct|acctmgr|queue|info|cancel|control|run|alloc|diag)")
RESULTS = (
    "genomes/first/codes.npy",
    "datasets/one/labels.npy",
    "runs/net/weights.safetensors",
    "runs/net/predictions/test.npz",
    "runs/words/predictions/test.npz",
)


def begun(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """The workflow in the background, in a session of its own."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project.repository / "Snakefile")]
    return subprocess.Popen(
        [*command, *arguments],
        cwd=project.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"TF_NUM_INTRAOP_THREADS": "1"},
        start_new_session=True,
    )


def wait_for(path: Path, job: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert job.poll() is None, f"ended before {path} was there"
        time.sleep(0.01)


@pytest.mark.environment
def test_a_killed_snakemake_goes_on_and_a_second_one_beside_it_is_refused(
    project: Project, finished: Project
):
    first = begun(project, "--cores", "2")
    wait_for(project.path / "results/logs/train/net.log", first)
    second = project.snakemake("--cores", "2")
    assert second.returncode != 0
    assert "Directory cannot be locked" in second.stdout
    # all of its jobs with it, as where a machine loses its power
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert project.snakemake("--unlock").returncode == 0
    again = project.snakemake("--cores", "2")
    assert again.returncode == 0, again.stdout
    for name in RESULTS:
        made = project.path / "results" / name
        assert made.read_bytes() == (finished.path / "results" / name).read_bytes(), name
    assert not list(project.path.rglob(".partial-*"))


def test_without_the_commands_of_slurm_its_profile_is_refused_in_one_line(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("snakemake_executor_plugin_slurm")
    commands = tmp_path_factory.mktemp("commands")
    for place in ("/bin", "/usr/bin"):
        for path in Path(place).iterdir():
            if not SLURM.fullmatch(path.name) and not (commands / path.name).is_symlink():
                (commands / path.name).symlink_to(path)
    monkeypatch.setenv("PATH", str(commands))
    done = project.snakemake("--workflow-profile", str(project.repository / "profiles" / "slurm"))
    assert done.returncode == 2
    lines = [line for line in done.stdout.splitlines() if line.startswith("danq: ")]
    assert len(lines) == 1
    assert lines[0].startswith("danq: expected the command sbatch, by which jobs are handed in, found none")
    assert not project.files()


def test_dates_in_the_future_plan_nothing_and_changed_content_does(finished: Project, project: Project):
    """A clock that was put back: inputs and results lie ahead of it."""
    shutil.copytree(finished.path, project.path, dirs_exist_ok=True, symlinks=True)
    future = time.time() + 400 * 86_400
    for part in ("data", "results"):
        for path in (project.path / part).rglob("*"):
            os.utime(path, (future, future))
    dry = project.snakemake("--dry-run", "--quiet", "host")
    assert project.planned() == set(), dry.stdout
    table = project.path / "data" / "one.alpha.bed"
    table.write_text(table.read_text() + "chr2\t30\t90\n")
    assert {"dataset/one", "train/net"} <= project.planned()


@pytest.mark.environment
def test_a_gpu_that_is_required_and_not_there_ends_the_job_in_one_line(finished: Project, project: Project):
    shutil.copytree(finished.path, project.path, dirs_exist_ok=True, symlinks=True)
    raw = yaml.safe_load(set_key("runs.net.train.require_gpu", True))
    project.configure(yaml.safe_dump(raw))
    done = project.snakemake("--cores", "1", "results/runs/net/bundle.json")
    assert done.returncode != 0
    assert "train.require_gpu: expected a GPU, found none" in done.stdout


def test_a_job_of_grid_engine_is_not_given_up_while_nobody_answers(repository: Path, tmp_path: Path):
    listed = "job-ID prior name user state\\n-----\\n 7 0.5 snakejob me STATE 11/26/2026"
    for qstat, word in (
        ("exit 1", "running"),
        (f'echo -e "{listed.replace("STATE", "r")}"', "running"),
        (f'echo -e "{listed.replace("STATE", "Eqw")}"', "failed"),
        ("true", "success"),
    ):
        account = "echo 'failed       0'; echo 'exit_status  0'"
        for name, text in (("qstat", qstat), ("qdel", "true"), ("qacct", account)):
            (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
            (tmp_path / name).chmod(0o755)
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        command = ["bash", str(repository / "profiles" / "sge" / "status.sh"), "7"]
        done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True)
        assert done.stdout.split() == [word], qstat
