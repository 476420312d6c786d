"""Which of two classes is positive: chosen, told, and the same for every kind and reader of examples."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image
from pydantic import ValidationError

from danq.data.dataset import Dataset, open_dataset
from danq.data.examples.making import build_example_dataset
from danq.data.manifest import DatasetManifest
from danq.data.options import DatasetOptions
from danq.errors import DanqError

CLASSES = ["unbound", "bound", "unbound", "unbound"] * 4
SPLIT = {"valid": 0.25, "test": 0.25}


def fasta(folder: Path) -> dict[str, Any]:
    path = folder / "e.fa"
    path.write_text("".join(f">r{row} {name}\nACGT\n" for row, name in enumerate(CLASSES)))
    return {"examples": path, "window": 4}


def csv(folder: Path) -> dict[str, Any]:
    path = folder / "e.csv"
    path.write_text("sequence,label\n" + "".join(f"ACGT,{name}\n" for name in CLASSES))
    return {"examples": path, "window": 4}


def parquet(folder: Path) -> dict[str, Any]:
    path = folder / "e.parquet"
    pl.DataFrame({"sequence": ["ACGT"] * 16, "label": CLASSES}).write_parquet(path)
    return {"examples": path, "window": 4}


def texts(folder: Path) -> dict[str, Any]:
    path = folder / "e.tsv"
    path.write_text("text\tlabel\n" + "".join(f"a word\t{name}\n" for name in CLASSES))
    return {"examples": path, "kind": "text"}


def arrays(folder: Path) -> dict[str, Any]:
    np.savez(folder / "e.npz", x=np.zeros((16, 4, 4), np.uint8), y=np.array(CLASSES))
    return {"examples": folder / "e.npz", "kind": "image"}


def pictures(folder: Path) -> dict[str, Any]:
    for row, name in enumerate(CLASSES):
        (folder / "p" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), row, np.uint8)).save(folder / "p" / name / f"{row:02}.png")
    return {"examples": folder / "p", "kind": "image"}


def build(folder: Path, **options: Any) -> tuple[DatasetManifest, Dataset]:
    made = DatasetOptions.model_validate({"split": SPLIT, **options})
    return build_example_dataset(made, "mine", folder / "out"), open_dataset(folder / "out")


@pytest.mark.parametrize("source", [fasta, csv, parquet, texts, arrays, pictures])
def test_the_positive_class_is_chosen_and_told(source: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "danq"):
        manifest, dataset = build(tmp_path, **source(tmp_path), positive="bound")
    assert dataset.targets == ("bound",)
    assert sum(manifest.targets[0].counts.values()) == 4
    assert manifest.classes == ("unbound", "bound")
    assert "positive are rows of class 'bound', negative those of 'unbound'" in caplog.text
    again = DatasetManifest.read(tmp_path / "out")
    assert again.classes == ("unbound", "bound")


def test_without_a_choice_the_last_in_order_is_positive_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    manifest, dataset = build(tmp_path, **csv(tmp_path))
    assert (dataset.targets, manifest.classes) == (("unbound",), ("bound", "unbound"))
    [warning] = [record.message for record in caplog.records if "class" in record.message]
    assert warning.endswith("by their order; `positive: bound` turns it round")


@pytest.mark.parametrize(
    ("labels", "written"), [("no yes", "'no'"), ("False True", "'False'"), ("2 3", "'2'")]
)
def test_the_advice_is_yaml_that_means_the_other_class(
    labels: str, written: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = tmp_path / "e.csv"
    path.write_text("sequence,label\n" + "".join(f"A,{name}\n" for name in labels.split() * 8))
    build(tmp_path, examples=path, window=4)
    assert f"; `positive: {written}` turns it round" in caplog.text


@pytest.mark.parametrize(
    ("labels", "positive", "targets", "first"),
    [
        (["0", "1"], None, ("label",), 0),
        (["0.0", "1.0"], 1, ("label",), 0),
        (["0", "1"], 0, ("0",), 1),
        (["2", "1"], "2.0", ("2",), 1),
        (["enhancer", "non-enhancer"], "enhancer", ("enhancer",), 1),
    ],
)
def test_numbers_may_be_chosen_too(
    labels: list[str], positive: Any, targets: tuple[str], first: int, tmp_path: Path
):
    path = tmp_path / "e.csv"
    path.write_text("sequence,label\n" + "".join(f"A,{name}\n" for name in labels * 8))
    _, dataset = build(tmp_path, examples=path, window=4, positive=positive)
    assert dataset.targets == targets
    assert dataset.labels(np.array([0])).tolist() == [[first]]


def test_a_choice_that_is_none_is_refused(tmp_path: Path):
    with pytest.raises(
        DanqError, match="expected two classes, one of them 'Bound' as in `positive`; received"
    ):
        build(tmp_path, **csv(tmp_path), positive="Bound")
    path = tmp_path / "three.csv"
    path.write_text("sequence,label\n" + "A,a\nA,b\nA,c\n" * 8)
    with pytest.raises(DanqError, match=r"expected two classes, .* received 'a', 'b', 'c'"):
        build(tmp_path, examples=path, window=4, positive="a")
    for more in ({"label_columns": ["a", "b"]}, {"positive": True}):
        with pytest.raises(ValidationError):
            DatasetOptions.model_validate({"examples": "e.csv", "positive": "a", **more})
    with pytest.raises(ValidationError, match="`positive` is for `examples`"):
        DatasetOptions.model_validate(
            {"targets": "t.tsv", "positive": "a", "split": {"valid": ["1"], "test": ["2"]}}
        )
    with pytest.raises(ValidationError, match="`exclude_contigs` is for `targets`"):
        DatasetOptions.model_validate({"examples": "e.csv", "exclude_contigs": []})
