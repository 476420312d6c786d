"""Starting from another model's weights, and keeping layers as they are."""

import logging
from collections.abc import Sequence

import keras

from danq.data.dataset import Dataset
from danq.data.encoders import Encoder
from danq.errors import DanqError
from danq.learn.bundle import Bundle

log = logging.getLogger("danq")


_ITEMS = {"word_embedding": "vocabulary", "character_embedding": "alphabet"}
"""Layers with one row an item that an encoder knows: which items, in the order of the last rows."""


def copy_weights(source: Bundle, model: keras.Model, encoder: Encoder, name: str) -> None:
    """Copy the weights of layers that have the same name and shapes in both models; `name` is the source's.

    Words and characters have other numbers in another vocabulary: their vectors are copied one by one, and
    those that the source does not know stay as they are. `encoder` is the fitted one of `model`.

    Raises
    ------
    DanqError
        If there is no such layer.
    """
    sources = {layer.name: layer for layer in source.model.layers if layer.weights}
    layers = [layer for layer in model.layers if layer.weights]
    copied = dict[str, str]()
    for layer in (layer for layer in layers if layer.name in sources):
        start, kind = sources[layer.name], _ITEMS.get(layer.name, "")
        theirs, ours = (tuple(getattr(coder, kind, ())) for coder in (source.encoder, encoder))
        if theirs != ours:
            known = _copy_rows(start, theirs, layer, ours)
            if known:
                copied[layer.name] = f"{layer.name} ({known:,} of {len(ours):,} in the {kind})"
        elif _shapes(layer) == _shapes(start):
            layer.set_weights(start.get_weights())
            copied[layer.name] = layer.name
    if not copied:
        raise DanqError(
            f"train.init_from: no layer of {name} has the name and shapes of one of this model; "
            f"expected one of {_listed(layers)}, found {_listed(list(sources.values()))}"
        )
    left = [layer.name for layer in layers if layer.name not in copied]
    listed = ", ".join(copied.values())
    log.info("started from %s: copied %s; not copied: %s", name, listed, ", ".join(left) or "none")


def warn_of_other_rows(source: Bundle, data: Dataset, name: str) -> None:
    """Warn where the start was trained on another dataset, or another fold, whose rows are held out here."""
    if source.info.dataset.digest != data.digest:
        log.warning(
            "train.init_from: %s was trained on another dataset than %s; metrics are honest only if none of "
            "its training rows is validated or tested here",
            name,
            data.path,
        )


def _copy_rows(
    source: keras.layers.Layer, theirs: Sequence[str], layer: keras.layers.Layer, ours: Sequence[str]
) -> int:
    """Copy the vectors of the items that both know, and of padding and the unknown before them."""
    [start], [weights] = source.get_weights(), layer.get_weights()
    if start.shape[1:] != weights.shape[1:]:
        return 0
    first = len(start) - len(theirs)
    rows = {item: first + number for number, item in enumerate(theirs)}
    weights[:first] = start[:first]
    known = [(first + number, rows[item]) for number, item in enumerate(ours) if item in rows]
    for to, origin in known:
        weights[to] = start[origin]
    layer.set_weights([weights])
    return len(known)


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
