"""A training that diverges keeps what it had learnt, and says so; one that never learnt is refused."""

import logging
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from tiny_dataset import tiny_run, write_tiny_dataset

from danq.errors import DanqError
from danq.learn.bundle import load_bundle, model_weights
from danq.learn.train.loop import Training
from danq.learn.train.optimization import learning_rate
from danq.learn.train.run import train_run
from danq.learn.train.trial import Part, train_trial
from danq.learn.trials import TrialResult

STEPS = 6
"""Steps of an epoch."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def plain(dataset, tmp_path_factory):
    """A training of two epochs that does not diverge."""
    out = tmp_path_factory.mktemp("runs") / "plain"
    train(dataset, out)
    return load_bundle(out)


def train(dataset, out, **options):
    return train_run("tiny", tiny_run(**options), dataset, out, out.parent)


def weights_of(bundle):
    return [array.tobytes() for array in model_weights(bundle.model)]


@pytest.mark.parametrize("stopped", [False, True])
def test_divergence_keeps_the_best_epoch_before_it(dataset, plain, tmp_path, monkeypatch, caplog, stopped):
    stop_at = {2 * STEPS + 1} if stopped else set()

    def rate(options, step, total_steps, reductions=0):
        """Give no finite rate from the fourth step of the third epoch on, and stop once before."""
        if step in stop_at:
            stop_at.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return learning_rate(options, step, total_steps, reductions) if step < 2 * STEPS + 3 else np.inf

    monkeypatch.setattr("danq.learn.train.loop.learning_rate", rate)
    if stopped:
        with pytest.raises(SystemExit):
            train(dataset, tmp_path / "run", epochs=5)
        assert (tmp_path / "run/.checkpoint/state.npz").is_file()
    with caplog.at_level(logging.INFO, "danq"):
        info = train(dataset, tmp_path / "run", epochs=5)
    assert info.training["ended"] == "diverged"
    assert info.training["diverged"] == "the loss is nan in epoch 3, step 5"
    assert info.training["resumed"] == stopped
    assert info.training["epochs"] == 2
    assert info.best == plain.info.best
    assert weights_of(load_bundle(tmp_path / "run")) == weights_of(plain)
    last = caplog.records[-1]
    assert last.levelname == "WARNING"
    assert last.message == (
        "tiny: the loss is nan in epoch 3, step 5; the weights of epoch 2 are kept; try train.clip_norm: 1"
    )
    assert not (tmp_path / "run/.checkpoint").exists()


def test_divergence_before_an_epoch_is_whole_leaves_no_bundle(dataset, tmp_path):
    with pytest.raises(DanqError, match=r"loss is (nan|inf) in epoch 1, step \d+; try a lower train\.learn"):
        train(dataset, tmp_path / "run", learning_rate=1e38, epochs=3)
    assert list((tmp_path / "run").glob("*")) == []


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_validation_loss_that_is_no_number_keeps_the_epochs_before(
    dataset, plain, tmp_path, monkeypatch, number
):
    """The training loss is measured before the step that spoils the weights."""
    spoil_validation(monkeypatch, 2, number)
    info = train(dataset, tmp_path / "run", epochs=5)
    assert info.training["diverged"] == f"the validation loss is {number} after epoch 3"
    assert (info.training["ended"], info.training["epochs"]) == ("diverged", 2)
    assert info.best == plain.info.best
    assert weights_of(load_bundle(tmp_path / "run")) == weights_of(plain)


def test_a_first_validation_loss_that_is_no_number_is_refused(dataset, tmp_path, monkeypatch):
    spoil_validation(monkeypatch, 0, np.nan)
    with pytest.raises(DanqError, match="the validation loss is nan after epoch 1; try a lower train"):
        train(dataset, tmp_path / "run")
    assert list((tmp_path / "run").glob("*")) == []


def spoil_validation(monkeypatch, epoch, number):
    """Let the validation loss of an epoch (0-based) be no finite number."""
    validate, calls = Training._validate, iter(range(9))

    def spoilt(training, stop):
        metrics = validate(training, stop)
        return replace(metrics, loss=number) if next(calls) == epoch else metrics

    monkeypatch.setattr(Training, "_validate", spoilt)


def test_a_trial_that_diverges_is_a_result_and_comes_last(dataset, tmp_path, monkeypatch):
    spoil_validation(monkeypatch, 1, np.nan)
    part = Part("net", 1, 1, 2, True)
    train_trial("net.trial1", tiny_run(), part, dataset, tmp_path / "out", tmp_path / "work", tmp_path)
    result = TrialResult.read(tmp_path / "out")
    assert (result.status, result.failed) == ("failed", True)
    assert result.reason == "training diverged: the validation loss is nan after epoch 2"


FITS_ITSELF = """
from danq.models.kmer_logistic import KIND, Options, build, encoder
from danq.models import kmer_logistic

def fit(options, dataset, seed):
    encoder, model, history = kmer_logistic.fit(options, dataset, seed)
    model.set_weights([array * float("inf") for array in model.get_weights()])
    return encoder, model, history
"""


def test_weights_of_a_model_that_fits_itself_are_numbers(dataset, tmp_path):
    (tmp_path / "own.py").write_text(FITS_ITSELF)
    run = tiny_run(str(tmp_path / "own.py"), {"k": [2], "c": [0.1]})
    with pytest.raises(DanqError, match="training diverged: of the fitted weights some are no finite"):
        train_run("own", run, dataset, tmp_path / "run", tmp_path)
    assert not (tmp_path / "run").exists()
