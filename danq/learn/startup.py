"""What TensorFlow and its libraries print at their start: kept back, unless it fails."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""Variable of TensorFlow's own: 0 shows all that it says, 2 errors."""
# reads all and prints it at the end, which a process that is killed before does not reach
_HOLD = 'text=$(cat; printf .); text=${text%.}; printf %s "$text" >&2'


def quiet() -> bool:
    """Whether TensorFlow is to say errors alone, as where nothing else is asked for; a word counts as 0."""
    level = os.environ.setdefault(LEVEL, "2").strip()
    return level.isdecimal() and int(level) >= 2


def start_quietly() -> None:
    """Keep back what TensorFlow says at its import and when it looks for devices, if it is to be `quiet`.

    Before it reads how much to say, it says several lines on every machine, such as that there is no GPU.
    """
    if quiet() and "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


@contextmanager
def held_back() -> Iterator[None]:
    """Keep back what is written to file descriptor 2; it is shown if the block fails or the process dies."""
    sys.stderr.flush()
    try:
        stderr = os.dup(2)
    except OSError:  # there is none
        yield
        return
    # another process, for an abort in a library's code leaves nothing of this one
    reading, writing = os.pipe()
    holder = subprocess.Popen(["/bin/sh", "-c", _HOLD], stdin=reading, stdout=subprocess.DEVNULL)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    failed = True
    try:
        yield
        failed = False
    finally:
        sys.stderr.flush()
        if not failed:
            # before it sees the end of what is written
            holder.kill()
            holder.wait()
        os.dup2(stderr, 2)
        os.close(stderr)
        holder.wait()


class _Finder(MetaPathFinder):
    """Finds TensorFlow as others do, and has it loaded quietly; others may only look whether it is there."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = module.__loader__ = self._loader
        with held_back():
            self._loader.exec_module(module)
            # the first look for GPUs has lines of its own
            module.config.list_physical_devices("GPU")
