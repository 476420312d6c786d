"""Quadrants in reading orders: known sizes, which tile stands where, grids, steps."""

import keras
import numpy as np
import pytest
from eager import computed

from danq.data.encoders import Images
from danq.data.encoders.kmers import Fcgr
from danq.errors import DanqError
from danq.models.layers import cudnn_ready
from danq.models.quadrant_lstm import Options, build, encoder, reading_orders

SMALL = {"filters": [3], "units": [4], "dense": 5}


def _build(shape=(12, 12, 1), targets=3, **options):
    return build(Options(**{**SMALL, **options}), Images(shape), targets, "multiclass")


def _pixels(shape=(12, 12, 1), n=5):
    return np.random.default_rng(0).integers(0, 256, (n, *shape)).astype(np.uint8)


def _tiles(model, pixels, name="orders"):
    return computed(keras.Model(model.input, model.get_layer(name).output), {"image": pixels}) * 255


def test_the_historic_sizes():
    model = build(Options(units=[5]), Images((28, 28, 1)), 10, "multiclass")
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in model.layers if layer.name != "image"}
    assert shapes["orders"] == (4, 56, 14, 1)
    # each of the four steps by itself
    assert shapes["conv_1"] == (54, 12, 32)
    assert shapes["conv_2"] == (52, 10, 32)
    assert shapes["pool"] == (26, 5, 32)
    assert shapes["conv_dropout"] == (4, 4_160)
    assert shapes["rnn"] == (5,)
    assert shapes["dense"] == (50,)
    assert shapes["logits"] == (10,)
    assert model.get_layer("conv_dropout").rate == 0.25
    assert cudnn_ready(model.get_layer("rnn")) == []


def test_step_t_shows_the_t_th_quadrant_of_each_order():
    pixels = _pixels((28, 28, 1))
    tiles = _tiles(_build((28, 28, 1)), pixels)
    quadrants = [pixels[:, :14, :14], pixels[:, :14, 14:], pixels[:, 14:, :14], pixels[:, 14:, 14:]]
    for place, order in enumerate(("1234", "4321", "1324", "4231")):
        for step, number in enumerate(order):
            part = tiles[:, step, 14 * place : 14 * (place + 1)]
            np.testing.assert_allclose(part, quadrants[int(number) - 1], atol=1e-3)


def test_finer_grids_channels_and_orders_of_one_s_own():
    pixels = _pixels((6, 12, 3))
    order = [5, 9, 1, 2, 3, 4, 6, 7, 8]
    model = _build((6, 12, 3), grid=3, orders=["columns", order], kernel=1)
    tiles = _tiles(model, pixels)
    assert tiles.shape == (5, 9, 4, 4, 3)
    for step, number in enumerate(order):
        row, column = divmod(number - 1, 3)
        part = pixels[:, 2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
        np.testing.assert_allclose(tiles[:, step, 2:], part, atol=1e-3)
    assert reading_orders(Options(grid=3))[2] == [0, 3, 6, 1, 4, 7, 2, 5, 8]


def test_one_order_alone():
    assert _build(orders=["rows_reversed"]).get_layer("pool").output.shape == (None, 2, 2, 3)


def test_the_cnn_is_distributed_over_the_steps():
    model = _build(filters=[3, 2], grid=1, orders=["rows", "rows"], kernel=2)
    finer = _build(filters=[3, 2], kernel=2)
    for built in (model, finer):
        steps = built.get_layer("orders").output
        features = steps
        for number in (1, 2):
            convolution = built.get_layer(f"conv_{number}")
            features = keras.layers.TimeDistributed(convolution)(features)
        features = keras.layers.TimeDistributed(keras.layers.MaxPooling2D(2))(features)
        expected = keras.layers.TimeDistributed(keras.layers.Flatten())(features)
        both = keras.Model(built.input, [expected, built.get_layer("conv_dropout").output])
        one_by_one, folded = computed(both, {"image": _pixels()})
        np.testing.assert_allclose(folded, one_by_one, atol=1e-6)


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", "none"])
@pytest.mark.parametrize("output", ["sequence", "steps"])
def test_merge_modes_and_outputs(merge, output):
    model = _build(bidirectional=True, merge_mode=merge, output=output, units=[4, 3])
    logits = computed(model, {"image": _pixels()})
    assert logits.shape == ((5, 3) if output == "sequence" else (5, 4, 3))
    assert model.layers[-1].name == "logits"
    name = "dense_forward" if merge == "none" else "dense"
    assert model.get_layer(name).kernel.shape[0] == (6 if merge == "concat" else 3)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        (
            (28, 30, 1),
            {"grid": 4},
            "grid: .* divides the image's width of 30 pixels, 1, 2, 3, .*; received 4",
        ),
        ((12, 12, 1), {"grid": 4}, r"tiles of at least 4 pixels for 1 convolutions of 3 .* received 12 x 3"),
        ((12, 12, 1), {"orders": [[1, 2, 3]]}, "orders: expected each tile of 1 to 4 once, received"),
        ((12, 12, 1), {"orders": [[1, 2, 3, 5]]}, "orders: expected each tile of 1 to 4 once, received"),
    ],
)
def test_sizes_that_cannot_be_are_refused(shape, options, message):
    with pytest.raises(DanqError, match=message):
        _build(shape, **options)


def test_dna_is_read_as_its_chaos_game_image():
    options = Options(**SMALL, order=4, strands="both")
    assert encoder(options) == Images()
    assert encoder(options, "dna") == Fcgr(4, "both")
    model = build(options, Fcgr(4, "both", 60), 2, "multilabel")
    assert model.input["image"].shape == (None, 16, 16, 1)
    assert "scaled" not in {layer.name for layer in model.layers}
    with pytest.raises(DanqError, match="output: expected sequence for DNA"):
        build(Options(**SMALL, output="steps"), Fcgr(4, "both", 60), 2, "multilabel")
