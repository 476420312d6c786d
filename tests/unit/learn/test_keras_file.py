"""Files of networks from others: none has code run, reads files, or takes memory that it does not fill."""

import io
import json
import re
import resource
import zipfile

import h5py
import keras
import numpy as np
import pytest
from untrained import save_model

from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.learn import keras_file
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.keras_file import network_digest, read_network
from danq.learn.manifest import BundleManifest
from danq.storage import sealed


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Bytes of the members of a model file."""
    folder = tmp_path_factory.mktemp("network") / "model"
    save_model(folder)
    with zipfile.ZipFile(folder / "model.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_config(network, path, change):
    config = json.loads(network["config.json"])
    change(config)
    return archive_of(path, network | {"config.json": json.dumps(config)})


def layer(name, module, **config):
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


ATTACKS = {
    "Lambda": layer(
        "Lambda", "keras.layers", function={"class_name": "__lambda__", "config": {"value": "x"}}
    ),
    "get_file": layer("function", "keras.utils", fn="get_file") | {"config": "get_file"},
    "system": layer("function", "os") | {"config": "system", "registered_name": "system"},
    "TFSMLayer": layer("TFSMLayer", "keras.layers", filepath="/tmp/saved"),
    "StringLookup": layer("StringLookup", "keras.layers", vocabulary="/etc/passwd"),
    "of no module": {"class_name": "Lambda", "config": {}},
    "of another module": layer("Dense", "danq.cli", units=1),
    "by another name": layer("Dense", "keras.layers", units=1) | {"registered_name": "evil>Layer"},
    "an operation that is none": layer("import_module", "keras.src.ops.numpy"),
    "Adam": layer("Adam", "keras.optimizers"),
}


CALLED = {name: f"{attack.get('module', '')}.{attack['class_name']}" for name, attack in ATTACKS.items()}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_network_of_anything_but_known_layers_is_not_built(network, tmp_path, attack):
    path = with_config(
        network, tmp_path / "model.keras", lambda config: config["config"]["layers"].append(ATTACKS[attack])
    )
    refused = f"expected a network of known layers, received {re.escape(CALLED[attack])}, which is not loaded"
    with pytest.raises(DanqError, match=refused):
        read_network(path)
    deep = {"config": {"more": [[{"compile_config": {"optimizer": ATTACKS[attack]}}]]}}
    path = with_config(network, path, lambda config: config["config"]["layers"][0].update(build_config=deep))
    with pytest.raises(DanqError, match=refused):
        read_network(path)


def test_a_configuration_nested_without_end_is_refused(network, tmp_path):
    for depth in (100, 100_000):
        config = network["config.json"][:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
        with pytest.raises(DanqError, match=r"model\.keras: not readable as a Keras model"):
            read_network(archive_of(tmp_path / "model.keras", network | {"config.json": config}))


def test_every_member_of_a_model_file_is_known_and_as_large_as_it_says(network, tmp_path):
    path = tmp_path / "model.keras"
    for members, message in (
        (
            {"assets/vocabulary.txt": b"x"},
            "expected the members config.json, metadata.json, model.weights.h5",
        ),
        ({"../../evil": b"x"}, r"received '\.\./\.\./evil'"),
    ):
        with pytest.raises(DanqError, match=message):
            read_network(archive_of(path, network | members))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in network.items():
            archive.writestr(name, data)
    with pytest.raises(DanqError, match="received a compressed member"):
        read_network(path)


def _bundle_with(network, tmp_path, change):
    """Write a bundle whose network was changed, and whose manifest says so."""
    save_model(tmp_path / "bundle")
    path = with_config(network, tmp_path / "bundle" / "model.keras", change)
    manifest = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    manifest["network"] = read_network(path).digest
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(sealed(manifest)))
    return tmp_path / "bundle"


def _layer(config, kind, number=-1):
    return [layer for layer in config["config"]["layers"] if layer["class_name"] == kind][number]["config"]


def _many(config):
    dropout = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Dropout")
    config["config"]["layers"] += [dropout] * 1000


def _constant(config):
    value = {"class_name": "__numpy__", "config": {"value": [0] * 10, "dtype": "float32"}}
    initializer = {"module": "keras.initializers", "class_name": "Constant", "config": {"value": value}}
    _layer(config, "Conv1D")["kernel_initializer"] = initializer | {"registered_name": None}


DECLARED = {
    "a type of objects": (
        lambda c: _layer(c, "Conv1D").update(
            dtype={"class_name": "__numpy__", "config": {"value": [1], "dtype": "object"}}
        ),
        "not readable as a Keras model",
    ),
    "a constant of another shape": (_constant, "not readable as a Keras model"),
    "more weights": (
        lambda c: _layer(c, "Dense").update(units=10**9),
        r"with weights of shape \(7, 1000000000\)",
    ),
    "more of an LSTM": (
        lambda c: _layer(c, "Bidirectional")["layer"]["config"].update(units=10**6),
        "not readable as a Keras model .*is incompatible with the layer",
    ),
    "other shapes": (
        lambda c: _layer(c, "Conv1D").update(filters=5),
        r"weights of shape \(5, 4, 5\)|is incompatible with the layer",
    ),
    "an output of terabytes": (
        lambda c: (
            _layer(c, "MaxPooling1D").update(padding="valid", pool_size=[1], strides=[1])
            or _layer(c, "InputLayer").update(batch_shape=[None, 10**12])
        ),
        r"model\.keras: (output of layer \w+: expected at most 2,147,483,648|not readable as a Keras model)",
    ),
}


@pytest.mark.parametrize("attack", DECLARED)
def test_a_network_that_declares_more_than_its_file_holds_takes_no_memory(network, tmp_path, attack):
    bundle = _bundle_with(network, tmp_path, DECLARED[attack][0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DanqError, match=DECLARED[attack][1]) as refusal:
        load_bundle(bundle)
    assert "\n" not in str(refusal.value)
    with keras.StatelessScope():
        pass  # at whose end Keras makes what weights it has not made yet
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def test_a_network_of_thousands_of_layers_is_refused_at_once(network, tmp_path):
    with pytest.raises(DanqError, match=r"expected a network of at most 1,000 layers, received 1,01\d"):
        read_network(with_config(network, tmp_path / "model.keras", _many))


def test_a_network_whose_layers_were_changed_is_refused(network, tmp_path):
    save_model(tmp_path / "bundle")
    with_config(
        network,
        tmp_path / "bundle" / "model.keras",
        lambda config: _layer(config, "Conv1D").update(activation="tanh"),
    )
    with pytest.raises(DanqError, match=r"expected the network that bundle\.json was written with"):
        load_bundle(tmp_path / "bundle")


def test_a_network_is_the_same_by_whatever_names(network):
    config = json.loads(network["config.json"])
    renamed = network["config.json"].decode().replace('"conv"', '"conv_7"')
    assert network_digest(json.loads(renamed)) == network_digest(config) != network_digest({})


def test_a_file_that_changes_after_its_check_is_not_read_again(network, tmp_path, monkeypatch):
    """The check reads the file, and so does its loading: what is loaded must be what was checked."""
    save_model(tmp_path / "bundle")
    path = tmp_path / "bundle" / "model.keras"
    check = keras_file.network_digest
    evil = (network, path, lambda config: config["config"]["layers"].append(ATTACKS["Lambda"]))
    monkeypatch.setattr(keras_file, "network_digest", lambda config: (with_config(*evil), check(config))[1])
    assert load_bundle(tmp_path / "bundle").model.count_params() == 1005
    with pytest.raises(DanqError, match="expected a network of known layers"):
        read_network(path)


def weights(change):
    """Bytes of an HDF5 file of weights that `change` was done to."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as stored:
        stored["layers/dense/vars/0"] = np.ones((4, 3), np.float32)
        change(stored)
    return stream.getvalue()


def _virtual(stored):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    stored.create_virtual_dataset("layers/v", layout)


def _cycle(stored):
    stored["layers/dense/again"] = stored["layers"]


ELSEWHERE, FEWER = "expected data in the file itself, received a reference to other files", "received fewer$"
LINKS = {
    "an external link": (
        lambda s: s.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/y")),
        "/x: expected data in the file itself, received a link",
    ),
    "a soft link": (
        lambda s: s.__setitem__("x", h5py.SoftLink("/layers")),
        "/x: expected data in the file itself, received a link",
    ),
    "external storage": (
        lambda s: s.create_dataset("x", (9,), "u1", external=[("/etc/passwd", 0, 9)]),
        f"/x: {ELSEWHERE}",
    ),
    "a virtual array": (_virtual, f"/layers/v: {ELSEWHERE}"),
    "objects": (
        lambda s: s.__setitem__("x", np.array(["a", "b"], dtype=h5py.string_dtype())),
        "/x: expected an array of numbers, received object",
    ),
    "references": (
        lambda s: s.create_dataset("x", (2,), h5py.ref_dtype),
        "/x: expected an array of numbers, received object",
    ),
    "a cycle": (_cycle, "expected each array once, received a second link"),
    "a declared size": (lambda s: s.create_dataset("x", (1 << 40,), "f4"), f"/x: expected 4,398.* {FEWER}"),
    "a declared size in chunks": (
        lambda s: s.create_dataset("x", (1 << 40,), "f4", chunks=True),
        f"/x: expected 4,398.* {FEWER}",
    ),
    "a chunk of terabytes": (
        lambda s: s.create_dataset("x", (3 << 28,), "f4", chunks=(3 << 28,), compression=1),
        "/x: a chunk: expected at most 2,147,483,648 bytes in memory",
    ),
    "a filter": (
        lambda s: s.create_dataset("x", data=np.zeros(9), chunks=True, compression="lzf"),
        "/x: expected data as it is or deflated, received the HDF5 filter 32000",
    ),
    "zeros that unfold": (
        lambda s: s.create_dataset("x", data=np.zeros(1 << 20, np.uint8), chunks=True, compression=9),
        "/x: expected more bytes for its weights",
    ),
}


@pytest.mark.parametrize("attack", LINKS)
def test_weights_are_plain_arrays_of_the_file_itself(network, tmp_path, attack):
    path = archive_of(tmp_path / "model.keras", network | {"model.weights.h5": weights(LINKS[attack][0])})
    with pytest.raises(DanqError, match=rf"model\.keras: .*{LINKS[attack][1]}"):
        read_network(path)


def test_the_models_and_the_names_that_the_list_knows_pass(network, tmp_path):
    read_network(archive_of(tmp_path / "model.keras", network))
    inputs = keras.Input((8,), name="codes", dtype="uint8")
    x = keras.ops.expand_dims(keras.ops.cast(inputs, "float32"), -1)[:, 1:]
    x = keras.Sequential([keras.layers.Conv1D(3, 2, kernel_regularizer="l1", kernel_constraint="max_norm")])(
        x
    )
    x = keras.layers.MultiHeadAttention(1, 2)(x, x) + np.float32(3)
    model = keras.Model({"codes": inputs}, keras.layers.Dense(2)(keras.ops.mean(x, axis=1)))
    from bundles import entries

    save_bundle(tmp_path, model, CodesEncoder(8), entries(window=8))
    assert BundleManifest.read(tmp_path).parameters == load_bundle(tmp_path).model.count_params()
