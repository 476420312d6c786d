"""`danq config` and `danq init` from the command line: exit status, one line, nothing half written."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

CONFIG = """\
genomes: {g: genome.fa}
datasets: {d: {targets: targets.tsv, split: {valid: [chrI], test: [chrII]}}}
runs: {r: {model: danq, dataset: d, options: {OPTION}}}
"""


@pytest.fixture
def config(project: Path, danq, monkeypatch, capsys, caplog) -> Callable[..., CompletedProcess[str]]:
    """Call `danq config` in the project, in this process."""
    monkeypatch.chdir(project)

    def run(*arguments: str) -> CompletedProcess[str]:
        caplog.clear()
        with caplog.at_level("INFO"):
            status = danq("config", *arguments)
        printed = capsys.readouterr()
        told = "".join(f"{record.levelname} {record.getMessage()}\n" for record in caplog.records)
        return CompletedProcess(arguments, status, printed.out, told + printed.err)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "genome.fa").write_text(">chrI\nACGT\n")
    (tmp_path / "targets.tsv").write_text("target\tpath\none\tone.bed\n")
    (tmp_path / "one.bed").write_text("chrI\t0\t2\n")
    (tmp_path / "c.yaml").write_text(CONFIG.replace("OPTION", "filters: 8"))
    return tmp_path


def test_check_says_what_is_there(project: Path, config):
    done = config("check", "c.yaml")
    assert done.returncode == 0
    assert "c.yaml: correct; genomes: g; datasets: d; runs: r, composition; callsets: none" in done.stderr
    assert done.stdout == ""


def test_check_warns_of_what_nothing_uses(project: Path, config):
    with (project / "c.yaml").open("a") as stream:
        stream.write("  # unused below\n")
    text = (project / "c.yaml").read_text().replace("{g: genome.fa}", "{g: genome.fa, h: genome.fa}")
    (project / "c.yaml").write_text(text.replace("{targets:", "{genome: g, targets:"))
    done = config("check", "c.yaml")
    assert done.returncode == 0
    assert "WARNING c.yaml: genomes.h: nothing uses it" in done.stderr


def test_check_refuses_with_one_line_and_status_2(project: Path, config):
    (project / "c.yaml").write_text(CONFIG.replace("OPTION", "filter: 8"))
    done = config("check", "c.yaml")
    assert done.returncode == 2
    assert done.stderr.startswith("danq: c.yaml: runs.r.options.filter: unknown key; expected one of ")
    assert done.stderr.count("\n") == 1
    (project / "genome.fa").unlink()
    (project / "c.yaml").write_text(CONFIG.replace("OPTION", ""))
    done = config("check", "c.yaml")
    assert done.returncode == 2
    assert done.stderr == "danq: c.yaml: genomes.g: expected a file, received 'genome.fa' (no such file)\n"


def test_schema_is_json_on_standard_output_or_in_a_file(project: Path, config):
    printed = config("schema")
    assert json.loads(printed.stdout)["additionalProperties"] is False
    written = config("schema", "--out", "schemas/s.json")
    assert written.returncode == 0
    assert (project / "schemas" / "s.json").read_text() == printed.stdout


def test_keys_are_explained(project: Path, config):
    shown = config("keys")
    assert shown.returncode == 0
    assert "| `bin` | integer | `200` | bp at the window's centre that are labelled |" in shown.stdout


def test_check_reads_motifs(project: Path, config):
    (project / "m.meme").write_text("nonsense\n")
    (project / "c.yaml").write_text(CONFIG.replace("OPTION", "motifs: m.meme"))
    done = config("check", "c.yaml")
    assert done.returncode == 2
    assert "danq: c.yaml: runs.r.options.motifs: m.meme" in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_knows_what_training_would_refuse(project: Path, config):
    for option in ("bidirectional: false, merge_mode: mul", "kernel: 990", "output: steps, head: max"):
        (project / "c.yaml").write_text(CONFIG.replace("OPTION", option))
        done = config("check", "c.yaml")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "danq: c.yaml: runs.r.options: " in done.stderr


def test_check_knows_the_layers(project: Path, config):
    text = CONFIG.replace("OPTION", "filters: 8, units: 4, dense: 5")
    (project / "c.yaml").write_text(text.replace("dataset: d,", "dataset: d, train: {freeze: [conv, cnv]},"))
    done = config("check", "c.yaml")
    message = (
        "danq: c.yaml: runs.r: train.freeze: expected layers of conv, rnn, dense, logits; received 'cnv'\n"
    )
    assert done.returncode == 2
    assert done.stderr.endswith(message)
