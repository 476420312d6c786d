"""A capsule alone makes an environment, in which the workflow runs again with equal results."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from verbs import danq

from tests.workflow.conftest import Project

pytestmark = pytest.mark.environment


def run(*command: object, cwd: Path, status: int = 0) -> str:
    """Run a program without anything of this checkout; what it printed on its standard output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_a_capsule_is_replayed_in_an_environment_made_of_it_alone(finished: Project, tmp_path: Path) -> None:
    archive, capsule, environment = (tmp_path / name for name in ("run.zip", "capsule", "environment"))
    assert danq("freeze", finished.path / "results", "--out", archive, "--with-inputs") == 0
    with zipfile.ZipFile(archive) as files:
        files.extractall(capsule)
    run(sys.executable, "-m", "venv", environment, cwd=capsule)
    pip = (environment / "bin" / "pip", "install", "--quiet")
    run(*pip, "--require-hashes", "--no-deps", "-r", "requirements.txt", cwd=capsule)
    (wheel,) = capsule.glob("danq-*.whl")
    run(*pip, "--no-deps", wheel, cwd=capsule)
    verb = environment / "bin" / "danq"
    told = json.loads(run(verb, "replay", capsule, "--out", tmp_path / "again", "--json", cwd=tmp_path))
    assert (told["failed"], told["versions"]) == (False, [])
    results = {each["path"]: each["status"] for each in told["checks"]}
    assert {"runs/net/golden.npz", "runs/net/bundle.json", "runs/words/evaluation/metrics.tsv"} <= set(
        results
    )
    assert set(results.values()) == {"equal"}
    # the danq that was installed from a wheel freezes what it made, digests asked of the registry
    second = tmp_path / "second"
    run(verb, "freeze", tmp_path / "again" / "results", "--out", second, cwd=tmp_path)
    assert (second / "requirements.txt").read_text() == (capsule / "requirements.txt").read_text()
    assert packed(second / wheel.name) == packed(wheel)
    run(*pip, "--no-deps", "--force-reinstall", second / wheel.name, cwd=tmp_path)
    assert run(verb, "workflow", "--path", cwd=tmp_path).endswith("danq/workflow/Snakefile\n")


def packed(wheel: Path) -> dict[str, bytes]:
    """Files of a wheel but the list of them, whose order is the builder's."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
