"""Snakemake in a child of a process that has loaded it: a plan takes a tenth of a new process's time.

Run as a program it is that process: for each line of its input, a request in JSON, it makes a child, and
answers with the child's exit status.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from danq.provenance import verb_digest

LOADED = (
    *("snakemake.cli", "snakemake.storage", "snakemake.report.html_reporter", "smart_open"),
    *(f"danq.config.{name}" for name in ("workflow", "merged", "job_logs", "partitions", "scored", "tries")),
    *("danq.config.views", "danq.learn.gpu", "danq.learn.trial_tables"),
)
VERBS = ("genome", "dataset", "train", "predict", "evaluate", "score", "view", "report", "export", "search")


@cache
def _parent() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(parent.communicate)
    return parent


def snakemake(
    arguments: Sequence[str], cwd: Path, environment: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake; what it prints is in `stdout`, both streams together."""
    parent = _parent()
    printed = cwd.parent / f"{cwd.name}.printed"
    request = [str(cwd), environment, list(arguments), str(printed), timeout]
    parent.stdin.write(json.dumps(request) + "\n")
    parent.stdin.flush()
    status = int(parent.stdout.readline())
    text = printed.read_text()
    printed.unlink()
    assert status != -signal.SIGALRM, f"not done after {timeout} s:\n{text}"
    return subprocess.CompletedProcess(["snakemake", *arguments], status, text)


def _serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(cwd: str, environment: dict[str, str], arguments: list[str], printed: str, timeout: float) -> None:
    signal.alarm(round(timeout))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    with open(printed, "wb") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    sys.argv = ["snakemake", *arguments]
    sys.modules["snakemake.cli"].main()
    sys.exit()


if __name__ == "__main__":
    for module in LOADED:
        import_module(module)
    for verb in VERBS:
        # files that are read for a digest are kept
        verb_digest(verb, "danq", "kmer_logistic")
    _serve()
