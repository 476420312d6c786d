"""A bundle computed by ONNX Runtime on CPUs, without TensorFlow; used as a `danq.learn.bundle.Bundle`."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError, first_line
from danq.learn.manifest import BundleManifest
from danq.learn.onnx.graph import OUTPUT, onnx_model
from danq.models.logistic_regression import probabilities
from danq.threads import threads

Inputs = dict[str, NDArray[Any]]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class OnnxBundle:
    """A trained model as a session of ONNX Runtime."""

    path: Path
    session: onnxruntime.InferenceSession
    encoder: Encoder
    info: BundleManifest

    @property
    def outputs(self) -> tuple[int, ...]:
        """Shape of the logits of one row: (k,), or (sub-bins, k)."""
        (logits,) = self.session.get_outputs()
        return tuple(logits.shape[1:])

    @property
    def engine(self) -> str:
        """Library that computes, and its version."""
        return f"ONNX Runtime {onnxruntime.__version__}"

    @property
    def device(self) -> str:
        """What computes, in words."""
        return f"CPU ({self.engine})"

    def forward(self, rows: int, both_strands: bool) -> Callable[[Inputs], tuple[Floats, Floats]]:
        """Give the forward pass; rows and results are as of `danq.learn.bundle.compile_forward`."""

        def mean(values: Floats) -> Floats:
            if not both_strands:
                return values
            opposite = values[rows:]
            total = values[:rows] + (opposite[:, ::-1] if values.ndim > 2 else opposite)
            return total / np.float32(2)

        def forward(inputs: Inputs) -> tuple[Floats, Floats]:
            logits = self._logits(inputs)
            return mean(logits), mean(probabilities(logits, self.info.task == "multiclass"))

        return forward

    @contextmanager
    def computing(self, rows: int) -> Iterator[None]:
        """Compute within this; ONNX Runtime keeps threads of its own."""
        yield

    def _logits(self, inputs: Inputs) -> Floats:
        with _refusals(self.path):
            logits: Floats = self.session.run([OUTPUT], inputs)[0]
        return logits


def open_onnx(path: Path, model: bytes | None = None) -> OnnxBundle:
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
    return OnnxBundle(path, session, load_encoder(info.encoder), info)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say in one line what ONNX Runtime refuses; its exceptions have nothing but `Exception` in common."""
    try:
        yield
    except Exception as error:
        raise DanqError(f"{path}: not computed by ONNX Runtime ({first_line(error)})") from error
