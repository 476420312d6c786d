"""DanQ: the published network, its options, and what the layers promise."""

import keras
import numpy as np
import pytest
from eager import computed

from danq.config import load_config
from danq.data.encoders import CodesEncoder
from danq.errors import DanqError
from danq.models import MODELS, load_model_module
from danq.models.danq import Options, build, encoder, minimum_window
from danq.models.layers import codes_input, cudnn_ready, recurrent

SMALL = {"filters": 6, "kernel": 5, "pool": 3, "units": 4, "dense": 7}


def _build(window=40, targets=3, **options):
    return build(Options(**{**SMALL, **options}), CodesEncoder(window), targets, "multilabel")


def _codes(n=5, window=40, seed=0):
    return np.random.default_rng(seed).integers(0, 5, (n, window)).astype(np.uint8)


def test_the_default_is_the_published_network():
    model = build(Options(), CodesEncoder(1000), 919, "multilabel")
    assert model.count_params() == 46_926_479
    shapes = {layer.name: layer.output.shape[1:] for layer in model.layers if layer.name != "codes"}
    assert shapes["conv"] == (975, 320)
    assert shapes["pool"] == (75, 320)
    assert shapes["rnn"] == (75, 640)
    assert shapes["flatten"] == (48_000,)
    assert shapes["dense"] == (925,)
    assert shapes["logits"] == (919,)
    rates = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {"conv_dropout": 0.2, "rnn_dropout": 0.5}
    assert cudnn_ready(model.get_layer("rnn")) == []


def test_the_paper_s_jaspar_variant_builds():
    model = build(Options(filters=1024, kernel=30, pool=15, units=512), CodesEncoder(1000), 919, "multilabel")
    assert model.get_layer("rnn").output.shape == (None, 64, 1024)


def test_n_is_all_zeros_and_bases_stand_in_order():
    codes, bases = codes_input(5)
    encoded = computed(keras.Model(codes, bases), np.array([[0, 1, 2, 3, 4]], np.uint8))
    np.testing.assert_array_equal(encoded[0], np.eye(5, 4))


def test_the_strong_small_network_of_the_options():
    options = Options(
        filters=128, kernel=15, padding="same", pool=5, units=64, head="max", dense=64, rnn_dropout=0.2
    )
    model = build(options, CodesEncoder(101), 1, "multilabel")
    assert model.get_layer("conv").output.shape == (None, 101, 128)
    assert model.get_layer("rnn").output.shape == (None, 20, 128)
    assert model.get_layer("maximum").output.shape == (None, 128)


@pytest.mark.parametrize("head", ["flatten", "last", "pools", "max"])
@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", "none"])
def test_every_merge_mode_with_every_head(merge, head):
    model = _build(merge_mode=merge, head=head, rnn="gru")
    logits = computed(model, {"codes": _codes()})
    assert logits.shape == (5, 3)
    assert logits.dtype == np.float32
    assert model.layers[-1].name == "logits"
    width = 4 if merge != "concat" else 8
    name = "dense_forward" if merge == "none" else "dense"
    steps = {"flatten": 12, "pools": 2}.get(head, 1)
    assert model.get_layer(name).kernel.shape == (width * steps, 7)


@pytest.mark.parametrize("rnn", ["lstm", "gru", "simple"])
@pytest.mark.parametrize("options", [{}, {"rnn_layers": 2}, {"bidirectional": False}, {"dense": 0}])
def test_cells_depth_and_direction(rnn, options):
    model = _build(rnn=rnn, **options)
    assert computed(model, {"codes": _codes()}).shape == (5, 3)
    assert (cudnn_ready(model.get_layer("rnn")) == []) == (rnn != "simple")


def test_merge_none_is_the_mean_of_two_heads():
    model = _build(merge_mode="none")
    parts = [model.get_layer(f"logits_{end}").output for end in ("forward", "backward")]
    rows = {"codes": _codes()}
    forward, backward = computed(keras.Model({"codes": model.inputs[0]}, parts), rows)
    np.testing.assert_allclose(computed(model, rows), (forward + backward) / 2, rtol=1e-5)
    assert not np.allclose(forward, backward)


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple"])
def test_last_state_is_forward_at_the_end_and_backward_at_the_start(kind):
    steps = keras.Input((6, 3))
    layers = [
        recurrent(kind, 4, sequences=sequences, bidirectional=True, merge="concat", name=f"rnn{sequences}")
        for sequences in (True, False)
    ]
    model = keras.Model(steps, [layer(steps) for layer in layers])
    layers[1].set_weights(layers[0].get_weights())
    sequence, last = computed(model, np.random.default_rng(1).normal(size=(2, 6, 3)))
    np.testing.assert_allclose(last, np.concatenate([sequence[:, -1, :4], sequence[:, 0, 4:]], 1), rtol=1e-5)


def test_conditions_of_the_fast_path_are_named():
    layers = keras.layers
    assert cudnn_ready(layers.LSTM(3)) == []
    assert cudnn_ready(layers.GRU(3)) == []
    assert cudnn_ready(layers.SimpleRNN(3)) == ["SimpleRNN has no cuDNN kernel"]
    broken = layers.GRU(
        3, activation="relu", recurrent_activation="hard_sigmoid", use_bias=False, unroll=True,
        recurrent_dropout=0.1, reset_after=False, use_cudnn=False,
    )  # fmt: skip
    assert len(cudnn_ready(broken)) == 7
    both = cudnn_ready(layers.Bidirectional(layers.LSTM(3, recurrent_dropout=0.2)))
    assert both == ["forward: it has recurrent dropout", "backward: it has recurrent dropout"]


@pytest.mark.parametrize(("padding", "minimum"), [("valid", 7), ("same", 3)])
def test_a_window_too_short_names_the_minimum(padding, minimum):
    assert minimum_window(Options(**SMALL, padding=padding)) == minimum
    _build(window=minimum, padding=padding)
    with pytest.raises(DanqError, match=rf"at least {minimum} bp .* received {minimum - 1}"):
        _build(window=minimum - 1, padding=padding)


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", "none"])
@pytest.mark.parametrize("head", ["flatten", "pools", "max"])
def test_steps_are_stretches_of_the_bin(head, merge):
    options = {"head": head, "merge_mode": merge, "pool": 5, "output": "steps"}
    model = _build(60, **options, bin=30, steps=10)
    assert model.output.shape == (None, 3, 3)
    assert computed(model, {"codes": _codes(window=60)}).shape == (5, 3, 3)
    width = 4 if merge != "concat" else 8
    name = "dense_forward" if merge == "none" else "dense"
    assert model.get_layer(name).kernel.shape == (width * (1 if head == "max" else 2), 7)
    assert _build(60, **options).output.shape == (None, 11, 3)


@pytest.mark.parametrize(("padding", "kernel"), [("valid", 5), ("valid", 8), ("same", 5)])
def test_pooled_steps_tile_the_labelled_stretches(padding, kernel):
    model = _build(60, kernel=kernel, padding=padding, pool=5, output="steps", head="max", bin=30, steps=10)
    outputs = [model.get_layer(name).output for name in ("conv", "pool")]
    conv, pool = computed(keras.Model(model.input, outputs), {"codes": _codes(window=60)})
    cropped = model.get_layer("labelled").cropping[0]
    assert pool.shape[1] - cropped - model.get_layer("labelled").cropping[1] == 6
    # bp 15 to 45 are labelled; the first base that a centred filter stands on is its own half behind
    first = 15 - ((kernel - 1) // 2 if padding == "valid" else 0)
    for step in range(6):
        tile = conv[:, first + 5 * step : first + 5 * step + 5]
        np.testing.assert_array_equal(pool[:, cropped + step], tile.max(axis=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool": 3, "steps": 10, "bin": 30}, "pool: .* labelled steps of 10 bp, 1, 2, 5, 10; received 3"),
        ({"pool": 5, "steps": 10, "bin": 60}, "window: expected at least 70 bp .* received 60"),
        ({"pool": 5, "steps": 7, "bin": 30}, "steps: .* the bin of 30 bp, 1, 2, 3, 5, .*; received 7"),
        ({"pool": 5, "steps": 10, "bin": 200}, "bin: expected at most the window's 60 bp, received 200"),
        ({"pool": 5, "steps": 10}, "bin: expected at most the window's 60 bp, received none"),
        ({"head": "last"}, "head: expected flatten, pools or max for `output: steps`, received last"),
    ],
)
def test_steps_that_cannot_align_are_refused(options, message):
    with pytest.raises(DanqError, match=message):
        _build(60, output="steps", **options)
    if options.get("bin") == 60:
        assert _build(60, output="steps", padding="same", **options).output.shape == (None, 6, 3)


def test_mixed_precision_leaves_float32_logits():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for merge in ("concat", "none"):
            assert _build(merge_mode=merge).output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_encoder_is_codes():
    assert encoder(Options()).fit([_codes()]) == CodesEncoder(40)


def test_models_are_found_by_name_or_file(tmp_path):
    assert load_model_module("danq") is MODELS["danq"]
    own = tmp_path / "own.py"
    own.write_text("from danq.data.options import Closed as Options\nKIND = 'dna'\nencoder = build = print\n")
    assert load_model_module(str(own)).KIND == "dna"
    own.write_text("KIND = 'dna'\n")
    with pytest.raises(DanqError, match="missing Options"):
        load_model_module(str(own))
    with pytest.raises(DanqError, match=r"expected one of danq.*received 'dank'"):
        load_model_module("dank")
    with pytest.raises(DanqError, match="no such file"):
        load_model_module(str(tmp_path / "absent.py"))


@pytest.mark.parametrize(
    ("name", "run", "window", "targets", "parameters"),
    [
        ("deepsea", "danq", 1000, 919, 46_926_479),
        ("danq_jaspar", "danq_jaspar", 1000, 919, 67_892_175),
        ("small_rnn", "small_rnn", 40, 1, 23_353),
    ],
)
def test_ready_configurations_name_the_networks_they_promise(
    repository, name, run, window, targets, parameters
):
    config = load_config(repository / "config" / f"{name}.yaml")
    options = Options(**config.runs[run].options).model_copy(update={"motifs": None})
    assert config.datasets[config.runs[run].dataset].window == window
    assert build(options, CodesEncoder(window), targets, "multilabel").count_params() == parameters
