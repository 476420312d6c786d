"""Weights read without TensorFlow: those that Keras reads, or none."""

import subprocess
import sys

import numpy as np
import pytest
from earlier_bundles import as_earlier
from tiny_dataset import tiny_run, write_tiny_dataset
from untrained import save_model

from danq.errors import DanqError
from danq.learn.bundle import load_bundle
from danq.learn.manifest import MODEL_FILE, NETWORK_FILE
from danq.learn.network import read_arrays, read_network_description, read_weights
from danq.learn.train.run import train_run
from danq.score import runner


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"bidirectional": True},
        {"bidirectional": True, "rnn": "gru", "rnn_layers": 2, "head": "pools"},
        {"bidirectional": True, "merge_mode": "none", "rnn": "simple"},
    ],
)
def test_the_weights_are_those_that_keras_reads(tmp_path, options):
    # biases that were not trained are zeros and ones, of which one may stand for another
    save_model(
        tmp_path / "run",
        sizes=options,
        change=lambda array: array + np.arange(array.size).reshape(array.shape),
    )
    bundle = load_bundle(tmp_path / "run")
    weights = read_weights(tmp_path / "run", bundle.info)
    assert [name for name, arrays in weights.items() if arrays] == [
        layer.name for layer in bundle.model.layers if layer.get_weights()
    ]
    for layer in bundle.model.layers:
        if layer.get_weights():
            for array, expected in zip(weights[layer.name], layer.get_weights(), strict=True):
                np.testing.assert_array_equal(array, expected)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    train_run("run", tiny_run(epochs=1), write_tiny_dataset(runs / "tiny"), runs / "run", runs)
    return load_bundle(runs / "run")


def test_weights_of_an_earlier_release_are_read_from_its_keras_file(bundle, tmp_path):
    earlier = as_earlier(bundle.path, tmp_path / "run")
    assert not (earlier / NETWORK_FILE).exists()
    assert read_network_description(earlier).layers == read_network_description(bundle.path).layers
    arrays = read_arrays(earlier)
    for name, array in read_arrays(bundle.path).items():
        np.testing.assert_array_equal(arrays.pop(name), array)
    assert not arrays
    assert load_bundle(earlier).outputs == bundle.outputs
    (earlier / MODEL_FILE).write_bytes(b"no archive")
    with pytest.raises(DanqError, match=r"model\.keras: expected a ZIP archive of Keras"):
        read_arrays(earlier)


def test_scoring_on_a_cpu_starts_without_tensorflow(bundle):
    program = (
        "import sys; from pathlib import Path; from danq.score.runner import open_runner; "
        "made = open_runner(Path(sys.argv[1])); "
        "sys.exit(type(made).__name__ != 'SharedWork' or 'tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, bundle.path], check=False).returncode == 0


def test_where_a_gpu_may_be_tensorflow_is_asked(bundle, monkeypatch):
    monkeypatch.setattr(runner, "gpu_possible", lambda: True)
    monkeypatch.setattr(runner, "read_weights", lambda *_: pytest.fail("read without TensorFlow"))
    assert isinstance(runner.open_runner(bundle.path), runner.SharedWork)
