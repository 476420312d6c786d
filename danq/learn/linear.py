"""Bundles that NumPy or ONNX Runtime computes: opened, and predicting, without TensorFlow's seconds."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError
from danq.learn.gpu import tensorflow_installed
from danq.learn.manifest import ENSEMBLE, BundleManifest, member_paths, model_module, read_members
from danq.learn.network import read_weights
from danq.models import MODELS, shared_work
from danq.models.logistic_regression import probabilities
from danq.threads import threads

if TYPE_CHECKING:
    from danq.learn.bundle import Bundle

Engine = Literal["keras", "onnx"]
Inputs = dict[str, NDArray[Any]]
Logits = NDArray[np.float32]

_BLOCK = 32
"""Windows that one thread computes at a time."""


@dataclass(frozen=True)
class CpuBundle:
    """A trained model without TensorFlow, to be used as a `Bundle`.

    Attributes
    ----------
    compute : callable
        Dict of the encoder's arrays → logits float32 (n, k), or (n, sub-bins, k).
    outputs : tuple of int
        Shape of the logits of one row: (k,), or (sub-bins, k).
    engine : str
        Library that computes, and its version.
    """

    path: Path
    compute: Callable[[Inputs], Logits]
    encoder: Encoder
    info: BundleManifest
    outputs: tuple[int, ...]
    engine: str = f"NumPy {np.__version__}"

    @property
    def device(self) -> str:
        """What computes, in words."""
        return f"CPU ({self.engine})"

    def forward(self, rows: int, both_strands: bool) -> Callable[[Inputs], tuple[Logits, Logits]]:
        """Give the forward pass; rows and results are as of `danq.learn.bundle.compile_forward`."""

        def mean(values: Logits) -> Logits:
            if not both_strands:
                return values
            opposite = values[rows:]
            # of sub-bins each with that at the same place of the genome
            total = values[:rows] + (opposite[:, ::-1] if values.ndim > 2 else opposite)
            return total / np.float32(2)

        def forward(inputs: Inputs) -> tuple[Logits, Logits]:
            logits = self.compute(inputs)
            return mean(logits), mean(probabilities(logits, self.info.task == "multiclass"))

        return forward

    @contextmanager
    def computing(self, rows: int) -> Iterator[None]:
        """Compute within this; results do not depend on how many threads NumPy would take."""
        with ThreadpoolController().limit(limits=1):
            yield


def open_bundle(path: Path, trusted: Sequence[Path] = ()) -> "Bundle | CpuBundle":
    """Read a bundle for prediction, without TensorFlow where the model needs none.

    Where TensorFlow is not installed, models that share work between alleles are computed by that code, too.
    Parameters and refusals are those of `danq.learn.bundle.load_bundle`.
    """
    info = BundleManifest.read(path)
    compute = _in_numpy(path, info, trusted)
    if compute is not None:
        return CpuBundle(path, compute, load_encoder(info.encoder), info, (len(info.targets),))

    with installed(
        "TensorFlow",
        "tensorflow",
        "keras",
        remedy="pip install tensorflow keras, or danq predict --engine onnx",
    ):
        from danq.learn.bundle import load_bundle
    return load_bundle(path, trusted)


def open_by_engine(path: Path, trusted: Sequence[Path], engine: Engine) -> "Bundle | CpuBundle":
    """Read a bundle for prediction by what the user wants it to be computed by.

    Parameters
    ----------
    trusted : sequence of Path
        As of `danq.learn.bundle.load_bundle`.
    engine : {'keras', 'onnx'}
        As `open_bundle`, or by ONNX Runtime.

    Raises
    ------
    DanqError
        As `open_bundle` or `danq.learn.onnx.engine.open_onnx`, or if ONNX Runtime is not installed.
    """
    if engine == "keras":
        return open_bundle(path, trusted)
    with installed("ONNX Runtime", "onnx", "onnxruntime", remedy="pip install 'danq[onnx]'"):
        from danq.learn.onnx.engine import open_onnx
    return open_onnx(path)


@contextmanager
def installed(library: str, *modules: str, remedy: str) -> Iterator[None]:
    """Say in one line that a library is missing, of which some `modules` are imported within.

    Raises
    ------
    DanqError
        If one of them is not installed; `remedy` says what is to be done.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in modules:
            raise
        raise DanqError(f"expected {library} for this model, which is not installed; {remedy}") from None


def _in_numpy(path: Path, info: BundleManifest, trusted: Sequence[Path]) -> Callable[[Inputs], Logits] | None:
    """Give what computes a bundle's logits in NumPy, None where nothing does or TensorFlow is the faster."""
    if info.model == ENSEMBLE:
        return None if tensorflow_installed() else _of_members(path, info, trusted)
    module = model_module(info, trusted)
    sharing = hasattr(module, "incremental") and not tensorflow_installed()
    if module is None or not (sharing or (info.model in MODELS and hasattr(module, "logits"))):
        return None
    weights = read_weights(path, info)
    if weights is None or not sharing:
        return None if weights is None else partial(module.logits, weights=weights)
    shared = shared_work(module, info.options, weights, info.window, info.run)
    return None if shared is None else partial(_whole_windows, shared)


def _of_members(
    path: Path, info: BundleManifest, trusted: Sequence[Path]
) -> Callable[[Inputs], Logits] | None:
    """As `_in_numpy`, of an ensemble."""
    members = list(zip(member_paths(path, info), read_members(path), strict=True))
    computes = [_in_numpy(place, member, trusted) for place, member in members]
    numbers = [info.encoder["encoders"].index(member.encoder) for _, member in members]
    names = [load_encoder(member.encoder).inputs for _, member in members]

    def compute(inputs: Inputs) -> Logits:
        logits: Any = np.float32(0)
        for entry, number, own, part in zip(info.members, numbers, names, computes, strict=True):
            if part is not None:
                logits = logits + np.float32(entry.weight) * part({n: inputs[f"{number}_{n}"] for n in own})
        return np.asarray(logits, np.float32)

    return None if None in computes else compute


def _whole_windows(shared: Any, inputs: Inputs) -> Logits:
    """Compute windows as references without alternates; equal bytes on any number of threads."""
    (codes,) = inputs.values()
    none = np.empty(0, np.int64)
    blocks = [codes[first : first + _BLOCK] for first in range(0, len(codes), _BLOCK)]
    with ThreadPoolExecutor(threads()) as pool:
        return np.concatenate(list(pool.map(lambda block: shared.logits(block, block[:0], none)[0], blocks)))
