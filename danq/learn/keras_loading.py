"""Networks that Keras makes of a checked ``.keras`` file, and whether it could make one again."""

import json
import math
import random
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from danq.errors import DanqError, first_line
from danq.learn.keras_file import KerasFile, check_classes
from danq.limits import check_memory
from danq.remnants import scratch


def check_loads(place: str, model: Any, own: Collection[str]) -> None:
    """Refuse a Keras model that no bundle could bring back, as one with a Lambda, before it is trained.

    Parameters
    ----------
    place : str
        What the message starts with.
    own : collection of str
        As of `read_network`.

    Raises
    ------
    DanqError
        If a class of it is not known, or Keras does not make it again of what its layers say of themselves.
    """
    config, drawn = json.loads(model.to_json()), random.getstate()
    check_classes(place, config, own)
    try:
        _made(config)
    except Exception as error:  # whatever the code of a layer of one's own leads to
        raise DanqError(
            f"{place}: expected layers that Keras makes again of what their get_config says "
            f"({first_line(error)})"
        ) from error
    finally:
        # initializers draw their seeds
        random.setstate(drawn)


def load_network(path: Path, network: KerasFile) -> Any:
    """Let Keras build a network that was checked, whatever has become of its file at `path` since.

    Returns
    -------
    keras.Model

    Raises
    ------
    DanqError
        If it declares more weights than its file holds, or outputs of unreasonable size.
    """
    import keras

    _check_declared(path, network, _made(json.loads(network.config)))
    with scratch() as folder:
        copy = folder / path.name
        network.write(copy)
        return keras.models.load_model(copy, compile=False, safe_mode=True)


def _made(config: Any) -> Any:
    """Let Keras make a model without its weights, which takes no memory."""
    import keras

    def make() -> Any:
        with keras.StatelessScope(initialize_variables=False):
            return keras.saving.deserialize_keras_object(config, safe_mode=True)

    # Keras notes for its thread which weights are still to be made, and would make them at the next occasion
    with ThreadPoolExecutor(1) as thread:
        model = thread.submit(make).result()
    if not isinstance(model, keras.Model):
        raise TypeError("it is no model")
    return model


def _check_declared(path: Path, network: KerasFile, model: Any) -> None:
    import keras

    missing = Counter(tuple(weight.shape) for weight in model.weights) - Counter(network.shapes)
    if missing:
        raise DanqError(
            f"{path}: expected a network of the weights that the file holds, received one with weights of "
            f"shape {next(iter(missing))}"
        )
    for layer in layers_of(model):
        shapes = [tensor.shape[1:] for tensor in keras.tree.flatten(layer.output)]
        sizes = (math.prod(size or 1 for size in shape) for shape in shapes)
        check_memory(f"{path}: output of layer {layer.name}", 4 * max(sizes, default=0))


def layers_of(model: Any) -> Iterator[Any]:
    """Layers of a Keras model and of the models inside it, as an ensemble has them."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer
