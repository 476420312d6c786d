"""Every verb that writes: beside another job it is refused, and a signal does not undo what it finished."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from danq.cli import app
from danq.errors import DanqError
from danq.processes import _process

DANQ = [sys.executable, "-c", "from danq.cli import main; main()"]
VERBS = {
    "genome": "genome {0}/genome.fa --out {1}/genomes/g",
    "dataset": "dataset --config {0}/c.yaml --name d --genome {0}/results/genomes/g --out {1}/datasets/d",
    "train": "train --config {0}/c.yaml --run r --dataset {0}/results/datasets/d --out {1}/runs/r",
    "mean": "train --config {0}/c.yaml --run mean --dataset {0}/results/datasets/d --out {1}/runs/mean",
    "valid": "predict --model {0}/results/runs/r --dataset {0}/results/datasets/d --split valid"
    " --out {1}/runs/r/predictions/valid.npz",
    "test": "predict --model {0}/results/runs/r --dataset {0}/results/datasets/d --split test"
    " --out {1}/runs/r/predictions/test.npz",
    "table": "predict --model {0}/results/runs/r --fasta {0}/short.fa --out {1}/table.tsv",
    "tracks": "predict --model {0}/results/runs/r --dataset {0}/results/datasets/d --split test"
    " --out {0}/spare.npz --tracks {1}/tracks",
    "evaluate": "evaluate {0}/results/runs/r/predictions/valid.npz {0}/results/runs/r/predictions/test.npz"
    " --out {1}/runs/r/evaluation",
    "score": "score --model {0}/results/runs/r --genome {0}/genome.fa --vcf {0}/2.vcf --out {1}/scores/c",
    "background": "background --model {0}/results/runs/r --genome {0}/genome.fa --vcf {0}/2.vcf --out {1}/b",
    "ism": "ism --model {0}/results/runs/r --genome {0}/genome.fa --region chr1:101-110 --out {1}/ism",
    "view": "view --config {0}/c.yaml --run r --results {0}/results --out {1}/views/r",
    "report": "report --results {0}/results --out {1}/report.html",
    "schema": "config schema --out {1}/schema.json",
}
"""Verbs, each after those whose results it needs, with the folder of the inputs and that of the results."""


def call(name, place, out):
    app(VERBS[name].format(place, out).split(), standalone_mode=False)


def target(name, place, out):
    return Path(VERBS[name].format(place, out).split()[-1])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A genome, a track, variants, a configuration, and the results of every verb."""
    folder = tmp_path_factory.mktemp("place")
    rng = np.random.default_rng(0)
    contigs = {name: "".join(rng.choice(list("ACGT"), n)) for name, n in (("chr1", 2000), ("chr2", 800))}
    (folder / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    (folder / "short.fa").write_text(f">a\n{contigs['chr1'][:40]}\n")
    spots = [
        f"{name}\t{start}\t{start + 16}\n"
        for name, text in contigs.items()
        for start in range(0, len(text) - 20, 56)
    ]
    (folder / "one.bed").write_text("".join(spots))
    (folder / "targets.tsv").write_text("target\tpath\nCTCF\tone.bed\n")
    header = "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    for number in range(3):
        bases = [(p, contigs["chr1"][p - 1]) for p in range(50, 60 + 10 * number)]
        lines = [
            f"chr1\t{p}\t.\t{base}\t{'ACGT'[base == 'A']}\t.\t.\t.\n" for p, base in bases if base != "C"
        ]
        (folder / f"{number}.vcf").write_text(header + "".join(lines))
    split = {"valid": ["chr1:1601-2000"], "test": ["chr2"]}
    dataset = {"targets": str(folder / "targets.tsv"), "window": 40, "bin": 8, "split": split, "keep": "all"}
    linear = {"model": "kmer_logistic", "dataset": "d", "options": {"k": [2], "c": [0.1]}}
    mean = {"model": "ensemble", "dataset": "d", "options": {"members": ["r", "other"]}}
    config = {
        "genomes": {"g": str(folder / "genome.fa")},
        "datasets": {"d": dataset},
        "runs": {"r": linear, "other": {**linear, "train": {"seed": 2}}, "mean": mean},
        "views": [{"region": "chr1:101-300"}],
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(config))
    for name in VERBS:
        call(name, folder, folder / "results")
        if name == "train":
            other = VERBS["train"].replace("--run r", "--run other").replace("runs/r", "runs/other")
            app(other.format(folder, folder / "results").split(), standalone_mode=False)
    return folder


@pytest.fixture(scope="module")
def another():
    """A process that lives as long as the tests do."""
    with subprocess.Popen(["sleep", "infinity"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("name", VERBS)
def test_beside_another_job_a_verb_is_refused_and_leaves_all_as_it_was(name, place, another):
    where = target(name, place, place / "results")
    lock = where / ".danq.lock" if where.is_dir() else where.with_name(f".{where.name}.danq.lock")
    before = {path: path.stat().st_mtime_ns for path in (place / "results").rglob("*") if path.is_file()}
    lock.symlink_to(json.dumps([_process(another.pid), "score", "2026-01-01 12:00", "", "", "", ""]))
    try:
        with pytest.raises(DanqError) as refused:
            call(name, place, place / "results")
    finally:
        lock.unlink()
    assert str(refused.value).startswith(f"{where}: another job is writing there: danq score, process ")
    assert str(refused.value).endswith(f"wait for it, or end it (kill {another.pid})")
    after = {path: path.stat().st_mtime_ns for path in (place / "results").rglob("*") if path.is_file()}
    # what a verb publishes in another place before is no matter of this one
    assert after == before


def test_nothing_hidden_is_left_but_what_is_kept(place):
    hidden = [path.name for path in place.rglob(".*")]
    assert set(hidden) == {".finished"}


@pytest.mark.parametrize("name", ["genome", "train", "test", "score", "report"])
def test_a_signal_between_the_last_file_and_the_exit_changes_nothing(name, place, tmp_path):
    where = target(name, place, tmp_path)
    command = VERBS[name].format(place, tmp_path).split()
    process = subprocess.Popen([*DANQ, *command], stderr=subprocess.PIPE, text=True)
    last = (
        where
        if where.suffix
        else where / {"genome": "genome.json", "train": "bundle.json"}.get(name, "scores.json")
    )
    while not last.exists():
        assert process.poll() is None or last.exists()
        time.sleep(0.0005)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert last.exists()
    assert not list(tmp_path.rglob(".danq.lock"))
    assert not list(tmp_path.rglob(".partial-*"))


@pytest.mark.slow
def test_of_three_scorings_into_one_folder_the_result_is_that_of_one(place, tmp_path):
    """Once a VCF of one stood beside the table of another, and all had ended with 0."""
    model, genome, out = place / "results/runs/r", place / "genome.fa", tmp_path / "out"
    words = [*DANQ, "score", "--model", model, "--genome", genome, "--out", out, "--vcf"]
    jobs = [
        subprocess.Popen([*map(str, words), str(place / f"{number}.vcf")], stderr=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    for job in jobs:
        _, errors = job.communicate()
        assert job.returncode == 0 or (job.returncode == 2 and "another job is writing there" in errors)
    table = pl.read_parquet(out / "scores.parquet")
    ledger = pl.read_csv(out / "ledger.tsv", separator="\t")
    with gzip.open(out / "annotated.vcf.gz", "rt") as stream:
        records = [line for line in stream if not line.startswith("#")]
    source = json.loads((out / "scores.json").read_text())["vcf"]["name"]
    expected = sum(not line.startswith("#") for line in Path(source).read_text().splitlines())
    assert len(table) == len(ledger) == len(records) == expected
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_shards_work_side_by_side_and_the_same_shard_does_not(place, another, tmp_path):
    work = tmp_path / "work"
    words = [*VERBS["score"].format(place, tmp_path).split(), "--work", str(work)]
    shards = [
        subprocess.Popen(
            [*DANQ, *words, "--shard", f"{shard}/2", "--receipt", str(tmp_path / f"{shard}.json")]
        )
        for shard in (1, 2)
    ]
    assert [job.wait() for job in shards] == [0, 0]
    (of_job,) = work.iterdir()
    holder = json.dumps([_process(another.pid), "score", "2026-01-01 12:00", "Slurm", "77", "c", "0"])
    for lock, more in (
        (".shard-1-of-2.danq.lock", ["--shard", "1/2"]),
        (".shard-1-of-2.danq.lock", []),
        (".danq.lock", ["--shard", "2/2"]),
    ):
        (of_job / lock).symlink_to(holder)
        with pytest.raises(DanqError, match=r"Slurm job 77, .*\(scancel 77\)$"):
            app([*words, *more], standalone_mode=False)
        (of_job / lock).unlink()
        assert list(of_job.glob("part-*")), "the other's work"
    app(words, standalone_mode=False)
    assert not work.exists()


@pytest.mark.slow
def test_a_training_that_outlives_its_workflow_is_named_and_a_killed_one_is_taken_over(place, tmp_path):
    config = yaml.safe_load((place / "c.yaml").read_text())
    small = {"filters": 4, "kernel": 4, "pool": 8, "units": 3, "dense": 4}
    train = {"batch_size": 4, "epochs": 400, "patience": 400, "checkpoint_minutes": 0.001}
    config["runs"]["long"] = {"model": "danq", "dataset": "d", "options": small, "train": train}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    words = VERBS["train"].replace("--run r", "--run long").format(place, tmp_path).split()
    words[words.index("--config") + 1] = str(tmp_path / "c.yaml")
    out = tmp_path / "runs/r"
    # killed, TensorFlow leaves files of its own among temporary ones
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)}
    orphan = subprocess.Popen([*DANQ, *words], env=environment, stderr=subprocess.PIPE, text=True)
    for line in orphan.stderr:
        if "epoch 2/400" in line:
            break
    with pytest.raises(DanqError) as refused:
        app(words, standalone_mode=False)
    named = f"{out}: another job is writing there: danq train, process {orphan.pid} on "
    assert str(refused.value).startswith(named)
    assert f"end it (kill {orphan.pid})" in str(refused.value)
    assert orphan.poll() is None
    orphan.kill()
    orphan.communicate()
    (out / ".checkpoint" / ".partial-of-a-release-before").mkdir()
    rerun = subprocess.Popen([*DANQ, *words], env=environment, stderr=subprocess.PIPE, text=True)
    lines = []
    for line in rerun.stderr:
        lines.append(line)
        if "/400: loss" in line:
            break
    rerun.kill()
    rerun.communicate()
    assert "a job that was killed left it" in "".join(lines)
    assert "going on in epoch" in "".join(lines)
