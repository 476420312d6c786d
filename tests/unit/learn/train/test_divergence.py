"""A training that diverges keeps what it had learnt, and says so; one that never learnt is refused."""

import logging
import os
import signal

import numpy as np
import pytest
from tiny_dataset import tiny_run, write_tiny_dataset

from danq.errors import DanqError
from danq.learn.bundle import load_bundle, model_weights
from danq.learn.train.optimization import learning_rate
from danq.learn.train.run import train_run

STEPS = 6
"""Steps of an epoch."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


def train(dataset, out, **options):
    return train_run("tiny", tiny_run(**options), dataset, out, out.parent)


def weights_of(bundle):
    return [array.tobytes() for array in model_weights(load_bundle(bundle).model)]


@pytest.mark.parametrize("stopped", [False, True])
def test_divergence_keeps_the_best_epoch_before_it(dataset, tmp_path, monkeypatch, caplog, stopped):
    plain = train(dataset, tmp_path / "plain")
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
    assert info.best == plain.best
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "plain")
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
