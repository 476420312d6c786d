"""Verbs where neither TensorFlow nor Keras nor h5py is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small_genome import COLUMNS, record
from tiny_dataset import SMALL, tiny_run, write_tiny_dataset
from untrained import save_model

from danq.learn.ensemble import join_runs
from danq.learn.options import EnsembleOptions, PredictOptions
from danq.learn.train.run import train_run

_ABSENT = """
import sys
for name in ("tensorflow", "keras", "h5py"):
    sys.modules[name] = None
from danq.cli import main
codes = []
for line in sys.stdin:
    sys.argv = ["danq", *line.split()]
    try:
        main()
    except SystemExit as stopped:
        codes.append(stopped.code)
print(codes)
"""


def absent(folder: Path, *verbs: str) -> tuple[list[int], str]:
    """Exit status of each verb, and what they said, of one process in which those cannot be imported."""
    command = [sys.executable, "-c", _ABSENT]
    lines = "\n".join(verbs)
    done = subprocess.run(command, input=lines, cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("absent")
    sequence = "".join(np.random.default_rng(0).choice(list("ACGT"), 400))
    (path / "g.fa").write_text(f">chr1\n{sequence}\n")
    swapped = dict(zip("ACGT", "CGTA", strict=True))
    places = [(pos, sequence[pos - 1]) for pos in range(90, 300, 30)]
    records = [record("chr1", pos, base, swapped[base]) for pos, base in places]
    (path / "v.vcf").write_text("\n".join(["##fileformat=VCFv4.2", COLUMNS, *records]) + "\n")
    (path / "r.bed").write_text("chr1\t150\t156\n")
    save_model(path / "net")
    save_model(path / "deep", sizes={"rnn_layers": 2})
    dataset = write_tiny_dataset(path / "data")
    runs = path / "runs"
    train_run("words", tiny_run("kmer_logistic"), dataset, runs / "words", runs)
    train_run("small", tiny_run(options=SMALL, epochs=1), dataset, runs / "small", runs)
    members = EnsembleOptions(members=["words", "small"])
    join_runs("mean", members, PredictOptions(batch_size=16), dataset, runs / "mean", runs)
    shutil.copytree(runs / "words", path / "words")
    return path


OF_GENOME = "--genome g.fa --out"
VERBS = {
    "scores": f"score --model net --vcf v.vcf {OF_GENOME} scores",
    "linear": f"score --model words --vcf v.vcf {OF_GENOME} linear",
    "background": f"background --model net --vcf v.vcf {OF_GENOME} background",
    "ism": f"ism --model net --bed r.bed {OF_GENOME} ism",
    "mean": f"score --model runs/mean --vcf v.vcf {OF_GENOME} mean",
    "mean.tsv": "predict --model runs/mean --dataset data --split test --out mean.tsv",
    "bed.tsv": f"predict --model net --bed r.bed {OF_GENOME} bed.tsv",
    "valid.npz": "predict --model words --dataset data --split valid --out valid.npz",
    "test.npz": "predict --model words --dataset data --split test --out test.npz",
    "metrics": "evaluate valid.npz test.npz --out metrics",
    "sequences": "score --model words.zip --vcf v.vcf --genome g.fa --out sequences",
}


def test_scores_predictions_and_metrics_need_no_tensorflow(folder, danq, monkeypatch):
    monkeypatch.chdir(folder)
    assert danq("export", "words", "--format", "archive", "--out", "words.zip") == 0
    exports = [f"export net --format {form} --out net.{form}" for form in ("archive", "card", "onnx")]
    codes, said = absent(folder, *VERBS.values(), *exports)
    assert codes == [0] * (len(VERBS) + len(exports)), said
    without = {name: tables(folder / name) for name in VERBS}
    for name in VERBS:
        (folder / name).rename(folder / f"without_{name}")
    for name, verb in VERBS.items():
        assert danq(*verb.split()) == 0
        for path, table in tables(folder / name).items():
            assert_near(without[name][path], table, path)


def tables(place: Path) -> dict[str, pl.DataFrame]:
    """Tables of numbers of a result, by their names."""
    files = [place] if place.is_file() else sorted(place.glob("*.parquet")) + sorted(place.glob("*.tsv"))
    read = {".parquet": pl.read_parquet, ".tsv": lambda path: pl.read_csv(path, separator="\t")}
    return {path.name: read[path.suffix](path) for path in files if path.suffix in read}


def assert_near(received: pl.DataFrame, expected: pl.DataFrame, name: str) -> None:
    assert received.columns == expected.columns
    for column in expected.columns:
        values, others = received[column].to_list(), expected[column].to_list()
        if expected[column].dtype in (pl.Float32, pl.Float64):
            values, others = (np.array(items, float) for items in (values, others))
            np.testing.assert_allclose(values, others, atol=1e-5, err_msg=f"{name}: {column}")
        else:
            assert values == others, (name, column)


def test_what_needs_tensorflow_says_so_in_one_line(folder):
    verbs = (
        "score --model deep --vcf v.vcf --genome g.fa --out none",
        "predict --model deep --bed r.bed --genome g.fa --out none.tsv",
        "doctor",
    )
    codes, said = absent(folder, *verbs)
    assert codes == [2] * len(verbs)
    refusals = [line for line in said.splitlines() if line.startswith("danq: ")]
    assert len(refusals) == len(verbs)
    assert all("not installed" in line and "tensorflow" in line.lower() for line in refusals)
    assert "Traceback" not in said
    assert not list(folder.glob("none*"))
