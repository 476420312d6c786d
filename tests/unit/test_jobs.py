"""Jobs beside each other: one writer at a time, and what killed ones left is cleared away."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from danq.errors import DanqError
from danq.files import atomic, published, staged
from danq.jobs import sole_writer
from danq.kept import keep, take_back
from danq.processes import this_process
from danq.remnants import scratch

HOLD = """
import sys, time
from pathlib import Path
from danq.files import staged, published
where, kind = Path(sys.argv[1]), sys.argv[2]
with (staged(where) if kind == "folder" else published(where)) as partial:
    (partial / "a.tsv" if kind == "folder" else partial).write_text("theirs")
    print("ready", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_job(where, kind="folder", **environment):
    """Run a process that writes there until its input ends."""
    job = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(where), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert job.stdout.readline() == b"ready\n"
    try:
        yield job
    finally:
        job.stdin.close()
        job.wait()
        job.stdout.close()


def lock_of(where, kind="folder"):
    return where / ".danq.lock" if kind == "folder" else where.with_name(f".{where.name}.danq.lock")


def change_holder(lock, **changes):
    """Let a lock be held by somebody else."""
    process, *rest = json.loads(os.readlink(lock))
    names = ("host", "machine", "boot", "space", "pid", "start")
    process = [changes.get(name, value) for name, value in zip(names, process, strict=True)]
    names = ("verb", "since", "scheduler", "job", "cluster", "restarts")
    rest = [changes.get(name, value) for name, value in zip(names, rest, strict=True)]
    lock.unlink()
    lock.symlink_to(json.dumps([process, *rest]))


def write(where, kind="folder"):
    with staged(where) if kind == "folder" else published(where) as partial:
        (partial / "a.tsv" if kind == "folder" else partial).write_text("mine")


def result(where, kind="folder"):
    return (where / "a.tsv" if kind == "folder" else where).read_text()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_second_job_is_refused_and_told_who_writes(kind, tmp_path):
    where = tmp_path / "deep" / "out"
    with another_job(where, kind, SLURM_JOB_ID="4711") as job:
        with pytest.raises(DanqError) as refused:
            write(where, kind)
        assert not (where / "a.tsv").exists()
    line = str(refused.value)
    assert line.startswith(f"{where}: another job is writing there: danq ")
    assert f"process {job.pid} on {this_process().host}, Slurm job 4711, since 20" in line
    assert line.endswith("wait for it, or end it (scancel 4711)")
    assert result(where, kind) == "theirs"
    write(where, kind)
    assert result(where, kind) == "mine"
    assert not [path for path in tmp_path.rglob("*") if ".danq.lock" in path.name or ".partial" in path.name]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_killed_job_neither_bars_the_next_one_nor_leaves_copies(kind, tmp_path, caplog):
    where = tmp_path / "out"
    with another_job(where, kind) as job:
        job.send_signal(signal.SIGKILL)
        # not waited for: a zombie still has its number, and is dead
        while Path(f"/proc/{job.pid}/stat").read_text().split(") ")[1][0] != "Z":
            time.sleep(0.01)
        assert [path for path in tmp_path.rglob(".partial-*") if path.is_dir()]
        assert lock_of(where, kind).is_symlink()
        with caplog.at_level("INFO", "danq"):
            write(where, kind)
    assert caplog.text.count("a job that was killed left it") == 2
    assert result(where, kind) == "mine"
    assert sorted(path.name for path in tmp_path.rglob("*")) == (
        ["a.tsv", "out"] if kind == "folder" else ["out"]
    )


def test_the_number_of_a_process_that_another_one_has_now(tmp_path):
    with another_job(tmp_path / "out"):
        lock = lock_of(tmp_path / "out")
        change_holder(lock, start="1")
        partial = next((tmp_path / "out").glob(".partial-*"))
        owner, _, drawn = partial.name.rpartition("-")
        left = partial.with_name(f"{owner.rpartition('_')[0]}_1-{drawn}")
        left.mkdir()
        write(tmp_path / "out")
        assert not left.exists()
        assert partial.exists(), "that of a process that lives"


def test_locks_and_copies_of_other_machines_are_named(tmp_path, caplog):
    with another_job(tmp_path) as job:
        change_holder(lock_of(tmp_path), host="node7", machine="x", pid=4242)
        with pytest.raises(DanqError) as refused:
            write(tmp_path)
        lock_of(tmp_path).unlink()
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert str(refused.value).endswith(
        "wait for it, or end it (kill 4242 on node7); "
        f"if it has ended without removing {tmp_path}/.danq.lock, remove that"
    )
    partial = next(tmp_path.glob(".partial-*"))
    foreign = partial.rename(tmp_path / partial.name.replace(f"_{this_process().machine}_", "_x_"))
    with caplog.at_level("WARNING", "danq"):
        write(tmp_path)
    where = f"of a job on {this_process().host} that runs now or was killed"
    assert [record.message for record in caplog.records] == [
        f"{foreign}: {where}; in the latter case remove it"
    ]


def test_a_number_that_no_process_can_have_is_of_none_that_runs():
    assert this_process()._replace(pid=10**30).gone()


def test_what_was_left_before_this_machine_started_anew_is_removed(tmp_path):
    with another_job(tmp_path) as job:
        job.send_signal(signal.SIGKILL)
        job.wait()
    change_holder(lock_of(tmp_path), boot="before", pid=os.getpid(), start=this_process().start)
    write(tmp_path)
    assert result(tmp_path) == "mine"


SQUEUE = """#!/bin/sh
echo "$@" >> "{asked}"
case "$3" in
    --jobs=1) echo 1 RUNNING ;;
    --jobs=5) [ $(wc -l < "{asked}") -gt 1 ] || echo 5 COMPLETING ;;
    --jobs=6) echo 7 RUNNING; echo 8 PENDING ;;
    --jobs=9) echo 9 2026-11-26T20:30:00 ;;
    --jobs=2) exit 0 ;;
    --jobs=3) echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1 ;;
    *) echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1 ;;
esac
"""


@pytest.mark.parametrize(
    ("job", "cluster", "restarts", "since", "free"),
    [
        ("1", "big", "0", "", False),
        ("2", "big", "0", "", True),
        ("3", "big", "0", "", True),
        ("5", "big", "0", "", True),
        ("6", "big", "0", "", True),  # other tasks of its array are there
        ("4", "big", "0", "", False),
        ("2", "other", "0", "", False),
        # the very job that asks, begun again on another machine, and its other half
        ("9", "big", "0", "", True),
        ("9", "big", "1", "", False),
        # where Snakemake's plugin took away how often it began
        ("9", "big", "0", "2026-11-26 20:29", True),
        ("9", "big", "0", "2026-11-26 20:31", False),
    ],
)
def test_slurm_is_asked_for_a_job_of_another_machine(
    job, cluster, restarts, since, free, tmp_path, monkeypatch
):
    """What a node took with it when it failed must not bar the retry on another one."""
    (tmp_path / "squeue").write_text(SQUEUE.format(asked=tmp_path / "asked"))
    (tmp_path / "squeue").chmod(0o755)
    environment = {"SLURM_JOB_ID": "9", "SLURM_CLUSTER_NAME": "big"}
    environment |= {"SLURM_RESTART_COUNT": "1"} if not since else {}
    for name, value in (environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out"
    with another_job(out) as holder:
        holder.kill()
        holder.wait()
    where = {"machine": "x", "host": "node7", "scheduler": "Slurm", "since": since or "2026-11-26 20:31"}
    change_holder(lock_of(out), job=job, cluster=cluster, restarts=restarts, **where)
    if free:
        write(out)
        assert result(out) == "mine"
    else:
        with pytest.raises(DanqError, match=f"on node7, Slurm job {job}, .*scancel {job}.*remove that$"):
            write(out)


def test_a_lock_that_was_taken_away_is_missed_before_anything_is_published(tmp_path):
    out = tmp_path / "out"

    def lose():
        with staged(out) as partial:
            (partial / "a.tsv").write_text("mine")
            change_holder(lock_of(out), host="node7", machine="x")

    with pytest.raises(DanqError, match="another job is writing there"):
        lose()
    assert not (out / "a.tsv").exists()
    assert lock_of(out).is_symlink(), "the other's"


def test_of_many_jobs_that_start_at_once_one_takes_over_from_a_killed_one(tmp_path):
    with another_job(tmp_path / "out") as job:
        job.send_signal(signal.SIGKILL)
        job.wait()
    program = HOLD.replace('"theirs"', "sys.argv[3]").replace("sys.stdin.readline()", "time.sleep(1)")
    jobs = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "out"), "folder", str(number)],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for number in range(6)
    ]  # fmt: skip
    done = [number for number, job in enumerate(jobs) if job.wait() == 0]
    # all start within the second for which the first one writes, or after it
    assert done
    assert (tmp_path / "out" / "a.tsv").read_text() in map(str, done)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tsv"]


def test_a_job_writes_into_what_it_has_claimed(tmp_path):
    with sole_writer(tmp_path / "out"):
        write(tmp_path / "out")
        write(tmp_path / "out" / "file", "file")
        assert lock_of(tmp_path / "out").is_symlink()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tsv", "file"]


@pytest.mark.parametrize(
    "changes", [None, {"pid": "12"}, {"pid": None}, {"scheduler": "Cron"}, {"scheduler": ["Slurm"]}]
)
def test_what_is_no_lock_is_refused(tmp_path, changes):
    if changes is None:
        lock_of(tmp_path).write_text("mine")
    else:
        lock_of(tmp_path).symlink_to(json.dumps([this_process(), "train", "2026", "", "", "", ""]))
        change_holder(lock_of(tmp_path), **changes)
    with pytest.raises(DanqError, match=r"\.danq\.lock: no lock of danq; remove it"):
        write(tmp_path)


def test_remnants_beside_a_file_go_with_the_next_one(tmp_path):
    with another_job(tmp_path / "a.tsv", "file") as job:
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert list(tmp_path.glob(".partial-*"))
    with atomic(tmp_path / "b.tsv") as partial:
        partial.write_text("")
    assert not list(tmp_path.glob(".partial-*"))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_remnants_among_the_system_s_temporary_files_go_too(tmp_path, monkeypatch):
    """Such as a genome that was encoded for one job, of 3 GB."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    program = (
        "from danq.remnants import scratch\nwith scratch() as folder: print(folder, flush=True); input()"
    )
    job = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    folder = Path(job.stdout.readline().decode().strip())
    assert folder.parent == tmp_path
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch():
        assert folder.is_dir(), "of a job that runs"
    job.kill()
    job.communicate()
    with scratch() as own:
        assert own.stat().st_mode & 0o77 == 0, "an archive unpacked there may be private"
        assert list(tmp_path.iterdir()) == [own]
    assert list(tmp_path.iterdir()) == []


FINISHED = """
import os, signal, sys
from pathlib import Path
from danq.processes import stop
from danq.files import staged, published
signal.signal(signal.SIGTERM, stop)
when, kind = sys.argv[2:]
with (staged(Path(sys.argv[1])) if kind == "folder" else published(Path(sys.argv[1]))) as partial:
    (partial / "a.tsv" if kind == "folder" else partial).write_text("whole")
    if when == "before":
        os.kill(os.getpid(), signal.SIGTERM)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    os.kill(os.getpid(), number)
"""


@pytest.mark.parametrize("kind", ["folder", "file"])
@pytest.mark.parametrize(("when", "status"), [("before", 143), ("after", 0)])
def test_a_job_whose_results_are_there_is_not_stopped(kind, when, status, tmp_path):
    where = tmp_path / "out"
    words = [sys.executable, "-c", FINISHED, str(where), when, kind]
    assert subprocess.run(words, check=False).returncode == status
    assert where.exists() == (when == "after")


def test_on_a_file_system_without_links_jobs_warn_and_copy(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.symlink", refuse)
    monkeypatch.setattr("os.link", refuse)
    with staged(tmp_path / "out") as partial:
        (partial / "a.tsv").write_text("whole")
        keep(partial, tmp_path / "out", "key")
    assert f"{tmp_path / 'out'}: its file system has no locks; let no other job write there" in caplog.text
    (tmp_path / "out" / "a.tsv").unlink()
    assert take_back(tmp_path / "out", "key")
    assert (tmp_path / "out" / "a.tsv").read_text() == "whole"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no file system without files of others")
def test_a_place_that_holds_no_files_is_refused_instead_of_asked_forever():
    with (
        pytest.raises(DanqError, match="/proc: no file can be made there"),
        published(Path("/proc/danq.tsv")),
    ):
        pass
