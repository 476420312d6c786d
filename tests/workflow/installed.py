"""danq from its own wheel in an environment of its own, beside the libraries that the tests have."""

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Installed:
    """An environment that holds danq, and no repository anywhere near.

    Attributes
    ----------
    binaries : Path
        Folder of its `danq` and `python`.
    """

    binaries: Path

    def run(self, *command: str, cwd: Path, status: int = 0) -> str:
        """Run a program of it in a directory; what it printed, both streams together."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            [str(self.binaries / command[0]), *command[1:]],
            cwd=cwd,
            env=environment | {"TF_NUM_INTRAOP_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


def build(repository: Path, kind: str, out: Path) -> Path:
    """Build the `wheel` or `sdist` of a repository into a folder; its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(out)]
    subprocess.run(command, cwd=repository, check=True, capture_output=True)
    (built,) = out.glob("danq-*.whl" if kind == "wheel" else "danq-*.tar.gz")
    return built


def install(package: Path, environment: Path, *options: str) -> Installed:
    """Make an environment with a package and, of everything else, what these tests run with."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    binaries = environment / "bin"
    pip = [sys.executable, "-m", "pip", "--python", str(binaries / "python"), "install", "--quiet"]
    options = ("--no-deps", "--no-index", "--no-build-isolation", *options)
    (packages,) = environment.glob("lib/python*/site-packages")
    # read after its own packages; links that stand in there, as that of an editable danq, are not followed
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run([*pip, *options, str(package)], check=True, capture_output=True, text=True)
    return Installed(binaries)
