"""Networks computed from ``network.json`` and ``weights.safetensors`` alone, without any framework."""

import keras
import numpy as np
import pytest
from bundles import entries
from eager import computed
from earlier_bundles import as_earlier
from keras import layers, ops
from network_numpy import compute
from tiny_dataset import SMALL_OF, write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.learn.bundle import load_bundle, save_bundle
from danq.learn.network import read_arrays, read_network_description
from danq.models import MODELS, kinds_read
from danq.models.compatibility import make_encoder

BOTH = {"bidirectional": True}
STEPS = {"output": "steps", "bin": 36, "steps": 9}
VARIANTS = {
    "danq": [
        {},
        {**BOTH, "merge_mode": "mul", "padding": "same", "activation": "gelu", "head": "last"},
        {**BOTH, "merge_mode": "none", "rnn": "gru", "rnn_layers": 2, "head": "pools", "activation": "elu"},
        {**BOTH, **STEPS, "rnn": "simple", "pool": 3, "head": "pools"},
    ],
    "bilstm_conv2d": [
        {"activation": "silu"},
        {"merge_mode": "ave", "rnn": "gru", "head": "pools", "units": [3, 4]},
        {"merge_mode": "none", "classify": "positions", "padding": "same"},
    ],
    "char_word_lstm": [
        {},
        {"merge_mode": "none", "head": "last"},
        {"head": "max", "dense": 3, "rnn": "simple"},
    ],
    "quadrant_lstm": [{}, {**BOTH, "padding": "same", "filters": [3, 2]}],
    "kmer_logistic": [{}],
    "composition": [{}],
}
CASES = [
    pytest.param(name, kind, options, id=f"{name}-{kind}-{number}")
    for name in MODELS
    for kind in kinds_read(MODELS[name])
    for number, options in enumerate(VARIANTS[name])
]


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return {
        kind: open_dataset(write_tiny_dataset(folder / kind, kind=kind)) for kind in ("dna", "text", "image")
    }


def saved(out, model, encoder, name="danq", kind="dna"):
    """Save a network whose every array is random: zeros and ones would hide what is left out."""
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.1, 0.6, array.shape) for array in model.get_weights()])
    targets = [f"t{number}" for number in range(model.output_shape[-1])]
    info = entries(run="net", model=name, targets=targets, window=None, data_kind=kind)
    out.mkdir()
    save_bundle(out, model, encoder, info)
    return out


def assert_computed(bundle, inputs):
    """The description alone, and that of the network as an earlier release left it, give what Keras gives."""
    expected = computed(load_bundle(bundle).model, inputs)
    for path in (bundle, as_earlier(bundle, bundle.parent / "earlier")):
        logits = compute(read_network_description(path), read_arrays(path), inputs)
        assert logits.shape == expected.shape
        np.testing.assert_allclose(logits, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("name", "kind", "options"), CASES)
def test_computed_from_its_description_a_network_gives_what_keras_gives(
    datasets, tmp_path, name, kind, options
):
    module, data = MODELS[name], datasets[kind]
    if kind != "dna":
        options = {key: value for key, value in options.items() if key not in STEPS}
    made = module.Options(**SMALL_OF.get(name, {}) | options)
    rows = data.raw(data.rows("test"))
    encoder = make_encoder(module, made, kind).fit([rows])
    bundle = saved(tmp_path / "net", module.build(made, encoder, 3, "multilabel"), encoder, name, kind)
    assert read_network_description(bundle).unknown == []
    assert_computed(bundle, encoder.encode(rows))


def own_network():
    """Reversed and shared, spread over positions, normalised and put together by operations."""
    codes = keras.Input((12,), dtype="uint8", name="codes")
    bases = ops.one_hot(codes, 4)
    convolution = layers.Conv1D(3, 4, strides=2, padding="same", name="both_ways")
    features = convolution(bases) + 0.5 * convolution(bases[:, ::-1, :])
    features = ops.where(ops.expand_dims(ops.not_equal(codes[..., ::2], 4), -1), features, 0.0)
    slope = layers.LeakyReLU(negative_slope=0.2)
    features = layers.TimeDistributed(layers.Dense(5, activation=slope, use_bias=False), name="each")(
        features
    )
    features = layers.BatchNormalization(name="normal")(features)
    features = ops.concatenate([features, features], axis=-1)
    features = ops.max(ops.einsum("btf,btg->bfg", features, features), axis=1)
    return keras.Model({"codes": codes}, layers.Dense(2, name="logits")(ops.cast(features, "float32")))


def codes(rows=7):
    return {"codes": np.random.default_rng(1).integers(0, 5, (rows, 12), dtype=np.uint8)}


def test_layers_of_one_s_own_choice_and_operations_are_described_as_well(tmp_path):
    bundle = saved(tmp_path / "net", own_network(), CodesEncoder(12))
    network = read_network_description(bundle)
    uses = {layer.name: layer.weights for layer in network.layers if layer.kind == "Conv1D"}
    assert uses == dict.fromkeys(("both_ways", "both_ways@2"), ("both_ways/kernel", "both_ways/bias"))
    assert_computed(bundle, codes())


def test_equal_networks_give_equal_files_whatever_keras_called_their_operations(tmp_path):
    one, other = (saved(tmp_path / name, own_network(), CodesEncoder(12)) for name in ("one", "other"))
    for file in ("network.json", "weights.safetensors"):
        assert (one / file).read_bytes() == (other / file).read_bytes()


@keras.saving.register_keras_serializable("mine")
class Doubled(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=(1,), initializer="ones", name="factor")

    def call(self, inputs):
        return 2 * self.factor * inputs


def masked(codes):
    return layers.LSTM(3, name="rnn")(layers.Embedding(5, 3, mask_zero=True, name="embedding")(codes))


def nested(codes):
    inner = keras.Input((12, 4))
    pooled = layers.GlobalMaxPooling1D()(layers.Conv1D(3, 2)(inner))
    return keras.Model(inner, pooled, name="inner")(ops.one_hot(codes, 4))


UNKNOWN = {
    "unknown layer Doubled": lambda codes: layers.Flatten()(Doubled(name="twice")(ops.one_hot(codes, 4))),
    "unknown layer Embedding with implicit masks": masked,
    "unknown layer Functional": nested,
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_of_layers_that_are_not_known_nothing_is_claimed(kind, tmp_path):
    inputs = keras.Input((12,), dtype="uint8", name="codes")
    model = keras.Model({"codes": inputs}, layers.Dense(2, name="logits")(UNKNOWN[kind](inputs)))
    bundle = saved(tmp_path / "net", model, CodesEncoder(12))
    network = read_network_description(bundle)
    assert network.unknown == [kind]
    assert all(layer.options == {} for layer in network.layers if layer.kind == kind)
    for array, expected in zip(read_arrays(bundle).values(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)
    with pytest.raises(KeyError):
        compute(network, read_arrays(bundle), codes())


def test_a_network_that_is_none_of_layers_is_one_unknown_layer_with_its_arrays(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2, name="logits")])
    bundle = saved(tmp_path / "net", model, CodesEncoder(12))
    assert read_network_description(bundle).unknown == ["unknown layer Sequential"]
    for array, expected in zip(read_arrays(bundle).values(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(array, expected)
    with pytest.raises(DanqError, match=r"model\.keras: expected a network that is read without Keras"):
        read_network_description(as_earlier(bundle, tmp_path / "earlier"))
