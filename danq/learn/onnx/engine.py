"""A bundle computed by ONNX Runtime on CPUs, without TensorFlow."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from danq.data.encoders import load_encoder
from danq.errors import DanqError, first_line
from danq.learn.linear import CpuBundle
from danq.learn.manifest import BundleManifest
from danq.learn.onnx.graph import OUTPUT, onnx_model
from danq.threads import threads


def open_onnx(path: Path, model: bytes | None = None) -> CpuBundle:
    """Read a bundle for prediction by ONNX Runtime, in as many threads as `danq.threads.threads` says.

    Parameters
    ----------
    model : bytes, optional
        Its file of ONNX, if that is there already.

    Raises
    ------
    DanqError
        As `danq.learn.onnx.graph.onnx_model`, or if ONNX Runtime does not take its graph.
    """
    info = BundleManifest.read(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    # saturated gates leave numbers that processors take a hundred times as long for
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    model = onnx_model(path).SerializeToString() if model is None else model
    # whatever thread makes the session loses such numbers for good: not the caller's, whose own they may be
    with _refusals(path), ThreadPoolExecutor(1) as pool:
        session = pool.submit(
            onnxruntime.InferenceSession, model, options, providers=["CPUExecutionProvider"]
        ).result()

    def compute(inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        with _refusals(path):
            logits: NDArray[np.float32] = session.run([OUTPUT], inputs)[0]
        return logits

    (logits,) = session.get_outputs()
    library = f"ONNX Runtime {onnxruntime.__version__}"
    return CpuBundle(path, compute, load_encoder(info.encoder), info, tuple(logits.shape[1:]), library)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say in one line what ONNX Runtime refuses; its exceptions have nothing but `Exception` in common."""
    try:
        yield
    except Exception as error:
        raise DanqError(f"{path}: not computed by ONNX Runtime ({first_line(error)})") from error
