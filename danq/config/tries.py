"""What becomes of the workflow's jobs that fail: which are tried again, and the line that says why.

Snakemake tries every failed job again, as often as `retries` says. Here what the user must mend is not, one
that its time limit ended is as often as it gets further, and tries are counted by cause: `attempt`, by which
memory is multiplied, grows by each time that there was too little of it, and by nothing else.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from snakemake_interface_logger_plugins.common import LogEvent

_REFUSED = re.compile(r"danq: (?P<line>.+)")
_STOPPED = re.compile(
    r"[\d:]{8} WARNING (?P<line>stopped by .+; the same command (?:goes on|begins again).*)"
)
# how far a job had come that goes on; who was lost meanwhile is told in other words each time
_REACHED = re.compile(r"epoch \d+ after step \d+|after \d+ of \d+ parts")
_SAID = re.compile(r"[\d:]{8} [A-Z]+ (?P<line>.+)")
# words of Slurm, Kubernetes and kernels, of AWS Batch, of LSF, then of Python, NumPy and TensorFlow
_OF_MEMORY = re.compile(
    r"oom[-_ ]?kill|out[-_ ]of[-_ ]memory|memory limit|OutOfMemory|TERM_MEMLIMIT|MemoryError\b"
    r"|OOM when allocating",
    re.IGNORECASE,
)
# of Slurm, whose own log says this of time limits as well; then of LSF's log, where somebody ended the job
_CANCELLED, _ENDED = re.compile(r"\bCANCELLED\b"), re.compile(r"\bTERM_(?:FORCE_)?(?:OWNER|ADMIN)\b")
# of Slurm, of jobs that come to their end through nobody's fault
_LOST = {"NODE_FAIL": "its node failed", "BOOT_FAIL": "its node failed", "PREEMPTED": "preempted"}
# of Slurm, LSF, Kubernetes and AWS Batch
_OVERTIME = re.compile(
    r"\b(?:TIMEOUT|DEADLINE|TERM_RUNLIMIT|DeadlineExceeded)\b|DUE TO TIME LIMIT|duration exceeded timeout"
)
_OF_SLURM = re.compile(r"(?:srun|slurmstepd[\w.-]*): ")
_LAST_BYTES = 20_000


class Cause(Enum):
    """Why a job ended without its results."""

    REFUSED = "what the user must mend (exit status 2)"
    STOPPED = "asked to stop, most often with its work on disk"
    MEMORY = "too little memory"
    CANCELLED = "cancelled"
    FAILED = "anything else"


class End(NamedTuple):
    """How a job ended: the cause, and the one line that matters."""

    cause: Cause
    line: str


def end_of(log: str, message: str = "", cluster_log: str = "") -> End:
    """Tell from its words how a job ended.

    Parameters
    ----------
    log : str
        Its log, as danq wrote it in this try; ``""`` where it wrote none.
    message : str
        What the executor says, such as ``SLURM-job '7' failed, SLURM status is: 'TIMEOUT'``.
    cluster_log : str
        What the cluster wrote around the job.
    """
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # where srun starts the verb, Slurm writes into its log as well
    of_slurm = [*filter(_OF_SLURM.match, lines)]
    lines = [line for line in lines if not _OF_SLURM.match(line)]
    around = "\n".join((message, cluster_log, *of_slurm))
    # what else ends a process comes after its last word
    refused = next(filter(None, map(_REFUSED.fullmatch, lines[-3:])), None)
    if refused:
        return End(Cause.REFUSED, refused["line"])
    last = lines[-1] if lines else ""
    if _OF_MEMORY.search(around) or _OF_MEMORY.search(last):
        return End(Cause.MEMORY, "out of memory")
    if _CANCELLED.search(message) or _ENDED.search(cluster_log):
        return End(Cause.CANCELLED, "cancelled")
    stopped = next(filter(None, map(_STOPPED.fullmatch, lines[-3:])), None)
    if stopped:
        return End(Cause.STOPPED, stopped["line"])
    if _OVERTIME.search(around):
        return End(Cause.FAILED, "out of time")
    for word, words in _LOST.items():
        if word in message:
            return End(Cause.FAILED, words)
    # a process that was killed says nothing itself
    if killed_after := _SAID.fullmatch(last):
        return End(Cause.FAILED, f"ended without saying why, after: {killed_after['line']}")
    return End(Cause.FAILED, last or message.partition("\n")[0] or "it wrote no log")


@dataclass(frozen=True)
class Failure:
    """A job that is not tried again: its name, such as ``train/net``, the line that says why, its log."""

    name: str
    line: str
    log: Path

    def __str__(self) -> str:
        """Give the one line for the end of the workflow."""
        return f"danq: {self.name} failed: {self.line}; its log: {self.log}"


class Tries(logging.Handler):
    """Listens to Snakemake's events of jobs whose log lies below `logs`, and counts their tries.

    Parameters
    ----------
    workflow : snakemake's Workflow
        Whose jobs they are.
    logs : Path
        Folder of the logs, as the rules write it.
    say : callable
        Takes a line for the terminal.
    at_once : bool
        Whether failures are said when they happen, as in a module: its `onerror` is not run.
    """

    def __init__(self, workflow: Any, logs: Path, say: Callable[[str], None], at_once: bool = False) -> None:
        super().__init__()
        self.failures: list[Failure] = []
        self._workflow, self._logs, self._say, self._at_once = workflow, logs, say, at_once
        self._before: dict[Path, tuple[int, int] | None] = {}
        self._reached: dict[Path, str] = {}
        self._counts: Counter[tuple[Path, Cause]] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Note the start of a job, and judge the end of one that failed."""
        event = getattr(record, "event", None)
        if event not in (LogEvent.JOB_INFO, LogEvent.JOB_ERROR) or self._workflow.dryrun:
            return
        paths = [Path(str(path)) for path in getattr(record, "log", None) or ()]
        number = getattr(record, "jobid", None)
        stored = self._stored(number) if paths and not paths[0].is_relative_to(self._logs) else None
        if stored is not None:
            paths[0] = Path(str(stored))
        if not paths or not paths[0].is_relative_to(self._logs):
            return
        if event == LogEvent.JOB_INFO:
            self._before[paths[0]] = _stamp(paths[0])
            follow = f"tail -F {paths[0]}" if stored is None else f"its log: {stored.storage_object.query}"
            self._say(f"danq: {self._called(paths[0])} begins; {follow}")
            return
        if stored is not None:
            _retrieve(stored)
        # of another try or workflow unless it changed
        log = _end(paths[0]) if _stamp(paths[0]) != self._before.get(paths[0]) else ""
        end = end_of(log, getattr(record, "rule_msg", "") or "", "\n".join(map(_end, paths[1:])))
        self._judge(paths[0], number, end)

    def _job(self, number: object) -> Any:
        dag = self._workflow.dag
        return next((job for job in dag.jobs if dag.jobid(job) == number), None)

    def _stored(self, number: object) -> Any:
        """Give the log of a job where a storage keeps it, as in a cloud: the path of the copy here."""
        job = self._job(number)
        logs = job.log if job is not None else ()
        return logs[0] if logs and getattr(logs[0], "is_storage", False) else None

    def _judge(self, log: Path, number: object, end: End) -> None:
        job = self._job(number)
        if job is None:
            return
        reached = _REACHED.search(end.line) if end.cause is Cause.STOPPED else None
        further = reached is not None and self._reached.get(log) != reached[0]
        if reached:
            self._reached[log] = reached[0]
        self._counts[log, end.cause] += not further
        # where nothing is tried again, neither is what was stopped: a user may have stopped it
        again = job.restart_times > 0 and (further or self._counts[log, end.cause] <= job.restart_times)
        if end.cause in (Cause.REFUSED, Cause.CANCELLED):
            again = False
        if not again:
            self.failures.append(Failure(self._called(log), end.line + _advice(job, end), log))
            if self._at_once:
                self._say(str(self.failures[-1]))
        # Snakemake tries again while `attempt` is at most `restart_times`, and adds 1. Not by the setter: it
        # forgets the resources that the job has, and that Snakemake now takes back
        job._attempt = job.attempt - (end.cause is not Cause.MEMORY) if again else job.restart_times + 1
        if further and again:
            self._say(f"danq: {self._called(log)} {end.line.partition(';')[0]} and goes on in another job")

    def _called(self, log: Path) -> str:
        return str(log.relative_to(self._logs).with_suffix(""))


def _advice(job: Any, end: End) -> str:
    """Say which resource to ask for more of, where one ran out."""
    if end.cause is Cause.MEMORY:
        asked, name = job.resources.get("mem_mb"), "mem_mb"
    elif end.cause is Cause.STOPPED or end.line == "out of time":
        asked, name = job.resources.get("runtime"), "runtime"
    else:
        return ""
    had = f" with {name}={asked}" if asked else ""
    return f"{had}; give it more, as `{job.rule.name}: {{{name}: …}}` under the profile's `set-resources`"


def _retrieve(stored: Any) -> None:
    """Copy a log out of its storage; without it, only what the executor says is known of the job's end."""
    path = Path(str(stored))
    # any storage's own errors: the job has failed, and the workflow goes on without this word
    with suppress(Exception):
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        stored.storage_object.retrieve_object()


def _stamp(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        status = path.stat()
        return status.st_size, status.st_mtime_ns
    return None


def _end(path: Path) -> str:
    with suppress(OSError), path.open("rb") as stream:
        stream.seek(max(stream.seek(0, 2) - _LAST_BYTES, 0))
        return stream.read().decode(errors="replace")
    return ""
