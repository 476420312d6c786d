"""Command lines in children of a process that has loaded them: most take a tenth of a new process's time.

Run as a program it is that process: for each line of its input, a request in JSON, it makes a child, and
answers with the child's exit status.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

LOADED = (
    *("snakemake.cli", "snakemake.storage", "snakemake.report.html_reporter", "smart_open"),
    *("danq.config.workflow", "danq.config.merged", "danq.config.job_logs", "danq.config.partitions"),
    *("danq.config.scored", "danq.config.tries", "danq.config.views", "danq.learn.trial_tables"),
    *(
        "danq.cli",
        "danq.data.regions.making",
        "danq.config.starter.regions",
        "danq.genome.encode",
        "danq.learn.gpu",
    ),
)
VERBS = ("genome", "dataset", "train", "predict", "evaluate", "score", "view", "report", "export", "search")


@cache
def _parent() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(parent.communicate)
    return parent


def run_forked(
    module: str,
    *arguments: str,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    timeout: float = 1200,
    together: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Call `main` of a module, as its command would be; what it printed, if `together` all in `stdout`.

    Nothing of the child is different from a process of its own but that its modules were loaded before.
    """
    with TemporaryDirectory() as folder:
        streams = [f"{folder}/{name}" for name in (["both"] if together else ["stdout", "stderr"])]
        variables = dict(os.environ if environment is None else environment)
        parent = _parent()
        parent.stdin.write(json.dumps([module, arguments, str(cwd), variables, streams, timeout]) + "\n")
        parent.stdin.flush()
        status = int(parent.stdout.readline())
        stdout, *rest = (Path(stream).read_text() for stream in streams)
    stderr = "".join(rest)
    assert status != -signal.SIGALRM, f"not done after {timeout} s:\n{stdout}\n{stderr}"
    return subprocess.CompletedProcess([module, *arguments], status, stdout, stderr)


def _serve() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(*json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run(
    module: str,
    arguments: list[str],
    cwd: str,
    environment: dict[str, str],
    streams: list[str],
    timeout: float,
) -> None:
    signal.alarm(round(timeout))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    opened = [os.open(os.devnull, os.O_RDONLY)]
    opened += [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for path in streams]
    for number in (0, 1, 2):
        os.dup2(opened[min(number, len(streams))], number)
    for descriptor in opened:
        os.close(descriptor)
    sys.argv = [module.partition(".")[0], *arguments]
    sys.exit(import_module(module).main())


if __name__ == "__main__":
    # this module's own folder is none of a command's
    del sys.path[0]
    for module in LOADED:
        import_module(module)
    from danq.provenance import verb_digest

    for verb in VERBS:
        # files that are read for a digest are kept
        verb_digest(verb, "danq", "kmer_logistic")
    _serve()
