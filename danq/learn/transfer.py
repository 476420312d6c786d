"""Starting from another model's weights, and keeping layers as they are."""

import logging
from collections.abc import Sequence

import keras

from danq.errors import DanqError

log = logging.getLogger("danq")


def copy_weights(source: keras.Model, model: keras.Model, name: str) -> list[str]:
    """Copy the weights of layers that have the same name and shapes in both models.

    Parameters
    ----------
    source, model : keras.Model
        From, to.
    name : str
        What the source is called in messages.

    Returns
    -------
    list of str
        Names of the layers that were copied.

    Raises
    ------
    DanqError
        If there is no such layer.
    """
    given = {layer.name: layer for layer in source.layers if layer.weights}
    wanted = [layer for layer in model.layers if layer.weights]
    copied = [
        layer for layer in wanted if layer.name in given and _shapes(layer) == _shapes(given[layer.name])
    ]
    left = [layer.name for layer in wanted if layer not in copied]
    if not copied:
        raise DanqError(
            f"train.init_from: no layer of {name} has the name and shapes of one of this model; "
            f"expected one of {_listed(wanted)}, found {_listed(list(given.values()))}"
        )
    for layer in copied:
        layer.set_weights(given[layer.name].get_weights())
    log.info(
        "started from %s: copied %s; not copied: %s",
        name,
        ", ".join(layer.name for layer in copied),
        ", ".join(left) or "none",
    )
    return [layer.name for layer in copied]


def freeze_layers(model: keras.Model, names: Sequence[str]) -> None:
    """Keep the weights of some layers as they are.

    Raises
    ------
    DanqError
        If there is no layer of that name with weights, or nothing is left to train.
    """
    layers = {layer.name: layer for layer in model.layers if layer.weights}
    for name in names:
        if name not in layers:
            raise DanqError(f"train.freeze: expected layers of {', '.join(layers)}; received {name!r}")
        layers[name].trainable = False
    if not model.trainable_variables:
        raise DanqError("train.freeze: expected at least one layer to be left to train, all are frozen")


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _listed(layers: Sequence[keras.layers.Layer]) -> str:
    return ", ".join(f"{layer.name} {' '.join(str(shape) for shape in _shapes(layer))}" for layer in layers)
