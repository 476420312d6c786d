"""Why TensorFlow uses no GPU here, and how many rows fit into the memory of one; importable without it."""

import ctypes
import ctypes.util
import importlib.util
import logging
import os
import re
import site
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path

from danq.errors import TrainingFailedError

log = logging.getLogger("danq")

_DRIVERS = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/dev/dxg")
"""What shows an NVIDIA driver: on Linux, in a container, and in Windows' subsystem for Linux."""
_SPARED = 0.9
"""Part of a GPU's memory that rows are planned for: allocations leave gaps, and cuDNN takes work space."""


def why_no_gpu() -> str:
    """Say in one phrase why TensorFlow finds no GPU: hidden, no driver, no libraries, or built without."""
    import tensorflow as tf

    if not tf.test.is_built_with_cuda():
        return "this TensorFlow is built without CUDA"
    if gpus_hidden():
        return f"CUDA_VISIBLE_DEVICES={os.environ['CUDA_VISIBLE_DEVICES']!r} hides all GPUs"
    if not driver_visible():
        return "no NVIDIA driver is visible"
    missing = missing_libraries()
    if missing:
        return (
            f"a driver is there, but TensorFlow's libraries are missing: {', '.join(missing)}; "
            "install danq with the extra `gpu`"
        )
    return "a driver and all libraries are there, but no device answers"


def gpu_possible() -> bool:
    """Whether there may be a GPU, which only TensorFlow can tell for certain; without loading it."""
    possible = driver_visible() and not gpus_hidden()
    if possible and not tensorflow_installed():
        log.warning("the GPU is not used, for TensorFlow is not installed")
        return False
    return possible


def tensorflow_installed() -> bool:
    """Whether TensorFlow is there, which computes what NumPy does not, and on GPUs; without loading it."""
    return importlib.util.find_spec("tensorflow") is not None


def gpus_hidden() -> bool:
    """Whether the variable CUDA_VISIBLE_DEVICES hides all GPUs."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return chosen is not None and not re.match(r"\s*(\d|GPU-|MIG-)", chosen)


def driver_visible() -> bool:
    """Whether this process sees an NVIDIA driver."""
    return any(Path(path).exists() for path in _DRIVERS)


def missing_libraries(folders: Sequence[Path] | None = None) -> list[str]:
    """CUDA libraries that this TensorFlow was built for and that cannot be opened here.

    They are looked for in `folders`, the ``nvidia`` packages of this Python environment where left out, too.
    """
    if folders is None:
        names = {*site.getsitepackages(), sysconfig.get_paths()["purelib"]}
        folders = [Path(name) / "nvidia" for name in names]
    return [library for library in needed_libraries() if not _opens(library, folders)]


def needed_libraries() -> list[str]:
    """File names of the CUDA libraries that this TensorFlow opens at its start."""
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    cuda = str(build.get("cuda_version", "12")).split(".")[0]
    cudnn = str(build.get("cudnn_version", "9")).split(".")[0]
    # cuFFT and cuSOLVER count their versions one behind CUDA's
    behind = str(int(cuda) - 1) if cuda.isdigit() else cuda
    versions = {"cudart": cuda, "cublas": cuda, "cublasLt": cuda, "cufft": behind, "cusolver": behind}
    versions |= {"cusparse": cuda, "cudnn": cudnn}
    return [f"lib{name}.so.{version}" for name, version in versions.items()]


def _opens(library: str, folders: Sequence[Path]) -> bool:
    if any(path.is_file() for folder in folders for path in folder.glob(f"*/lib/{library}")):
        return True
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def memory_limit() -> int:
    """Bytes of the first GPU's memory that TensorFlow may take; 0 where there is none."""
    from tensorflow.python.client import device_lib

    limits = [d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU"]
    return int(limits[0]) if limits else 0


def rows_that_fit(run: Callable[[int], object], limit: int, peak: Callable[[], int], multiple: int) -> int:
    """Estimate how many rows a computation can take at once, from its memory at two small sizes.

    Parameters
    ----------
    run : callable
        Computes that many rows.
    limit : int
        Bytes of memory.
    peak : callable
        Most bytes in use since it was asked before.
    multiple : int
        Rows of the two trials are `multiple` and four times as many; the answer is a multiple of it, at least
        `multiple`.
    """
    sizes = (multiple, 4 * multiple)
    peaks = []
    for size in sizes:
        run(size)  # the first call traces and tunes, which takes memory of its own
        peak()
        run(size)
        peaks.append(peak())
    each = max((peaks[1] - peaks[0]) / (sizes[1] - sizes[0]), 1.0)
    rows = (_SPARED * limit - (peaks[0] - sizes[0] * each)) / each
    return max(int(rows) // multiple * multiple, multiple)


def peak_memory() -> int:
    """Most bytes in use on the first GPU since this was asked before."""
    import tensorflow as tf

    peak = int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    tf.config.experimental.reset_memory_stats("GPU:0")
    return peak


def out_of_memory(key: str, rows: int, fits: int) -> TrainingFailedError:
    """Error of a batch that does not fit into a GPU's memory, with one that does."""
    return TrainingFailedError(
        f"{key}: {rows:,} rows at once do not fit into the memory of the GPU; about {fits:,} do"
    )
