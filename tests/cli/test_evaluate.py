import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from results_tree import predictions, read_metrics
from sklearn import metrics as sk
from typer.testing import CliRunner

from danq.cli import app
from danq.data.dataset import open_dataset
from danq.data.options import DatasetOptions
from danq.data.writing import Contents, write_examples, write_manifest
from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.files import staged
from danq.genome.alphabet import reverse_complement
from danq.learn.predict.predictions import write_predictions

TARGETS = ("CTCF", "tRNA (minus)", "never")


def write(folder: Path, *splits, **drawn) -> list[Path]:
    paths = [folder / f"{split}.npz" for split in splits]
    for path, split in zip(paths, splits, strict=True):
        write_predictions(path, predictions("danq", split, TARGETS, 2.0, without=(2,), **drawn))
    return paths


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_columns_stand_in_the_promised_order(tmp_path):
    evaluate_predictions(write(tmp_path, "valid", "test"), tmp_path / "out", resamples=20)
    assert read_metrics(tmp_path / "out").columns[:12] == [
        *("run", "split", "target_index", "target", "n", "positives", "prevalence"),
        *("auroc", "auprc", "f1", "threshold", "status"),
    ]


def test_metrics_equal_scikit_learn_with_thresholds_of_validation(tmp_path):
    valid, test = write(tmp_path, "valid", "test")
    assert run(test, valid, "--out", tmp_path / "out", "--resamples", 50).exit_code == 0
    table = read_metrics(tmp_path / "out")
    on = {split: predictions("danq", split, TARGETS, 2.0, without=(2,)) for split in ("valid", "test")}
    assert table["split"].to_list() == ["valid"] * 3 + ["test"] * 3
    for row in table.filter(split="test", status="scored").iter_rows(named=True):
        index = row["target_index"]
        y, p = on["test"].labels[:, index], on["test"].probabilities[:, index]
        assert row["target"] == TARGETS[index]
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
        assert row["auprc"] == pytest.approx(sk.average_precision_score(y, p))
        vy, vp = on["valid"].labels[:, index], on["valid"].probabilities[:, index]
        assert max(sk.f1_score(vy, vp >= t) for t in vp) == pytest.approx(
            sk.f1_score(vy, vp >= np.float32(row["threshold"]))
        )
        assert row["f1"] == pytest.approx(sk.f1_score(y, p >= np.float32(row["threshold"])))
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
        assert row["auprc_low"] < row["auprc"] < row["auprc_high"]


def test_a_target_without_positives_is_counted_and_enters_no_mean(tmp_path):
    summary = evaluate_predictions(write(tmp_path, "valid", "test"), tmp_path / "out", resamples=0)
    table = read_metrics(tmp_path / "out").filter(split="test")
    never = table.row(2, named=True)
    assert (never["status"], never["auroc"], never["auprc"], never["f1"]) == (
        "no_positives",
        None,
        None,
        None,
    )
    test = summary.splits["test"]
    assert (test.scored, test.targets, test.not_scored) == (2, 3, {"no_positives": 1})
    assert test.auroc.mean == pytest.approx(np.mean(table["auroc"].to_list()[:2]))
    assert test.auprc.median == pytest.approx(np.median(table["auprc"].to_list()[:2]))
    assert "NaN" not in (tmp_path / "out" / "summary.json").read_text()


def test_without_validation_there_is_no_threshold(tmp_path):
    summary = evaluate_predictions(write(tmp_path, "test"), tmp_path / "out", resamples=0)
    table = read_metrics(tmp_path / "out")
    assert table["threshold"].null_count() == table["f1"].null_count() == 3
    assert set(table["threshold_status"]) == {"no_validation"}
    assert summary.splits["test"].f1.mean is None


def test_two_evaluations_are_byte_equal(tmp_path):
    paths = write(tmp_path, "valid", "test")
    for out in ("a", "b"):
        evaluate_predictions(paths, tmp_path / out, resamples=30)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    tables = ["calibration.tsv", "curves.parquet", "metrics.tsv", "pairs.tsv", "resamples.parquet"]
    assert names == [*tables, "summary.json"]
    for name in names[:-1]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_intervals_resample_blocks_with_coordinates_and_rows_without(tmp_path):
    summaries = {}
    for kind, coordinates in (("bins", True), ("rows", False)):
        (tmp_path / kind).mkdir()
        paths = write(tmp_path / kind, "valid", "test", coordinates=coordinates)
        summaries[kind] = evaluate_predictions(paths, tmp_path / kind / "out", resamples=20)
    test = {kind: summary.splits["test"].intervals for kind, summary in summaries.items()}
    assert (test["bins"].blocks, test["bins"].block) == (24, "100000 bp")
    assert (test["rows"].blocks, test["rows"].block) == (300, "row")
    auroc = summaries["bins"].splits["test"].auroc
    assert auroc.low < auroc.mean < auroc.high


def test_curves_are_thin_and_calibration_counts_every_row(tmp_path):
    evaluate_predictions(write(tmp_path, "valid", "test"), tmp_path / "out", resamples=0)
    curves = pl.read_parquet(tmp_path / "out" / "curves.parquet")
    assert set(curves["target_index"]) == {-1, 0, 1}
    assert curves.group_by("split", "curve", "target_index").len()["len"].max() <= 200
    roc = curves.filter(split="test", curve="roc", target_index=0)
    area = np.trapezoid(roc["y"], roc["x"])
    assert area == pytest.approx(read_metrics(tmp_path / "out").filter(split="test")["auroc"][0], abs=0.02)
    calibration = pl.read_csv(tmp_path / "out" / "calibration.tsv", separator="\t").filter(split="test")
    assert calibration.filter(target_index=-1)["n"].sum() == 900
    assert calibration.filter(target_index=2)["positives"].sum() == 0


def test_classes_get_accuracy_and_matthews_correlation(tmp_path):
    drawn = predictions("danq", "test", ("a", "b", "c"), 2.0)
    labels = np.eye(3, dtype=np.uint8)[drawn.labels.argmax(axis=1)]
    write_predictions(tmp_path / "p.npz", replace(drawn, labels=labels, task="multiclass"))
    summary = evaluate_predictions([tmp_path / "p.npz"], tmp_path / "out", resamples=0)
    classes = summary.splits["test"].classes
    truth, called = labels.argmax(axis=1), drawn.probabilities.argmax(axis=1)
    assert classes.accuracy == pytest.approx(sk.accuracy_score(truth, called))
    assert classes.mcc == pytest.approx(sk.matthews_corrcoef(truth, called))
    assert classes.macro_f1 == pytest.approx(sk.f1_score(truth, called, average="macro"))


@pytest.fixture
def examples(tmp_path):
    """Labelled sequences; the first 10 test rows are training rows, every second on the other strand."""
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, (120, 100)).astype(np.uint8)
    split = np.repeat(np.array([0, 1, 2], np.uint8), [60, 20, 40])
    for row in range(10):
        codes[80 + row] = codes[row] if row % 2 else reverse_complement(codes[row])
    labels = rng.integers(0, 2, (120, 3)).astype(np.uint8)
    out = tmp_path / "dataset"
    options = DatasetOptions.model_validate(
        {"examples": "some.fa", "window": 100, "split": {"valid": 0.1, "test": 0.2}}
    )
    with staged(out) as partial:
        np.save(partial / "codes.npy", codes)
        targets = write_examples(partial, [f"r{i}" for i in range(120)], split, TARGETS, [labels])
        contents = Contents("multilabel", targets, split, {}, "toy")
        write_manifest(partial, out, "toy", options, contents)
    return out


def test_repeats_of_training_windows_are_counted_and_left_out(tmp_path, examples):
    dataset = open_dataset(examples)
    rows = dataset.rows("test")
    drawn = predictions("danq", "test", TARGETS, 1.0, n=40, coordinates=False)
    given = replace(
        drawn, ids=np.array(dataset.ids(rows)), labels=dataset.labels(rows), dataset_digest=dataset.digest
    )
    write_predictions(tmp_path / "test.npz", given)
    result = run(tmp_path / "test.npz", "--out", tmp_path / "out", "--dataset", examples)
    assert result.exit_code == 0, result.output
    leak = json.loads((tmp_path / "out" / "summary.json").read_text())["splits"]["test"]["leakage"]
    assert (leak["windows"], leak["repeats"], leak["overlapping"], leak["left"]) == (40, 10, 0, 30)
    for row in read_metrics(tmp_path / "out").iter_rows(named=True):
        y, p = given.labels[10:, row["target_index"]], given.probabilities[10:, row["target_index"]]
        assert row["n_without_repeats"] == 30
        assert row["auroc_without_repeats"] == pytest.approx(sk.roc_auc_score(y, p))
        assert row["auprc_without_repeats"] == pytest.approx(sk.average_precision_score(y, p))


def test_a_dataset_of_other_rows_is_refused(tmp_path, examples):
    with pytest.raises(DanqError, match="found other ones"):
        evaluate_predictions(write(tmp_path, "test"), tmp_path / "out", dataset=examples)
    write_predictions(
        tmp_path / "test.npz", replace(predictions("danq", "test", TARGETS, 1.0), dataset_digest="f" * 64)
    )
    with pytest.raises(DanqError, match="expected the dataset ffffffffffff of the predictions"):
        evaluate_predictions([tmp_path / "test.npz"], tmp_path / "out", dataset=examples)
    assert not (tmp_path / "out").exists()


def test_bad_predictions_are_refused_in_one_line(tmp_path):
    valid, test = write(tmp_path, "valid", "test")
    good = predictions("danq", "test", TARGETS, 1.0)
    other = tmp_path / "other.npz"
    for change, message in (
        ({"labels": None}, "expected predictions of labelled rows"),
        ({"run": "kmer"}, "evaluate one run at a time"),
        ({"split": "valid"}, "the split 'valid' is that of"),
        ({"targets": np.array(["x", "y", "z"])}, "received other ones"),
    ):
        write_predictions(other, replace(good, **change))
        with pytest.raises(DanqError, match=message) as caught:
            evaluate_predictions([valid, other], tmp_path / "out")
        assert str(caught.value).startswith(str(other))
        assert "\n" not in str(caught.value)
    nan = replace(good, probabilities=np.full_like(good.probabilities, np.nan))
    write_predictions(test, nan)
    with pytest.raises(
        DanqError, match=r"of row 'chrI:0-200' and target 'CTCF': expected a number from 0 to 1, .* nan"
    ):
        evaluate_predictions([test], tmp_path / "out")
    with pytest.raises(DanqError, match="no such file"):
        evaluate_predictions([tmp_path / "none.npz"], tmp_path / "out")
    with pytest.raises(DanqError, match="resamples: expected 0 or more"):
        evaluate_predictions([valid], tmp_path / "out", resamples=-1)
    assert not (tmp_path / "out").exists()


def test_large_predictions_get_no_intervals_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("danq.evaluate.intervals.AFFORDABLE", 1000)
    paths = write(tmp_path, "test")
    assert evaluate_predictions(paths, tmp_path / "a").splits["test"].intervals is None
    assert evaluate_predictions(paths, tmp_path / "b", resamples=5).splits["test"].intervals.resamples == 5


@pytest.mark.parametrize(("number", "told"), [(1, "1 block, at"), (9, "9 blocks, at"), (10, None)])
def test_few_blocks_give_no_interval_and_say_so(tmp_path, number, told):
    drawn = predictions("danq", "test", TARGETS, 2.0, n=200)
    start = np.arange(200) % number * 100_000
    write_predictions(tmp_path / "p.npz", replace(drawn, start=start, end=start + 200))
    test = evaluate_predictions([tmp_path / "p.npz"], tmp_path / "out", resamples=20).splits["test"]
    assert (test.intervals is None) == (told is not None) == (test.auroc.low is None)
    if told:
        assert test.no_intervals == f"{told} least 10 are needed"
        assert read_metrics(tmp_path / "out")["auroc_low"].is_null().all()


def test_rows_are_told_by_names_order_and_labels(tmp_path):
    drawn = predictions("danq", "test", TARGETS, 2.0)
    other = drawn.labels.copy()
    other[5, 1] ^= 1
    digests = []
    for given in (
        drawn,
        predictions("kmers", "test", TARGETS, 0.5),
        drawn.rows(np.arange(300)[::-1]),
        replace(drawn, labels=other),
        replace(drawn, ids=np.array([f"{id_}x" for id_ in drawn.ids])),
    ):
        write_predictions(tmp_path / "p.npz", given)
        summary = evaluate_predictions([tmp_path / "p.npz"], tmp_path / "out", resamples=0)
        digests.append(summary.splits["test"].rows)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_help_names_every_option():
    text = CliRunner().invoke(app, ["evaluate", "--help"]).output
    for option in ("--out", "--dataset", "--resamples"):
        assert option in text
