"""Predictions of another tool, and tables of danq's own: what is needed, what is unknown, what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from results_tree import build, predictions, read_metrics
from sklearn import metrics as sk

from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.predict.outputs import writing_table
from danq.learn.predict.predictions import write_predictions, writing_npz
from danq.learn.predict.reading import read_predictions
from danq.report.results import read_results

TARGETS = ("CTCF", "tRNA (minus)")


def drawn(split="test", unknown=0.3, **more):
    """Draw predictions of which some labels are unknown."""
    whole = predictions("danq", split, TARGETS, 2.0, **more)
    labels = whole.labels.astype(np.int8)
    labels[np.random.default_rng(9).random(labels.shape) < unknown] = -1
    return replace(whole, labels=labels)


def foreign(path: Path, **arrays: object) -> Path:
    one = drawn()
    least = {"ids": one.ids, "targets": one.targets, "labels": one.labels, "probabilities": one.probabilities}
    np.savez(path, **{name: array for name, array in (least | arrays).items() if array is not None})
    return path


def same_metrics(a: Path, b: Path) -> None:
    left, right = (read_metrics(folder).drop("run") for folder in (a, b))
    assert_frame_equal(left, right, abs_tol=1e-6)


def test_metrics_are_those_of_the_rows_whose_labels_are_known(tmp_path):
    on = {split: drawn(split) for split in ("valid", "test")}
    for split, one in on.items():
        write_predictions(tmp_path / f"{split}.npz", one)
    paths = [tmp_path / f"{split}.npz" for split in on]
    summary = evaluate_predictions(paths, tmp_path / "out", resamples=30)
    for row in read_metrics(tmp_path / "out").filter(split="test").iter_rows(named=True):
        labels, scores = (
            getattr(on["test"], name)[:, row["target_index"]] for name in ("labels", "probabilities")
        )
        known = labels >= 0
        y, p = labels[known], scores[known]
        called = p >= np.float32(row["threshold"])
        assert (row["n"], row["positives"], row["unknown"]) == (known.sum(), y.sum(), (~known).sum())
        assert row["prevalence"] == pytest.approx(y.mean())
        assert row["auroc"] == pytest.approx(sk.roc_auc_score(y, p))
        assert row["auprc"] == pytest.approx(sk.average_precision_score(y, p))
        assert row["f1"] == pytest.approx(sk.f1_score(y, called))
        assert row["mcc"] == pytest.approx(sk.matthews_corrcoef(y, called))
        assert row["accuracy"] == pytest.approx((called == y).mean())
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
        valid = on["valid"].labels[:, row["target_index"]]
        vp = on["valid"].probabilities[valid >= 0, row["target_index"]]
        vy = valid[valid >= 0]
        best = max(sk.f1_score(vy, vp >= t) for t in vp)
        assert sk.f1_score(vy, vp >= np.float32(row["threshold"])) == pytest.approx(best)
    test = summary.splits["test"]
    assert test.unknown_labels == (on["test"].labels < 0).sum()
    calibration = pl.read_csv(tmp_path / "out" / "calibration.tsv", separator="\t").filter(split="test")
    assert calibration.filter(target_index=-1)["n"].sum() == (on["test"].labels >= 0).sum()
    (pair,) = pl.read_csv(tmp_path / "out" / "pairs.tsv", separator="\t").filter(split="test").to_dicts()
    both = (on["test"].labels >= 0).all(axis=1)
    assert pair["labels"] == pytest.approx(np.corrcoef(on["test"].labels[both].T)[0, 1], abs=1e-6)
    assert pair["predictions"] == pytest.approx(np.corrcoef(on["test"].logits[both].T)[0, 1], abs=1e-5)


def test_what_an_unknown_label_is_called_changes_nothing(tmp_path):
    one = drawn()
    missing = np.where(one.labels < 0, np.nan, one.labels)
    made = []
    for name, labels in {"int8": one.labels, "float": missing, "int64": one.labels.astype(np.int64)}.items():
        foreign(tmp_path / f"{name}.npz", labels=labels)
        evaluate_predictions([tmp_path / f"{name}.npz"], tmp_path / name, resamples=20)
        made.append((tmp_path / name / "metrics.tsv").read_text().replace(name, "x"))
    assert made[0] == made[1] == made[2]


def test_a_target_without_any_label_is_not_scored(tmp_path):
    labels = drawn().labels.copy()
    labels[:, 1] = -1
    evaluate_predictions([foreign(tmp_path / "p.npz", labels=labels)], tmp_path / "out", resamples=20)
    row = read_metrics(tmp_path / "out").row(1, named=True)
    assert (row["n"], row["status"], row["auroc"], row["auroc_low"]) == (0, "no_labels", None, None)


def test_unknown_labels_make_other_rows(tmp_path):
    rows = set()
    for value in (-1, 0, 1):
        labels = drawn(unknown=0).labels.copy()
        labels[4, 1] = value
        evaluation = evaluate_predictions(
            [foreign(tmp_path / "p.npz", labels=labels)], tmp_path / "out", resamples=0
        )
        rows.add(evaluation.splits["test"].rows)
    assert len(rows) == 3


@pytest.mark.parametrize("ending", [".parquet", ".tsv"])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_tables_of_danq_are_read_as_they_were_written(tmp_path, ending, task):
    one = drawn()
    if task == "multiclass":
        labels = np.eye(2, dtype=np.int8)[one.labels.argmax(axis=1)]
        labels[:40] = -1
        shares = one.probabilities / one.probabilities.sum(axis=1, keepdims=True)
        one = replace(one, labels=labels, probabilities=shares, task=task)
    with writing_table(tmp_path / f"test{ending}") as append:
        append(one.rows(slice(0, 100)))
        append(one.rows(slice(100, None)))
    write_predictions(tmp_path / "test.npz", one)
    read = read_predictions(tmp_path / f"test{ending}")
    assert read.columns().keys() == one.columns().keys()
    for name, array in one.columns().items():
        np.testing.assert_array_equal(read.columns()[name], array)
    assert (read.task, read.targets.tolist()) == (task, list(TARGETS))
    if ending == ".parquet":
        assert (read.run, read.split, read.bin) == ("danq", "test", 200)
    for name in ("npz", ending[1:]):
        evaluate_predictions([tmp_path / f"test.{name}"], tmp_path / name, resamples=20)
    same_metrics(tmp_path / "npz", tmp_path / ending[1:])


def test_a_foreign_file_needs_little(tmp_path, caplog):
    caplog.set_level("INFO", "danq")
    one = drawn()
    write_predictions(tmp_path / "own.npz", replace(one, contig=None, start=None, end=None))
    evaluate_predictions([tmp_path / "own.npz"], tmp_path / "own", resamples=20)
    foreign(tmp_path / "deep.npz")
    summary = evaluate_predictions([tmp_path / "deep.npz"], tmp_path / "deep", resamples=20)
    assert (summary.run, list(summary.splits)) == ("deep", ["test"])
    assert "deep.npz: says no split, taken for that of test" in caplog.text
    same_metrics(tmp_path / "own", tmp_path / "deep")
    foreign(tmp_path / "odds.npz", probabilities=None, logits=one.logits.astype(np.float64))
    evaluate_predictions([tmp_path / "odds.npz"], tmp_path / "odds", resamples=20)
    same_metrics(tmp_path / "own", tmp_path / "odds")


def test_the_report_says_which_evaluation_it_leaves_out(tmp_path, caplog):
    results = build(tmp_path / "results", {"ours": ("marks", "danq", 2.0)}, TARGETS, 0)
    folder = results / "runs" / "deep"
    summary = evaluate_predictions([foreign(tmp_path / "p.npz")], folder / "evaluation", resamples=0)
    assert summary.run == "deep"
    assert "deep" not in [run.name for run in read_results(results).runs]
    assert f"{folder}: of no model of danq, for there is no bundle; not shown" in caplog.text


def test_the_split_stands_in_the_name(tmp_path):
    paths = [foreign(tmp_path / name) for name in ("deep_valid.npz", "deep.test.npz")]
    assert list(evaluate_predictions(paths, tmp_path / "out", resamples=0).splits) == ["valid", "test"]
    again = foreign(tmp_path / "more.npz")
    with pytest.raises(DanqError, match=r"the split 'test' is that of .*deep\.test\.npz already"):
        evaluate_predictions([*paths, again], tmp_path / "out", resamples=0)


def test_one_target_may_come_without_a_second_dimension(tmp_path):
    one = drawn()
    arrays = {
        "labels": one.labels[:, 0],
        "probabilities": one.probabilities[:, 0],
        "targets": np.array(["CTCF"]),
    }
    read = read_predictions(foreign(tmp_path / "p.npz", **arrays))
    assert read.labels.shape == read.logits.shape == (300, 1)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"ids": None}, "expected predictions with ids, received targets, labels, probabilities"),
        ({"probabilities": None}, "expected predictions with probabilities or logits"),
        ({"labels": None}, "expected predictions of labelled rows"),
        ({"labels": np.full((300, 2), 2)}, "labels of row 'chrI:0-200' and target 'CTCF': expected 0, 1"),
        ({"labels": np.full((300, 2), 255, np.uint8)}, "expected 0, 1 or, unknown, -1, received 255"),
        ({"labels": np.full((300, 2), 0.5)}, "expected 0, 1 or, unknown, -1, received 0.5"),
        ({"labels": np.full((300, 2), "1")}, "labels: expected numbers, received <U1"),
        ({"probabilities": np.full((300, 2), 1.5)}, "expected a number from 0 to 1, received 1.5"),
        ({"probabilities": np.full((300, 2), np.nan)}, "expected a number from 0 to 1, received nan"),
        ({"probabilities": np.full((300, 2), -1)}, "expected a number from 0 to 1, received -1"),
        ({"logits": np.full((300, 2), np.inf)}, "logits of row .*: expected a finite .* received inf"),
        ({"probabilities": np.full((300, 3), 0.5)}, r"of shape \(300, 2\), received \(300, 3\)"),
        ({"targets": np.array(["a", "a"])}, "expected different targets, received one twice"),
        ({"task": "regression"}, "task: expected multilabel, multiclass; received 'regression'"),
        ({"task": "multiclass"}, "labels: expected one class a row, or none known"),
        ({"start": np.arange(300)}, "expected all of contig, start and end or none"),
        ({"split": np.array([1, 2])}, "split: expected one text, received int64"),
        ({"ids": np.arange(300) / 2}, "ids: expected text of 1 dimension, received float64"),
        ({"ids": drawn().ids.astype(object)}, r"received Python objects in ids, of which ids\.astype\(str\)"),
        ({"targets": np.array([b"a", b"\xff"])}, "targets: expected UTF-8 text"),
        ({"split": "holdout"}, "split: expected train, valid, test; received 'holdout'"),
        ({"probabilities": None, "logits": np.full((300, 2), 1e39)}, "finite number of float32, received 1e"),
        ({"contig": np.full(300, "c"), "start": np.arange(1, 301), "end": np.arange(300)}, "an end behind"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path, arrays, message):
    path = foreign(tmp_path / "p.npz", **arrays)
    with pytest.raises(DanqError, match=message) as refused:
        evaluate_predictions([path], tmp_path / "out")
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_name_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("id,A__probability\n")
    with pytest.raises(DanqError, match=r"named \.npz, \.parquet, \.tsv, received '\.csv'"):
        read_predictions(tmp_path / "p.csv")


def test_what_others_write_differently_is_read(tmp_path):
    one = drawn()
    write_predictions(tmp_path / "own.npz", one)
    arrays = {"ids": one.ids.astype("S"), "targets": one.targets.astype("S"), "split": "Validation"}
    read = read_predictions(foreign(tmp_path / "p.npz", **arrays))
    assert (read.ids.tolist(), read.targets.tolist()) == (one.ids.tolist(), one.targets.tolist())
    assert read.split == "valid"
    # means of trees' votes are above 1 by rounding
    above = np.where(one.probabilities > 0.5, 1 + 2e-16 * 2, one.probabilities.astype(np.float64))
    assert read_predictions(foreign(tmp_path / "p.npz", probabilities=above)).probabilities.max() == 1


@pytest.mark.parametrize(
    ("column", "values", "received"),
    [
        ("A__probability", [[0.1], [0.2]], "expected numbers, received List"),
        ("A__label", pl.Series([1, 0]).cast(pl.Date), "expected numbers, received Date"),
        ("id", [b"a", b"\xff"], "expected names, received Binary"),
    ],
)
def test_columns_of_another_type_are_refused(tmp_path, column, values, received):
    table = pl.DataFrame({"id": ["x", "y"], "A__probability": [0.1, 0.2], "A__label": [1, 0]})
    table.with_columns(pl.Series(column, values)).write_parquet(tmp_path / "p.parquet")
    with pytest.raises(DanqError, match=rf"p\.parquet: {column}: {received}"):
        read_predictions(tmp_path / "p.parquet")


def test_classes_without_a_word_of_it_are_told(tmp_path, caplog):
    caplog.set_level("INFO", "danq")
    labels = np.eye(2, dtype=np.int8)[drawn(unknown=0).labels[:, 0]]
    assert read_predictions(foreign(tmp_path / "p.npz", labels=labels)).task == "multilabel"
    assert "each row has one class" in caplog.text


@pytest.mark.parametrize("ending", [".npz", ".parquet"])
def test_some_of_several_classes_can_be_evaluated(tmp_path, ending):
    one = drawn(unknown=0)
    labels = np.eye(2, dtype=np.int8)[one.labels[:, 0]]
    chosen = replace(one, labels=labels, task="multiclass").choose(np.array([1]))
    assert replace(one, task="multiclass").choose(np.array([1, 0])).task == "multiclass"
    path = tmp_path / f"p{ending}"
    with (writing_npz if ending == ".npz" else writing_table)(path) as append:
        append(chosen)
    evaluate_predictions([path], tmp_path / "out", resamples=0)
    area = sk.roc_auc_score(labels[:, 1], one.probabilities[:, 1])
    assert read_metrics(tmp_path / "out")["auroc"].to_list() == pytest.approx([area])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tA__probability\tA__label\nx\t0.5\t2\n", "labels of row 'x' and target 'A': expected 0, 1"),
        ("id\tA__probability\tA__label\nx\t0.5\t1\ny\tmuch\t1\n", r":3: A__probability: .* received 'much'"),
        ("id\tA__probability\tA__label\nx\t\t1\n", ":2: A__probability: expected a number, received nothing"),
        ("id\tA__probability\tA__label\tB__probability\nx\t1\t1\t1\n", "found no B__label"),
        ("id\tscore\nx\t1\n", "expected columns `id` and .* of each target, received id, score"),
        ("A__probability\tA__label\n1\t1\n", "expected columns `id` and .*received A__probability, A__label"),
        ("id\tflags\tA__logit\nx\tout_of_range\t0.7\n", "row 'x' and target 'A': expected no number"),
        ("id,A__label\nx,1\n", r"received id,A__label \(separated by commas\?\)"),
        ("id\tA__probability\nx\t1\t1\n", ":2: expected 2 fields, received 3"),
        ("id\tA__probability\tA__label\nx\t1\t1\ny\t.5\n", ":3: expected 3 fields, received 2"),
        ("", "expected a table of predictions, received"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_is_refused(tmp_path, text, message):
    (tmp_path / "p.tsv").write_text(text)
    with pytest.raises(DanqError, match=message) as refused:
        evaluate_predictions([tmp_path / "p.tsv"], tmp_path / "out")
    assert "\n" not in str(refused.value)


def test_nothing_in_a_table_is_unknown(tmp_path):
    rows = [
        "id\tA__probability\tA__label",
        "z\t 0.5 \t<NA>",
        'a"b\t0.5\t1',
        "b\t0.25\t",
        "c\t0.75\tNA",
        "d\t0\tnan",
        "e\t1\t-1",
        "f\t0.1\t0",
    ]
    (tmp_path / "p.tsv").write_text("\n".join(rows) + "\n")
    read = read_predictions(tmp_path / "p.tsv")
    assert read.labels[:, 0].tolist() == [-1, 1, -1, -1, -1, -1, 0]
    assert read.ids[1] == 'a"b'
    assert np.isfinite(read.logits).all()


def test_an_ending_in_capitals_is_the_same_ending(tmp_path):
    with writing_table(tmp_path / "p.parquet") as append:
        append(drawn())
    path = (tmp_path / "p.parquet").rename(tmp_path / "P.PARQUET")
    assert read_predictions(path).ids.tolist() == drawn().ids.tolist()
