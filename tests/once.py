"""Directories that take long to make, made by one of the processes that run the tests."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A directory as `make` fills it; each process has its own, for tests may change it."""
    path = factory.mktemp(name) / "made"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        path.mkdir()
        make(path)
        return path
    shared = factory.getbasetemp().parent / name
    with open(f"{shared}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            # under another name until it is whole, or what one process failed at would be taken by the next
            part = shared.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(shared)
    return Path(shutil.copytree(shared, path, symlinks=True))
