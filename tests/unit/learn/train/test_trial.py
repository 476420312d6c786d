"""A trial of a search: it pauses after a rung, goes on exactly, and fails without an error."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_dataset import SMALL, tiny_run, write_tiny_dataset

from danq.errors import DanqError
from danq.learn.bundle import model_weights
from danq.learn.train.run import fit_run, open_run
from danq.learn.train.state import CheckpointStore
from danq.learn.train.trial import Part, train_trial
from danq.learn.trials import TrialResult

TIMES = {"seconds", "samples_per_second"}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


def part(rung: int, until: int, whole: bool = False) -> Part:
    return Part("net", 1, rung, until, whole)


def trained(dataset: Path, folder: Path, run: SimpleNamespace, of: Part) -> TrialResult:
    out = folder / f"rung{of.rung}"
    train_trial("net.trial1", run, of, dataset, out, folder / "work", folder)
    return TrialResult.read(out)


def rows(result: TrialResult) -> list[dict]:
    return [{key: value for key, value in row.items() if key not in TIMES} for row in result.history]


def test_a_trial_goes_on_from_its_rung_as_if_it_had_not_paused(dataset: Path, tmp_path: Path):
    run = tiny_run(epochs=4, optimizer="adam", average=0.9, schedule={"kind": "cosine", "warmup_steps": 3})
    first = trained(dataset, tmp_path, run, part(1, 2))
    assert (first.status, len(first.history), first.metric) == ("trained", 2, "loss")
    assert first.value == min(row["valid_loss"] for row in first.history)
    assert (tmp_path / "work" / ".checkpoint").is_dir(), "the next rung goes on from it"
    last = trained(dataset, tmp_path, run, part(2, 4, True))
    assert last.training["resumed"] == 1
    assert not (tmp_path / "work" / ".checkpoint").exists()
    at_once = trained(dataset, tmp_path / "other", run, part(1, 4, True))
    assert rows(last) == rows(at_once)
    assert rows(last)[:2] == rows(first)
    assert (last.value, last.best_epoch) == (at_once.value, at_once.best_epoch)


def test_its_weights_are_those_of_an_uninterrupted_training(dataset: Path, tmp_path: Path):
    run = tiny_run(epochs=2, options={**SMALL, "dropout": 0.3})
    opened = open_run("net", run, dataset)
    once, parts = (CheckpointStore(tmp_path / name, "digest") for name in ("once", "parts"))
    at_once = fit_run(opened, "net", run, once, tmp_path)
    fit_run(opened, "net", run, parts, tmp_path, until=1)
    in_parts = fit_run(opened, "net", run, parts, tmp_path, until=2)
    for one, other in zip(model_weights(at_once.model), model_weights(in_parts.model), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_rung_asked_for_again_does_not_know_what_came_after(dataset: Path, tmp_path: Path):
    run = tiny_run(epochs=3)
    first = trained(dataset, tmp_path, run, part(1, 1))
    trained(dataset, tmp_path, run, part(2, 2))
    assert rows(trained(dataset, tmp_path, run, part(1, 1))) == rows(first)


def test_a_trial_that_diverges_fails_and_is_no_error(
    dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    run = tiny_run(epochs=2, optimizer="adam", learning_rate=1e30)
    result = trained(dataset, tmp_path, run, part(1, 1))
    assert (result.status, result.value, result.failed) == ("failed", None, True)
    assert "diverged" in (result.reason or "")
    assert "net.trial1: failed: training diverged" in caplog.text


def test_options_that_the_model_refuses_fail_and_wrong_data_is_refused(dataset: Path, tmp_path: Path):
    result = trained(dataset, tmp_path, tiny_run(options={**SMALL, "kernel": 90}), part(1, 1))
    assert result.status == "failed"
    assert "expected at least 98 bp for filters of 90 bp" in (result.reason or "")
    with pytest.raises(DanqError, match=r"nowhere/dataset\.json: no such file"):
        trained(tmp_path / "nowhere", tmp_path / "b", tiny_run(), part(1, 1))
    assert not (tmp_path / "b" / "rung1").exists()


def test_a_model_that_fits_itself_is_a_trial_too(dataset: Path, tmp_path: Path):
    run = tiny_run("kmer_logistic", {"k": [3], "c": [0.01]}, monitor="auprc")
    result = trained(dataset, tmp_path, run, part(1, 2, True))
    assert (result.status, result.metric, len(result.history)) == ("trained", "auprc", 1)
    assert 0 < (result.value or 0) <= 1
