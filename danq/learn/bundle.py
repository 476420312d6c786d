"""The model bundle, a trained network with its encoder, options and history; its compiled forward passes."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError, first_line, remedy
from danq.learn.devices import describe_device, prepare_gpus
from danq.learn.gpu import memory_limit, out_of_memory
from danq.learn.keras_file import network_digest, read_network, stored_config
from danq.learn.keras_loading import layers_of, load_network
from danq.learn.manifest import (
    ENSEMBLE,
    HISTORY_FILE,
    MODEL_FILE,
    BundleManifest,
    bundle_digest,
    member_paths,
    model_module,
    read_members,
)
from danq.learn.network import write_network
from danq.provenance import shared_entries

HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "valid_loss",
    "valid_auroc",
    "valid_auprc",
    "valid_f1",
    "learning_rate",
    "samples_per_second",
    "seconds",
)


@dataclass(frozen=True)
class Bundle:
    """A trained model with all that is needed to use it.

    Attributes
    ----------
    path : Path
        Directory it was read from.
    model : keras.Model
        Takes the dict of arrays `encoder` makes; returns logits (n, k), or (n, sub-bins, k).
    encoder : Encoder
        Turns raw rows (of DNA, codes uint8 (n, window)) into the model's inputs.
    info : BundleManifest
        ``bundle.json``.
    """

    path: Path
    model: keras.Model
    encoder: Encoder
    info: BundleManifest

    @property
    def outputs(self) -> tuple[int, ...]:
        """Shape of the logits of one row: (k,), or (sub-bins, k)."""
        return tuple(self.model.output.shape[1:])

    @property
    def engine(self) -> str:
        """Library that computes, and its version."""
        return f"TensorFlow {tf.__version__}"

    @property
    def device(self) -> str:
        """What computes, in words."""
        return describe_device()

    def forward(self, rows: int, both_strands: bool) -> Callable[[dict[str, NDArray[Any]]], Any]:
        """Compile the forward pass, as `compile_forward`, for arrays of NumPy."""
        prepare_gpus()
        compiled = compile_forward(self, rows, both_strands)
        return lambda inputs: compiled({name: tf.constant(array) for name, array in inputs.items()})

    def computing(self, rows: int) -> AbstractContextManager[None]:
        """Compute within this: what does not fit into a device's memory is refused in one line."""
        return within_memory(self, rows)


def model_weights(model: keras.Model) -> list[NDArray[Any]]:
    """Weights of a model in their fixed order, without the states of dropout's generators."""
    return [np.asarray(weight.numpy()) for weight in model.weights]


def save_bundle(
    out: Path,
    model: keras.Model,
    encoder: Encoder,
    info: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
) -> BundleManifest:
    """Write `model.keras`, `network.json`, `weights.safetensors`, `history.tsv` and `bundle.json`.

    Parameters
    ----------
    out : Path
        An existing directory.
    info : mapping
        Keys of ``bundle.json`` but for ``encoder``, ``parameters``, ``network``, ``description`` and
        ``digest``, which are set here.
    history : sequence of mappings
        One mapping an epoch with the keys `HISTORY_COLUMNS`; what is missing or None stays empty.
    """
    model.save(out / MODEL_FILE)
    # as it will stand in the file, of which the digest is
    made = shared_entries({**info, "encoder": encoder.state(), "parameters": model.count_params()})
    made["network"] = network_digest(stored_config(out / MODEL_FILE))
    made["description"] = write_network(out, _by_layer(model))
    manifest = BundleManifest(**made, digest=bundle_digest(made, model_weights(model)))
    (out / HISTORY_FILE).write_text(history_table(history), encoding="utf-8")
    manifest.write(out)
    return manifest


def _by_layer(model: keras.Model) -> dict[str, list[NDArray[Any]]]:
    """Weights of each layer; all under one name where those of the layers are not all, in this order."""
    variables = [variable for layer in model.layers for variable in layer.weights]
    if list(map(id, variables)) != list(map(id, model.weights)):
        return {model.name: model_weights(model)}
    return {layer.name: layer.get_weights() for layer in model.layers}


def history_table(history: Sequence[Mapping[str, Any]]) -> str:
    """Tab-separated text of the history, one line an epoch; an undefined value is an empty cell."""
    lines = ["\t".join(HISTORY_COLUMNS)]
    lines += ["\t".join(_cell(row.get(column)) for column in HISTORY_COLUMNS) for row in history]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def load_bundle(path: Path, trusted: Sequence[Path] = ()) -> Bundle:
    """Read a bundle and check that its model is the one its manifest describes.

    Parameters
    ----------
    trusted : sequence of Path
        Files of models of one's own that may be run where the bundle was trained with one of them; a model
        with layers of its own needs it.

    Raises
    ------
    DanqError
        If it is no bundle, of another format version, its model cannot be read, or manifest and model
        do not belong together.
    """
    info = BundleManifest.read(path)
    encoder = load_encoder(info.encoder)
    if info.model == ENSEMBLE:
        return _load_ensemble(path, info, encoder, trusted)
    if info.network is None:
        raise DanqError(
            f"{path / info.FILE}: expected a key 'network', found none: the bundle is of an earlier release; "
            "train it again with this one"
        )
    model = _load_model(path / MODEL_FILE, info, trusted)
    weights = model_weights(model)
    if bundle_digest(info.content(), weights) != info.digest:
        raise DanqError(
            f"{path}: weights are not those {info.FILE} was written with, or what it says of them has changed"
            + remedy(path / MODEL_FILE)
        )
    bundle = Bundle(path, model, encoder, info)
    if bundle.outputs[-1:] != (len(info.targets),):
        raise DanqError(
            f"{path / info.FILE}: targets: expected one for each of the model's {bundle.outputs[-1]} "
            f"outputs, received {len(info.targets)}"
        )
    return bundle


def _load_ensemble(path: Path, info: BundleManifest, encoder: Encoder, trusted: Sequence[Path]) -> Bundle:
    """Put the members' models into one, whose logits are the mean of theirs."""
    read_members(path)
    members = [load_bundle(member, trusted) for member in member_paths(path, info)]
    states = info.encoder["encoders"]
    inputs = {
        name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in encoder.inputs.items()
    }
    logits: list[Any] = []
    for member, entry in zip(members, info.members, strict=True):
        number = states.index(member.encoder.state())
        member.model.name = f"member_{len(logits)}"  # two layers of a model must not have one name
        own = {name: inputs[f"{number}_{name}"] for name in member.encoder.inputs}
        logits.append(entry.weight * keras.ops.cast(member.model(own), "float32"))
    return Bundle(path, keras.Model(inputs, sum(logits[1:], logits[0]), name=ENSEMBLE), encoder, info)


def _load_model(path: Path, info: BundleManifest, trusted: Sequence[Path]) -> keras.Model:
    # layers of a model given by its path are known to Keras once its file is imported
    module = model_module(info, trusted) if info.model.endswith(".py") else None
    network = read_network(path, () if module is None else (module.__name__,))
    if network.digest != info.network:
        raise DanqError(f"{path}: expected the network that {info.FILE} was written with, received another")
    try:
        return load_network(path, network)
    except DanqError:
        raise
    except Exception as error:  # Keras and TensorFlow raise whatever a configuration leads to
        raise DanqError(f"{path}: not readable as a Keras model ({first_line(error)})") from error


def compile_forward(bundle: Bundle, rows: int, both_strands: bool) -> Any:
    """Compile the forward pass for exactly `rows` rows, or twice as many where both strands are read.

    The second half of a batch then holds the reverse complements of the first; results are averaged, of
    sub-bins each with the sub-bin at the same place of the genome.

    Returns
    -------
    callable
        Dict of arrays → logits and probabilities float32, shape (rows, k) or (rows, sub-bins, k).
    """
    batch = 2 * rows if both_strands else rows
    multiclass = bundle.info.task == "multiclass"

    def mean(values: tf.Tensor) -> tf.Tensor:
        opposite = values[rows:]
        return (values[:rows] + (opposite[:, ::-1] if values.shape.rank > 2 else opposite)) / 2

    def forward(inputs: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        logits = tf.cast(bundle.model(inputs, training=False), tf.float32)
        probabilities = tf.nn.softmax(logits) if multiclass else tf.sigmoid(logits)
        return (mean(logits), mean(probabilities)) if both_strands else (logits, probabilities)

    signature = {
        name: tf.TensorSpec((batch, *shape), dtype) for name, (shape, dtype) in bundle.encoder.inputs.items()
    }
    return tf.function(forward, input_signature=[signature], jit_compile=False)


def compile_strands(bundle: Bundle, both: bool) -> Any:
    """Compile the forward pass of a model of codes for any number of windows, strands made on the device.

    With `both` the reverse complements are read, too.

    Returns
    -------
    callable
        uint8 (n, window) → logits float32, shape (strands, n, k).
    """

    def forward(codes: tf.Tensor) -> tf.Tensor:
        strands = [codes]
        if both:
            # A, C, G, T are 0..3, and N is 4 on either strand
            strands.append(tf.where(codes < 4, 3 - codes, codes)[:, ::-1])
        logits = tf.cast(bundle.model({"codes": tf.concat(strands, axis=0)}, training=False), tf.float32)
        return tf.reshape(logits, (len(strands), -1, logits.shape[-1]))

    signature = [tf.TensorSpec((None, bundle.info.window), tf.uint8)]
    return tf.function(forward, input_signature=signature, jit_compile=False)


def rows_by_memory(bundle: Bundle, limit: int, most: int) -> int:
    """Windows of a forward pass that surely fit into `limit` bytes of memory, from the sizes of all outputs.

    Beyond `most` windows larger batches are no faster.
    """
    outputs = [output for layer in layers_of(bundle.model) for output in keras.tree.flatten(layer.output)]
    numbers = sum(math.prod(output.shape[1:]) for output in outputs)
    weights = 4 * bundle.model.count_params()
    # three times: kernels keep copies in other layouts, and work space
    fit = (limit // 2 - weights) // (3 * 4 * max(numbers, 1))
    return max(min(fit, most), 1)


@contextmanager
def within_memory(bundle: Bundle, rows: int) -> Iterator[None]:
    """Refuse in one line a forward pass of `rows` rows that a device's memory does not hold."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise out_of_memory("--batch-size", rows, rows_by_memory(bundle, memory_limit(), rows // 2)) from None
