"""``network.json`` and ``weights.safetensors`` of others: damaged, swapped, and made to mislead."""

import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from untrained import save_model

from danq.errors import DanqError
from danq.learn.bundle import load_bundle
from danq.learn.network import read_arrays, read_network_description
from danq.score.runner import open_runner
from danq.storage import sealed


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("net", "other")):
        save_model(folder / name, seed=seed)
    return folder


@pytest.fixture
def bundle(made, tmp_path):
    return Path(shutil.copytree(made / "net", tmp_path / "net"))


@pytest.mark.parametrize(
    ("file", "read", "refusal"),
    [
        ("weights.safetensors", open_runner, "weights are not those bundle.json was written with"),
        ("model.keras", load_bundle, "weights are not those bundle.json was written with"),
    ],
)
def test_weights_of_another_training_are_refused_wherever_they_are_read(made, bundle, file, read, refusal):
    shutil.copyfile(made / "other" / file, bundle / file)
    with pytest.raises(DanqError, match=refusal):
        read(bundle)


def changed(bundle, change):
    """Change what ``network.json`` says, and have ``bundle.json`` say that it is so."""
    from danq.files import digest

    path = bundle / "network.json"
    content = json.loads(path.read_text())
    del content["manifest_sha256"]
    change(content)
    path.write_text(json.dumps(sealed(content)))
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(sealed(manifest | {"description": digest(content)})))


def test_a_network_that_was_changed_is_not_the_one_of_the_digest(bundle):
    changed(bundle, lambda content: content["layers"][1]["options"].update(activation="tanh"))
    assert read_network_description(bundle).layers[1].options["activation"] == "tanh"
    with pytest.raises(DanqError, match="or what it says of them has changed"):
        read_arrays(bundle)
    content = json.loads((bundle / "network.json").read_text())
    content["layers"][1]["options"]["activation"] = "relu6"
    (bundle / "network.json").write_text(json.dumps(sealed(content)))
    with pytest.raises(DanqError, match=r"network\.json: damaged"):
        read_network_description(bundle)


def deep(content):
    value = content["layers"][0]["options"]
    for _ in range(200):
        value["a"] = {}
        value = value["a"]


NETWORKS = {
    "an earlier layer": lambda content: content["layers"][1]["inputs"].__setitem__(0, {"layer": "logits"}),
    "expected an earlier layer, received 'pool'": lambda content: content["layers"].insert(
        0, content["layers"][3]
    ),
    "layers with names of their own": lambda content: content["layers"].append(content["layers"][-1]),
    "one of the weights": lambda content: content["layers"][1]["weights"].append("conv/other"),
    "a layer as output": lambda content: content["output"].update(output=3),
    "each array once": lambda content: content["weights"].append(content["weights"][0]),
    "recursion limit exceeded": deep,
    "expected one of float64": lambda content: content["weights"][0].update(dtype="object"),
    "greater than or equal to 0": lambda content: content["weights"][0].update(shape=[-1, 3]),
    "at most 16 items": lambda content: content["weights"][0].update(shape=[1] * 17),
    "expected a key 'output'": lambda content: content.pop("output"),
    "DANQ_MAX_MEMORY": lambda content: content["weights"][0].update(shape=[2**31, 2**31]),
    "one for each of the model's 919": lambda content: content["layers"][-1]["outputs"][0].update(
        shape=[None, 919]
    ),
    "expected text of printable characters": lambda content: content["layers"][1].update(name="conv\x1b[2J"),
    "expected network format version 1": lambda content: content.update(format_version=2),
}


@pytest.mark.parametrize("refusal", NETWORKS)
def test_a_network_that_is_none_is_refused_in_one_line(bundle, refusal):
    changed(bundle, NETWORKS[refusal])
    with pytest.raises(DanqError, match=refusal) as error:
        read_network_description(bundle)
    assert len(str(error.value).splitlines()) == 1


def test_files_that_are_missing_are_named(bundle):
    (bundle / "weights.safetensors").unlink()
    with pytest.raises(DanqError, match=r"weights\.safetensors: no such file"):
        read_arrays(bundle)
    (bundle / "network.json").unlink()
    with pytest.raises(DanqError, match=r"network\.json: no such file"):
        open_runner(bundle)


def stored(head, data=b"", length=None):
    text = json.dumps(head).encode() if not isinstance(head, bytes) else head
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(shape=(5,), offsets=(0, 20), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


FILES = {
    "empty": b"",
    "no head": b"\0" * 7,
    "a head of exabytes": stored({}, length=2**63),
    "a head without end": stored({}, length=90_000_000),
    "no JSON": stored(b"{" * 50_000),
    "no object": stored([1, 2]),
    "offsets before the start": stored({"conv/bias": entry(offsets=(-20, 0))}),
    "offsets past the end": stored({"conv/bias": entry(offsets=(0, 20))}),
    "offsets that overlap": stored({"a": entry(), "b": entry(offsets=(10, 30))}, b"x" * 30),
    "a shape of petabytes": stored({"conv/bias": entry(shape=(2**40, 2**20), offsets=(0, 4))}, b"x" * 4),
    "a shape past all numbers": stored({"conv/bias": entry(shape=(2**63, 2**63))}, b"x" * 20),
    "an unknown type": stored({"conv/bias": entry(dtype="OBJ")}, b"x" * 20),
    "a name of escapes": stored({"\x1b[2J\n": entry()}, b"x" * 20),
    "much behind it": stored({"conv/bias": entry()}, b"x" * 2_000_000),
}


@pytest.mark.parametrize("attack", FILES)
def test_a_file_of_weights_that_is_none_is_refused_in_one_line(bundle, attack):
    path = bundle / "weights.safetensors"
    path.write_bytes(FILES[attack])
    with pytest.raises(DanqError, match=r"^[ -~]*weights\.safetensors: [ -~]*$"):
        read_arrays(bundle)


CHANGES = {
    "found none": lambda arrays: arrays.pop("conv/bias"),
    "received 'more', too": lambda arrays: arrays.update(more=np.zeros(3, np.float32)),
    r"conv/bias: expected float32 of shape \(6,\), received F64": lambda arrays: arrays.update(
        {"conv/bias": np.zeros(6)}
    ),
    r"conv/bias: .* received F32 of shape \(2, 3\)": lambda arrays: arrays.update(
        {"conv/bias": np.zeros((2, 3), np.float32)}
    ),
    "weights are not those": lambda arrays: arrays.update({"conv/bias": arrays["conv/bias"] + 1}),
}


@pytest.mark.parametrize("refusal", CHANGES)
def test_weights_are_the_arrays_that_the_network_lists(bundle, refusal):
    arrays = read_arrays(bundle)
    CHANGES[refusal](arrays)
    save_file(arrays, bundle / "weights.safetensors")
    with pytest.raises(DanqError, match=refusal):
        read_arrays(bundle)


def test_a_bundle_of_an_ensemble_leaves_its_networks_to_its_members(bundle):
    content = json.loads((bundle / "bundle.json").read_text())
    del content["description"]
    (bundle / "bundle.json").write_text(json.dumps(sealed(content | {"model": "ensemble"})))
    with pytest.raises(DanqError, match="expected a bundle with a network of its own, received an ensemble"):
        read_network_description(bundle)


def test_whoever_may_read_one_file_of_a_bundle_may_read_all(made):
    assert len({path.stat().st_mode for path in (made / "net").iterdir()}) == 1
