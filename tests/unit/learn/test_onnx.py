"""Networks as graphs of ONNX: logits as Keras computes them, for every option that changes the graph."""

import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from bundles import entries
from tiny_dataset import SMALL_OF, write_tiny_dataset
from verbs import danq

from danq.data.dataset import open_dataset
from danq.data.encoders import CodesEncoder, load_encoder
from danq.learn.bundle import save_bundle
from danq.learn.onnx.graph import onnx_model
from danq.models import MODELS
from danq.models.compatibility import make_encoder
from danq.models.layers import codes_input

BOTH = {"bidirectional": True}
BINS = {"output": "steps", "bin": 36, "steps": 9}
CASES = [
    ("danq", "dna", {**BOTH, "head": "pools", "activation": "gelu"}),
    ("danq", "dna", {**BOTH, "merge_mode": "sum", "rnn": "gru", "rnn_layers": 2, "activation": "silu"}),
    ("danq", "dna", {**BOTH, "merge_mode": "mul", "rnn": "simple", "head": "max", "activation": "elu"}),
    ("danq", "dna", {**BOTH, "merge_mode": "none", "head": "last", "activation": "exponential"}),
    ("danq", "dna", {**BINS, **BOTH, "merge_mode": "ave", "pool": 3, "head": "pools", "activation": "tanh"}),
    ("danq", "dna", {**BINS, "pool": 3, "activation": "sigmoid", "padding": "same", "dense": 0}),
    ("bilstm_conv2d", "text", {"merge_mode": "mul", "dense": 4}),
    ("bilstm_conv2d", "text", {"merge_mode": "none", "head": "pools", "rnn": "gru"}),
    ("bilstm_conv2d", "text", {"units": [4, 3], "classify": "positions", "padding": "same"}),
    ("bilstm_conv2d", "text", {"output": "steps", "bidirectional": False, "rnn": "simple"}),
    ("bilstm_conv2d", "dna", {**BINS, "stride": 3}),
    ("char_word_lstm", "text", {"head": "last", "units": [3, 3], "widths": [2], "filters": [3]}),
    ("char_word_lstm", "text", {"head": "max", "merge_mode": "none", "rnn": "gru"}),
    ("char_word_lstm", "dna", {"dense": 3}),
    ("quadrant_lstm", "image", {"output": "steps", "orders": [[1, 4, 2, 3]], **BOTH, "padding": "same"}),
    ("quadrant_lstm", "dna", {"rnn": "simple", "dense": 0}),
    ("kmer_logistic", "dna", {}),
]
IDS = [f"{name}-{kind}-{'-'.join(map(str, sizes.values()))}" for name, kind, sizes in CASES]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    kinds = ("dna", "text", "image")
    return {kind: open_dataset(write_tiny_dataset(folder / kind, kind=kind)) for kind in kinds}


def _save(out, network, encoder, **more):
    """A bundle of a network with large random weights, variances positive."""
    generator = np.random.default_rng(0)
    weights = [(weight.path, generator.normal(0, 0.7, weight.shape)) for weight in network.weights]
    network.set_weights([abs(array) if "variance" in path else array for path, array in weights])
    save_bundle(out, network, encoder, entries(targets=["a", "b", "c"], run="net", **more))


def _logits(bundle, inputs):
    model = onnx_model(bundle)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    whole = session.run(["logits"], inputs)[0]
    few = session.run(["logits"], {name: array[:2] for name, array in inputs.items()})[0]
    np.testing.assert_allclose(few, whole[:2], atol=1e-5, rtol=0)
    return whole


@pytest.mark.parametrize(("name", "kind", "sizes"), CASES, ids=IDS)
def test_a_graph_computes_what_the_network_does(name, kind, sizes, datasets, tmp_path):
    module, data = MODELS[name], datasets[kind]
    options = module.Options(**{**SMALL_OF.get(name, {}), **sizes})
    rows = data.raw(data.rows("test"))
    encoder = make_encoder(module, options, kind).fit([rows])
    model = module.build(options, encoder, 3, "multilabel")
    _save(tmp_path, model, encoder, model=name, data_kind=kind)
    inputs = encoder.encode(rows)
    expected = model.predict_on_batch(inputs)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(_logits(tmp_path, inputs), expected, atol=1e-5, rtol=0)


def _own_layers():
    """A network of layers that danq's models do not use."""
    layers = keras.layers
    codes, x = codes_input(40)
    x = layers.Conv1D(6, 5, strides=2, padding="same")(x)
    x = layers.LayerNormalization()(layers.ReLU()(layers.BatchNormalization()(x)))
    x = layers.Conv1D(6, 3, dilation_rate=3, padding="causal", groups=2, activation="softplus")(x)
    x = layers.AveragePooling1D(3, strides=2, padding="same")(layers.ZeroPadding1D((1, 2))(x))
    gate = layers.Activation("sigmoid")(layers.Conv1D(6, 1)(x))
    x = layers.Add()(
        [layers.Multiply()([x, gate]), layers.Maximum()([x, gate]), layers.GaussianNoise(0.1)(x)]
    )
    x = layers.LSTM(4, go_backwards=True)(keras.ops.tanh(x) * 0.5 + 0.1)
    return keras.Model({"codes": codes}, layers.Dense(3, name="logits")(x))


def test_layers_of_models_of_one_s_own_are_written_too(tmp_path):
    model, encoder = _own_layers(), CodesEncoder(40)
    _save(tmp_path, model, encoder, window=40)
    inputs = {"codes": np.random.default_rng(1).integers(0, 5, (20, 40), dtype=np.uint8)}
    expected = model.predict_on_batch(inputs)
    np.testing.assert_allclose(_logits(tmp_path, inputs), expected, atol=1e-5, rtol=0)


def test_a_layer_that_is_not_known_is_refused_in_one_line(tmp_path, capsys):
    codes, x = codes_input(40)
    x = keras.layers.GlobalMaxPooling1D()(keras.layers.MultiHeadAttention(2, 4, name="heads")(x, x))
    bundle = tmp_path / "net"
    bundle.mkdir()
    _save(bundle, keras.Model({"codes": codes}, keras.layers.Dense(3)(x)), CodesEncoder(40), window=40)
    assert danq("export", bundle, "--format", "onnx", "--out", tmp_path / "net.onnx") == 2
    refusal = capsys.readouterr().err
    assert "layer heads: expected one that is written as ONNX, received MultiHeadAttention" in refusal
    assert not (tmp_path / "net.onnx").exists()


def test_mixed_precision_is_computed_in_float32_and_the_file_says_what_it_means(tmp_path):
    module, encoder = MODELS["danq"], CodesEncoder(40)
    options = module.Options(filters=6, kernel=5, pool=4, units=4, dense=7)
    model = module.build(options, encoder, 3, "multilabel")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = module.build(options, encoder, 3, "multilabel")
    finally:
        keras.config.set_dtype_policy("float32")
    bundle = tmp_path / "net"
    bundle.mkdir()
    _save(bundle, mixed, encoder, window=40)
    model.set_weights(mixed.get_weights())
    inputs = {"codes": np.random.default_rng(1).integers(0, 5, (20, 40), dtype=np.uint8)}
    assert danq("export", bundle, "--format", "onnx", "--out", tmp_path / "net.onnx") == 0
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], inputs)[0]
    np.testing.assert_allclose(logits, model.predict_on_batch(inputs), atol=1e-5, rtol=0)
    meaning = session.get_modelmeta().custom_metadata_map
    assert json.loads(meaning["danq.targets"]) == ["a", "b", "c"]
    assert load_encoder(json.loads(meaning["danq.encoder"])) == encoder
    assert (meaning["danq.task"], meaning["danq.window"], meaning["danq.strands"]) == (
        "multilabel",
        "40",
        "mean",
    )
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert meaning["danq.bundle_digest"] == manifest["digest"]
    assert danq("export", bundle, "--format", "onnx", "--out", tmp_path / "again.onnx") == 0
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "net.onnx").read_bytes()
