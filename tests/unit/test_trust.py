"""Attacks through bundles and configurations of others: none has code run, and no model reads files."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
from tiny_dataset import WINDOW, tiny_run, write_tiny_dataset
from untrained import save_model

from danq.cli import main
from danq.config import load_config
from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.files import sha256
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.keras_file import check_keras_file
from danq.learn.manifest import BundleManifest
from danq.learn.predict.predictor import Predictor
from danq.learn.train.run import train_run
from danq.score.runner import WholeWindows, open_runner

EVIL = "from pathlib import Path\nPath({marker!r}).touch()\nfrom danq.models.danq import *\n"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Bytes of the members of a model file."""
    folder = tmp_path_factory.mktemp("network") / "model"
    save_model(folder)
    with zipfile.ZipFile(folder / "model.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def evil(tmp_path):
    """A bundle that names a file beside it as the code of its model, what the file is, and what it leaves."""
    file, marker = tmp_path / "evil.py", tmp_path / "was_here"
    file.write_text(EVIL.format(marker=str(marker)))
    save_model(tmp_path / "bundle", model=str(file), model_file=sha256(file))
    return tmp_path / "bundle", file, marker


def danq(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["danq", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
    return stopped.value.code


def archive_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_config(network, path, change):
    config = json.loads(network["config.json"])
    change(config)
    return archive_of(path, network | {"config.json": json.dumps(config)})


def test_a_bundle_runs_no_code(evil):
    bundle, _, marker = evil
    assert isinstance(open_runner(bundle), WholeWindows)
    assert load_bundle(bundle).info.model == str(evil[1])
    # as long as the weights do not load, either
    (bundle / "model.keras").write_bytes(b"PK nothing")
    for load in (open_runner, load_bundle):
        with pytest.raises(DanqError):
            load(bundle)
    assert not marker.exists()


def test_the_file_that_the_user_names_is_run(evil, tmp_path, capsys):
    bundle, file, marker = evil
    whole = open_runner(bundle)
    other = tmp_path / "other.py"
    other.write_text(file.read_text() + "\n")
    (tmp_path / "r.bed").write_text("chrI\t1\t30\n")
    (tmp_path / "g.fa").write_text(">chrI\n" + "ACGTAACC" * 20 + "\n")
    predict = ["predict", "--model", bundle, "--bed", tmp_path / "r.bed", "--genome", tmp_path / "g.fa"]
    predict += ["--out", tmp_path / "p.tsv", "--trust-model-code"]
    assert danq(*predict, other) == 2
    assert f"--trust-model-code {other}: expected the very file that" in capsys.readouterr().err
    assert not marker.exists()
    assert danq(*predict, file) == 0
    assert marker.exists()
    shared = open_runner(bundle, trusted=[file])
    assert type(shared).__name__ == "SharedWork"
    codes, group = np.random.default_rng(0).integers(0, 4, (3, 40), np.uint8), np.arange(3)
    np.testing.assert_allclose(
        shared.logits(codes, codes, group).alternate, whole.logits(codes, codes, group).alternate, atol=1e-5
    )


def test_checking_somebody_s_configuration_runs_no_file(evil, tmp_path, capsys, caplog, monkeypatch):
    _, file, marker = evil
    monkeypatch.chdir(tmp_path)
    (tmp_path / "g.fa").write_text(">chrI\nACGT\n")
    (tmp_path / "one.bed").write_text("chrI\t0\t2\n")
    (tmp_path / "t.tsv").write_text("target\tpath\none\tone.bed\n")
    text = (
        "genomes: {g: g.fa}\ndatasets: {d: {targets: t.tsv, split: {valid: [chrI], test: [chrII]}}}\n"
        f"runs: {{r: {{model: {file}, dataset: d, options: {{filter: 3}}}}}}\n"
    )
    (tmp_path / "c.yaml").write_text(text)
    with caplog.at_level("WARNING", "danq"):
        assert danq("config", "check", "c.yaml") == 0
    assert f"{file} was not run: options of its runs are unchecked" in caplog.text
    # what does not need a model does not run it either
    danq("dataset", "--config", "c.yaml", "--name", "d", "--genome", "nowhere", "--out", "out")
    assert not marker.exists()
    capsys.readouterr()
    assert danq("config", "check", "c.yaml", "--trust-model-code", file) == 2
    assert "runs.r.options.filter: unknown key" in capsys.readouterr().err
    assert marker.exists()


def test_a_search_over_somebody_s_model_runs_no_file_either(evil, tmp_path):
    _, file, marker = evil
    run = {"model": str(file), "dataset": "d", "search": {"trials": 2, "options": {"filters": [3, 4]}}}
    config = {"datasets": {"d": {"examples": "e.csv"}}, "runs": {"r": run}}
    assert load_config(_yaml(tmp_path / "c.yaml", config)).runs["r"].search is not None
    assert not marker.exists()


def _yaml(path, content):
    path.write_text(json.dumps(content))
    return path


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


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_network_of_anything_but_known_layers_is_not_built(network, tmp_path, attack):
    path = with_config(
        network, tmp_path / "model.keras", lambda config: config["config"]["layers"].append(ATTACKS[attack])
    )
    with pytest.raises(DanqError, match="expected a network of known layers, received"):
        check_keras_file(path)
    deep = {"config": {"more": [[{"compile_config": {"optimizer": ATTACKS[attack]}}]]}}
    path = with_config(network, path, lambda config: config["config"]["layers"][0].update(build_config=deep))
    with pytest.raises(DanqError, match="expected a network of known layers, received"):
        check_keras_file(path)


def test_a_configuration_nested_without_end_is_refused(network, tmp_path):
    for depth in (100, 100_000):
        config = network["config.json"][:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
        with pytest.raises(DanqError, match=r"model\.keras: not readable as a Keras model"):
            check_keras_file(archive_of(tmp_path / "model.keras", network | {"config.json": config}))


OWN_LAYER = """
import keras
@keras.saving.register_keras_serializable("mine")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
from danq.models.danq import *
from danq.models.danq import build as _build
def build(options, encoder, n_targets, task):
    inner = _build(options, encoder, n_targets, task)
    return keras.Model(inner.input, Twice(name="twice")(inner.output))
"""


def test_layers_of_one_s_own_are_loaded_only_with_trust(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN_LAYER)
    options = {"filters": 6, "kernel": 6, "pool": 9, "units": 4, "dense": 5}
    run = tiny_run(str(file), options, epochs=1)
    train_run("own", run, write_tiny_dataset(tmp_path / "tiny"), tmp_path / "own", tmp_path)
    with pytest.raises(DanqError, match=r"received danq_own_model_\w+\.Twice.*needs --trust-model-code"):
        load_bundle(tmp_path / "own")
    predictor = Predictor(load_bundle(tmp_path / "own", [file]))
    assert predictor.logits(np.zeros((2, WINDOW), np.uint8)).shape == (2, 3)


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
            check_keras_file(archive_of(path, network | members))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in network.items():
            archive.writestr(name, data)
    with pytest.raises(DanqError, match="received a compressed member"):
        check_keras_file(path)


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


LINKS = {
    "an external link": lambda s: s.update({}) or s.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/y")),
    "a soft link": lambda s: s.__setitem__("x", h5py.SoftLink("/layers")),
    "external storage": lambda s: s.create_dataset("x", (9,), "u1", external=[("/etc/passwd", 0, 9)]),
    "a virtual array": _virtual,
    "objects": lambda s: s.__setitem__("x", np.array(["a", "b"], dtype=h5py.string_dtype())),
    "references": lambda s: s.create_dataset("x", (2,), h5py.ref_dtype),
    "a cycle": _cycle,
    "a declared size": lambda s: s.create_dataset("x", (1 << 40,), "f4"),
    "a declared size in chunks": lambda s: s.create_dataset("x", (1 << 40,), "f4", chunks=True),
    "a chunk of terabytes": lambda s: s.create_dataset(
        "x", (3 << 28,), "f4", chunks=(3 << 28,), compression=1
    ),
    "a filter": lambda s: s.create_dataset("x", data=np.zeros(9), chunks=True, compression="lzf"),
}


@pytest.mark.parametrize("attack", LINKS)
def test_weights_are_plain_arrays_of_the_file_itself(network, tmp_path, attack):
    path = archive_of(tmp_path / "model.keras", network | {"model.weights.h5": weights(LINKS[attack])})
    with pytest.raises(DanqError, match=r"model\.keras: /.*: expected"):
        check_keras_file(path)


def test_the_models_and_the_names_that_the_list_knows_pass(network, tmp_path):
    check_keras_file(archive_of(tmp_path / "model.keras", network))
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
