"""Faults of machines: killed jobs, full disks, limits, inputs that may only be read, wrong clocks."""

import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import SMALL
from whole_project import BACKGROUND, DATASET, EVALUATE, GENOME, PREDICT, REPORT, SCORE, SPLITS, TRAIN, VIEW

from danq.learn.bundle import load_bundle, model_weights
from danq.remnants import scratch

DANQ = [sys.executable, "-c", "from danq.cli import main; main()"]
RUN = "results/runs/words"
PARTS = ("predict", "--model", RUN, "--fasta", "large.fa", "--tile", "--work", "{out}/work")
STEPS = {
    "genomes/g": GENOME,
    "genomes/parts": ("genome", "genome.fa", "--work", "{out}/work", "--out", "again"),
    "datasets/d": DATASET,
    "runs/words": TRAIN,
    "runs/words/predictions/test.npz": PREDICT,
    "bins.parquet": (*PARTS, "--tracks", "{out}/tracks", "--out", "again"),
    "runs/words/evaluation": EVALUATE,
    "scores/demo": SCORE,
    "background": BACKGROUND,
    "ism": ("ism", *BACKGROUND[1:5], "--region", "chr2:200-240", "--out", "again"),
    "views/words": VIEW,
    "words.zip": ("export", RUN, "--format", "archive", "--out", "again"),
    "report.html": REPORT,
}
"""What a verb writes → its command, whose last word stands for that."""
NAMES = ("genomes/g/codes.npy", "datasets/d/labels.npy", "runs/words/weights.safetensors", SPLITS[1][8:])
NAMES += ("scores/demo/scores.parquet", "scores/demo/ledger.tsv", "bins.parquet")
"""Results that are equal byte for byte."""
NET = {
    "model": "danq",
    "dataset": "d",
    "options": SMALL,
    "train": {"batch_size": 8, "epochs": 12, "patience": 12, "checkpoint_minutes": 0.0001},
}


@pytest.fixture(scope="module")
def whole(whole_project, tmp_path_factory, danq) -> Path:
    """The whole project, a FASTA of several parts with its predictions, and a network to be trained."""
    path = tmp_path_factory.mktemp("faults") / "project"
    shutil.copytree(whole_project, path)
    large = "".join(np.random.default_rng(3).choice(list("ACGT"), 900_000))
    (path / "large.fa").write_text(f">large\n{large}\n>small\nACGT\n")
    config = json.loads((path / "c.json").read_text())
    config["runs"]["net"] = NET
    (path / "c.json").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        assert danq(*words("bins.parquet", Path("results"))) == 0
    return path


def words(step: str, out: Path) -> list[str]:
    return [word.format(out=out) for word in (*STEPS[step][:-1], str(out / step))]


def refusal(capfd: pytest.CaptureFixture[str]) -> str:
    """The one line that a verb ended with; there is no traceback."""
    text = capfd.readouterr().err
    lines = [line for line in text.splitlines() if line.startswith("danq: ")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def assert_equal(out: Path, whole: Path) -> None:
    for name in NAMES:
        assert (out / name).read_bytes() == (whole / "results" / name).read_bytes(), name


def assert_nothing_written(out: Path) -> None:
    """Nothing under a final name; parts that are whole may be there for the next attempt."""
    assert not [path for path in out.rglob("*") if path.is_file() and ".work-" not in str(path)]


@pytest.fixture
def mounted(tmp_path):
    """Mount something at a new directory for the time of a test; skipped where that is not allowed."""
    places = []

    def mount(*options: str, then: str = "") -> Path:
        place = tmp_path / f"mounted{len(places)}"
        place.mkdir()
        done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounts are not allowed here: {done.stderr.strip()}")
        places.append(place)
        if then:
            subprocess.run(["mount", "-o", then, str(place)], check=True)
        return place

    if shutil.which("mount") is None:
        pytest.skip("no mount")
    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=4k", "no space left on the device"), ("ro", "not writable (read-only file system)")],
    ids=["full", "read-only"],
)
def test_a_full_disk_or_a_place_that_may_only_be_read_is_one_line(
    whole, mounted, danq, monkeypatch, capfd, step, options, reason
):
    monkeypatch.chdir(whole)
    disk = mounted("-t", "tmpfs", "-o", options, "tmpfs")
    assert danq(*words(step, disk)) == 2
    assert refusal(capfd).endswith(reason)
    assert_nothing_written(disk)


@contextmanager
def limited(kind: int, soft: int) -> Iterator[None]:
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (soft, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


@pytest.mark.parametrize("step", ["genomes/parts", "bins.parquet", "scores/demo", "ism", "report.html"])
def test_results_larger_than_a_file_may_be_are_one_line(
    whole, danq, monkeypatch, capfd, tmp_path, caplog, step
):
    monkeypatch.chdir(whole)
    with limited(resource.RLIMIT_FSIZE, 512):
        assert danq("--quiet", *words(step, tmp_path / "out")) == 2
    assert "larger than a file may be here" in refusal(capfd)
    assert_nothing_written(tmp_path / "out")


def test_too_few_open_files_are_one_line(whole, danq, monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(whole)
    with limited(resource.RLIMIT_NOFILE, len(os.listdir("/proc/self/fd")) - 1):
        assert danq(*words("scores/demo", tmp_path / "out")) == 2
    assert "Too many open files" in refusal(capfd)
    assert_nothing_written(tmp_path / "out")


@pytest.mark.parametrize(
    ("command", "streams", "status"),
    [
        (("verify", "results/genomes"), "<&- >&- 2>&-", 0),
        (("verify", "results/genomes"), ">/dev/full", 2),
        (("genome", "missing.fa", "--out", "again"), "2>&-", 2),
    ],
)
def test_closed_and_full_streams_leave_the_status_as_it_is(whole, command, streams, status):
    shell = ["bash", "-c", f"{shlex.join([*DANQ, *command])} {streams}"]
    done = subprocess.run(shell, cwd=whole, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr


def test_read_only_inputs_and_working_directories_give_the_same_results(
    whole, mounted, danq, monkeypatch, tmp_path
):
    project = mounted("--bind", str(whole), then="remount,bind,ro")
    monkeypatch.chdir(project)
    with pytest.raises(OSError, match="Read-only file system"):
        Path("file").touch()
    for step in STEPS:
        assert danq(*words(step, tmp_path)) == 0, step
    assert_equal(tmp_path, whole)


def test_dates_in_the_future_change_nothing(whole, danq, monkeypatch, tmp_path):
    """A clock that was put back: what was made before it lies ahead of it."""
    shutil.copytree(whole, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    future = time.time() + 400 * 86_400
    for path in Path().rglob("*"):
        os.utime(path, (future, future))
    for step in STEPS:
        assert danq(*words(step, Path("again"))) == 0, step
    assert_equal(Path("again"), whole)


def killed(command: list[str], where: Path, pattern: str) -> None:
    """Kill a verb as soon as a file or directory of a pattern is there."""
    job = subprocess.Popen([*DANQ, *command], stderr=subprocess.PIPE, text=True)
    while not any(where.glob(pattern)):
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.001)
    job.kill()
    job.communicate()
    assert job.returncode == -signal.SIGKILL, "it ended before it could be killed"


def test_a_killed_shard_goes_on_and_a_killed_gathering_is_done_again(
    whole, danq, monkeypatch, tmp_path, caplog
):
    monkeypatch.chdir(whole)
    command = [word.format(out=tmp_path) for word in (*PARTS, "--out", "{out}/bins.parquet")]
    shard = [*command[: command.index("--out")], "--shard", "1/1"]
    killed(shard, tmp_path, "work/.work-*/part-000000.arrow")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("work/.work-*/part-*.arrow")}
    assert danq(*shard) == 0
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.glob("work/.work-*/part-*.arrow")}
    assert len(parts) > len(kept)
    assert kept.items() <= parts.items(), "finished parts are not computed again"
    killed(command, tmp_path, ".partial-*/bins.parquet")
    assert not (tmp_path / "bins.parquet").exists()
    assert set(parts) <= set(tmp_path.glob("work/.work-*/part-*.arrow"))
    assert danq(*command) == 0
    assert (tmp_path / "bins.parquet").read_bytes() == (whole / "results/bins.parquet").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["bins.parquet"]


@pytest.mark.environment
@pytest.mark.parametrize("step", STEPS)
def test_a_verb_killed_at_random_moments_ends_as_if_nobody_had(whole, danq, monkeypatch, tmp_path, step):
    """With what an unkilled run makes; nothing hidden is left, nor in the place of temporary files."""
    monkeypatch.chdir(whole)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    rng = np.random.default_rng()
    out = tmp_path / "out"
    for _ in range(3):
        job = subprocess.Popen([*DANQ, *words(step, out)], stderr=subprocess.DEVNULL)
        with suppress(subprocess.TimeoutExpired):
            job.wait(rng.uniform(0.5, 4))
        job.kill()
        job.wait()
    assert danq(*words(step, out)) == 0
    with scratch():
        pass
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith((".partial-", ".work-"))]
    for name in NAMES:
        if (out / name).exists():
            assert (out / name).read_bytes() == (whole / "results" / name).read_bytes()


@pytest.mark.environment
def test_a_training_killed_at_three_random_steps_ends_byte_equal(whole, monkeypatch, tmp_path):
    """By SIGKILL, with no time for a checkpoint; of another moment in each run of this test."""
    monkeypatch.chdir(whole)
    rng = np.random.default_rng()
    command = [*DANQ, *TRAIN[:4], "net", *TRAIN[5:-1]]
    # killed, TensorFlow leaves files of its own among temporary ones
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)}
    for epochs in sorted(rng.integers(1, 11, 3).tolist()):
        job = subprocess.Popen(
            [*command, str(tmp_path / "cut")], env=environment, stderr=subprocess.PIPE, text=True
        )
        for line in job.stderr:
            if f"epoch {epochs}/12" in line or "going on in epoch" in line:
                break
        time.sleep(rng.uniform(0, 0.2))
        job.kill()
        job.communicate()
        assert job.returncode == -signal.SIGKILL
    for out in ("cut", "whole"):
        subprocess.run([*command, str(tmp_path / out)], check=True, capture_output=True)
    assert load_bundle(tmp_path / "cut").info.training["resumed"] >= 1
    cut, uncut = (model_weights(load_bundle(tmp_path / out).model) for out in ("cut", "whole"))
    assert [array.tobytes() for array in cut] == [array.tobytes() for array in uncut]
