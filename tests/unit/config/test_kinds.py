"""Kinds of data in a configuration: what belongs together, folders of images, and how runs predict."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from danq.cli import app
from danq.config import parse_config
from danq.config.workflow import check_files, dataset_files
from danq.errors import DanqError

SPLIT = {"valid": 0.1, "test": 0.1}


def config(kind="text", examples="a.tsv", model="bilstm_conv2d", **options):
    dataset = {"kind": kind, "examples": str(examples), "split": SPLIT, **options}
    return {"datasets": {"d": dataset}, "runs": {"r": {"model": model, "dataset": "d"}}}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (config(model="danq"), "runs.r.dataset: expected a dataset of kind dna for model danq, received 'd'"),
        (config("image"), "expected a dataset of kind text or dna for model bilstm_conv2d, received 'd'"),
        (config(encoding="cp1252"), "datasets.d.encoding: expected 'utf-8' or 'latin-1', received"),
        (config("sound"), "datasets.d.kind: expected 'dna', 'text' or 'image', received \"sound\""),
        (config(steps=10), "datasets.d: `steps` is for datasets of kind dna, received kind text"),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_refused(raw, message):
    with pytest.raises(DanqError, match=message):
        parse_config(raw, "c.yaml")


@pytest.mark.parametrize(
    ("key", "value", "none"), [("shift", 3, "0"), ("reverse_complement", "augment", "none")]
)
def test_what_only_dna_has_is_refused_before_the_dataset_is_made(key, value, none):
    raw = config()
    raw["runs"]["r"]["train"] = {key: value}
    with pytest.raises(DanqError, match=f"runs.r.train.{key}: expected {none} for a dataset of kind text"):
        parse_config(raw, "c.yaml")


def test_rows_that_are_no_dna_have_no_other_strand():
    for kind, model, strands in (
        ("text", "bilstm_conv2d", "none"),
        ("image", "quadrant_lstm", "none"),
        ("dna", "bilstm_conv2d", "mean"),
    ):
        assert parse_config(config(kind, model=model), "c").runs["r"].predict.reverse_complement == strands


def test_images_may_be_a_folder(tmp_path: Path):
    for name in ("b/2.png", "a/1.PNG", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    images = parse_config(config("image", tmp_path, "quadrant_lstm"), "c")
    check_files(images, "c")
    assert dataset_files(images, "d") == [tmp_path / "a" / "1.PNG", tmp_path / "b" / "2.png"]
    (tmp_path / "{b}.png").touch()
    with pytest.raises(DanqError, match=r"datasets.d: expected a path without braces, received .*\{b\}.png"):
        check_files(images, "c")
    with pytest.raises(DanqError, match=r"datasets.d.examples: expected a file, received .* \(a directory\)"):
        check_files(parse_config(config("text", tmp_path), "c"), "c")


def test_a_summary_of_a_dataset_that_is_not_made_yet_says_what_it_needs(tmp_path: Path):
    (tmp_path / "c.yaml").write_text(
        "datasets: {d: {kind: text, examples: a.tsv}}\nruns: {r: {model: bilstm_conv2d, dataset: d}}"
    )
    done = CliRunner().invoke(app, ["summary", "--config", str(tmp_path / "c.yaml"), "--run", "r"])
    assert isinstance(done.exception, DanqError)
    assert str(done.exception) == "what a text is like, the made dataset tells; name it with --dataset"
