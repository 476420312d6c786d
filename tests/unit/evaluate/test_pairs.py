"""Pairs of targets: correlations against NumPy's, what is told of them and what is not."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from results_tree import predictions, read_metrics

from danq.evaluate.evaluate import evaluate_predictions
from danq.evaluate.intervals import positives_needed
from danq.evaluate.pairs import SCHEMA, alike, correlations, pair_table, spread
from danq.evaluate.remarks import few_positives, remarks
from danq.learn.predict.predictions import Predictions, write_predictions

TARGETS = ("a", "b", "c")


def drawn(shared: float, alike_labels: bool = False, n: int = 400, task: str = "multilabel") -> Predictions:
    """Logits of three targets that have a part `shared` of their variance in common."""
    rng = np.random.default_rng(1)
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, 3))
    logits = (np.sqrt(shared) * common + np.sqrt(1 - shared) * own).astype(np.float32)
    labels = (rng.random((n, 1 if alike_labels else 3)) < 0.2).astype(np.uint8)
    return Predictions(
        ids=np.array([f"row{row}" for row in range(n)]),
        probabilities=1 / (1 + np.exp(-logits)),
        logits=logits,
        targets=np.array(TARGETS),
        labels=np.broadcast_to(labels, (n, 3)).copy(),
        run="net",
        split="test",
        task=task,
    )


def test_correlations_are_those_of_numpy_and_of_a_constant_none():
    values = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_allclose(correlations(values), np.corrcoef(values.T), atol=1e-6)
    values[:, 2] = 0.1
    assert np.isnan(correlations(values)[2]).all()
    assert np.isnan(correlations(np.zeros((0, 2)))).all()


@pytest.mark.parametrize("unknown", [0, 7], ids=["all known", "some unknown"])
def test_what_varies_by_rounding_alone_correlates_with_nothing(unknown: int):
    rng = np.random.default_rng(5)
    steady = np.float32(3) + np.float32(2.4e-7) * rng.integers(0, 2, 200)
    values = np.column_stack([steady, rng.normal(size=200)]).astype(np.float32)
    known = np.arange(400).reshape(200, 2) >= unknown
    r = correlations(values, known)
    assert np.isnan(r[0]).all()
    assert r[1, 1] == pytest.approx(1)


def test_rows_of_the_table_are_the_pairs():
    made = drawn(0.5)
    table = pair_table(made, made.labels)
    assert table.schema == SCHEMA
    assert table.select("first", "second").rows() == [("a", "b"), ("a", "c"), ("b", "c")]
    expected = np.corrcoef(made.logits.T)
    assert table["predictions"].to_list() == pytest.approx(
        [expected[0, 1], expected[0, 2], expected[1, 2]], abs=1e-6
    )


@pytest.mark.parametrize(
    ("shared", "alike_labels", "told"),
    [(0.99, False, True), (0.90, False, False), (0.99, True, None)],
)
def test_targets_that_are_predicted_alike_are_told_unless_they_are_alike(shared, alike_labels, told):
    made = drawn(shared, alike_labels)
    same = alike(pair_table(made, made.labels))
    assert (same.told if same else None) is told
    if same:
        assert same.pairs == 3
        assert same.predictions == pytest.approx(shared, abs=0.02)


def test_effects_of_variants_take_the_place_of_predictions():
    made = drawn(0.5)
    table = pair_table(made, made.labels)
    same = alike(table, {("a", "b"): 0.99, ("a", "c"): 0.97, ("b", "c"): float("nan")})
    assert same is not None
    assert (same.pairs, same.predictions) == (2, pytest.approx(0.98))
    assert alike(table, {}) is None
    assert alike(None) is None


def test_classes_and_single_targets_have_no_pairs():
    made = drawn(0.5, task="multiclass")
    assert pair_table(made, made.labels).is_empty()
    single = drawn(0.5).choose(np.array([1]))
    assert pair_table(single, single.labels).is_empty()


def test_a_target_without_positives_has_no_pair():
    made = drawn(0.5)
    made.labels[:, 1] = 0
    assert pair_table(made, made.labels).select("first", "second").rows() == [("a", "c")]


def test_of_many_targets_and_rows_some_are_compared():
    assert spread(3, 64).tolist() == [0, 1, 2]
    assert spread(1000, 5).tolist() == [0, 250, 500, 749, 999]
    assert spread(0, 5).tolist() == []


def test_positives_needed_are_those_of_hanley_and_mcneil():
    auroc = 0.8
    variance = auroc / (2 - auroc) - auroc**2
    n = positives_needed(auroc, 0.05)
    assert 1.96 * np.sqrt(variance / n) <= 0.05 < 1.96 * np.sqrt(variance / (n - 1))
    assert positives_needed(1.0, 0.05) == 1


@pytest.mark.parametrize(("positives", "said"), [([5, 10, 300], True), ([5, 20, 300], False), ([20], False)])
def test_too_few_positives_are_told_with_how_many_would_do(positives, said):
    table = pl.DataFrame({"positives": positives, "status": "scored", "auroc": 0.8})
    remark = few_positives(table)
    assert (remark is not None) == said
    if said:
        assert remark == (
            "2 of 3 targets have fewer than 20 positive rows (median 10); about 41 would tell an AUROC "
            "to ±0.05"
        )


def test_the_last_lines_of_the_log_say_it(tmp_path: Path, caplog):
    path = tmp_path / "test.npz"
    write_predictions(path, drawn(0.99))
    evaluate_predictions([path], tmp_path / "out", resamples=0)
    assert caplog.records[-1].message.startswith(
        "test: the model predicts its targets alike: over 3 pairs of"
    )
    table = pl.read_csv(tmp_path / "out/pairs.tsv", separator="\t", schema_overrides=SCHEMA)
    assert len(table) == 3
    assert remarks(read_metrics(tmp_path / "out"), table) == [
        caplog.records[-1].message.removeprefix("test: ")
    ]


def test_a_good_model_is_told_nothing(tmp_path: Path, caplog):
    path = tmp_path / "test.npz"
    write_predictions(path, predictions("net", "test", TARGETS, 2.0))
    evaluate_predictions([path], tmp_path / "out", resamples=0)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
