"""Texts from a file to metrics by the verbs alone, and refusals as one line with status 2."""

import json
from pathlib import Path

import numpy as np
import pytest

from danq.learn.predict.reading import read_predictions

OPTIONS = {"max_words": 4, "embedding": 4, "head": "pools", "units": [3], "dense": 3}
CONFIG = {
    "datasets": {
        "good": {
            "kind": "text",
            "examples": "t.csv",
            "encoding": "latin-1",
            "split": {"valid": 0.2, "test": 0.2},
        }
    },
    "runs": {
        "one": {
            "model": "bilstm_conv2d",
            "dataset": "good",
            "options": OPTIONS,
            "train": {"epochs": 1, "batch_size": 16},
        }
    },
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    rows = [("caf\u00e9 good", "yes"), ("a bad day", "no")] * 20
    text = "text,label\n" + "".join(f'"{words}",{label}\n' for words, label in rows)
    (tmp_path / "t.csv").write_bytes(text.encode("latin-1"))
    (tmp_path / "c.json").write_text(json.dumps(CONFIG))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_texts_from_a_file_to_metrics(folder: Path, danq, capsys) -> None:
    for arguments in (
        "dataset --config c.json --name good --out data",
        "train --config c.json --run one --dataset data --out run",
        "predict --model run --dataset data --split valid --out valid.npz",
        "predict --model run --dataset data --split test --out test.npz",
        "evaluate valid.npz test.npz --dataset data --out evaluation",
        "predict --model run --examples t.csv --encoding latin-1 --out all.npz",
        "summary --config c.json --run one --dataset data",
    ):
        assert danq(*arguments.split()) == 0, arguments
    capsys.readouterr()
    summary = json.loads((folder / "evaluation" / "summary.json").read_text())
    assert 0 <= summary["splits"]["test"]["classes"]["accuracy"] <= 1
    for more in ("--dataset data --split test --out", "--examples t.csv --encoding latin-1 --out"):
        name = "test.npz" if "data" in more else "all.npz"
        assert danq("predict", "--model", "run", *more.split(), "parts.npz", "--work", "work") == 0
        assert (folder / "parts.npz").read_bytes() == (folder / name).read_bytes()
    alone, split = read_predictions(folder / "all.npz"), read_predictions(folder / "test.npz")
    rows = [int(name) - 1 for name in split.ids]
    np.testing.assert_array_equal(alone.probabilities[rows], split.probabilities)
    assert (alone.ids.tolist(), alone.labels) == ([str(number) for number in range(1, 41)], None)
    for arguments, message in (
        ("--fasta x.fa", "--fasta: expected a model of DNA; run 'one' reads rows of kind text"),
        ("--examples t.csv", "t.csv:2: expected UTF-8 text, received binary data; `encoding: latin-1`"),
        ("--examples t.csv --column words", "t.csv:1: expected one column 'words', received columns text, "),
        ("--examples t.csv --split test", "--split: belongs to --dataset, received --examples"),
        ("--fasta x.fa --column text", "--column: belongs to --examples, received --fasta"),
    ):
        assert danq("predict", "--model", "run", "--out", "x.tsv", *arguments.split()) == 2
        assert capsys.readouterr().err.startswith(f"danq: {message}")
        assert not (folder / "x.tsv").exists()


def test_bad_texts_are_one_line_and_status_2(folder: Path, danq, capsys, caplog) -> None:
    for content, message in (
        ("text,label\n,1\n", "danq: t.csv:2: expected a text, received an empty one\n"),
        ("text,label\na,1\nb,1\n", "danq: t.csv:2: expected at least two classes, received '1' alone\n"),
    ):
        (folder / "t.csv").write_text(content)
        with caplog.at_level("INFO"):
            assert danq("dataset", "--config", "c.json", "--name", "good", "--out", "data") == 2
        assert (capsys.readouterr().err, caplog.text) == (message, "")
        assert not (folder / "data").exists()
