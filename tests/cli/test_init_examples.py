"""`danq init --examples`: a configuration for labelled sequences, its counts, refusals."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from verbs import danq_process

from danq.config import load_config
from danq.config.workflow import check_files
from danq.genome.alphabet import decode


def rows(number: int, label: bool = True) -> str:
    random = np.random.default_rng(number)
    lines = [f"{decode(random.integers(0, 4, 40 + n % 3, np.uint8))},{n % 2}\n" for n in range(number)]
    return ("sequence,label\n" if label else "") + "".join(lines)


def test_examples_in_one_file_are_drawn_by_fractions(tmp_path: Path):
    (tmp_path / "all.csv.gz").write_bytes(gzip.compress(rows(200).encode()))
    done = danq_process("init", "--examples", "all.csv.gz", "--test", "0.2", "--out", "my", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    config = load_config(tmp_path / "my" / "config.yaml")
    options = config.datasets["examples"]
    assert (options.window, str(options.examples)) == (42, "all.csv.gz")
    assert options.split is not None
    assert (options.split.valid, options.split.test) == (0.1, 0.2)
    done_dataset = danq_process(
        *("dataset", "--config", "my/config.yaml", "--name", "examples", "--out", "d"), cwd=tmp_path
    )
    assert done_dataset.returncode == 0, done_dataset.stderr
    manifest = json.loads((tmp_path / "d" / "dataset.json").read_text())
    counts = [str(value) for value in manifest["targets"][0]["counts"].values()]
    shown = {line.split()[0]: line.split()[-3:] for line in done.stdout.splitlines()}
    assert shown["label"] == counts
    assert shown["all"] == [str(value) for value in manifest["n"].values()]


def test_labels_that_are_not_known_are_counted(tmp_path: Path):
    (tmp_path / "all.csv").write_text(rows(100) + rows(60, label=False).replace(",1\n", ",-1\n"))
    done = danq_process("init", "--examples", "all.csv", "--out", "my", cwd=tmp_path)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("label, not known"))
    assert sum(map(int, line.split()[-3:])) == 30


def test_examples_by_file_and_by_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name, number in (("train", 60), ("dev", 30), ("test", 40)):
        Path(f"{name}.csv").write_text(rows(number))
    done = danq_process(
        *("init", "--examples", "train.csv", "--valid", "dev.csv", "--test", "test.csv", "--out", "by file"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    options = load_config(Path("by file/config.yaml")).datasets["examples"]
    assert options.examples == {
        name: Path(f"{file}.csv") for name, file in (("train", "train"), ("valid", "dev"), ("test", "test"))
    }
    words = ["train", "train", "valid", "test"]
    head, *lines = rows(80).splitlines()
    lines = [f"{line},{words[n // 2 % 4]}" for n, line in enumerate(lines)]
    Path("c.csv").write_text("\n".join([f"{head},split", *lines]).replace("label", "bound") + "\n")
    done = danq_process(
        "init", "--examples", "c.csv", "--label-column", "bound", "--out", "by column", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert load_config(Path("by column/config.yaml")).datasets["examples"].label_columns == ["bound"]
    check_files(load_config(Path("by column/config.yaml")), "here")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--examples", "gone.csv"], "gone.csv: no such file"),
        (
            ["--examples", "a.csv", "--test", "1.5"],
            "--test: expected a fraction between 0 and 1, or a file; ",
        ),
        (["--examples", "a.csv", "--test", "gone.csv"], "gone.csv: no such file"),
        (
            ["--examples", "a.csv", "--label-column", "x"],
            "a.csv:1: expected one column 'x', received columns ",
        ),
        (
            ["--examples", "a.csv", "--valid", "0.6", "--test", "0.6"],
            "--valid, --test: expected fractions that sum to less than 1, received ",
        ),
        (["--examples", "g.fa"], "g.fa: expected labels that several rows share, received chr1, chr2, chr3"),
        (["--examples", "few.csv"], "few.csv: expected at least one row in the valid split, found none"),
        (
            ["--examples", "no_train.csv"],
            "no_train.csv: expected at least one row in the train split, found none",
        ),
        (
            ["--fasta", "g.fa", "--sequence-column", "dna", "--positive", "1", "a.bed"],
            "--sequence-column, --positive: expected --examples",
        ),
        (
            ["--fasta", "g.fa", "--sequence-column", "", "a.bed"],
            "--sequence-column: expected --examples with",
        ),
        ([], "--fasta: expected the genome of the tracks, or --examples with labelled sequences"),
    ],
)
def test_refusals_of_examples(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    danq: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: str,
):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(rows(20))
    Path("few.csv").write_text(rows(2))
    held_out = [f"ACGTACGTAC,{n % 2},{part}\n" for n in range(4) for part in ("valid", "test")]
    Path("no_train.csv").write_text("".join(["sequence,label,split\n", *held_out]))
    Path("g.fa").write_text(">chr1\nACGT\n>chr2\nACGT\n>chr3\nACGT\n")
    assert danq("init", *arguments, "--out", "my") == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.err.count("\n") == 1
    assert not Path("my").exists()
