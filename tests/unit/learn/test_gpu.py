"""The ways of a GPU as far as a CPU can tell: steps in one call, strands on the device, messages."""

import logging
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tiny_dataset import tiny_run, write_tiny_dataset
from untrained import save_model

from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.genome.alphabet import reverse_complement
from danq.learn import cudnn, devices, gpu
from danq.learn.bundle import compile_strands, load_bundle, model_weights, rows_by_memory
from danq.learn.options import TrainOptions
from danq.learn.predict.predictor import Predictor
from danq.learn.train import fitting
from danq.learn.train.run import train_run
from danq.learn.train.step import Steps
from danq.models import danq
from danq.score.runner import OnGpu, open_runner_of


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model"
    save_model(path)
    return load_bundle(path)


def test_without_tensorflow_a_gpu_is_left_idle_and_that_is_said(monkeypatch, caplog):
    monkeypatch.setattr(gpu, "driver_visible", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpu.gpu_possible()
    monkeypatch.setattr(gpu, "tensorflow_installed", lambda: False)
    assert not gpu.gpu_possible()
    assert "the GPU is not used, for TensorFlow is not installed" in caplog.text


def train(dataset, out, **options):
    return train_run("tiny", tiny_run(**options), dataset, out, out.parent)


def weights(out):
    return model_weights(load_bundle(out).model)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_several_steps_of_a_call_are_the_steps_one_by_one(dataset, tmp_path, monkeypatch, precision):
    """90 rows in batches of 16 are 6 steps: calls of 4 and 2; dropout, schedule and averages go on."""
    options = {"precision": precision, "average": 0.9, "schedule": {"kind": "cosine", "warmup_steps": 3}}
    train(dataset, tmp_path / "single", **options)
    calls = []
    several = Steps.train

    def noting(steps, loaded, rates, *rest):
        calls.append(len(rates))
        return several(steps, loaded, rates, *rest)

    monkeypatch.setattr(Steps, "_on_one_gpu", True)
    monkeypatch.setattr(Steps, "steps_of_call", lambda steps, size: 4)
    monkeypatch.setattr(Steps, "train", noting)
    train(dataset, tmp_path / "several", **options)
    assert calls == [4, 2, 4, 2]
    for one, other in zip(weights(tmp_path / "single"), weights(tmp_path / "several"), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    histories = [(tmp_path / name / "history.tsv").read_text().splitlines() for name in ("single", "several")]
    for one, other in zip(*histories, strict=True):
        # all but the times
        assert one.split("\t")[:2] == other.split("\t")[:2]


def test_the_steps_of_a_call_follow_the_size_of_a_batch(monkeypatch):
    def steps():
        return Steps(tf.distribute.get_strategy(), None, None, None)

    assert steps().steps_of_call(200_000) == 1  # no GPU: one by one
    monkeypatch.setattr(Steps, "_on_one_gpu", True)
    assert [steps().steps_of_call(size) for size in (0, 200_000, 2**23, 2**30)] == [16, 16, 4, 1]


def test_strands_are_made_on_the_device(bundle):
    codes = np.random.default_rng(0).integers(0, 5, (7, bundle.info.window)).astype(np.uint8)
    logits = compile_strands(bundle, both=True)(codes).numpy()
    for strand, windows in zip(logits, (codes, reverse_complement(codes)), strict=True):
        expected = bundle.model({"codes": windows}, training=False)
        np.testing.assert_allclose(strand, expected, atol=1e-6)
    assert compile_strands(bundle, both=False)(codes).shape == (1, 7, len(bundle.info.targets))


@pytest.mark.parametrize("strands", ["both", "forward"])
def test_the_runner_of_a_gpu_gives_the_logits_of_a_cpu(bundle, strands):
    """300 references and 500 alternates do not fill a round number of batches."""
    random = np.random.default_rng(1)
    reference = random.integers(0, 5, (300, bundle.info.window)).astype(np.uint8)
    group = np.sort(random.integers(0, 300, 500))
    alternate = reference[group].copy()
    alternate[np.arange(500), random.integers(0, bundle.info.window, 500)] = random.integers(0, 4, 500)
    expected = open_runner_of(bundle, strands).logits(reference, alternate, group)
    logits = OnGpu(bundle, strands, rows=256).logits(reference, alternate, group)
    np.testing.assert_allclose(logits.reference, expected.reference, atol=1e-5)
    np.testing.assert_allclose(logits.alternate, expected.alternate, atol=1e-5)


def test_the_batch_of_a_gpu_follows_its_memory(bundle):
    gigabyte = 2**30
    few, many = (rows_by_memory(bundle, size * gigabyte, 10**9) for size in (1, 4))
    assert 3.9 < many / few < 4.1
    assert rows_by_memory(bundle, 4 * gigabyte, 2048) == 2048
    assert rows_by_memory(bundle, 0, 2048) == 1


@pytest.mark.parametrize(("fixed", "each", "limit"), [(1000, 10, 10_000), (0, 1, 1_000), (5000, 50, 5_100)])
def test_rows_that_fit_are_estimated_from_two_small_sizes(fixed, each, limit):
    used = [0]

    def run(rows):
        used[0] = max(used[0], fixed + each * rows)

    def peak():
        highest, used[0] = used[0], 0
        return highest

    rows = gpu.rows_that_fit(run, limit, peak, multiple=16)
    assert rows % 16 == 0
    assert rows == 16 or 0.8 * limit < fixed + each * rows <= 0.9 * limit


def test_products_are_float32_unless_a_training_asks_for_less(bundle):
    enabled = tf.config.experimental.tensor_float_32_execution_enabled
    for scoring in (Predictor, open_runner_of):
        devices.use_tf32(True)
        scoring(bundle)
        assert not enabled()
    with devices.repeatable(1, "tf32"):
        assert enabled()
        assert keras.config.dtype_policy().name == "float32"
    assert not enabled()
    with devices.repeatable(1, "float32"):
        assert not enabled()


def test_a_bundle_says_by_which_products_it_was_trained(dataset, tmp_path):
    assert train(dataset, tmp_path / "run", precision="tf32").train["precision"] == "tf32"


def test_what_has_no_deterministic_kernel_is_said_in_one_line(dataset, tmp_path, monkeypatch):
    def refuse(*_):
        raise tf.errors.UnimplementedError(None, None, "Deterministic GPU kernel not there\nmore lines")

    monkeypatch.setattr(fitting.Training, "run", refuse)
    with pytest.raises(DanqError) as error:
        train(dataset, tmp_path / "run")
    assert str(error.value) == (
        "train.deterministic: expected false, for which this device has kernels; received 'auto' "
        "(TensorFlow: Deterministic GPU kernel not there)"
    )


def test_a_batch_too_large_for_a_gpu_is_refused_with_one_that_fits(dataset, tmp_path, monkeypatch):
    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(fitting.Training, "run", exhausted)
    monkeypatch.setattr(fitting.Training, "rows_that_fit", lambda training: 1234)
    monkeypatch.setattr(fitting, "find_gpus", lambda: ["H100"])
    with pytest.raises(DanqError, match=r"train\.batch_size: 16 rows at once do not fit .* about 1,234 do"):
        train(dataset, tmp_path / "run")
    assert not (tmp_path / "run" / "bundle.json").exists()


@pytest.fixture
def cuda_build(monkeypatch):
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: True)
    build = {"is_cuda_build": True, "cuda_version": "12.5.1", "cudnn_version": "9"}
    monkeypatch.setattr(tf.sysconfig, "get_build_info", lambda: build)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_the_missing_libraries_of_a_gpu_are_named(cuda_build, monkeypatch, tmp_path):
    monkeypatch.setattr(gpu, "driver_visible", lambda: True)
    folder = tmp_path / "nvidia"
    for name in gpu.needed_libraries()[:-1]:
        (folder / name.split(".")[0] / "lib").mkdir(parents=True)
        (folder / name.split(".")[0] / "lib" / name).touch()
    monkeypatch.setattr(gpu.site, "getsitepackages", lambda: [str(tmp_path)])
    assert gpu.why_no_gpu() == (
        "a driver is there, but TensorFlow's libraries are missing: libcudnn.so.9; "
        "install danq with the extra `gpu`"
    )


@pytest.mark.parametrize(
    ("hidden", "driver", "reason"),
    [
        ("", True, "CUDA_VISIBLE_DEVICES='' hides all GPUs"),
        ("-1", True, "CUDA_VISIBLE_DEVICES='-1' hides all GPUs"),
        ("0,1", False, "no NVIDIA driver is visible"),
        (None, False, "no NVIDIA driver is visible"),
    ],
)
def test_why_there_is_no_gpu(cuda_build, monkeypatch, caplog, hidden, driver, reason):
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    monkeypatch.setattr(gpu, "driver_visible", lambda: driver)
    assert gpu.why_no_gpu() == reason
    with pytest.raises(DanqError, match="expected a GPU, found none"):
        devices.choose_strategy(TrainOptions(require_gpu=True))
    with caplog.at_level(logging.WARNING):
        devices.choose_strategy(TrainOptions())
    assert reason in caplog.text


def test_keras_still_asks_for_both_directions_at_once():
    """The call that Keras makes to its backend, which danq brings for cuDNN, has these arguments."""
    source = Path(keras.src.layers.rnn.bidirectional.__file__).read_text()
    assert "backend.bidirectional_lstm(" in source
    none = [None] * 5
    with pytest.raises(NotImplementedError):  # without a GPU Keras goes on with two calls
        cudnn.bidirectional_lstm(
            *none,
            mask=None,
            fwd_kernel=None,
            fwd_recurrent_kernel=None,
            fwd_bias=None,
            bwd_kernel=None,
            bwd_recurrent_kernel=None,
            bwd_bias=None,
            activation=keras.activations.tanh,
            recurrent_activation=keras.activations.sigmoid,
            return_sequences=True,
            unroll=False,
        )


def exhausted(*_):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM")


def test_predictions_and_scores_that_do_not_fit_are_refused_in_one_line(bundle):
    windows = np.zeros((3, bundle.info.window), np.uint8)
    predictor, runner = Predictor(bundle, 32), OnGpu(bundle, "both", 256)
    predictor._forward = runner._forward = exhausted
    with pytest.raises(
        DanqError, match="--batch-size: 16 rows at once do not fit into the memory of the GPU"
    ):
        predictor.logits(windows)
    with pytest.raises(DanqError, match="--batch-size: 256 rows at once do not fit"):
        runner.logits(windows, windows, np.arange(3))


@pytest.mark.parametrize("options", [{}, {"bidirectional": False}, {"rnn": "gru", "rnn_layers": 2}])
def test_recurrent_layers_of_a_model_of_bfloat16_compute_in_float32(options):
    """In one direction or two, LSTM or GRU: TensorFlow's gradients of cuDNN in bfloat16 are wrong."""
    with devices.repeatable(1, "mixed_bfloat16"):
        model = danq.build(danq.Options(units=3, dense=2, **options), CodesEncoder(40), 2, "multilabel")
    cudnn.recur_in_float32(model)
    layers = {layer.name: layer.compute_dtype for layer in model._flatten_layers()}
    recurrent = [kind for name, kind in layers.items() if "rnn" in name and "dropout" not in name]
    cells = [kind for name, kind in layers.items() if "cell" in name]
    assert recurrent
    assert set(recurrent + cells) == {"float32"}
    assert layers["conv"] == layers["rnn_dropout"] == "bfloat16"
    codes = np.random.default_rng(0).integers(0, 4, (5, 40)).astype(np.uint8)
    with tf.GradientTape() as tape:
        logits = model({"codes": codes}, training=True)
        loss = tf.reduce_sum(logits**2)
    assert logits.dtype == tf.float32
    assert all(np.isfinite(g.numpy()).all() for g in tape.gradient(loss, model.trainable_variables))


def test_any_sign_of_a_driver_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "_DRIVERS", (str(tmp_path / "none"), str(tmp_path / "driver")))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not gpu.gpu_possible()
    (tmp_path / "driver").touch()
    assert gpu.gpu_possible()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not gpu.gpu_possible()
