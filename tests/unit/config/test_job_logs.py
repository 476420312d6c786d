"""Which lines of the jobs' logs are repeated, and when."""

import time
from pathlib import Path

import pytest

from danq.config.job_logs import JobLogs


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def logs(tmp_path: Path, said: list[str]) -> JobLogs:
    return JobLogs(tmp_path, said.append)


def write(path: Path, *messages: str, mode: str = "a") -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open(mode) as stream:
        stream.write("".join(f"12:34:56 {message}\n" for message in messages))


def test_lines_of_progress_are_repeated_with_the_name_of_their_log(
    logs: JobLogs, said: list[str], tmp_path: Path
):
    write(tmp_path / "train" / "net.v2.log", "WARNING no GPU", "DONE epoch 1/9: AUPRC 0.1", "INFO else")
    write(tmp_path / "report.log", "PROGRESS writing: 3 of 9 tables")
    logs.look(0)
    assert said == ["report: writing: 3 of 9 tables", "train/net.v2: epoch 1/9: AUPRC 0.1"]
    logs.look(1000)
    assert len(said) == 2, "once"


def test_what_was_there_before_is_of_an_earlier_workflow(logs: JobLogs, said: list[str], tmp_path: Path):
    write(tmp_path / "train" / "old.log", "DONE epoch 9/9: AUPRC 0.1")
    logs.skip()
    logs.look(0)
    assert said == []
    write(tmp_path / "train" / "old.log", "DONE epoch 1/9", mode="w")
    logs.look(1)
    assert said == ["train/old: epoch 1/9"]


def test_the_newest_of_each_kind_waits_for_its_time(logs: JobLogs, said: list[str], tmp_path: Path):
    log = tmp_path / "train" / "net.log"
    for second in range(1, 5):
        write(log, f"DONE epoch {second}/4", "PROGRESS training: 1 of 2 samples")
        logs.look(second)
    assert said == ["train/net: epoch 1/4", "train/net: training: 1 of 2 samples"]
    del said[:]
    write(log, "DONE trained net")
    logs.look(6)
    assert said == ["train/net: epoch 4/4", "train/net: trained net"]


def test_progress_between_is_repeated_once_a_minute(logs: JobLogs, said: list[str], tmp_path: Path):
    for second in range(0, 125, 10):
        write(tmp_path / "score.log", f"PROGRESS scoring: {second}")
        logs.look(second)
    assert said == [f"score: scoring: {second}" for second in (0, 60, 120)]


def test_many_jobs_say_no_more_than_one(logs: JobLogs, said: list[str], tmp_path: Path):
    for second in range(600):
        for job in range(20):
            write(tmp_path / "train" / f"{job}.log", f"DONE epoch {second}/600")
        logs.look(second)
    assert 100 <= len(said) <= 20 + 600 / 5
    assert {line.split(":")[0] for line in said[-20:]} == {f"train/{job}" for job in range(20)}


def test_half_a_line_is_read_when_it_is_whole_and_another_try_from_its_start(
    logs: JobLogs, said: list[str], tmp_path: Path
):
    log = tmp_path / "train.log"
    log.write_bytes(b"\xff\xfe\n12:00:00 DONE epoch 1/2: AU")
    logs.look(0)
    assert said == []
    log.write_bytes(log.read_bytes() + b"PRC 0.5\n")
    logs.look(1)
    assert said == ["train: epoch 1/2: AUPRC 0.5"]
    log.write_text("12:00:00 DONE epoch 1/2\n")
    logs.look(10)
    assert said[1:] == ["train: epoch 1/2"]


def test_a_thread_follows_until_it_is_stopped_and_then_says_what_waits(
    logs: JobLogs, said: list[str], tmp_path: Path
):
    logs.start()
    write(tmp_path / "train.log", "DONE epoch 1/2")
    until = time.monotonic() + 600
    while not said and time.monotonic() < until:
        time.sleep(0.05)
    assert said == ["train: epoch 1/2"]
    write(tmp_path / "train.log", "DONE epoch 2/2")
    logs.stop()
    assert said == ["train: epoch 1/2", "train: epoch 2/2"]


def test_a_workflow_that_never_started_stops_silently(logs: JobLogs, said: list[str], tmp_path: Path):
    write(tmp_path / "train.log", "DONE epoch 1/2")
    logs.stop()
    assert said == []
