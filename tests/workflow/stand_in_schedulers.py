"""Commands of LSF and Grid Engine that run jobs on this machine: what executors call, and no more.

A stand-in: jobs start at once, whatever they ask for, which is noted. Jobs are warned and ended, as their
scheduler would do at the limit, when the file `STAND_IN_WORK`, which is each one's own, is there.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("bsub", "bjobs", "bkill", "badmin", "lsclusters", "bhist", "qsub", "qstat", "qacct", "qdel")
_GRACE_SECONDS = 120


def install(directory: Path) -> dict[str, str]:
    """Write the commands and give the variables under which they are called."""
    binaries, jobs = directory / "bin", directory / "jobs"
    configuration = directory / "lsbatch" / "here" / "configdir"
    for path in (binaries, jobs, configuration):
        path.mkdir(parents=True)
    (configuration / "lsb.params").write_text("DEFAULT_QUEUE = normal\n")
    for name in COMMANDS:
        (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {name} "$@"\n')
        (binaries / name).chmod(0o755)
    return {"PATH": f"{binaries}:{os.environ['PATH']}", "STAND_IN": str(directory)}


def submissions(directory: Path) -> dict[str, list[str]]:
    """Give the options of each job that was submitted, by its rule or by what its script says of it."""
    found = {}
    for path in sorted((directory / "jobs").glob("*/arguments.json")):
        arguments = json.loads(path.read_text())
        text = arguments[-1] if arguments[0] == "bsub" else Path(path.parent, "script").read_text()
        rule = re.search(r"--allowed-rules '?(\w+)", text)
        found[f"{rule[1]} {path.parent.name}" if rule else path.parent.name] = arguments
    return found


def _start(jobs: Path, arguments: list[str], command: list[str], log: Path | None, warning: int) -> str:
    number = str(1001 + len(list(jobs.iterdir())))
    (jobs / number).mkdir()
    (jobs / number / "arguments.json").write_text(json.dumps(arguments))
    if os.path.isfile(command[-1]):
        (jobs / number / "script").write_text(Path(command[-1]).read_text())
    if os.fork() == 0:
        os.setsid()
        with open(os.devnull, "r+b") as nothing:
            for descriptor in range(3):
                os.dup2(nothing.fileno(), descriptor)
        _watch(jobs / number, command, log, warning)
        os._exit(0)
    return number


def _watch(job: Path, command: list[str], log: Path | None, warning: int) -> None:
    with open(log or os.devnull, "ab") as stream:
        variables = os.environ | {"STAND_IN_WORK": str(job / "work")}
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, start_new_session=True, env=variables
        )
        (job / "pid").write_text(str(process.pid))
        said = ""
        while (status := process.poll()) is None and not (job / "work").is_file():
            time.sleep(0.2)
        if status is None:
            said = "TERM_RUNLIMIT: job killed after reaching LSF run time limit.\n"
            os.killpg(process.pid, warning)
            try:
                status = process.wait(_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
        stream.write(said.encode() if warning == signal.SIGTERM else b"")
    (job / "status").write_text(str(status))


def _bsub(jobs: Path, arguments: list[str]) -> None:
    log = Path(arguments[arguments.index("-o") + 1])
    number = _start(jobs, ["bsub", *arguments], ["/bin/sh", "-c", arguments[-1]], log, signal.SIGTERM)
    print(f"Job <{number}> is submitted to queue <normal>.")


def _qsub(jobs: Path, arguments: list[str]) -> None:
    print(_start(jobs, ["qsub", *arguments], ["/bin/bash", arguments[-1]], None, signal.SIGUSR1))


def _bjobs(jobs: Path, arguments: list[str]) -> None:
    for job in sorted(jobs.iterdir()):
        status = job / "status"
        state = ("DONE" if status.read_text() == "0" else "EXIT") if status.is_file() else "RUN"
        print(job.name, state)


def _qstat(jobs: Path, arguments: list[str]) -> None:
    print("job-ID  prior   name       user         state submit/start at     queue\n" + "-" * 60)
    for job in sorted(jobs.iterdir()):
        if not (job / "status").is_file():
            print(f"   {job.name} 0.55500 snakejob.t user         r     11/26/2026 12:00:00 all.q@here 1")


def _qacct(jobs: Path, arguments: list[str]) -> None:
    status = jobs / arguments[-1] / "status"
    if not status.is_file():
        sys.exit(f"error: job id {arguments[-1]} not found")
    failed = 0 if int(status.read_text()) >= 0 else 100
    print(f"{'=' * 62}\nqname        all.q\nfailed       {failed}    \nexit_status  {status.read_text()}")


def _end(jobs: Path, arguments: list[str]) -> None:
    for number in arguments:
        os.killpg(int((jobs / number / "pid").read_text()), signal.SIGTERM)


def _badmin(jobs: Path, arguments: list[str]) -> None:
    print("MBD configuration at Thu Nov 26 12:00:00 2026")
    where = jobs.parent
    print(f"LSB_SHAREDIR = {where}\nLSF_CONFDIR = {where}\nLSF_UNIT_FOR_LIMITS = MB")


def _lsclusters(jobs: Path, arguments: list[str]) -> None:
    print("CLUSTER_NAME STATUS MASTER_HOST ADMIN HOSTS SERVERS\nhere ok host admin 1 1")


def _main(command: str, arguments: list[str]) -> None:
    calls = {
        "bsub": _bsub, "qsub": _qsub, "bjobs": _bjobs, "qstat": _qstat, "qacct": _qacct, "bkill": _end,
        "qdel": _end, "badmin": _badmin, "lsclusters": _lsclusters, "bhist": lambda jobs, arguments: None,
    }  # fmt: skip
    calls[command](Path(os.environ["STAND_IN"]) / "jobs", arguments)
    sys.stdout.flush()


if __name__ == "__main__":
    # two at the same time would take the same number
    lock = Path(os.environ["STAND_IN"]) / "lock"
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            time.sleep(0.05)
    try:
        _main(sys.argv[1], sys.argv[2:])
    finally:
        lock.rmdir()
