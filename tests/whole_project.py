"""A project with every kind of results, made by the verbs, of a model that takes seconds."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

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
GENOME = ("genome", "genome.fa", "--out", "again")
DATASET = ("dataset", "--config", "c.json", "--name", "d", "--out", "again")
TRAIN = ("train", "--config", "c.json", "--run", "words", "--dataset", "results/datasets/d", "--out", "again")
PREDICT = ("predict", "--model", "results/runs/words", "--dataset", "results/datasets/d", "--split", "test")
PREDICT += ("--out", "again.npz")
SPLITS = ("results/runs/words/predictions/valid.npz", "results/runs/words/predictions/test.npz")
EVALUATE = ("evaluate", *SPLITS, "--out", "again")
SCORE = ("score", "--config", "c.json", "--callset", "demo", "--out", "again")
VIEW = ("view", "--config", "c.json", "--run", "words", "--out", "again")
REPORT = ("report", "--results", "results", "--out", "again.html")
SCORED = ("--model", "results/runs/words", "--genome", "results/genomes/g", "--vcf", "alleles.tsv")
BACKGROUND = ("background", *SCORED, "--out", "again")
EVALUES = ("score", *SCORED, "--background", "background", "--out", "again")


def flip_a_byte(path: Path) -> None:
    """Change one byte of a stored file where it counts: not in padding, and of a table alone in its data."""
    content = bytearray(path.read_bytes())
    place = len(content) * (4 if path.suffix == ".npy" else 5) // 10
    if path.suffix == ".parquet" and (metadata := pq.read_metadata(path)).num_rows:
        column = metadata.row_group(0).column(2)
        place = column.data_page_offset + column.total_compressed_size - 3
    content[place] ^= 1
    path.write_bytes(content)


def write_whole_project(path: Path, danq: Callable[..., int]) -> Path:
    """Make genome, dataset, run, predictions, evaluation, scores, views and background in a directory."""
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
        (*GENOME[:-1], "results/genomes/g"),
        (*DATASET[:-1], "results/datasets/d"),
        (*TRAIN[:-1], "results/runs/words"),
        (*PREDICT[:-1], SPLITS[1]),
        (*PREDICT[:6], "valid", "--out", SPLITS[0]),
        (*EVALUATE[:-1], "results/runs/words/evaluation"),
        (*SCORE[:-1], "results/scores/demo"),
        (*VIEW[:-1], "results/views/words"),
        (*BACKGROUND[:-1], "background"),
        (*PREDICT[:-1], "table.parquet"),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        for step in steps:
            assert danq(*step) == 0, step
    return path
