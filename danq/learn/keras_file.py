"""A ``.keras`` file as data: what it may hold, checked before Keras builds anything of it.

The file is a ZIP of a configuration, which names Python classes, and of weights in HDF5. Keras refuses
code in its safe mode, but has been led round it by names of functions and of modules more than once
(CVE-2025-1550, CVE-2025-8747, CVE-2025-9906). Here the classes are a closed list: layers that compute on
their inputs and weights alone, operations, and what describes their weights.
"""

import io
import json
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from danq.errors import DanqError, first_line, remedy
from danq.files import digest
from danq.hdf5 import plain_member
from danq.limits import check_limit, check_memory

_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_MEMBERS = {"metadata.json", _CONFIG, _WEIGHTS}
_DEEPEST, _MOST_LAYERS = 64, 1000


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LAYERS = _names(
    """
    Activation Add Attention AdditiveAttention AlphaDropout Average AveragePooling1D AveragePooling2D
    BatchNormalization Bidirectional Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Cropping1D
    Cropping2D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU GRUCell
    GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
    GlobalMaxPooling2D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell
    LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D Maximum Minimum MultiHeadAttention Multiply
    Normalization PReLU Permute RMSNormalization RNN ReLU RepeatVector Rescaling Reshape SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpectralNormalization
    StackedRNNCells Subtract TimeDistributed UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D
    ZeroPadding2D
    """
)
"""Left out is what runs or loads something: Lambda, wrappers of other frameworks' models, look-up tables."""
_CLASSES = {
    "keras": _names("DTypePolicy Functional Sequential"),
    "keras.src.models.functional": _names("Functional"),
    "keras.src.models.sequential": _names("Sequential"),
    "keras.layers": _LAYERS,
    "keras.dtype_policies": _names("DTypePolicy"),
    "keras.initializers": _names(
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal "
        "LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform TruncatedNormal "
        "VarianceScaling Zeros"
    ),
    "keras.regularizers": _names("L1 L1L2 L2 OrthogonalRegularizer"),
    "keras.constraints": _names("MaxNorm MinMaxNorm NonNeg UnitNorm"),
    "keras.src.ops.core": _names("Cast SaturateCast ScatterUpdate Slice SliceUpdate StopGradient Unstack"),
}
"""Module → classes in it that a model may be made of."""
_OPERATIONS = re.compile(r"keras\.src\.ops\.(numpy|nn|math|linalg)")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_VALUES = _names("__keras_tensor__ __tensor__ __numpy__ __slice__ __ellipsis__ __bytes__")
"""Values that JSON has no form for."""


@dataclass(frozen=True)
class KerasFile:
    """A ``.keras`` file as it was read once, and checked; nobody reads the file again.

    Attributes
    ----------
    config : bytes
        JSON of the layers.
    weights : bytes
        HDF5 file.
    shapes : tuple of tuple of int
        Of the arrays that the weights are.
    digest : str
        As of `network_digest`.
    """

    config: bytes
    weights: bytes
    shapes: tuple[tuple[int, ...], ...]
    digest: str

    def write(self, path: Path) -> None:
        """Write a ``.keras`` file, for what reads files only."""
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr(_CONFIG, self.config)
            archive.writestr(_WEIGHTS, self.weights)


def read_network(path: Path, own: Collection[str] = ()) -> KerasFile:
    """Read a ``.keras`` file; one that holds anything but a network of known layers and weights is refused.

    Parameters
    ----------
    own : collection of str
        Names of modules whose classes are allowed, too: those of models of one's own that were imported
        because the user trusts their files.

    Raises
    ------
    DanqError
        If it is missing or damaged, has other members, declares more than it holds, names a class that is not
        known, or has weights that are links or lie elsewhere.
    """
    if not path.is_file():
        raise DanqError(f"{path}: no such file; {path.parent} is no whole danq bundle")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive)
            text = archive.read(_CONFIG)
            check_limit("DANQ_MAX_NODES", path, "values in the network's configuration", text.count(b","))
            config = json.loads(text)
            check_classes(path, config, own)
            weights = archive.read(_WEIGHTS)
            return KerasFile(text, weights, _check_weights(path, weights), network_digest(config))
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise DanqError(
            f"{path}: not readable as a Keras model ({first_line(error)}){remedy(path)}"
        ) from None
    except (zipfile.BadZipFile, EOFError, RuntimeError):
        raise DanqError(
            f"{path}: expected a ZIP archive of Keras, received a damaged file{remedy(path)}"
        ) from None


def _check_members(path: Path, archive: zipfile.ZipFile) -> None:
    names = [member.filename for member in archive.infolist()]
    if unknown := [name for name in names if name not in _MEMBERS or names.count(name) > 1]:
        expected = ", ".join(sorted(_MEMBERS))
        raise DanqError(f"{path}: expected the members {expected}, each once; received {unknown[0]!r}")
    room = path.stat().st_size
    for member in archive.infolist():
        check_memory(f"{path}: {member.filename}", member.file_size)
        # Keras does not compress
        room -= member.file_size
        if member.compress_type != zipfile.ZIP_STORED or room < 0:
            raise DanqError(f"{path}: {member.filename}: expected it as it is, received a compressed member")


def check_classes(path: object, config: Any, own: Collection[str]) -> None:
    """Refuse a configuration that names a class which is not known, or too many layers; as `read_network`."""
    layers = sum("inbound_nodes" in value for value in objects(config))
    if layers > _MOST_LAYERS:
        raise DanqError(f"{path}: expected a network of at most {_MOST_LAYERS:,} layers, received {layers:,}")
    for value in objects(config):
        module, name, registered = (value.get(key) for key in ("module", "class_name", "registered_name"))
        if not (isinstance(name, str) and (module is None or isinstance(module, str))):
            raise DanqError(f"{path}: expected names of classes, received {str(name)[:60]!r}")
        known = name in _VALUES if module is None else is_known(module, name) and registered in (None, name)
        if not known and module not in own:
            keras = str(module).startswith("keras.")
            advice = "; a layer of one's own needs --trust-model-code with its model's file"
            raise DanqError(
                f"{path}: expected a network of known layers, received {module or ''}.{name}, "
                f"which is not loaded{'' if keras else advice}"
            )


def is_known(module: str, name: str) -> bool:
    """Whether a network may hold this class without the user's trust."""
    if _OPERATIONS.fullmatch(module):
        return _CLASS.fullmatch(name) is not None
    return name in _CLASSES.get(module, ())


def objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every object of a configuration that names a class, at any depth."""
    if depth > _DEEPEST:
        raise ValueError("its configuration is nested too deep")
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from objects(item, depth + 1)


def network_digest(config: Any) -> str:
    """SHA-256 of the layers of a network and how they are connected, whatever they are called.

    Keras numbers layers through a process, so that the same network gets other names in another one.
    """
    names: dict[str, str] = {}
    for value in objects(config):
        inner = value.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            names.setdefault(inner["name"], f"#{len(names)}")
    return digest(_unnamed(config, names))


def _unnamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        kept = {key: _unnamed(item, names) for key, item in value.items() if key != "shared_object_id"}
        if isinstance(name := kept.get("name"), str):
            kept["name"] = names.get(name, name)
        return kept
    if not isinstance(value, list):
        return value
    # an output of a layer: its name, and two numbers
    if len(value) == 3 and isinstance(value[0], str):
        return [names.get(value[0], value[0]), *value[1:]]
    return [_unnamed(item, names) for item in value]


def stored_config(path: Path) -> Any:
    """Read the configuration of a ``.keras`` file that this process has just written."""
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read(_CONFIG))


def _check_weights(path: Path, data: bytes) -> tuple[tuple[int, ...], ...]:
    """Shapes of the arrays of an HDF5 file, which are plain and as large as they say."""
    import h5py

    shapes, size = list[tuple[int, ...]](), 0
    with h5py.File(io.BytesIO(data), "r") as weights:
        seen = set[int]()
        pending: list[Any] = [weights]
        while pending:
            group = pending.pop()
            for name in group:
                member = plain_member(group, name, path, "biufV")  # bfloat16 has no kind of its own
                address = h5py.h5o.get_info(member.id).addr
                if address in seen:
                    raise DanqError(
                        f"{path}: {member.name}: expected each array once, received a second link"
                    )
                seen.add(address)
                if isinstance(member, h5py.Group):
                    pending.append(member)
                    continue
                shapes.append(member.shape)
                size += member.nbytes
                if size > len(data):
                    raise DanqError(f"{path}: {member.name}: expected more bytes for its weights")
    return tuple(shapes)
