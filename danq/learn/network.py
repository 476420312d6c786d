"""A trained network without its framework: what it computes, in ``network.json``, and its arrays.

Importable without TensorFlow and Keras.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from danq.errors import DanqError, first_line, remedy
from danq.files import digest
from danq.learn.keras_file import read_network, stored_config
from danq.learn.keras_layers import Weights, describe_layers, describe_unknown
from danq.learn.keras_weights import stored_weights
from danq.learn.manifest import (
    ENSEMBLE,
    MODEL_FILE,
    NETWORK_FILE,
    WEIGHTS_FILE,
    BundleManifest,
    bundle_digest,
)
from danq.learn.network_manifest import DTYPES, Array, Layer, Network, Reference, Tensor
from danq.limits import check_memory
from danq.models import own_module_name
from danq.storage import damaged

__all__ = [
    "Array",
    "Layer",
    "Network",
    "Reference",
    "Tensor",
    "read_arrays",
    "read_network_description",
    "read_weights",
    "write_network",
]


_HEAD = 2000
"""Bytes that the head of ``weights.safetensors`` takes for an array at most."""


class _NeedsKerasError(DanqError):
    """A bundle of an earlier release has layers that are not known here."""


def write_network(out: Path, weights: Weights) -> str:
    """Write ``network.json`` and ``weights.safetensors`` beside the ``model.keras`` that was just written.

    Parameters
    ----------
    weights : dict
        Arrays of each of its layers.

    Returns
    -------
    str
        Digest of what ``network.json`` says.
    """
    config = stored_config(out / MODEL_FILE)
    try:
        network = _network(describe_layers(config, weights))
    except (LookupError, TypeError, ValueError, RecursionError):
        # a model of one's own: a long training must not end here
        network = _network(describe_unknown(config, weights))
    network.write(out)
    arrays = [np.ascontiguousarray(array) for of_layer in weights.values() for array in of_layer]
    names = [array.name for array in network.weights]
    # as any file, which others may read if the user says so; its own way to write keeps them away
    (out / WEIGHTS_FILE).write_bytes(save(dict(zip(names, arrays, strict=True))))
    return digest(network.content())


def _network(content: dict[str, Any]) -> Network:
    return Network.model_validate_json(json.dumps(content), strict=True)


def read_network_description(bundle: Path) -> Network:
    """Read what the network of a bundle computes; that of an earlier release is told by ``model.keras``.

    Raises
    ------
    DanqError
        If it is no bundle, an ensemble (each of its members has a network), damaged, or its network is not
        the one that the bundle was written with.
    """
    info = BundleManifest.read(bundle)
    return _described(bundle, info) if info.description else _from_keras(bundle, info)[0]


def read_arrays(bundle: Path) -> dict[str, NDArray[Any]]:
    """Read the weights of a bundle, by name, in the order of its digest; all of which is checked.

    Raises
    ------
    DanqError
        As `read_network_description`, or if the arrays are not those that the bundle was written with.
    """
    return _read(bundle, BundleManifest.read(bundle))[1]


def read_weights(bundle: Path, info: BundleManifest) -> Weights | None:
    """As `read_arrays`, the arrays of each layer, in Keras's order, by its name.

    None where only Keras tells which are a layer's: of some bundles of earlier releases, and of networks that
    are none of layers.
    """
    try:
        network, arrays = _read(bundle, info)
    except _NeedsKerasError:
        return None
    if not network.inputs:
        return None
    return {layer.name: [arrays[name] for name in layer.weights] for layer in network.layers}


def _read(bundle: Path, info: BundleManifest) -> tuple[Network, dict[str, NDArray[Any]]]:
    if info.description:
        network = _described(bundle, info)
        path, arrays = bundle / WEIGHTS_FILE, read_stored(bundle / WEIGHTS_FILE, network)
    else:
        network, arrays = _from_keras(bundle, info)
        path = bundle / MODEL_FILE
    if bundle_digest(info.content(), list(arrays.values())) != info.digest:
        raise DanqError(
            f"{path}: weights are not those {info.FILE} was written with, or what it says of them has changed"
            f"{remedy(path)}"
        )
    return network, arrays


def _described(bundle: Path, info: BundleManifest) -> Network:
    network = Network.read(bundle)
    # of what was read, whatever becomes of the file
    if digest(network.content()) != info.description:
        raise damaged(bundle / NETWORK_FILE)
    return _checked(bundle, network, info)


def _checked(bundle: Path, network: Network, info: BundleManifest) -> Network:
    check_memory(f"{bundle}: weights", sum(array.nbytes for array in network.weights))
    made = {layer.name: layer.outputs for layer in network.layers}.get(network.output.layer, (None,))
    logits = made[network.output.output]
    if logits is not None and logits.shape[-1:] != (len(info.targets),):
        raise DanqError(
            f"{bundle / info.FILE}: targets: expected one for each of the model's "
            f"{(logits.shape or [0])[-1]} outputs, received {len(info.targets)}"
        )
    return network


def read_stored(path: Path, network: Network) -> dict[str, NDArray[Any]]:
    """Read ``weights.safetensors``, which must hold the arrays that the network lists, and no others."""
    if not path.is_file():
        raise DanqError(f"{path}: no such file; {path.parent} is no whole danq bundle")
    most = sum(_HEAD + array.nbytes for array in network.weights) + _HEAD
    if path.stat().st_size > most:
        raise DanqError(f"{path}: expected at most {most:,} bytes, received {path.stat().st_size:,}")
    try:
        with safe_open(path, "numpy") as file:
            stored = set(file.keys())
            for array in network.weights:
                _check_stored(path, file, array, stored)
            if extra := stored - {array.name for array in network.weights}:
                raise DanqError(
                    f"{path}: expected the arrays of {NETWORK_FILE}, received {min(extra)[:60]!r}, too"
                )
            return {array.name: file.get_tensor(array.name) for array in network.weights}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise DanqError(f"{path}: not readable as safetensors ({first_line(error)}){remedy(path)}") from None


def _check_stored(path: Path, file: Any, array: Array, stored: set[str]) -> None:
    if array.name not in stored:
        raise DanqError(f"{path}: expected an array {array.name!r}, found none{remedy(path)}")
    part = file.get_slice(array.name)
    received = (tuple(part.get_shape()), part.get_dtype())
    if received != (array.shape, DTYPES[array.dtype][0]):
        raise DanqError(
            f"{path}: {array.name}: expected {array.dtype} of shape {array.shape}, "
            f"received {received[1]} of shape {received[0]}"
        )


def _from_keras(bundle: Path, info: BundleManifest) -> tuple[Network, dict[str, NDArray[Any]]]:
    """Describe the network of a bundle of an earlier release, and read its arrays, out of ``model.keras``."""
    path = bundle / MODEL_FILE
    if info.model == ENSEMBLE:
        raise DanqError(f"{bundle}: expected a bundle with a network of its own, received an ensemble")
    file = read_network(path, [own_module_name(info.model_file or "")])
    if file.digest != info.network:
        raise DanqError(f"{path}: expected the network that {info.FILE} was written with, received another")
    try:
        config = json.loads(file.config)
        weights = stored_weights(config["config"]["layers"], file.weights)
        network = _network(describe_layers(config, weights))
    except (LookupError, TypeError, ValueError, RecursionError, NotImplementedError, OSError) as error:
        raise _NeedsKerasError(
            f"{path}: expected a network that is read without Keras ({first_line(error)}); "
            "the bundle is of an earlier release: train it again with this one"
        ) from None
    arrays = [array for of_layer in weights.values() for array in of_layer]
    names = [array.name for array in network.weights]
    return _checked(bundle, network, info), dict(zip(names, arrays, strict=True))
