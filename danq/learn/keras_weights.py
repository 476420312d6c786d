"""Arrays of a ``.keras`` file by layer, read without Keras: all that bundles of earlier releases hold."""

import io
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.learn.keras_layers import Weights, snake_case


def stored_weights(layers: list[dict[str, Any]], data: bytes) -> Weights:
    """Read the arrays of the layers in the HDF5 of a ``.keras`` file.

    A group is called after its layer's class, numbered where there are several.
    """
    import h5py

    seen = Counter[str]()
    weights: Weights = {}
    with h5py.File(io.BytesIO(data)) as file:
        for layer in layers:
            kind = snake_case(layer["class_name"])
            number = seen[kind]
            seen[kind] += 1
            group = file["layers"].get(f"{kind}_{number}" if number else kind)
            weights[layer["config"]["name"]] = [] if group is None else _arrays(group)
    return weights


def _arrays(group: Any) -> list[NDArray[Any]]:
    """Arrays of a layer and of the layers inside it; of two directions the forward one comes first."""
    parts = [group[name] for name in ("forward_layer", "backward_layer", "cell", "layer") if name in group]
    own = group.get("vars", {})
    return [np.asarray(own[str(number)]) for number in range(len(own))] + [
        array for part in parts for array in _arrays(part)
    ]
