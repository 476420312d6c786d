"""A job among others: who writes where, and what killed jobs left.

A lock is a symbolic link whose target says who holds it. Making one fails where there is one already, and it
is there with all that it says or not at all: on local disks and on those of a network, where locks of the
system (flock) may hold within one machine only.
"""

import errno
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from danq.errors import WRITING, DanqError
from danq.processes import Process, this_process
from danq.remnants import make_folder

log = logging.getLogger("danq")

_LOCK = ".danq.lock"
_MOST_MISSING = 100
"""Times that the directory of a lock may be found missing although it was just made."""
_ENDING_SECONDS = 60
"""For so long a job may be ending, its processes being killed."""
_WITHOUT_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)
_SCHEDULERS = {
    "SLURM_JOB_ID": ("Slurm", "scancel"),
    "PBS_JOBID": ("PBS", "qdel"),
    "LSB_JOBID": ("LSF", "bkill"),
}
"""Variables that hold the number of a cluster's job → the scheduler, and its command that ends one."""


class Holder(NamedTuple):
    """Who holds a lock.

    Attributes
    ----------
    process : Process
        The job's process.
    verb, since : str, str
        What it does, and local date and time at which it began to.
    scheduler, job, cluster, restarts : str
        Scheduler, number and cluster of the job that it belongs to, and how often that was begun again.
    """

    process: Process
    verb: str
    since: str
    scheduler: str
    job: str
    cluster: str
    restarts: str

    def gone(self) -> bool:
        """Whether it is known to have ended: by this machine, or by the scheduler of both."""
        gone = self.process.gone()
        if gone is not None or self.scheduler != "Slurm":
            return bool(gone)
        own = _this_job()
        if own[:3] == (self.scheduler, self.job, self.cluster):
            # Snakemake's plugin keeps from jobs how often they were begun again
            began = _of_slurm(self.job, "%S")[:16].replace("T", " ")
            return own[3] != self.restarts or (began[:1].isdigit() and began > self.since)
        return own[2] == self.cluster and _ended_in_slurm(self.job)

    def refusal(self, path: Path, lock: Path) -> DanqError:
        """Give the line that names who writes to `path`, and the way out."""
        process, runs_here = self.process, self.process.gone() is False
        ends = f"kill {process.pid}" + ("" if runs_here else f" on {process.host}")
        ends = f"{_CANCEL[self.scheduler]} {self.job}" if self.job else ends
        job = f", {self.scheduler} job {self.job}" if self.job else ""
        rest = "" if runs_here else f"; if it has ended without removing {lock}, remove that"
        return DanqError(
            f"{path}: another job is writing there: danq {self.verb}, process {process.pid} on "
            f"{process.host}{job}, since {self.since}; wait for it, or end it ({ends}){rest}"
        )


_CANCEL = dict(_SCHEDULERS.values())


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line why something cannot be written, where that is the user's to mend.

    Raises
    ------
    DanqError
        If the directory cannot be written to or the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in WRITING:
            raise
        raise DanqError(f"{path}: {WRITING[error.errno]}") from error


@contextmanager
def made(directory: Path) -> Iterator[None]:
    """Make a directory where it is missing; it goes again if it is still empty at the end.

    Raises
    ------
    DanqError
        If it cannot be made.
    """
    existed = directory.exists()
    try:
        with writing(directory):
            make_folder(directory)
        yield
    finally:
        if not existed:
            # a failed job leaves no empty directory either; one with results in it stays
            with suppress(OSError):
                directory.rmdir()


@contextmanager
def sole_writer(path: Path, folder: bool = True) -> Iterator[None]:
    """Write to a `folder`, which is made where it is missing, or to a file as the only job.

    Within a block of the same process for the same path nothing is done. A lock that a job of this machine
    left when it was killed, or one of the same Slurm cluster whose job is over, is removed.

    Raises
    ------
    DanqError
        If it cannot be written to, or another job writes there: with the process, the machine and the
        cluster's job.
    """
    lock = _lock(path, folder)
    with made(lock.parent):
        with writing(path):
            held = not _holds(lock) and _take(path, lock)
        try:
            yield
        finally:
            # somebody may have taken it away
            if held and _holds(lock):
                lock.unlink(missing_ok=True)


def check_claim(path: Path, folder: bool) -> None:
    """Refuse to go on where another job took what this one had claimed.

    Raises
    ------
    DanqError
        If somebody removed the lock, and another job holds it now.
    """
    refuse_claimed(_lock(path, folder), path)


def refuse_claimed(lock: Path, path: Path) -> None:
    """Refuse a lock on `path` that another job holds, as far as it is not known to have ended."""
    holder = _read(lock)
    if holder is not None and holder.process != this_process() and not holder.gone():
        raise holder.refusal(path, lock)


def _this_job() -> tuple[str, str, str, str]:
    for variable, (scheduler, _) in _SCHEDULERS.items():
        if job := os.environ.get(variable):
            cluster = os.environ.get("SLURM_CLUSTER_NAME", "")
            return scheduler, job, cluster, os.environ.get("SLURM_RESTART_COUNT", "0")
    return "", "", "", ""


def _ended_in_slurm(job: str) -> bool:
    """Whether Slurm says that a job is over, or does not know it any more; False if it cannot be asked."""
    for _ in range(_ENDING_SECONDS):
        state = _of_slurm(job, "%T")
        if state != "COMPLETING":
            return state == ""
        time.sleep(1)
    return False


def _of_slurm(job: str, field: str) -> str:
    """Ask squeue for a field of a job: ``""`` where it knows none, ``?`` where it cannot be asked."""
    command = ["squeue", "--noheader", f"--format=%A {field}", f"--jobs={job}"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "?"
    if asked.returncode and "invalid job id" not in asked.stderr.lower():
        return "?"
    # an array has the number of one of its tasks
    values = dict(line.split(maxsplit=1) for line in asked.stdout.splitlines() if " " in line)
    return values.get(job, "").strip()


def _lock(path: Path, folder: bool) -> Path:
    return path / _LOCK if folder else path.with_name(f".{path.name}{_LOCK}")


def _take(path: Path, lock: Path) -> bool:
    """Make the lock; False where the file system has none."""
    since = f"{datetime.now().astimezone():%Y-%m-%d %H:%M}"
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "from Python")
    text = json.dumps([this_process(), verb[:40], since, *_this_job()])
    missing = 0
    while True:
        try:
            os.symlink(text, lock)
        except FileExistsError:
            if _holds(lock):  # a network file system asked its server twice
                return True
            refuse_claimed(lock, path)
            _remove_left(lock)
        except FileNotFoundError:
            # another job found it empty, and had made it; some places, such as /proc, hold no files of others
            missing += 1
            if missing > _MOST_MISSING:
                raise DanqError(f"{lock.parent}: no file can be made there") from None
            make_folder(lock.parent)
        except OSError as error:
            if error.errno not in _WITHOUT_LINKS:
                raise
            log.warning("%s: its file system has no locks; let no other job write there", path)
            return False
        else:
            return True


def _remove_left(lock: Path) -> None:
    """Remove a lock whose holder is gone, if no other job did so at the same time and took it."""
    taken = lock.with_name(f"{lock.name}.{this_process()}")
    with suppress(FileNotFoundError):
        os.rename(lock, taken)
        holder = _read(taken)
        if holder is None or holder.gone():
            taken.unlink()
            log.info("%s: removed, a job that was killed left it", lock)
        else:
            # who holds it looks again before it publishes
            os.rename(taken, lock)


def _holds(lock: Path) -> bool:
    holder = _read(lock)
    return holder is not None and holder.process == this_process()


def _read(lock: Path) -> Holder | None:
    """Read who holds a lock; None where there is none."""
    try:
        process, *rest = json.loads(os.readlink(lock))
        holder = Holder(Process(*process), *rest)
        known = holder.scheduler in ("", *_CANCEL)
        if known and isinstance(holder.process.pid, int):
            return holder
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        pass
    raise DanqError(f"{lock}: no lock of danq; remove it, if no job writes there")
