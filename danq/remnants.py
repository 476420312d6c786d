"""Hidden directories of jobs, named so that those of killed jobs are told from those of jobs that run."""

import errno
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from danq.errors import WRITING, DanqError
from danq.processes import Process, this_process

log = logging.getLogger("danq")

_PARTIAL = ".partial-"
"""Begin of the name of a hidden directory in which a job collects what it writes."""
_TRIES = 100
"""At making one, while other jobs remove the folder that it lies in."""
_ELSEWHERE = "TMPDIR names another place"


@contextmanager
def hidden(folder: Path, named: bool = False) -> Iterator[Path]:
    """Make a hidden directory in another, which is made where it is missing, for the user alone.

    Remnants of killed jobs there are removed; those of which that cannot be known are `named`.
    """
    _remove_remnants(folder, named)
    partial = _made(folder)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _made(folder: Path) -> Path:
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            return Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{this_process()}-", dir=folder))
        # missing, or another job found it empty, and had made it
        make_folder(folder)
    # it is there, and yet the system finds no such place: /proc, a mount point of the automounter
    raise DanqError(f"{folder}: no directory can be created in this one")


def make_folder(directory: Path) -> None:
    """Make a directory and those above it."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:
        raise DanqError(f"{directory}: this directory cannot be created") from None


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a hidden directory where the system has temporary files.

    Raises
    ------
    DanqError
        If there is no such place that can be written to, or it has no room for what is written there.
    """
    try:
        place = Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise DanqError(f"temporary files: no directory can be written to; {_ELSEWHERE}") from None
    with hidden(place) as folder:
        try:
            yield folder
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise DanqError(f"{place}: {WRITING[error.errno]} for temporary files; {_ELSEWHERE}") from error


def _remove_remnants(folder: Path, named: bool) -> None:
    for path in sorted(folder.glob(f"{_PARTIAL}*")):
        process = _process_of(path.name)
        gone = process and process.gone()
        if gone:
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():  # another user's stays
                log.info("%s: removed, a job that was killed left it", path)
        elif gone is None and named:
            where = f" on {process.host}" if process else ""
            message = "%s: of a job%s that runs now or was killed; in the latter case remove it"
            log.warning(message, path, where)


def _process_of(name: str) -> Process | None:
    """Read the process out of the name of a hidden directory; None where there is none in it."""
    # letters drawn by the system follow, with any number of _ but no hyphen among them
    host, *rest = name.removeprefix(_PARTIAL).rpartition("-")[0].rsplit("_", 5)
    if len(rest) != 5 or not rest[3].isdigit():
        return None
    return Process(host, rest[0], rest[1], rest[2], int(rest[3]), rest[4])
