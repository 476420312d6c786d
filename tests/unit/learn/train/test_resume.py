"""What a training goes on from, and what it does not compute twice."""

import logging
import os
import shutil
import signal
from pathlib import Path

import pytest
from tiny_dataset import SMALL, tiny_run, write_tiny_dataset

from danq import provenance
from danq.learn.bundle import load_bundle, model_weights
from danq.learn.train import run as training_run
from danq.learn.train.fitting import training_digest
from danq.learn.train.optimization import learning_rate
from danq.learn.train.run import open_run, train_run
from danq.models import danq as danq_model
from danq.processes import stop

STEPS = 6
"""Steps of an epoch."""
DECLARED = (
    *("model.keras", "network.json", "weights.safetensors"),
    *("bundle.json", "history.tsv", "golden.npz"),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture
def stopped_once(monkeypatch):
    """Let a training be asked to stop in its second epoch, the first time that it comes there."""
    stop_at = {STEPS + 2}

    def rate(options, step, *rest):
        if step in stop_at:
            stop_at.clear()
            os.kill(os.getpid(), signal.SIGTERM)
        return learning_rate(options, step, *rest)

    monkeypatch.setattr("danq.learn.train.loop.learning_rate", rate)


def train(dataset, out, model="danq", **options):
    return train_run("tiny", tiny_run(model, **options), dataset, out, out.parent)


def weights_of(bundle):
    return [array.tobytes() for array in model_weights(load_bundle(bundle).model)]


def forget_sources():
    """Read sources again; they never change while danq itself runs."""
    provenance.verb_digest.cache_clear()
    provenance._source.cache_clear()


@pytest.mark.parametrize(("change", "resumed"), [("# a comment\n", 1), ("\nOTHER = 1\n", 0)])
@pytest.mark.usefixtures("stopped_once")
def test_a_checkpoint_of_another_model_file_is_not_gone_on_from(dataset, tmp_path, change, resumed, caplog):
    own = tmp_path / "own.py"
    shutil.copy(danq_model.__file__, own)
    with pytest.raises(SystemExit):
        train(dataset, tmp_path / "run", str(own))
    own.write_text(own.read_text() + change)
    forget_sources()
    with caplog.at_level(logging.INFO, "danq"):
        info = train(dataset, tmp_path / "run", str(own))
    assert info.training["resumed"] == resumed
    assert ("checkpoint discarded, it belongs to other data, options, code" in caplog.text) == (not resumed)


def test_a_training_depends_on_its_code_and_on_the_contents_of_files_that_options_name(
    dataset, tmp_path, monkeypatch
):
    def digest(**options):
        forget_sources()
        run = tiny_run(**options)
        return training_digest(open_run("tiny", run, dataset), run, tmp_path)

    plain = digest()
    assert digest() == plain
    assert digest(seed=2) != plain
    assert digest(checkpoint_minutes=1.0) == plain
    package = shutil.copytree(Path(provenance.__file__).parent, tmp_path / "danq")
    with monkeypatch.context() as patch:
        patch.setattr(provenance, "_PACKAGE", package)
        assert digest() == plain
        step = package / "learn/train/step.py"
        step.write_text(step.read_text() + "# a comment\n")
        assert digest() == plain
        step.write_text(step.read_text() + "OTHER = 1\n")
        assert digest() != plain
        assert digest() == digest()
    motifs = tmp_path / "motifs.meme"
    motifs.write_text("one")
    with_motifs = digest(options={**SMALL, "motifs": motifs})
    motifs.write_text("two")
    assert digest(options={**SMALL, "motifs": motifs}) != with_motifs


def test_a_bundle_that_a_workflow_deleted_is_put_in_place_again(dataset, tmp_path, caplog):
    """As after a signal, a time limit or a lost machine between the last file and the exit."""
    out = tmp_path / "run"
    info = train(dataset, out)
    weights, history = weights_of(out), (out / "history.tsv").read_bytes()
    for missing in (DECLARED, ("bundle.json",)):
        for name in missing:
            (out / name).unlink()
        caplog.clear()
        with caplog.at_level(logging.INFO, "danq"):
            again = train(dataset, out)
        assert f"{out}: had been finished, and is put in place again" in caplog.text
        assert "epoch" not in caplog.text
        assert again == info
        assert weights_of(out) == weights
        assert (out / "history.tsv").read_bytes() == history
    # with nothing missing, it is meant to run again
    caplog.clear()
    with caplog.at_level(logging.INFO, "danq"):
        train(dataset, out)
    assert "epoch 2/2" in caplog.text


@pytest.mark.parametrize("model", ["danq", "kmer_logistic"])
def test_a_signal_after_the_last_epoch_does_not_keep_the_bundle_from_being_written(
    dataset, tmp_path, monkeypatch, model
):
    save = training_run.save_bundle

    def save_and_be_told_to_stop(*arguments):
        os.kill(os.getpid(), signal.SIGTERM)
        return save(*arguments)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in numbers}
    monkeypatch.setattr(training_run, "save_bundle", save_and_be_told_to_stop)
    try:
        train(dataset, tmp_path / "run", model, **({"epochs": 1} if model == "danq" else {}))
        assert {signal.getsignal(number) for number in numbers} == {signal.SIG_IGN}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert load_bundle(tmp_path / "run").info.run == "tiny"


@pytest.mark.parametrize("change", ["other options", "damaged", '{"files": 5}', '{"files": ["a"]}', "[]", ""])
def test_what_is_kept_of_other_options_or_damaged_is_of_no_use(dataset, tmp_path, caplog, change):
    out, options = tmp_path / "run", {"k": [2], "c": [0.1]}
    train(dataset, out, "kmer_logistic", options=options)
    for name in DECLARED:
        (out / name).unlink()
    if change == "damaged":
        kept = out / ".finished/model.keras"
        data = bytearray(kept.read_bytes())
        data[len(data) // 2] ^= 1
        kept.write_bytes(data)
    elif change != "other options":
        (out / ".finished/kept.json").write_text(change)
    with caplog.at_level(logging.INFO, "danq"):
        train(dataset, out, "kmer_logistic", options=options, seed=2 if change == "other options" else 1)
    assert "trained tiny" in caplog.text
    assert "put in place again" not in caplog.text


def test_a_baseline_is_put_in_place_again_too(dataset, tmp_path, caplog):
    out, options = tmp_path / "run", {"k": [2], "c": [0.1]}
    info = train(dataset, out, "kmer_logistic", options=options)
    (out / "model.keras").unlink()
    assert train(dataset, out, "kmer_logistic", options=options) == info
    assert (out / "model.keras").is_file()
