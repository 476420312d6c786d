"""The weights of a bundle read without TensorFlow, which takes seconds and 600 MB to load."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.learn.manifest import BundleManifest, weights_digest

MODEL_FILE = "model.keras"
Weights = dict[str, list[NDArray[np.float32]]]
"""Arrays of each layer by its name, in Keras's order."""


def read_weights(path: Path, info: BundleManifest) -> Weights | None:
    """Read the arrays of a ``.keras`` file: a ZIP with the layers' configuration and an HDF5 file.

    Parameters
    ----------
    path : Path
        The file.
    info : BundleManifest
        What the bundle says of it; its digest decides whether the arrays were read rightly.

    Returns
    -------
    dict or None
        None where the file is laid out in another way or damaged; Keras may then say more.
    """
    import h5py

    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as stored:
                weights = _by_layer(layers, stored["layers"])
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return None
    arrays = [array for of_layer in weights.values() for array in of_layer]
    return weights if weights_digest(info.options, info.encoder, arrays) == info.digest else None


def _by_layer(layers: list[dict[str, Any]], stored: Any) -> Weights:
    """Arrays of the layers; a group is called after its layer's class, numbered where there are several."""
    seen: dict[str, int] = {}
    weights: Weights = {}
    for layer in layers:
        kind = _snake_case(layer["class_name"])
        number = seen.get(kind, 0)
        seen[kind] = number + 1
        group = stored.get(f"{kind}_{number}" if number else kind)
        weights[layer["config"]["name"]] = [] if group is None else _arrays(group)
    return weights


def _arrays(group: Any) -> list[NDArray[np.float32]]:
    """Arrays of a layer and of the layers inside it; of two directions the forward one comes first."""
    parts = [group[name] for name in ("forward_layer", "backward_layer", "cell") if name in group]
    own = group.get("vars", {})
    return [np.asarray(own[str(number)]) for number in range(len(own))] + [
        array for part in parts for array in _arrays(part)
    ]


def _snake_case(name: str) -> str:
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
