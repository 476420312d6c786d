from pathlib import Path

from results_tree import build
from typer.testing import CliRunner

from danq.cli import app


def report(*options: str):
    return CliRunner().invoke(app, ["report", *options])


def test_the_verb_writes_the_page_of_the_named_runs(tmp_path: Path):
    runs = {"net": ("yeast", "danq", 2.0), "other": ("yeast", "danq", 1.5)}
    results, out = build(tmp_path / "results", runs, ("a", "b"), resamples=0), tmp_path / "report.html"
    written = report("--results", str(results), "--run", "net", "--out", str(out))
    assert written.exit_code == 0, written.output
    page = out.read_text(encoding="utf-8")
    assert "1 run on 1 dataset" in page
    refused = report("--results", str(results), "--run", "gone", "--out", str(tmp_path / "no.html"))
    assert refused.exit_code != 0
    assert not (tmp_path / "no.html").exists()


def test_help_names_every_option():
    text = report("--help").output
    assert "--results" in text
    assert "--out" in text
