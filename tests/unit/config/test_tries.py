"""Which failed jobs are tried again, by the words of their logs, and what is said of those that are not."""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from danq.config.tries import Cause, Tries, end_of

STOPPED = "12:00:00 WARNING stopped by SIGTERM in epoch {} after step 8; the same command goes on from here"
BEFORE_WORK = "12:00:00 WARNING stopped by SIGTERM; the same command begins again"


MEMORY, TIME = (Cause.MEMORY, "out of memory"), (Cause.FAILED, "out of time")
CANCELLED = (Cause.CANCELLED, "cancelled")


def _slurm(status: str) -> dict[str, str]:
    return {"log": "12:00:00 INFO x\n", "message": f"SLURM status is: '{status}'"}


def _of_cluster(text: str) -> dict[str, str]:
    return {"log": "", "message": "'EXIT'", "cluster_log": text}


@pytest.mark.parametrize(
    ("words", "cause", "line"),
    [
        ({"log": "12:00:00 INFO reading\ndanq: a.bed:2: no\n"}, Cause.REFUSED, "a.bed:2: no"),
        # a library's last words
        ({"log": "danq: a.bed:2: no\nE0000 of a library\n"}, Cause.REFUSED, "a.bed:2: no"),
        ({"log": STOPPED.format(3)}, Cause.STOPPED, STOPPED.format(3).partition("WARNING ")[2]),
        ({"log": BEFORE_WORK}, Cause.STOPPED, BEFORE_WORK.partition("WARNING ")[2]),
        (_slurm("CANCELLED by 0") | {"log": STOPPED.format(3)}, *CANCELLED),
        ({"log": "", "message": "CANCELLED"}, *CANCELLED),
        (_of_cluster("TERM_OWNER: job killed by owner."), *CANCELLED),
        (_slurm("OUT_OF_MEMORY"), *MEMORY),
        (_of_cluster("slurmstepd: error: Detected 1 oom_kill event in StepId=7.0."), *MEMORY),
        (_of_cluster("TERM_MEMLIMIT: job killed after reaching LSF memory usage limit."), *MEMORY),
        ({"log": "", "message": "Code: 137, Msg: OutOfMemoryError: Container killed"}, *MEMORY),
        ({"log": "a\nMemoryError: x\n"}, *MEMORY),
        (_slurm("TIMEOUT"), *TIME),
        (_slurm("DEADLINE"), *TIME),
        (_of_cluster("*** JOB 7 ON n CANCELLED DUE TO TIME LIMIT ***"), *TIME),
        (_of_cluster("TERM_RUNLIMIT: job killed after reaching LSF run time limit."), *TIME),
        ({"log": "", "message": "Code: 1, Msg: Job attempt duration exceeded timeout."}, *TIME),
        (_slurm("NODE_FAIL"), Cause.FAILED, "its node failed"),
        (_slurm("PREEMPTED"), Cause.FAILED, "preempted"),
        ({"log": "Traceback\n  File x\nKeyError: 3\n"}, Cause.FAILED, "KeyError: 3"),
        ({"log": "12:00:00 INFO x: y\n"}, Cause.FAILED, "ended without saying why, after: x: y"),
        ({"log": "", "message": "sbatch failed\nmore"}, Cause.FAILED, "sbatch failed"),
        ({"log": ""}, Cause.FAILED, "it wrote no log"),
    ],
)
def test_the_end_of_a_job_is_told_by_its_words(words: dict[str, str], cause: Cause, line: str):
    assert end_of(**words) == (cause, line)


@dataclass
class Rule:
    name: str = "train"


@dataclass
class Job:
    """What is asked of a job of Snakemake, which adds 1 to `attempt` where it tries again."""

    restart_times: int = 2
    _attempt: int = 1
    rule: Rule = field(default_factory=Rule)
    log: list[str] = field(default_factory=list)
    resources: dict[str, int] = field(default_factory=lambda: {"mem_mb": 8000, "runtime": 60})

    @property
    def attempt(self) -> int:
        return self._attempt

    def tried_again(self) -> bool:
        again = self.restart_times > self._attempt - 1
        self._attempt += again
        return again


class Workflow:
    """A workflow of one job; also its own DAG."""

    dryrun = False

    def __init__(self, job: Job) -> None:
        self.jobs = [job]

    @property
    def dag(self) -> "Workflow":
        return self

    def jobid(self, _job: Job) -> int:
        return 7


class Run:
    """One job and its tries."""

    def __init__(self, logs: Path, retries: int) -> None:
        self.job, self.said = Job(retries), list[str]()
        self.tries = Tries(Workflow(self.job), logs, self.said.append)
        self.log = logs / "train" / "net.log"
        self.log.parent.mkdir(parents=True)

    def event(self, event: LogEvent, **values: Any) -> None:
        record = logging.makeLogRecord({"event": event, "jobid": 7, "log": [str(self.log)], **values})
        self.tries.handle(record)

    def fail(self, text: str | None, message: str = "") -> bool:
        """Run the job once; whether it is tried again."""
        self.event(LogEvent.JOB_INFO)
        if text is not None:
            self.log.write_text(text)
            # as two tries within a clock's tick would not differ
            os.utime(self.log, ns=(0, self.log.stat().st_mtime_ns + len(self.said) * 1000))
        self.event(LogEvent.JOB_ERROR, rule_msg=message)
        return self.job.tried_again()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "logs", 2)


def test_what_the_user_must_mend_is_not_tried_again(run: Run, tmp_path: Path):
    assert not run.fail("danq: a.bed:2: no such contig\n")
    assert [str(failure) for failure in run.tries.failures] == [
        f"danq: train/net failed: a.bed:2: no such contig; its log: {run.log}"
    ]


def test_a_training_goes_on_as_long_as_it_gets_further_and_asks_for_no_more_memory(run: Run):
    for epoch in range(30):
        assert run.fail(STOPPED.format(epoch))
        assert run.job.attempt == 1
    # the same place again and again: its time is too short for a step
    assert [run.fail(STOPPED.format(29)) for _ in range(3)] == [True, True, False]
    assert "runtime=60; give it more" in run.tries.failures[0].line


def test_the_loss_of_another_worker_each_time_is_no_progress(run: Run):
    lost = "12:00:00 WARNING stopped by the loss of another worker ({}); the same command goes on from {}"
    place = "epoch 2 after step 8, as x has it"
    assert [run.fail(lost.format(n, place)) for n in range(4)] == [True, True, True, False]
    assert not run.fail(lost.format(5, "the start"))


def test_a_job_stopped_again_and_again_before_its_work_begins_is_given_up(run: Run):
    assert [run.fail(BEFORE_WORK) for _ in range(3)] == [True, True, False]
    assert not any("goes on in another job" in line for line in run.said)


def test_attempts_grow_by_too_little_memory_alone(run: Run):
    assert run.fail("KeyError: 3\n")
    assert run.job.attempt == 1
    assert run.fail("12:00:00 INFO x\n", "SLURM status is: 'OUT_OF_MEMORY'")
    assert run.job.attempt == 2
    assert run.fail("KeyError: 3\n")
    assert run.job.attempt == 2
    assert not run.fail("KeyError: 3\n"), "two tries again for one cause"
    assert [failure.line for failure in run.tries.failures] == ["KeyError: 3"]


def test_too_little_memory_ends_after_its_tries_with_the_option_that_helps(run: Run):
    message = "SLURM status is: 'OUT_OF_MEMORY'"
    assert [run.fail(f"{n}\n", message) for n in range(3)] == [True, True, False]
    assert run.tries.failures[0].line == (
        "out of memory with mem_mb=8000; give it more, as `train: {mem_mb: …}` under the profile's "
        "`set-resources`"
    )


def test_a_log_of_an_earlier_try_says_nothing(run: Run):
    run.log.write_text("danq: of yesterday\n")
    assert run.fail(None, "node failure")
    assert run.tries.failures == []


def test_without_retries_a_stopped_job_stays_stopped(tmp_path: Path):
    run = Run(tmp_path / "logs", 0)
    assert not run.fail(STOPPED.format(1))
    assert run.tries.failures[0].line.startswith("stopped by SIGTERM")


def test_the_log_to_follow_is_named_when_a_job_begins(run: Run):
    run.event(LogEvent.JOB_INFO)
    assert run.said == [f"danq: train/net begins; tail -F {run.log}"]


class Stored(str):
    """A log that lies in a storage: this is where a copy of it is put."""

    is_storage = True
    text = "danq: a.bed:2: no such contig\n"
    query = "s3://bucket/logs/train/net.log"

    @property
    def storage_object(self) -> "Stored":
        return self

    def retrieve_object(self) -> None:
        Path(self).write_text(self.text)


def test_a_log_in_a_storage_is_read_from_there(run: Run):
    run.job.log = [Stored(run.log)]
    shown = [f"{Stored.query} (send to storage)"]
    run.event(LogEvent.JOB_INFO, log=shown)
    assert run.said == [f"danq: train/net begins; its log: {Stored.query}"]
    run.event(LogEvent.JOB_ERROR, log=shown, rule_msg="AWS Batch job failed. Code: 1")
    assert [failure.line for failure in run.tries.failures] == ["a.bed:2: no such contig"]
    assert not run.job.tried_again()


def test_jobs_of_other_workflows_are_left_alone(run: Run, tmp_path: Path):
    elsewhere = str(tmp_path / "other" / "logs" / "x.log")
    run.event(LogEvent.JOB_ERROR, log=[elsewhere])
    assert run.tries.failures == []
    assert run.job.attempt == 1


def test_what_srun_says_below_hides_no_word_of_danq():
    stopped = "10:00:00 WARNING stopped by SIGTERM in epoch 2 after step 3; the same command goes on from x"
    around = "srun: error: n1: tasks 0-1: Exited with exit code 143\nsrun: launch/slurm: Terminating\n"
    around += "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01T00:00:00 ***\n" * 2
    assert end_of(f"{stopped}\n{around}").cause is Cause.STOPPED
    assert end_of(f"danq: a.tsv: no\n{around}").cause is Cause.REFUSED
    killed = "slurmstepd-n1: error: Detected 1 oom_kill event in StepId=7.0. Some tasks have been OOM Killed."
    assert end_of(f"10:00:00 INFO x\n{killed}\n{around}").cause is Cause.MEMORY
