"""Faults of machines: killed jobs, full disks, inputs that may only be read, clocks that are wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tiny_dataset import SMALL

from danq.learn.bundle import load_bundle, model_weights

DANQ = [sys.executable, "-c", "from danq.cli import main; main()"]
CONFIG = {
    "genomes": {"g": "in/genome.fa"},
    "datasets": {
        "d": {
            "targets": "in/targets.tsv",
            "window": 60,
            "bin": 30,
            "keep": "all",
            "composition": False,
            "split": {"valid": ["chr2"], "test": ["chr3"]},
        }
    },
    "runs": {
        "words": {"model": "kmer_logistic", "dataset": "d", "options": {"k": [3], "c": [0.01]}},
        "net": {
            "model": "danq",
            "dataset": "d",
            "options": SMALL,
            "train": {"batch_size": 8, "epochs": 12, "patience": 12, "checkpoint_minutes": 0.0001},
        },
    },
    "callsets": {"demo": {"vcf": "in/alleles.tsv", "runs": ["words"], "views": 0}},
}
STEPS = {
    "genome": "genome in/genome.fa --out {out}/genomes/g",
    "dataset": "dataset --config c.json --name d --genome {made}/genomes/g --out {out}/datasets/d",
    "train": "train --config c.json --run words --dataset {made}/datasets/d --out {out}/runs/words",
    "valid": "predict --model {made}/runs/words --dataset {made}/datasets/d --split valid"
    " --out {out}/runs/words/predictions/valid.npz",
    "test": "predict --model {made}/runs/words --dataset {made}/datasets/d --split test"
    " --out {out}/runs/words/predictions/test.npz",
    "parts": "predict --model {made}/runs/words --fasta in/large.fa --tile --work {out}/work"
    " --out {out}/bins.parquet --tracks {out}/tracks",
    "evaluate": "evaluate {made}/runs/words/predictions/valid.npz {made}/runs/words/predictions/test.npz"
    " --out {out}/runs/words/evaluation",
    "score": "score --config c.json --callset demo --results {made} --out {out}/scores/demo",
    "report": "report --results {made} --out {out}/report.html",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, danq) -> Path:
    """Inputs in `in`, and every kind of results in `results`, of a model that takes seconds."""
    path = tmp_path_factory.mktemp("faults")
    (path / "in").mkdir()
    rng = np.random.default_rng(3)
    lengths = {"chr1": 6_000, "chr2": 1_500, "chr3": 1_500}
    contigs = {name: "".join(rng.choice(list("ACGT"), length)) for name, length in lengths.items()}
    (path / "in/genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    large = "".join(rng.choice(list("ACGT"), 900_000))
    (path / "in/large.fa").write_text(f">large\n{large}\n>small\nACGT\n")
    spots = [(name, start) for name in contigs for start in range(0, 1_400, 90)]
    (path / "in/a.bed").write_text("".join(f"{name}\t{start}\t{start + 30}\n" for name, start in spots))
    (path / "in/targets.tsv").write_text("target\tpath\na\ta.bed\n")
    alleles = [(at, contigs["chr2"][at]) for at in range(100, 1_300, 31)]
    rows = [f"chr2:{at + 1}:{base}:{'A' if base != 'A' else 'C'}\n" for at, base in alleles]
    (path / "in/alleles.tsv").write_text("variant\n" + "".join(rows))
    (path / "c.json").write_text(json.dumps(CONFIG))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for step in STEPS.values():
            assert danq(*step.format(out="results", made="results").split()) == 0, step
    return path


def words(step: str, out: Path | str, made: Path | str = "results") -> list[str]:
    return STEPS[step].format(out=out, made=made).split()


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
def test_a_full_disk_is_one_line_and_leaves_nothing_under_a_final_name(
    whole, mounted, danq, monkeypatch, capfd, step
):
    monkeypatch.chdir(whole)
    disk = mounted("-t", "tmpfs", "-o", "size=4k", "tmpfs")
    assert danq(*words(step, disk)) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("danq: ")]
    assert len(lines) == 1
    assert lines[0].endswith("no space left on the device")
    assert not [path for path in disk.rglob("*") if path.is_file() and ".work-" not in str(path)]


def test_read_only_inputs_give_the_same_results(whole, mounted, danq, monkeypatch, tmp_path):
    inputs = mounted("--bind", str(whole / "in"), then="remount,bind,ro")
    made = mounted("--bind", str(whole / "results"), then="remount,bind,ro")
    with pytest.raises(OSError, match="Read-only file system"):
        (inputs / "file").touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").symlink_to(inputs)
    shutil.copy(whole / "c.json", tmp_path)
    for step in STEPS:
        assert danq(*words(step, "out", made)) == 0, step
    for name in (
        "genomes/g/codes.npy",
        "datasets/d/labels.npy",
        "runs/words/predictions/test.npz",
        "bins.parquet",
    ):
        assert (tmp_path / "out" / name).read_bytes() == (whole / "results" / name).read_bytes()


@pytest.mark.parametrize("step", STEPS)
def test_a_read_only_place_for_results_is_one_line(whole, mounted, danq, monkeypatch, capfd, step):
    monkeypatch.chdir(whole)
    place = mounted("-t", "tmpfs", "-o", "ro", "tmpfs")
    assert danq(*words(step, place)) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("danq: ")]
    assert len(lines) == 1
    assert lines[0].endswith("not writable (read-only file system)")


def test_dates_in_the_future_change_nothing(whole, danq, monkeypatch, tmp_path):
    """A clock that was put back: what was made before it lies ahead of it."""
    shutil.copytree(whole, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    future = time.time() + 400 * 86_400
    for path in Path().rglob("*"):
        os.utime(path, (future, future))
    for step in STEPS:
        assert danq(*words(step, "again")) == 0, step
    for name in (
        "genomes/g/codes.npy",
        "datasets/d/labels.npy",
        "runs/words/predictions/test.npz",
        "bins.parquet",
    ):
        assert (Path("again") / name).read_bytes() == (whole / "results" / name).read_bytes()
    table = pl.read_parquet("again/scores/demo/scores.parquet")
    assert table.equals(pl.read_parquet(whole / "results/scores/demo/scores.parquet"))


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
    command = [word for word in words("parts", tmp_path) if not word.startswith("--tracks")][:-1]
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
def test_a_training_killed_at_three_random_steps_ends_byte_equal(whole, monkeypatch, tmp_path):
    """By SIGKILL, with no time for a checkpoint; of another moment in each run of this test."""
    monkeypatch.chdir(whole)
    rng = np.random.default_rng()
    command = [
        *DANQ,
        "train",
        "--config",
        "c.json",
        "--run",
        "net",
        "--dataset",
        "results/datasets/d",
        "--out",
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
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
