"""One whole run with real training, and what runs again after a change."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.workflow.conftest import CONFIG, Project, inputs_kept, set_key

pytestmark = pytest.mark.slow


def jobs_of(*runs: str) -> set[str]:
    return {
        job
        for run in runs
        for job in (f"train/{run}", f"predict/{run}.valid", f"predict/{run}.test", *measured(run))
    }


def measured(run: str) -> set[str]:
    return {f"evaluate/{run}", f"model_card/{run}"}


@pytest.fixture
def unchanged(finished: Project) -> Iterator[Project]:
    """The finished project; its data and configuration are put back after the test, with their times."""
    with inputs_kept(finished):
        yield finished


def test_everything_is_made_and_nothing_else(finished: Project):
    made = finished.files()
    assert "results/report.html" in made
    for run in ("net", "words"):
        for file in ("model.keras", "bundle.json", "history.tsv", "predictions/test.npz", "MODEL_CARD.md"):
            assert f"results/runs/{run}/{file}" in made
        metrics = pl.read_csv(finished.path / f"results/runs/{run}/evaluation/metrics.tsv", separator="\t")
        assert set(metrics["target"]) == {"alpha", "beta"}
        assert (finished.path / f"results/benchmarks/train/{run}.tsv").is_file()
    assert {path.split("/")[0] for path in made} == {"results"}
    assert not [path for path in made if ".partial-" in path]
    config = json.loads((finished.path / "results" / "config.json").read_text())
    assert config["runs"]["net"]["options"]["filters"] == 8


def test_the_terminal_tells_how_far_a_training_is(finished: Project):
    """Of 30 epochs, which take some seconds: long enough to be looked at in between."""
    printed = (finished.path / ".snakemake" / "printed").read_text()
    told = re.findall(r"^(?:\x1b\[\d+m)?train/net: epoch \d+/30: (.+)$", printed, re.MULTILINE)
    patterns = r"AUPRC 0\.\d{4}", r"; best validation loss 0\.\d{4} at epoch \d", r"; (at most )?\d+ s left"
    assert any(all(re.search(pattern, line) for pattern in patterns) for line in told), printed


def test_the_report_names_every_run(finished: Project):
    text = (finished.path / "results" / "report.html").read_text()
    for run in ("net", "words"):
        assert run in text


def test_a_second_run_has_nothing_to_do(finished: Project):
    before = (finished.path / "results" / "report.html").stat().st_mtime_ns
    done = finished.snakemake("--cores", "2")
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout
    assert (finished.path / "results" / "report.html").stat().st_mtime_ns == before


@pytest.mark.parametrize("file", ["first.fa", "one.tsv", "one.alpha.bed"])
def test_a_touched_file_reruns_nothing(unchanged: Project, file: str):
    (unchanged.path / "data" / file).touch()
    assert unchanged.planned() == set()


def test_a_touched_configuration_reruns_nothing(unchanged: Project):
    (unchanged.path / "config" / "config.yaml").write_text("# a remark\n" + CONFIG)
    assert unchanged.planned() == set()


def test_a_changed_bed_reruns_what_depends_on_it(unchanged: Project):
    track = unchanged.path / "data" / "two.beta.bed"
    track.write_text("".join(track.read_text().splitlines(keepends=True)[1:]))
    assert unchanged.planned() == {"dataset/two", *jobs_of("words"), "report"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("two.beta.bed", {"dataset/two", *jobs_of("words"), "report"}),
        ("second.fa", {"genome/second", "dataset/two", *jobs_of("words"), "report"}),
    ],
)
def test_a_file_replaced_by_an_older_one_reruns_what_depends_on_it(
    unchanged: Project, file: str, expected: set[str]
):
    older = unchanged.path / "older"
    older.write_text((unchanged.path / "data" / file).read_text()[:-70] + "\n")
    os.utime(older, (0, 0))
    older.rename(unchanged.path / "data" / file)
    assert unchanged.planned() == expected


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (["runs/words"], jobs_of("words")),
        (["genomes/second"], {"genome/second", "dataset/two", *jobs_of("words")}),
        (
            ["runs/net/evaluation/curves.parquet", "runs/words/predictions/test.npz"],
            {"predict/words.test", *measured("net"), *measured("words")},
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_gone_is_made_again(unchanged: Project, gone: list[str], expected: set[str]):
    results, aside = unchanged.path / "results", unchanged.path / "aside"
    aside.mkdir()
    for number, name in enumerate(gone):
        (results / name).rename(aside / str(number))
    try:
        assert unchanged.planned() == {*expected, "report"}
    finally:
        for number, name in enumerate(gone):
            (aside / str(number)).rename(results / name)
        aside.rmdir()


def test_a_changed_genome_reruns_what_depends_on_it(unchanged: Project):
    fasta = unchanged.path / "data" / "second.fa"
    fasta.write_text(fasta.read_text().replace("A", "C", 1))
    assert unchanged.planned() == {"genome/second", "dataset/two", *jobs_of("words"), "report"}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("runs.net.options.units", 5, {*jobs_of("net"), "report"}),
        ("runs.net.train.seed", 2, {*jobs_of("net"), "report"}),
        ("runs.words.options.k", [2], {*jobs_of("words"), "report"}),
        ("datasets.two.max_n", 0.4, {"dataset/two", *jobs_of("words"), "report"}),
        ("runs.net.predict", {"batch_size": 64}, {*jobs_of("net"), "report"} - {"train/net"}),
        # nothing of the dataset itself
        ("datasets.two.composition", True, {*jobs_of("composition_two"), "report"}),
        # said or left out, a default is the same
        ("runs.net.train.monitor", "loss", set()),
    ],
)
def test_a_changed_key_reruns_what_depends_on_it(
    unchanged: Project, key: str, value: object, expected: set[str]
):
    unchanged.configure(set_key(key, value))
    assert unchanged.planned() == expected


def test_changed_code_reruns_what_it_works_on(unchanged: Project, repository: Path, tmp_path: Path):
    for name in ("danq", "workflow"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "Snakefile", tmp_path)
    for file, text, expected in (
        ("files.py", "# a remark", set()),
        ("models/bilstm_conv2d.py", "CHANGED = 1", set()),
        ("models/kmer_logistic.py", "CHANGED = 1", {*jobs_of("words"), "report"}),
    ):
        path = tmp_path / "danq" / file
        path.write_text(f"{path.read_text()}\n{text}\n")
        assert Project(unchanged.path, tmp_path).planned() == expected, file


def test_a_new_run_leaves_the_others_alone(unchanged: Project):
    unchanged.configure(set_key("runs.more", {"model": "kmer_logistic", "dataset": "two"}))
    assert unchanged.planned() == {*jobs_of("more"), "report"}


def test_a_value_of_the_command_line_reruns_what_depends_on_it(unchanged: Project):
    assert unchanged.planned("--config", "runs={net: {train: {epochs: 2}}}") == {*jobs_of("net"), "report"}


def test_snakemake_makes_its_own_report(finished: Project, tmp_path: Path):
    out = tmp_path / "snakemake_report.html"
    done = finished.snakemake("--report", str(out))
    assert done.returncode == 0, done.stdout
    text = out.read_text()
    assert "metrics.tsv" in text
    assert "report.html" in text
