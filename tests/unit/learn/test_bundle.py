import json

import keras
import numpy as np
import pytest
from bundles import entries
from untrained import save_model

from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.learn.bundle import HISTORY_COLUMNS, load_bundle, model_weights, save_bundle
from danq.learn.manifest import bundle_digest
from danq.learn.predict.predictor import load
from danq.score.runner import open_runner
from danq.storage import sealed

INFO = entries(options={"filters": 3}, targets=["CTCF", "JUND"], window=8, bin=4)


def tiny_model(seed=0):
    keras.utils.set_random_seed(seed)
    codes = keras.Input((8,), dtype="uint8", name="codes")
    x = keras.layers.Rescaling(0.25, name="scale")(keras.ops.cast(codes, "float32"))
    return keras.Model({"codes": codes}, keras.layers.Dense(2, name="logits")(x))


def rows(n=5):
    return np.random.default_rng(0).integers(0, 5, (n, 8), dtype=np.uint8)


def test_bundle_round_trip(tmp_path):
    model = tiny_model()
    info = save_bundle(tmp_path, model, CodesEncoder(8), INFO, [{"epoch": 1, "train_loss": 0.5}])
    bundle = load_bundle(tmp_path)
    assert bundle.info.targets == ("CTCF", "JUND")
    assert (bundle.info.window, bundle.info.task, bundle.info.digest) == (8, "multilabel", info.digest)
    assert bundle.encoder == CodesEncoder(8)
    assert bundle.info.parameters == 18
    inputs = bundle.encoder.encode(rows())
    np.testing.assert_array_equal(bundle.model(inputs), model(inputs))
    header, line = (tmp_path / "history.tsv").read_text().splitlines()
    assert header.split("\t") == list(HISTORY_COLUMNS)
    assert line.split("\t") == ["1", "0.5"] + [""] * 7


def test_digest_ignores_dates_and_sees_options_encoder_and_each_weight(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir(), second.mkdir()
    assert (
        save_bundle(first, tiny_model(), CodesEncoder(8), INFO).digest
        == save_bundle(second, tiny_model(), CodesEncoder(8), INFO).digest
    )
    weights = [np.zeros((2, 3), np.float32), np.ones(3, np.float32)]
    info = {**INFO, "encoder": {"name": "codes"}}
    same = bundle_digest(info, weights)
    turned = dict(reversed({**info, "run": "another", "dataset": {}, "provenance": {"created": 1}}.items()))
    assert same == bundle_digest(turned, [w.copy() for w in weights])
    touched = [weights[0], np.array([1, 1, np.nextafter(np.float32(1), np.float32(2))])]
    others = [
        bundle_digest(info, touched),
        bundle_digest(info, weights[::-1]),
        bundle_digest(info, [weights[0].reshape(3, 2), weights[1]]),
    ]
    changes = {"options": {"filters": 4}, "encoder": {"name": "kmers"}, "targets": ["JUND", "CTCF"]}
    changes |= {"task": "multiclass", "window": 9, "bin": 5, "step": 2, "shape": [3, 3, 1], "model": "x"}
    changes |= {"data_kind": "text", "predict": {"reverse_complement": "none"}, "model_file": "ab"}
    others += [bundle_digest({**info, key: value}, weights) for key, value in changes.items()]
    assert len({same, *others}) == 4 + len(changes)


@pytest.mark.parametrize(
    "change", [{"targets": ["JUND", "CTCF"]}, {"task": "multiclass"}, {"bin": 2}, {"step": 2}, {"window": 9}]
)
def test_what_a_manifest_says_of_the_numbers_belongs_to_the_weights(tmp_path, change):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | change)))
    with pytest.raises(DanqError, match=r"or what it says of them has changed"):
        load_bundle(tmp_path)


def test_a_bundle_of_an_earlier_release_is_called_so(tmp_path):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    path = tmp_path / "bundle.json"
    content = json.loads(path.read_text())
    del content["network"]
    path.write_text(json.dumps(sealed(content)))
    with pytest.raises(DanqError, match="the bundle is of an earlier release; train it again"):
        load_bundle(tmp_path)


def test_another_format_version_is_refused(tmp_path):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    manifest = tmp_path / "bundle.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format_version": 2}))
    with pytest.raises(DanqError, match="expected bundle format version 1, received 2"):
        load_bundle(tmp_path)


def test_a_model_of_other_weights_is_refused(tmp_path):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    tiny_model(seed=1).save(tmp_path / "model.keras")
    with pytest.raises(DanqError, match=r"weights are not those bundle\.json was written with"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("damage", ["text", "truncated", "empty", "absent"])
def test_an_unreadable_model_is_refused_in_one_line(tmp_path, damage):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    path = tmp_path / "model.keras"
    whole = path.read_bytes()
    path.write_bytes({"text": b"no model\n", "truncated": whole[: len(whole) // 2]}.get(damage, b""))
    if damage == "absent":
        path.unlink()
    with pytest.raises(DanqError, match=r"model\.keras") as refusal:
        load_bundle(tmp_path)
    assert "\n" not in str(refusal.value)


def test_no_bundle_at_all(tmp_path):
    with pytest.raises(DanqError, match="no such file"):
        load_bundle(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("model", "x", "model: expected danq, .*received 'x'"),
        ("window", 10**19, "window: expected less than or equal to 2147483648"),
        ("window", 0, "window: expected greater than or equal to 1"),
    ],
)
def test_a_manifest_with_impossible_values_is_refused(tmp_path, key, value, message):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {key: value})))
    with pytest.raises(DanqError, match=message):
        load_bundle(tmp_path)


def test_a_model_file_with_any_one_byte_damaged_is_refused_or_read_alike(tmp_path):
    save_bundle(tmp_path, tiny_model(), CodesEncoder(8), INFO)
    path = tmp_path / "model.keras"
    whole = path.read_bytes()
    expected = [array.tobytes() for array in model_weights(load_bundle(tmp_path).model)]
    for place in [*np.random.default_rng(0).choice(len(whole), 25, replace=False).tolist(), len(whole) - 40]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            received = [array.tobytes() for array in model_weights(load_bundle(tmp_path).model)]
        except DanqError:
            continue
        assert received == expected


OPTIONS = {
    ("options", "rnn"): ("other", r"net: bundle\.json: options\.rnn: expected "),
    ("options", "units"): (None, r"net: bundle\.json: options\.units: expected "),
    ("options", "filters"): (1, r"net: bundle\.json: expected the options of its network, received others"),
    ("options", "pool"): (1, r"net: bundle\.json: expected the options of its network, received others"),
    ("predict", "batch_size"): ("../x", r"bundle\.json: predict\.batch_size: expected .*, received '\.\./x'"),
    ("predict", "reverse_complement"): ([1], r"bundle\.json: predict\.reverse_complement: expected "),
    ("predict", "more"): (1, r"bundle\.json: predict\.more: "),
}


@pytest.mark.parametrize("place", OPTIONS, ids=".".join)
def test_options_of_others_are_typed_whatever_their_digest(tmp_path, place):
    save_model(tmp_path / "net")
    path = tmp_path / "net" / "bundle.json"
    told, weights = json.loads(path.read_text()), model_weights(load_bundle(tmp_path / "net").model)
    (section, key), (value, refusal) = place, OPTIONS[place]
    told[section][key] = value
    path.write_text(json.dumps(sealed(told | {"digest": bundle_digest(told, weights)})))
    with pytest.raises(DanqError, match=refusal) as refused:
        open_runner(tmp_path / "net") if section == "options" else load(tmp_path / "net")
    assert "\n" not in str(refused.value)


def test_a_bundle_has_a_target(tmp_path):
    save_model(tmp_path / "net")
    path = tmp_path / "net" / "bundle.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {"targets": []})))
    with pytest.raises(DanqError, match=r"bundle\.json: targets: expected .* at least 1 item"):
        open_runner(tmp_path / "net")


@pytest.mark.parametrize("targets", [["a"], ["a", "b", "c"]])
def test_a_target_belongs_to_each_output(tmp_path, targets):
    save_model(tmp_path / "net")
    path = tmp_path / "net" / "bundle.json"
    told, weights = json.loads(path.read_text()), model_weights(load_bundle(tmp_path / "net").model)
    told["targets"] = targets
    path.write_text(json.dumps(sealed(told | {"digest": bundle_digest(told, weights)})))
    for read in (open_runner, load):
        with pytest.raises(DanqError, match=r"bundle\.json: targets: expected one for each of the model's 2"):
            read(tmp_path / "net")


def test_batches_of_others_fit_into_memory(tmp_path):
    save_model(tmp_path / "net", predict={"batch_size": 10**9, "reverse_complement": "mean"})
    with pytest.raises(DanqError, match=r"bundle\.json: expected at most .* bytes of a batch"):
        load(tmp_path / "net")
