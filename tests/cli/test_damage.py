"""One byte of any stored file changed: what is made of it is refused in one line that says how to mend it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from whole_project import DATASET, EVALUATE, EVALUES, PREDICT, REPORT, SCORE, SPLITS, TRAIN, VIEW, flip_a_byte

from danq.errors import DanqError
from danq.learn.predict.reading import read_predictions


@pytest.fixture(scope="module")
def whole(whole_project: Path) -> Path:
    return whole_project


@pytest.mark.parametrize(
    ("file", "verb"),
    [
        ("results/genomes/g/codes.npy", DATASET),
        ("results/genomes/g/codes.npy", TRAIN),
        ("results/genomes/g/codes.npy", (*PREDICT[:6], "valid", "--out", "again.npz")),
        ("results/genomes/g/codes.npy", SCORE),
        ("results/genomes/g/codes.npy", VIEW),
        ("results/datasets/d/labels.npy", TRAIN),
        ("results/datasets/d/windows.parquet", PREDICT),
        ("results/datasets/d/labels.npy", (*EVALUATE, "--dataset", "results/datasets/d")),
        ("results/runs/words/weights.safetensors", PREDICT),
        ("results/runs/words/weights.safetensors", SCORE),
        ("results/runs/words/network.json", PREDICT),
        ("results/runs/words/history.tsv", REPORT),
        (SPLITS[0], EVALUATE),
        (SPLITS[1], EVALUATE),
        ("table.parquet", ("evaluate", "table.parquet", "--out", "again")),
        *[
            (f"results/runs/words/evaluation/{name}", REPORT)
            for name in (
                *("metrics.tsv", "curves.parquet", "calibration.tsv"),
                *("resamples.parquet", "pairs.tsv"),
            )
        ],
        ("results/scores/demo/scores.parquet", REPORT),
        ("results/scores/demo/scores.parquet", VIEW),
        *[(f"results/scores/demo/{name}", REPORT) for name in ("ledger.tsv", "truth.tsv", "truth.parquet")],
        ("results/views/words/predictions.npz", REPORT),
        ("results/views/words/peaks.parquet", REPORT),
        ("background/background.npy", EVALUES),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value.removeprefix("results/"),
)
def test_a_changed_byte_is_refused_with_what_to_remove(
    whole: Path, tmp_path: Path, danq, monkeypatch, capfd, file: str, verb: tuple[str, ...]
):
    shutil.copytree(whole, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    flip_a_byte(Path(file))
    assert danq(*verb) == 2
    refusal = capfd.readouterr().err.splitlines()[-1]
    assert refusal.startswith("danq: ")
    assert file in refusal
    assert "remove " in refusal
    assert not list(Path().glob("again*")), "nothing half written"


def test_a_contig_that_nobody_reads_is_not_looked_at(whole: Path, tmp_path: Path, danq, monkeypatch, capfd):
    shutil.copytree(whole, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    codes = Path("results/genomes/g/codes.npy")
    content = bytearray(codes.read_bytes())
    # the last base of the last contig; the alleles lie on the second one
    content[-1] ^= 1
    codes.write_bytes(content)
    assert danq(*SCORE) == 0
    assert danq(*PREDICT) == 2
    assert "codes.npy: damaged in chr3: " in capfd.readouterr().err


@pytest.mark.parametrize("shift", range(3))
def test_predictions_with_a_changed_byte_are_the_same_or_refused(whole: Path, tmp_path: Path, shift: int):
    content = (whole / SPLITS[0]).read_bytes()
    expected = read_predictions(whole / SPLITS[0])
    path, refused = tmp_path / "changed.npz", 0
    for place in range(shift, len(content), 13):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        try:
            received = read_predictions(path)
        except DanqError:
            refused += 1
            continue
        assert received.columns().keys() == expected.columns().keys(), place
        for name, array in expected.columns().items():
            assert np.array_equal(array, received.columns()[name]), (place, name)
        assert (received.run, received.split, received.task) == (expected.run, expected.split, expected.task)
    assert refused > len(content) // 13 // 2
