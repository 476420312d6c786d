"""Bundles of models that NumPy computes as well: opened, and predicting, without TensorFlow's seconds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from danq.data.encoders import Encoder, load_encoder
from danq.learn.keras_layers import Weights
from danq.learn.manifest import BundleManifest
from danq.learn.network import read_weights
from danq.models import MODELS
from danq.models.logistic_regression import probabilities

if TYPE_CHECKING:
    from danq.learn.bundle import Bundle

Inputs = dict[str, NDArray[Any]]
Logits = NDArray[np.float32]


@dataclass(frozen=True)
class LinearBundle:
    """A trained model whose module gives ``logits(inputs, weights)``, to be used as a `Bundle`."""

    path: Path
    weights: Weights
    encoder: Encoder
    info: BundleManifest
    device = "CPU (NumPy)"

    @property
    def outputs(self) -> tuple[int, ...]:
        """Shape of the logits of one row: (k,)."""
        return (len(self.info.targets),)

    def forward(self, rows: int, both_strands: bool) -> Callable[[Inputs], tuple[Logits, Logits]]:
        """Give the forward pass; rows and results are as of `danq.learn.bundle.compile_forward`."""
        compute = MODELS[self.info.model].logits

        def mean(values: Logits) -> Logits:
            strands = values.reshape(-1, rows, values.shape[1])
            return strands.mean(axis=0) if both_strands else values

        def forward(inputs: Inputs) -> tuple[Logits, Logits]:
            logits = compute(inputs, self.weights)
            return mean(logits), mean(probabilities(logits, self.info.task == "multiclass"))

        return forward

    @contextmanager
    def computing(self, rows: int) -> Iterator[None]:
        """Compute within this; results do not depend on how many threads NumPy would take."""
        with ThreadpoolController().limit(limits=1):
            yield


def open_bundle(path: Path, trusted: Sequence[Path] = ()) -> "Bundle | LinearBundle":
    """Read a bundle for prediction, without TensorFlow where the model needs none.

    Parameters and refusals are those of `danq.learn.bundle.load_bundle`.
    """
    info = BundleManifest.read(path)
    if hasattr(MODELS.get(info.model), "logits"):
        weights = read_weights(path, info)
        if weights is not None:
            return LinearBundle(path, weights, load_encoder(info.encoder), info)

    from danq.learn.bundle import load_bundle

    return load_bundle(path, trusted)
