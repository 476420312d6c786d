"""One byte of any stored file changed: what is made of it is refused in one line that says how to mend it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from danq.errors import DanqError
from danq.learn.predict.reading import read_predictions

MOTIF = "TGACGTCA"
CONFIG = {
    "genomes": {"g": "genome.fa"},
    "datasets": {
        "d": {
            "targets": "targets.tsv",
            "window": 60,
            "bin": 30,
            "keep": "all",
            "composition": False,
            "split": {"valid": ["chr2"], "test": ["chr3"]},
        }
    },
    "runs": {"words": {"model": "kmer_logistic", "dataset": "d", "options": {"k": [3], "c": [0.01]}}},
    "callsets": {"demo": {"vcf": "alleles.tsv", "runs": ["words"], "views": 1, "truth": "effect"}},
    "views": ["chr2:100-900"],
}
DATASET = ("dataset", "--config", "c.json", "--name", "d", "--out", "again")
TRAIN = ("train", "--config", "c.json", "--run", "words", "--dataset", "results/datasets/d", "--out", "again")
PREDICT = ("predict", "--model", "results/runs/words", "--dataset", "results/datasets/d", "--split", "test")
PREDICT += ("--out", "again.npz")
SPLITS = ("results/runs/words/predictions/valid.npz", "results/runs/words/predictions/test.npz")
EVALUATE = ("evaluate", *SPLITS, "--out", "again")
SCORE = ("score", "--config", "c.json", "--callset", "demo", "--out", "again")
VIEW = ("view", "--config", "c.json", "--run", "words", "--out", "again")
REPORT = ("report", "--results", "results", "--out", "again.html")
BACKGROUND = ("--model", "results/runs/words", "--genome", "results/genomes/g", "--vcf", "alleles.tsv")
EVALUES = ("score", *BACKGROUND, "--background", "background", "--out", "again")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, danq) -> Path:
    """Every kind of results, made by the verbs, of a model that takes seconds."""
    path = tmp_path_factory.mktemp("whole")
    rng = np.random.default_rng(3)
    contigs = {name: "".join(rng.choice(list("ACGT"), 1_500)) for name in ("chr1", "chr2", "chr3")}
    (path / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in contigs.items()))
    starts = [(name, start) for name in contigs for start in range(0, 1_400, 90)]
    (path / "a.bed").write_text("".join(f"{name}\t{start}\t{start + 30}\n" for name, start in starts))
    (path / "targets.tsv").write_text("target\tpath\na\ta.bed\n")
    alleles = [(at, contigs["chr2"][at]) for at in range(100, 1_300, 31)]
    rows = [f"chr2:{at + 1}:{base}:{'A' if base != 'A' else 'C'}\t{at % 7}\n" for at, base in alleles]
    (path / "alleles.tsv").write_text("variant\teffect\n" + "".join(rows))
    (path / "c.json").write_text(json.dumps(CONFIG))
    steps = (
        ("genome", "genome.fa", "--out", "results/genomes/g"),
        (*DATASET[:-1], "results/datasets/d"),
        (*TRAIN[:-1], "results/runs/words"),
        (*PREDICT[:-1], SPLITS[1]),
        (*PREDICT[:6], "valid", "--out", SPLITS[0]),
        (*EVALUATE[:-1], "results/runs/words/evaluation"),
        (*SCORE[:-1], "results/scores/demo"),
        (*VIEW[:-1], "results/views/words"),
        ("background", *BACKGROUND, "--out", "background"),
        (*PREDICT[:-1], "table.parquet"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for step in steps:
            assert danq(*step) == 0, step
    return path


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
    content = bytearray(Path(file).read_bytes())
    # where there is no padding, in the contig that is read, in a column that counts
    content[len(content) * (5 if file.endswith(".npz") else 4) // 10] ^= 1
    Path(file).write_bytes(content)
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
