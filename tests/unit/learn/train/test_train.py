import csv
import io
import logging
import os
import signal

import numpy as np
import pytest
from tiny_dataset import MOTIFS, SMALL, tiny_run, write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.errors import DanqError
from danq.learn.bundle import HISTORY_COLUMNS, load_bundle, model_weights
from danq.learn.manifest import TrainedOn
from danq.learn.options import TrainOptions
from danq.learn.train.loop import TrainingData
from danq.learn.train.run import train_run
from danq.learn.train.state import TrainingState
from danq.learn.train.step import Steps


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def plain(dataset, tmp_path_factory):
    """A finished training of two epochs."""
    runs = tmp_path_factory.mktemp("runs")
    train_run("plain", tiny_run(), dataset, runs / "plain", runs)
    return runs / "plain"


def train(dataset, out, **options):
    return train_run("tiny", tiny_run(**options), dataset, out, out.parent)


def weights_of(bundle):
    return [array.tobytes() for array in model_weights(load_bundle(bundle).model)]


def history_of(bundle):
    return list(csv.DictReader(io.StringIO((bundle / "history.tsv").read_text()), delimiter="\t"))


def test_one_seed_gives_equal_bytes_and_another_does_not(plain, dataset, tmp_path):
    again = train(dataset, tmp_path / "again")
    assert weights_of(tmp_path / "again") == weights_of(plain)
    assert again.digest == load_bundle(plain).info.digest
    assert train(dataset, tmp_path / "other", seed=5).digest != again.digest


def test_what_a_bundle_holds(plain, dataset):
    bundle = load_bundle(plain)
    info = bundle.info
    names = [".finished", "bundle.json", "golden.npz", "history.tsv"]
    names += ["model.keras", "network.json", "weights.safetensors"]
    assert sorted(path.name for path in plain.iterdir()) == names
    assert bundle.info.targets == MOTIFS
    assert (info.run, info.model, info.task, info.window) == ("plain", "danq", "multilabel", 60)
    assert info.options["filters"] == SMALL["filters"]
    assert info.train["batch_size"] == 16
    assert info.dataset == TrainedOn(name="tiny", digest=open_dataset(dataset).digest, genome_digest=None)
    training = info.training
    assert training["device"].startswith(("CPU", "1 GPU"))
    assert training["samples_per_second"] > 0
    assert 0 <= training["wait_share"] <= 1
    assert (training["epochs"], training["resumed"], training["ended"]) == (2, 0, "epochs")
    rows = history_of(plain)
    assert tuple(rows[0]) == HISTORY_COLUMNS
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert all(row[column] for row in rows for column in HISTORY_COLUMNS)
    best = min(rows, key=lambda row: float(row["valid_loss"]))
    assert info.best["epoch"] == int(best["epoch"])
    assert info.best["valid_auroc"] == pytest.approx(float(best["valid_auroc"]), rel=1e-5)
    data = open_dataset(dataset)
    shares = data.labels(data.rows("valid")).mean(axis=0)
    assert info.best["valid_prevalence"] == pytest.approx(shares[(shares > 0) & (shares < 1)].mean())


def validation_loss(bundle, dataset):
    data = open_dataset(dataset)
    rows = data.rows("valid")
    loaded = load_bundle(bundle)
    logits = np.asarray(loaded.model(loaded.encoder.encode(data.codes(rows))), np.float64)
    labels = data.labels(rows)
    return float(np.mean(np.logaddexp(0, logits) - labels * logits))


def test_training_learns_and_keeps_the_best_epoch_not_the_last(dataset, tmp_path):
    options = {**SMALL, "filters": 16, "dropout": 0.0, "rnn_dropout": 0.0, "units": 8, "dense": 8}
    info = train_run(
        "tiny",
        tiny_run(options=options, epochs=30, patience=2, optimizer="adam", learning_rate=0.03),
        dataset,
        tmp_path / "run",
        tmp_path,
    )
    rows = history_of(tmp_path / "run")
    losses = [float(row["valid_loss"]) for row in rows]
    assert float(rows[-1]["train_loss"]) < 0.7 * float(rows[0]["train_loss"])
    assert len(rows) < 30, "stopped early"
    assert info.training["ended"] == "patience"
    assert info.best["epoch"] == len(rows) - 2 == 1 + int(np.argmin(losses))
    assert validation_loss(tmp_path / "run", dataset) == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "passes", "epochs"),
    [
        ({"patience": 2.0}, 1.0, 3),
        ({"patience": 2.0}, 0.5, 5),
        ({"patience": 0.3}, 0.1, 4),
        ({}, 1.0, 6),
        ({"schedule": {"kind": "cosine"}}, 1.0, 8),
        ({"schedule": {"kind": "cosine"}, "patience": 2.0}, 1.0, 3),
    ],
)
def test_patience_counts_passes_over_the_training_rows_and_a_cosine_runs_to_its_end(options, passes, epochs):
    """An epoch makes so many passes; the first is never bettered."""
    chosen, state = TrainOptions.model_validate({"epochs": 8, **options}), TrainingState(epoch=1)
    while not state.over(chosen, passes):
        state.epoch, state.stale = state.epoch + 1, state.stale + 1
    assert state.epoch == epochs


def test_early_stopping_may_follow_auroc(dataset, tmp_path):
    info = train(dataset, tmp_path / "run", epochs=6, patience=6, monitor="auroc")
    areas = [float(row["valid_auroc"]) for row in history_of(tmp_path / "run")]
    assert info.best["epoch"] == 1 + int(np.argmax(areas))


class _StopAt:
    """Sends a signal to this process, or fails, when a batch is asked for."""

    def __init__(self, monkeypatch, method, at, number=signal.SIGTERM):
        load = getattr(TrainingData, method)
        self.done = False

        def stopping(data, *place):
            if place == at and not self.done:
                self.done = True
                if not number:
                    raise OSError("the machine died")
                os.kill(os.getpid(), number)
            return load(data, *place)

        monkeypatch.setattr(TrainingData, method, stopping)


@pytest.mark.parametrize(("method", "at"), [("training", (1, 4)), ("validation", (0,))])
def test_a_training_that_is_stopped_goes_on_exactly(
    plain, dataset, tmp_path, monkeypatch, caplog, method, at
):
    caplog.set_level(logging.INFO, "danq")
    _StopAt(monkeypatch, method, at)
    with pytest.raises(SystemExit) as end:
        train(dataset, tmp_path / "run")
    assert end.value.code == 128 + signal.SIGTERM
    assert "stopped by SIGTERM" in caplog.text
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".checkpoint"]
    info = train(dataset, tmp_path / "run")
    assert "going on in epoch" in caplog.text
    assert info.training["resumed"] == 1
    assert weights_of(tmp_path / "run") == weights_of(plain)
    columns = [column for column in HISTORY_COLUMNS if column not in ("samples_per_second", "seconds")]
    for row, other in zip(history_of(tmp_path / "run"), history_of(plain), strict=True):
        assert [row[column] for column in columns] == [other[column] for column in columns]
    assert not (tmp_path / "run" / ".checkpoint").exists()


def test_a_training_that_dies_goes_on_from_its_last_checkpoint(plain, dataset, tmp_path, monkeypatch, caplog):
    _StopAt(monkeypatch, "training", (1, 5), number=0)
    with pytest.raises(OSError, match="the machine died"):
        train(dataset, tmp_path / "run", checkpoint_minutes=1e-9)
    with caplog.at_level(logging.INFO, "danq"):
        train(dataset, tmp_path / "run")
    assert "going on in epoch 2 after step" in caplog.text
    assert weights_of(tmp_path / "run") == weights_of(plain)


def test_schedule_loss_scale_and_augmentation_resume_too(dataset, tmp_path, monkeypatch):
    options = {
        "epochs": 3,
        "optimizer": "adam",
        "schedule": {"kind": "plateau", "patience": 1, "warmup_steps": 3},
        "precision": "mixed_float16",
        "reverse_complement": "augment",
        "shift": 4,
    }
    train(dataset, tmp_path / "whole", **options)
    _StopAt(monkeypatch, "training", (1, 4))
    with pytest.raises(SystemExit):
        train(dataset, tmp_path / "run", **options)
    train(dataset, tmp_path / "run", **options)
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "whole")


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_running_mean_of_the_weights_validates_and_is_kept(dataset, tmp_path, monkeypatch, precision):
    seen = []
    step = Steps.train

    def noting(steps, *batch):
        loss = step(steps, *batch)
        seen.append([variable.numpy() for variable in steps.model.trainable_variables])
        return loss

    monkeypatch.setattr(Steps, "train", noting)
    options = {"epochs": 1, "optimizer": "adam", "learning_rate": 0.01, "precision": precision}
    train(dataset, tmp_path / "plain", **options)
    trained, seen[:] = list(seen), []
    train(dataset, tmp_path / "averaged", average=0.8, **options)
    assert all(np.array_equal(*pair) for pair in zip(seen[-1], trained[-1], strict=True)), (
        "training is the same"
    )
    mean = trained[0]
    for weights in trained[1:]:
        mean = [0.8 * old + 0.2 * new for old, new in zip(mean, weights, strict=True)]
    kept = load_bundle(tmp_path / "averaged").model.trainable_variables
    for variable, expected in zip(kept, mean, strict=True):
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-4, atol=1e-6)
    [row] = history_of(tmp_path / "averaged")
    if precision == "float32":
        assert float(row["valid_loss"]) == pytest.approx(
            validation_loss(tmp_path / "averaged", dataset), rel=1e-5
        )


@pytest.mark.parametrize(("method", "at"), [("training", (1, 4)), ("validation", (0,))])
def test_a_running_mean_resumes_too(dataset, tmp_path, monkeypatch, method, at):
    train(dataset, tmp_path / "whole", average=0.9)
    _StopAt(monkeypatch, method, at)
    with pytest.raises(SystemExit):
        train(dataset, tmp_path / "run", average=0.9)
    train(dataset, tmp_path / "run", average=0.9)
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "whole")


def test_a_checkpoint_of_other_options_is_discarded(dataset, tmp_path, monkeypatch, caplog):
    _StopAt(monkeypatch, "training", (1, 4))
    with pytest.raises(SystemExit):
        train(dataset, tmp_path / "run")
    with caplog.at_level(logging.INFO, "danq"):
        info = train(dataset, tmp_path / "run", learning_rate=0.02)
    assert "checkpoint discarded" in caplog.text
    assert info.training["resumed"] == 0


def test_a_run_that_learned_nothing_is_warned_of(dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("danq.learn.train.run.valid_prevalence", lambda data: 1.0)
    train(dataset, tmp_path / "run", epochs=1)
    assert "tiny: not trained enough: validation AUPRC 0." in caplog.text


def test_classes(tmp_path):
    data = write_tiny_dataset(tmp_path / "classes", "multiclass")
    options = {**SMALL, "filters": 16, "dropout": 0.0, "rnn_dropout": 0.0}
    run = tiny_run(options=options, epochs=12, learning_rate=0.02, positive_weight="balanced", patience=12)
    info = train_run("classes", run, data, tmp_path / "run", tmp_path)
    assert info.task == "multiclass"
    assert info.best["valid_auroc"] > 0.8


def test_start_from_another_run_and_freeze(plain, dataset, tmp_path, caplog):
    runs = plain.parent
    run = tiny_run(options={**SMALL, "dense": 7}, init_from="plain", freeze=["conv", "rnn"], epochs=1)
    with caplog.at_level(logging.INFO, "danq"):
        info = train_run("tuned", run, dataset, tmp_path / "tuned", runs)
    assert "started from plain: copied conv, rnn; not copied: dense, logits" in caplog.text
    assert info.provenance["inputs"]["init_from"] == load_bundle(plain).info.digest
    before, after = load_bundle(plain).model, load_bundle(tmp_path / "tuned").model
    for layer in ("conv", "rnn"):
        for one, other in zip(before.get_layer(layer).weights, after.get_layer(layer).weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert after.get_layer("conv").trainable, "a bundle's layers can be trained again"


def test_nothing_to_copy_is_refused(plain, dataset, tmp_path):
    other = {"filters": 7, "kernel": 5, "pool": 9, "units": 3, "dense": 4}
    run = tiny_run(options={**other, "rnn_layers": 1}, init_from=str(plain))
    with pytest.raises(DanqError, match=r"no layer of .* has the name and shapes"):
        train_run("tuned", run, write_two_targets(tmp_path), tmp_path / "tuned", tmp_path)


def write_two_targets(tmp_path):
    """A dataset of one target fewer, so that not even the bias of the output fits."""
    import tiny_dataset

    whole = tiny_dataset.MOTIFS
    tiny_dataset.MOTIFS = whole[:2]
    try:
        return write_tiny_dataset(tmp_path / "two")
    finally:
        tiny_dataset.MOTIFS = whole


def test_an_unknown_layer_is_refused_with_those_there_are(dataset, tmp_path):
    with pytest.raises(
        DanqError, match=r"freeze: expected layers of conv, rnn, dense, logits; received 'cnv'"
    ):
        train(dataset, tmp_path / "run", freeze=["cnv"])
    with pytest.raises(DanqError, match="all are frozen"):
        train(dataset, tmp_path / "run", freeze=["conv", "rnn", "dense", "logits"])


def test_mixed_precision_trains_and_the_bundle_predicts_in_float32(dataset, tmp_path):
    import keras

    before = keras.config.dtype_policy().name
    train(dataset, tmp_path / "run", precision="mixed_bfloat16", clip_norm=1.0)
    assert keras.config.dtype_policy().name == before
    model = load_bundle(tmp_path / "run").model
    assert {layer.dtype_policy.name for layer in model.layers if layer.weights} == {"float32"}


def test_a_model_that_fits_itself_makes_the_same_bundle(dataset, tmp_path):
    run = tiny_run("kmer_logistic", {"k": [2, 3], "c": [0.1]})
    info = train_run("baseline", run, dataset, tmp_path / "run", tmp_path)
    bundle = load_bundle(tmp_path / "run")
    assert bundle.encoder.name == "kmer_counts"
    assert set(history_of(tmp_path / "run")[0]) == set(HISTORY_COLUMNS)
    assert info.best["valid_auroc"] > 0.6
    assert info.training["device"].startswith("CPU")


def test_tensorboard_files_are_beside_the_bundle(dataset, tmp_path):
    train(dataset, tmp_path / "run", tensorboard=True, epochs=1)
    (events,) = (tmp_path / "run" / "tensorboard").iterdir()
    assert b"valid_auroc" in events.read_bytes()


def test_wrong_options_are_refused_before_training(dataset, tmp_path):
    with pytest.raises(DanqError, match=r"runs\.tiny\.options\.filters: .* received 'many'"):
        train_run("tiny", tiny_run(options={"filters": "many"}), dataset, tmp_path / "run", tmp_path)
    with pytest.raises(DanqError, match="expected one of danq, "):
        train_run("tiny", tiny_run("dnq"), dataset, tmp_path / "run", tmp_path)
    assert not (tmp_path / "run").exists()
