"""Labels that nobody knows: read from every kind of file, kept as such, and no part of any learning."""

import numpy as np
import polars as pl
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from tiny_dataset import SMALL, tiny_run

from danq.data.dataset import open_dataset
from danq.data.examples.labels import texts_of_labels
from danq.data.examples.making import build_example_dataset
from danq.data.manifest import DatasetManifest
from danq.data.options import DatasetOptions
from danq.errors import DanqError
from danq.genome.alphabet import decode
from danq.learn.ensemble import choose_weights
from danq.learn.options import PredictOptions
from danq.learn.predict.predictor import load
from danq.learn.train.chance import chance_loss
from danq.learn.train.monitor import Monitor
from danq.learn.train.optimization import positive_weights, row_loss, target_weights
from danq.learn.train.run import train_run, valid_prevalence
from danq.metrics import cross_entropy, known_shares, rank
from danq.models.logistic_regression import regress

UNKNOWN = ("", "-1", "-1.0", "-1.000e+00", "NA", "nan", "null", "<NA>", "None")
BASES = "ACGT"


def build(tmp_path, text, name="rows.csv", **options):
    path = tmp_path / name
    text.write_parquet(path) if isinstance(text, pl.DataFrame) else path.write_text(text)
    given = {"examples": path, "window": 12, "split": {"valid": 0.3, "test": 0.2}} | options
    build_example_dataset(DatasetOptions.model_validate(given), "mine", tmp_path / "data")
    return open_dataset(tmp_path / "data")


def labels_of(dataset):
    return dataset.labels(np.arange(len(dataset)))


def two_targets(tmp_path, n=60):
    rng = np.random.default_rng(3)
    rows = [(rng.choice([0, 1]), rng.choice([0, 1, -1])) for _ in range(n)]
    sequences = ["".join(rng.choice(list(BASES), 12)) for _ in rows]
    lines = [
        f"{sequence},{a},{UNKNOWN[i % len(UNKNOWN)] if b < 0 else b}"
        for i, (sequence, (a, b)) in enumerate(zip(sequences, rows, strict=True))
    ]
    dataset = build(tmp_path, "sequence,a,b\n" + "\n".join(lines) + "\n", label_columns=["a", "b"])
    return dataset, np.array(rows, np.int8)


def test_labels_of_a_table_stay_unknown(tmp_path, caplog):
    dataset, expected = two_targets(tmp_path)
    labels = labels_of(dataset)
    assert labels.dtype == np.int8
    np.testing.assert_array_equal(labels, expected)
    unknown = int((expected < 0).sum())
    assert f"{unknown} of 120 labels are unknown" in caplog.text
    assert dataset.manifest.unknown_labels == unknown
    for index, split in enumerate(("train", "valid", "test")):
        of = expected[dataset.split == index]
        assert dataset.labelled(split).tolist() == (of >= 0).sum(axis=0).tolist()
        assert dataset.counts(split).tolist() == (of > 0).sum(axis=0).tolist()
    assert '"format_version": 2' in (tmp_path / "data" / "dataset.json").read_text()


def test_a_dataset_without_them_is_what_it_was(tmp_path):
    dataset = build(tmp_path, "sequence,label\n" + "ACGT,1\nAC,0\n" * 10)
    assert not (tmp_path / "data" / "known.npy").exists()
    text = (tmp_path / "data" / "dataset.json").read_text()
    assert '"format_version": 1' in text
    assert '"unknown":' not in text
    assert dataset.known is None


def test_its_digest_tells_unknown_from_negative(tmp_path):
    rows = "ACGT,1\nAC,0\n" * 10
    digests = set()
    for last in ("0", "1", "-1"):
        (tmp_path / last).mkdir()
        digests.add(build(tmp_path / last, f"sequence,label\n{rows}TT,{last}\n").digest)
    assert len(digests) == 3


@pytest.mark.parametrize("missing", UNKNOWN[:-1])  # but for a class called None
@pytest.mark.parametrize(("classes", "task"), [("10", "multilabel"), (("dog", "cat", "cow"), "multiclass")])
def test_a_column_of_classes(tmp_path, classes, task, missing):
    words = [*classes, missing] * 8
    dataset = build(tmp_path, "sequence,label\n" + "".join(f"ACGT,{word}\n" for word in words))
    labels = labels_of(dataset)
    assert dataset.task == task
    assert len(dataset.targets) == (1 if task == "multilabel" else 3)
    hidden = np.array([word == missing for word in words])
    assert (labels[hidden] == -1).all()
    assert (labels[~hidden] >= 0).all()
    if task == "multiclass":
        assert (labels[~hidden].sum(axis=1) == 1).all()


def test_a_parquet_table_and_a_fasta(tmp_path):
    table = pl.DataFrame(
        {"sequence": ["ACGT"] * 20, "a": [1, 0, None, -1] * 5, "b": [0.0, 1.0, float("nan"), None] * 5}
    )
    labels = labels_of(build(tmp_path, table, "rows.parquet", label_columns=["a", "b"]))
    assert labels[:4].tolist() == [[1, 0], [0, 1], [-1, -1], [-1, -1]]
    text = ">one 1\nACGT\n>two 0\nAC\n>three -1\nGG\n>four NA\nTT\n" * 5
    assert labels_of(build(tmp_path, text, "rows.fa"))[:4].tolist() == [[1], [0], [-1], [-1]]


def test_labels_of_arrays():
    array = np.array([[1.0, np.nan], [0.0, -1.0]])
    assert texts_of_labels(array, ["a", "b"], "x.npz: y") == [("1", "-1"), ("0", "-1")]


def test_a_manifest_of_a_later_format_is_refused(tmp_path):
    build(tmp_path, "sequence,label\n" + "ACGT,1\nAC,0\n" * 10)
    path = tmp_path / "data" / "dataset.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 3'))
    with pytest.raises(DanqError, match="expected dataset format version 1 or 2, received 3"):
        DatasetManifest.read(tmp_path / "data")


def masked(task, shape, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=shape).astype(np.float32)
    if task == "multiclass":
        labels = np.eye(shape[-1], dtype=np.int8)[rng.integers(0, shape[-1], shape[:-1])]
        labels[rng.random(shape[:-1]) < 0.4] = -1
    else:
        labels = (rng.random(shape) < 0.5).astype(np.int8)
        labels[rng.random(shape) < 0.4] = -1
    return logits, labels


@pytest.mark.parametrize("shape", [(9, 3), (9, 4, 3)])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_the_loss_is_the_mean_over_known_labels(task, shape):
    logits, labels = masked(task, shape)
    flat, truth = logits.reshape(-1, 3).astype(np.float64), labels.reshape(-1, 3)
    if task == "multiclass":
        rows = truth[:, 0] >= 0
        shares = np.exp(flat[rows]) / np.exp(flat[rows]).sum(axis=1, keepdims=True)
        expected = -np.log(shares[truth[rows] == 1]).mean()
    else:
        each = [
            np.log1p(np.exp(-x if y else x))
            for x, y in zip(flat.ravel(), truth.ravel(), strict=True)
            if y >= 0
        ]
        expected = np.mean(each)
    total = known_shares(labels).sum()
    losses = row_loss(task, None, unknown=True)(tf.constant(labels), tf.constant(logits)).numpy()
    assert losses.sum() / total == pytest.approx(expected, rel=1e-5)
    assert cross_entropy(logits, labels, task).sum() / total == pytest.approx(expected)
    monitor = Monitor(len(flat), 3, task)
    for part in (slice(0, 5), slice(5, 9)):
        monitor.add(logits[part], labels[part], losses[part], np.ones(len(losses[part]), np.float32))
    assert monitor.metrics().loss == pytest.approx(expected, rel=1e-5)


def test_an_unknown_label_has_no_gradient():
    logits, labels = masked("multilabel", (6, 3))
    with tf.GradientTape() as tape:
        variable = tf.Variable(logits)
        weights = np.array([1.0, 2.0, 3.0], np.float32)
        loss = tf.reduce_sum(
            row_loss("multilabel", weights, weights, unknown=True)(tf.constant(labels), variable)
        )
    gradient = tape.gradient(loss, variable).numpy()
    assert (gradient[labels < 0] == 0).all()
    assert (gradient[labels >= 0] != 0).all()


def test_metrics_of_validation_leave_them_out():
    logits, labels = masked("multilabel", (80, 2))
    monitor, known = Monitor(80, 2, "multilabel"), Monitor(80, 1, "multilabel")
    ones = np.ones(80, np.float32)
    monitor.add(logits, labels, ones, ones)
    rows = labels[:, 0] >= 0
    known.add(logits[rows][:, :1], labels[rows][:, :1], ones[rows], ones[rows])
    other = Monitor(80, 1, "multilabel")
    rows = labels[:, 1] >= 0
    other.add(logits[rows][:, 1:], labels[rows][:, 1:], ones[rows], ones[rows])
    both = [known.metrics(), other.metrics()]
    for name in ("auroc", "auprc", "f1"):
        assert getattr(monitor.metrics(), name) == pytest.approx(np.mean([getattr(m, name) for m in both]))
    assert rank(logits[:, 0], labels[:, 0]).n == int((labels[:, 0] >= 0).sum())


def test_weights_and_chance_count_known_labels_only(tmp_path):
    dataset, expected = two_targets(tmp_path)
    train, valid = (expected[dataset.split == index] for index in (0, 1))
    known, positives = (train >= 0).sum(axis=0), (train > 0).sum(axis=0)
    run = tiny_run(positive_weight="balanced", target_weight="rare")
    np.testing.assert_allclose(
        positive_weights(run.train, dataset), (known - positives) / positives, rtol=1e-6
    )
    share = positives / known
    entropy = -(share * np.log(share) + (1 - share) * np.log1p(-share))
    weights = entropy**-0.5
    np.testing.assert_allclose(target_weights(run.train, dataset), weights / weights.mean(), rtol=1e-6)
    losses = [-np.log(share[j] if y else 1 - share[j]) for row in valid for j, y in enumerate(row) if y >= 0]
    assert chance_loss(dataset, "valid", None, None) == pytest.approx(np.mean(losses))
    shares = [(column == 1).sum() / (column >= 0).sum() for column in valid.T]
    assert valid_prevalence(dataset) == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_regressions_are_those_of_the_known_rows(task):
    rng = np.random.default_rng(2)
    features = rng.normal(size=(300, 5)).astype(np.float32)
    _, labels = masked(task, (300, 3), seed=4)
    logits = regress(features, labels, 0.1, task).logits(features)
    for target in range(3):
        rows = labels[:, target] >= 0
        truth = labels[rows].argmax(axis=1) if task == "multiclass" else labels[rows][:, target]
        fitted = LogisticRegression(C=0.1, tol=1e-8, max_iter=5000).fit(features[rows], truth)
        expected = fitted.decision_function(features)
        if task == "multiclass":
            difference = logits - expected
            np.testing.assert_allclose(difference - difference[:, :1], 0, atol=0.01)
            return
        np.testing.assert_allclose(logits[:, target], expected, atol=0.01)


def test_an_ensemble_is_weighed_by_known_labels():
    rng = np.random.default_rng(5)
    labels = (rng.random((200, 1)) < 0.4).astype(np.int8)
    good = (labels + rng.normal(size=labels.shape) / 4).astype(np.float32)
    bad = rng.normal(size=labels.shape).astype(np.float32)
    hidden = labels.copy()
    hidden[100:] = -1
    # in the rows that nobody knows the good one is the bad one
    good[100:], bad[100:] = bad[100:], good[100:]
    assert choose_weights([good, bad], hidden, "multilabel") == choose_weights(
        [good[:100], bad[:100]], labels[:100], "multilabel"
    )


@pytest.mark.parametrize("model", ["danq", "kmer_logistic"])
def test_a_training_measures_known_labels(tmp_path, model):
    dataset, expected = two_targets(tmp_path, 80)
    run = tiny_run(model, SMALL | {"pool": 3} if model == "danq" else {"k": [2], "c": [0.1]})
    run.predict = PredictOptions(reverse_complement="none")
    info = train_run("r", run, tmp_path / "data", tmp_path / "r", tmp_path)
    rows = dataset.rows("valid")
    predictions = load(tmp_path / "r").predict([decode(codes) for codes in dataset.codes(rows)])
    probabilities, truth = predictions.probabilities.astype(np.float64), expected[rows]
    shares = np.where(truth > 0, probabilities, 1 - probabilities)[truth >= 0]
    assert info.best["valid_loss"] == pytest.approx(-np.log(shares).mean(), rel=1e-4)


def test_a_word_beside_0_and_1_is_no_third_class(tmp_path):
    lines = "".join(f"ACGT,{label}\n" for label in ["1", "0.0", "unknown"] * 9)
    with pytest.raises(
        DanqError, match=r"rows\.csv:4: expected no name as a label beside 0 and 1, received 'un"
    ):
        build(tmp_path, f"sequence,label\n{lines}")


def test_the_training_loss_is_the_mean_over_known_labels(tmp_path):
    rng = np.random.default_rng(5)
    rows = [("".join(rng.choice(list(BASES), 12)), rng.choice([0, 1, -1, -1])) for _ in range(30)]
    lines = [f"{sequence},{a},{part}" for part in ("train", "valid", "test") for sequence, a in rows]
    build(tmp_path, "sequence,label,split\n" + "\n".join(lines) + "\n", split=None)
    # of weights that stay as they are, and rows that validate, too; in batches with few known labels, or none
    still = SMALL | {"pool": 3, "dropout": 0, "rnn_dropout": 0}
    run = tiny_run("danq", still, learning_rate=1e-12, batch_size=2, epochs=1)
    train_run("r", run, tmp_path / "data", tmp_path / "r", tmp_path)
    row = pl.read_csv(tmp_path / "r" / "history.tsv", separator="\t").row(0, named=True)
    assert row["train_loss"] == pytest.approx(row["valid_loss"], abs=2e-5)


def test_rows_are_dealt_to_folds_whatever_is_known_of_them(tmp_path):
    lines = "".join(f"ACGT,{label}\n" for label in ["1", "0", "-1"] * 20)
    split = {"folds": 4, "fold": 1}
    dataset = build(tmp_path, f"sequence,label\n{lines}", split=split)
    for part in ("valid", "test"):
        labels = dataset.labels(dataset.rows(part))[:, 0].tolist()
        assert [labels.count(value) for value in (-1, 0, 1)] == [5, 5, 5]


@pytest.mark.parametrize("model", ["danq", "kmer_logistic"])
def test_a_target_of_which_training_knows_nothing(tmp_path, model):
    rng = np.random.default_rng(8)
    rows = [
        ("".join(rng.choice(list(BASES), 12)), rng.choice([0, 1]), part)
        for part in ["train", "valid", "test"] * 30
    ]
    lines = [f"{sequence},{a},{-1 if part == 'train' else a},{part}" for sequence, a, part in rows]
    text = "sequence,a,b,split\n" + "\n".join(lines) + "\n"
    dataset = build(tmp_path, text, label_columns=["a", "b"], split=None)
    assert dataset.labelled("train").tolist() == [30, 0]
    run = tiny_run(
        model, SMALL | {"pool": 3} if model == "danq" else {"k": [2], "c": [0.1]}, target_weight="rare"
    )
    info = train_run("r", run, tmp_path / "data", tmp_path / "r", tmp_path)
    assert np.isfinite(info.best["valid_loss"])
    assert np.isfinite(load(tmp_path / "r").predict(["ACGTACGTACGT"]).logits).all()
