"""Networks as graphs of ONNX: logits as Keras computes them, for every option that changes the graph."""

import json

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from bundles import entries
from eager import computed
from tiny_dataset import SMALL_OF, write_tiny_dataset
from verbs import danq

from danq.data.dataset import open_dataset
from danq.data.encoders import CodesEncoder, load_encoder
from danq.errors import DanqError
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.network import read_arrays
from danq.learn.onnx.engine import open_onnx
from danq.learn.onnx.graph import onnx_model
from danq.learn.predict.predictor import Predictor
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
    # what a runtime of 2023 reads
    assert (model.ir_version, model.opset_import[0].version) == (8, 18)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape[-1] == 3
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
    expected = computed(model, inputs)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(_logits(tmp_path, inputs), expected, atol=1e-5, rtol=0)


def _convolutions():
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


def _attention():
    layers = keras.layers
    codes, x = codes_input(40)
    x = layers.SeparableConv1D(6, 5, depth_multiplier=2, activation="relu6")(x)
    x = layers.DepthwiseConv1D(3, depth_multiplier=2)(layers.Conv1D(4, 1, activation="softmax")(x))
    x = layers.Subtract()([layers.PReLU()(x), layers.ELU(0.5)(layers.LeakyReLU(0.2)(x))])
    x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, layers.RMSNormalization()(x))])
    x = layers.TimeDistributed(layers.Dense(5, activation=layers.ReLU(max_value=6, negative_slope=0.1)))(x)
    x = layers.EinsumDense("abc,cd->abd", output_shape=(34, 4), bias_axes="d", activation="mish")(x)
    again = layers.LSTM(4, return_sequences=True)
    x = layers.LayerNormalization(scale=False)(0.1 * layers.Softmax()(again(again(x))))
    return keras.Model({"codes": codes}, layers.Dense(3, name="logits")(layers.Flatten()(x)))


def _operations():
    ops, layers = keras.ops, keras.layers
    codes = keras.Input((40,), dtype="uint8", name="codes")
    whole = ops.cast(codes, "int32")
    x = ops.one_hot(ops.where(ops.equal(whole, 4), 7, whole + 1), 6)
    x = layers.Conv1D(6, 5)(x) + ops.flip(layers.Conv1D(6, 5)(x[:, ::-1, :]), axis=1)
    x = ops.concatenate([x[:, 2:30:3], ops.square(ops.relu6(-x[:, -10:]))], axis=-1)
    x = ops.clip(x, -1.5, 2.5) * np.linspace(0, 1, 12, dtype="float32") - ops.abs(x) ** 1.5
    x = ops.matmul(ops.softmax(x, axis=1), ops.transpose(ops.maximum(x, 0.1), (0, 2, 1)))
    x = ops.cast(ops.greater(x, 0.2), "float32") * x + ops.silu(x)
    x = ops.max(ops.stack([x, 1 - x], axis=-1), axis=(-1,)) + ops.expand_dims(ops.logsumexp(x, axis=1), 1)
    return keras.Model(
        {"codes": codes}, 0.1 * layers.Dense(3, name="logits")(x[:, 3] - ops.squeeze(x[:, :1], 1))
    )


OWN = {"convolutions": _convolutions, "attention": _attention, "operations": _operations}
"""Networks of layers that danq's models do not use."""


@pytest.mark.parametrize("name", OWN)
def test_layers_of_models_of_one_s_own_are_written_too(name, tmp_path):
    model, encoder = OWN[name](), CodesEncoder(40)
    _save(tmp_path, model, encoder, window=40)
    inputs = {"codes": np.random.default_rng(1).integers(0, 5, (20, 40), dtype=np.uint8)}
    expected = computed(model, inputs)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(_logits(tmp_path, inputs), expected, atol=1e-5, rtol=1e-6)


LAYERS = keras.layers
REFUSED = {
    "(Conv1DTranspose): expected one that is written as ONNX, received Conv1DTranspose": (
        lambda x: LAYERS.Conv1DTranspose(3, 2)(x)
    ),
    "expected as many outputs as are written, 1, received 3": (
        lambda x: LAYERS.Concatenate()(LAYERS.LSTM(3, return_state=True)(x))
    ),
    "no inputs by name but a recurrent layer's mask, received initial_state": (
        lambda x: LAYERS.GRU(4)(x, initial_state=[x[:, 0]])
    ),
    "(GRU): expected one input, received 2": lambda x: LAYERS.GRU(4)(x, x[:, 0]),
    "received unknown layer Dropout in training": lambda x: LAYERS.Dropout(0.5)(x, training=True),
    "normalization along the last axis, received [1, 2]": lambda x: LAYERS.LayerNormalization((1, 2))(x),
}
"""What is not written, or would be written without a part of it."""


@pytest.mark.parametrize("refusal", REFUSED)
def test_what_is_not_written_is_refused_in_one_line(refusal, tmp_path, capsys):
    codes, x = codes_input(40)
    x = REFUSED[refusal](x)
    x = x if len(x.shape) == 2 else LAYERS.GlobalMaxPooling1D()(x)
    bundle = tmp_path / "net"
    bundle.mkdir()
    _save(bundle, keras.Model({"codes": codes}, LAYERS.Dense(3)(x)), CodesEncoder(40), window=40)
    assert danq("export", bundle, "--format", "onnx", "--out", tmp_path / "net.onnx") == 2
    lines = capsys.readouterr().err.splitlines()
    assert refusal in lines[-1]
    assert not [line for line in lines if "Traceback" in line]
    assert not (tmp_path / "net.onnx").exists()


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float64"])
def test_networks_of_other_numbers_are_kept_and_written_in_float32(precision, tmp_path):
    codes, x = codes_input(40)
    x = LAYERS.GlobalMaxPooling1D(dtype=precision)(LAYERS.Conv1D(4, 3, dtype=precision)(x))
    model, encoder = keras.Model({"codes": codes}, LAYERS.Dense(3, dtype="float32")(x)), CodesEncoder(40)
    _save(tmp_path, model, encoder, window=40)
    assert {array.dtype.name for array in read_arrays(tmp_path).values()} == {precision, "float32"}
    inputs = {"codes": np.random.default_rng(1).integers(0, 5, (20, 40), dtype=np.uint8)}
    expected = model.predict_on_batch(inputs)
    np.testing.assert_array_equal(load_bundle(tmp_path).model.predict_on_batch(inputs), expected)
    np.testing.assert_allclose(_logits(tmp_path, inputs), expected, atol=0.1, rtol=0)


def test_what_the_runtime_refuses_is_said_in_one_line(tmp_path):
    codes, x = codes_input(40)
    x = keras.ops.take(x, [99], axis=1)
    model = keras.Model({"codes": codes}, LAYERS.Dense(3)(LAYERS.Flatten()(x)))
    _save(tmp_path, model, CodesEncoder(40), window=40)
    rows = np.zeros((3, 40), np.uint8)
    for use in (
        lambda: open_onnx(tmp_path, b"no model"),
        lambda: Predictor(open_onnx(tmp_path), reverse_complement="none").logits(rows),
    ):
        with pytest.raises(DanqError, match=rf"^{tmp_path}: not computed by ONNX Runtime \(.*\)$"):
            use()


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
    np.testing.assert_allclose(logits, computed(model, inputs), atol=1e-5, rtol=0)
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
