"""What this machine offers to a training: versions, devices, memory, the fast recurrent path."""

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import keras
import tensorflow as tf

from danq.learn.cudnn import kernel_times
from danq.learn.devices import find_gpus, prepare_gpus, processor_name
from danq.learn.gpu import why_no_gpu
from danq.models.layers import Rnn, cudnn_ready, recurrent
from danq.threads import usable_cores

_CELLS: tuple[Rnn, ...] = ("lstm", "gru")
_OPTIONAL = {
    "tensorboard": "look at training curves live (train.tensorboard)",
    "snakemake_executor_plugin_slurm": "run the workflow on Slurm (profiles/slurm)",
}


def examine() -> list[tuple[str, str]]:
    """Facts about this machine as (name, value), the last one a verdict."""
    prepare_gpus()
    gpus = find_gpus()
    facts = [
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        ("danq", _version("danq")),
        ("TensorFlow", f"{tf.__version__}, {_build()}"),
        ("Keras", keras.__version__),
        ("processor", f"{processor_name()}, {usable_cores()} cores"),
        ("matrix kernels", _matrix_kernels()),
        ("memory", f"{_memory() / 2**30:.1f} GiB"),
        ("GPU", ", ".join(gpus) or f"none: {why_no_gpu()}"),
    ]
    facts += [(f"fast recurrent path ({kind})", fast_path(kind)) for kind in _CELLS]
    if gpus:
        facts += [(f"measured ({kind})", _measured(kind)) for kind in _CELLS]
    for module, use in _OPTIONAL.items():
        installed = importlib.util.find_spec(module) is not None
        state = "installed" if installed else f"not installed; needed to {use}"
        facts.append((module.replace("_", "-"), state))
    return [*facts, ("verdict", verdict(gpus, fast_path("lstm")))]


def fast_path(kind: Rnn) -> str:
    """Whether danq's recurrent layer runs by cuDNN's fused kernel here, by Keras's own condition."""
    layer = recurrent(kind, 2, sequences=True, bidirectional=False, merge="concat", name="probe")
    unmet = cudnn_ready(layer)
    if unmet:
        return f"not taken: {'; '.join(unmet)}"
    if _keras_takes_cudnn(layer):
        return "taken (cuDNN)"
    return "not taken: the layer meets cuDNN's conditions, but there is no GPU"


def _keras_takes_cudnn(layer: keras.layers.Layer) -> bool:
    """Ask Keras itself, of this or a like version, about arguments and devices."""
    try:
        from keras.src.backend.tensorflow.rnn import cudnn_ok
    except ImportError:
        return bool(tf.config.list_logical_devices("GPU"))
    reset = {"reset_after": layer.reset_after} if isinstance(layer, keras.layers.GRU) else {}
    conditions = (layer.activation, layer.recurrent_activation, layer.unroll)
    return bool(cudnn_ok(*conditions, use_bias=layer.use_bias, **reset))


def _measured(kind: Rnn) -> str:
    """Time the layer beside Keras's generic kernel, which no condition can get wrong."""
    times = kernel_times(kind)
    return (
        f"{times.taken:.1f} ms for 128 rows of 75 positions, both directions of 320 units; "
        f"generic kernel {times.generic:.1f} ms"
    )


def verdict(gpus: list[str], path: str) -> str:
    """One line on what trainings will be like here."""
    if not gpus:
        if not tf.test.is_built_with_cuda():
            return "trainings run on the CPU: this TensorFlow is built without CUDA"
        return (
            "trainings run on the CPU, fit for small models; for a GPU, its driver must be visible and "
            "danq installed with the extra `gpu`"
        )
    if not path.startswith("taken"):
        return f"trainings run on {len(gpus)} GPU, but its fast recurrent path is {path}"
    where = "the GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
    return f"trainings run on {where} with cuDNN's recurrent kernel"


def _build() -> str:
    build = tf.sysconfig.get_build_info()
    if not build.get("is_cuda_build"):
        return "built without CUDA"
    return f"built for CUDA {build.get('cuda_version')} and cuDNN {build.get('cudnn_version')}"


def _matrix_kernels(flags: Path = Path("/proc/cpuinfo")) -> str:
    """Kernels that NumPy multiplies matrices with; by whose choice, where faster ones are left unused."""
    from threadpoolctl import threadpool_info

    kernels = {str(info["architecture"]) for info in threadpool_info() if info.get("architecture")}
    named = ", ".join(sorted(kernels)) or "unknown"
    wide = flags.is_file() and "avx512vl" in flags.read_text(encoding="utf-8", errors="replace")
    if wide and kernels & {"Haswell", "Zen"}:
        choice = os.environ.get("OPENBLAS_CORETYPE")
        by = f"by OPENBLAS_CORETYPE={choice}" if choice else "by OpenBLAS's own choice"
        return (
            f"{named} (AVX2), {by}; this processor has AVX-512, with which variants are scored up to 1.7 "
            "times as fast: OPENBLAS_CORETYPE=SkylakeX"
        )
    return named


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _memory() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
