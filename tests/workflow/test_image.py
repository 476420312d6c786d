"""The CPU image, built on a Debian base of our own, and the workflow run in it by somebody without a home."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.workflow.conftest import write_project

pytestmark = [pytest.mark.environment, pytest.mark.slow]

# what a container may ask of a machine that is itself one: its network, and limits below its own
SETTINGS = """\
[containers]
netns = "host"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
Podman = Callable[..., str]


@pytest.fixture(scope="module")
def podman(program: Callable[[str], str]) -> Generator[Podman]:
    """Podman with a storage of its own, of which nothing is left."""
    engine = program("podman")
    # podman refuses places of more than 50 characters, which those of tests have where several run at once
    folder = Path(tempfile.mkdtemp(prefix="danq-"))
    (folder / "containers.conf").write_text(SETTINGS)
    environment = os.environ | {"CONTAINERS_CONF": str(folder / "containers.conf"), "TMPDIR": str(folder)}
    storage = ("--root", str(folder / "storage"), "--runroot", str(folder / "run"))

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [engine, *storage, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout

    yield call
    for mounted in (line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()[::-1]):
        if mounted.startswith(f"{folder}/"):
            subprocess.run(["umount", mounted], check=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def image(podman: Podman, program: Callable[[str], str], tmp_path_factory, repository: Path) -> str:
    """The image, on a small Debian that trusts whom this machine trusts: no registry of images is asked."""
    base = tmp_path_factory.mktemp("base") / "base.tar"
    trust = "--customize-hook=copy-in /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs"
    packages = "--include=python3-venv,ca-certificates,procps"
    subprocess.run(
        [program("mmdebstrap"), "--variant=minbase", packages, trust, "bookworm", str(base)],
        check=True,
        capture_output=True,
    )
    podman("import", str(base), "debian-with-python")
    base.unlink()
    try:
        podman("run", "--rm", "debian-with-python", "true")
    except AssertionError as error:
        if os.environ.get("DANQ_REQUIRE_PODMAN"):
            raise
        pytest.skip(f"podman runs no container here: {error}")
    podman(
        *("build", "--isolation", "chroot", "--build-arg", "BASE=debian-with-python"),
        *("--file", str(repository / "packaging/docker/cpu.Dockerfile"), "--tag", "danq", str(repository)),
    )
    return "danq"


def test_the_workflow_runs_in_the_image_for_anybody(podman: Podman, image: str, tmp_path: Path):
    write_project(tmp_path)
    somebody = 1234
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, somebody, somebody)
    run = ("run", "--rm", "--user", f"{somebody}:{somebody}", "--volume", f"{tmp_path}:/data", image)
    assert "TensorFlow" in podman(*run, "danq", "doctor")
    assert podman(*run, "danq", "workflow", "--path").startswith("/opt/danq/")
    done = podman(*run, "danq", "workflow", "--configfile", "config/config.yaml", "--", "--cores", "2")
    assert "danq: the report is results/report.html" in done
    assert (tmp_path / "results" / "report.html").stat().st_uid == somebody
    assert "Nothing to be done" in podman(*run, "danq", "workflow", "--", "--cores", "2")
