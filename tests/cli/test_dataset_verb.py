"""`danq dataset` from the command line: what it writes, what it says, what it refuses."""

import json
from pathlib import Path

import pytest

from danq.genome.encode import build_genome

CONFIG = {
    "genomes": {"toy": "g.fa"},
    "datasets": {
        "marks": {
            "targets": "targets.tsv",
            "window": 20,
            "bin": 10,
            "split": {"valid": ["chrII"], "test": ["chrIII"]},
        }
    },
    "runs": {"one": {"model": "kmer_logistic", "dataset": "marks"}},
}
MARKS = ("dataset", "--config", "config.json", "--name", "marks", "--out", "out")


@pytest.fixture
def project(tmp_path: Path, monkeypatch) -> Path:
    contigs = {"chrI": 100, "chrII": 43, "chrIII": 40}
    text = "".join(f">{name}\n{('ACGTT' * n)[:n]}\n" for name, n in contigs.items())
    (tmp_path / "g.fa").write_text(text)
    (tmp_path / "a.bed").write_text("track name=a\r\nchr1\t0\t16\r\nchr2\t0\t43\r\nchr3\t11\t20\r\n")
    (tmp_path / "targets.tsv").write_text("target\tpath\nA\ta.bed\n")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    build_genome(tmp_path / "g.fa", tmp_path / "results/genomes/toy")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_dataset_is_written_and_summarised(project: Path, danq, capsys, caplog) -> None:
    with caplog.at_level("INFO"):
        assert danq(*MARKS) == 0
    assert capsys.readouterr().out == ""
    assert "wrote out: 1 targets, rows: train 2, valid 4, test 4" in caplog.text
    assert "3 contig names of tracks differ from the genome's: chr1 → chrI" in caplog.text
    manifest = json.loads((project / "out/dataset.json").read_text())
    assert manifest["genome"]["name"] == "toy"
    assert manifest["genome"]["path"] == "../results/genomes/toy"


def test_the_genome_may_be_named(project: Path, danq) -> None:
    (project / "results/genomes/toy").rename(project / "elsewhere")
    assert danq(*MARKS) == 2
    assert danq(*MARKS, "--genome", "elsewhere") == 0


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a.bed", "chr1\t9\t5\n", "a.bed:1: "),
        ("a.bed", "chr1\t0\tx\n", "a.bed:1: "),
        ("a.bed", "chr1\t0\n", "a.bed:1: "),
        ("a.bed", "chrX\t0\t10\n", "targets.tsv:2: target 'A': no contig of a.bed is in the genome"),
        ("a.bed", "chr1\t0\t5\n", "targets.tsv:2: target 'A': expected at least one positive bin"),
        ("a.bed", "", "targets.tsv:2: target 'A': expected regions in a.bed, found none"),
        ("targets.tsv", "target\tpath\nA\ta.bed\nA\ta.bed\n", "targets.tsv:3: target 'A' stands in line 2"),
    ],
)
def test_bad_input_gives_one_line_and_leaves_nothing(
    project: Path, danq, capsys, caplog, file: str, text: str, message: str
) -> None:
    (project / file).write_text(text)
    assert danq(*MARKS) == 2
    assert caplog.text == ""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"danq: {message}")
    assert not list(project.glob("out/**/*"))


def test_an_unknown_dataset_is_refused(project: Path, danq, capsys, caplog) -> None:
    with caplog.at_level("INFO"):
        assert danq("dataset", "--config", "config.json", "--name", "other", "--out", "out") == 2
    assert capsys.readouterr().err == "danq: config.json: expected --name of marks; received 'other'\n"
    assert caplog.text == ""
