import logging
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
import threadpoolctl

from danq.errors import DanqError
from danq.learn import devices as device
from danq.learn import doctor
from danq.learn.options import TrainOptions


@pytest.fixture
def gpus(monkeypatch):
    """Let TensorFlow see GPUs of these names."""

    def pretend(*names):
        found = [SimpleNamespace(name=f"GPU:{number}", model=name) for number, name in enumerate(names)]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: found)
        monkeypatch.setattr(
            tf.config.experimental, "get_device_details", lambda gpu: {"device_name": gpu.model}
        )
        grown = []
        monkeypatch.setattr(
            tf.config.experimental, "set_memory_growth", lambda gpu, on: grown.append((gpu.name, on))
        )
        return grown

    return pretend


def test_without_a_gpu_training_says_so_loudly(gpus, caplog):
    gpus()
    device.choose_strategy(TrainOptions())
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "TRAINING ON CPU: no GPU found" in caplog.text
    assert device.describe_device().startswith("CPU (")


def test_a_required_gpu_that_is_missing_is_refused(gpus):
    gpus()
    with pytest.raises(DanqError, match=r"train\.require_gpu: expected a GPU, found none"):
        device.choose_strategy(TrainOptions(require_gpu=True))


def test_gpus_are_used_silently_and_take_memory_as_they_need_it(gpus, caplog):
    grown = gpus("A100", "A100")
    device.choose_strategy(TrainOptions(require_gpu=True))
    assert grown == [("GPU:0", True), ("GPU:1", True)]
    assert caplog.records == []
    assert device.describe_device() == "2 GPUs (A100)"


def test_a_batch_that_cannot_be_shared_equally_is_refused(gpus, monkeypatch):
    gpus()
    monkeypatch.setattr(tf.distribute, "MirroredStrategy", lambda: SimpleNamespace(num_replicas_in_sync=3))
    with pytest.raises(
        DanqError, match="expected a multiple of the 3 devices that share a batch, received 100"
    ):
        device.choose_strategy(TrainOptions(distribute="mirrored"))


def test_repeatable_draws_and_a_policy_that_is_set_back():
    before = keras.config.dtype_policy().name
    drawn = []
    for seed in (3, 3, 4):
        with device.repeatable(seed, "mixed_bfloat16"):
            drawn.append(keras.random.normal((4,)).numpy())
            assert keras.config.dtype_policy().name == "mixed_bfloat16"
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert keras.config.dtype_policy().name == before
    with pytest.raises(RuntimeError), device.repeatable(1, "mixed_float16"):
        raise RuntimeError
    assert keras.config.dtype_policy().name == before


def test_the_doctor_tells_the_fast_path_by_keras_own_condition(monkeypatch):
    facts = dict(doctor.examine())
    assert list(facts)[-1] == "verdict"
    assert facts["Keras"] == keras.__version__
    # Keras asks for logical devices; a GPU that it sees is all that is missing to danq's layers
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: [])
    assert doctor.fast_path("lstm").endswith("meets cuDNN's conditions, but there is no GPU")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["GPU:0"])
    assert doctor.fast_path("lstm") == doctor.fast_path("gru") == "taken (cuDNN)"
    assert doctor.fast_path("simple") == "not taken: SimpleRNN has no cuDNN kernel"
    assert (
        doctor.verdict(["A100"], "taken (cuDNN)") == "trainings run on the GPU with cuDNN's recurrent kernel"
    )
    assert "fast recurrent path is not taken" in doctor.verdict(["A100"], "not taken: it is unrolled")


def test_the_doctor_says_where_faster_matrix_kernels_are_left_unused(tmp_path, monkeypatch):
    kernels = [{"architecture": "Haswell"}, {"num_threads": 2}]
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: kernels)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    flags = tmp_path / "cpuinfo"
    flags.write_text("flags\t: avx2 avx512f avx512vl\n")
    assert "Haswell (AVX2), by OPENBLAS_CORETYPE=Haswell; this processor has" in doctor._matrix_kernels(flags)
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert "by OpenBLAS's own choice" in doctor._matrix_kernels(flags)
    flags.write_text("flags\t: avx2\n")
    assert doctor._matrix_kernels(flags) == doctor._matrix_kernels(tmp_path / "none") == "Haswell"
