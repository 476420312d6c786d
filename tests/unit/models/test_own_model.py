"""The worked example of docs/adding-a-model.md: a model file of one's own trains and predicts by its path."""

import re
from pathlib import Path

import numpy as np
import pytest
from tiny_dataset import WINDOW, tiny_run, write_tiny_dataset

from danq.errors import DanqError
from danq.learn.bundle import load_bundle
from danq.learn.manifest import model_module
from danq.learn.predict.predictor import Predictor
from danq.learn.train.run import train_run
from danq.models import load_model_module

PAGE = (Path(__file__).parents[3] / "docs" / "adding-a-model.md").read_text()
BLOCK = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_page_s_model_trains_saves_and_predicts(tmp_path):
    model = tmp_path / "conv_only.py"
    model.write_text(BLOCK)
    dataset = write_tiny_dataset(tmp_path / "tiny")
    run = tiny_run(str(model), {"filters": 8, "kernel": 5, "dense": 4})
    info = train_run("own", run, dataset, tmp_path / "own", tmp_path)
    assert info.model == str(model)
    assert info.options == {"filters": 8, "kernel": 5, "dense": 4}
    # 8 filters of 5 x 4, 8 x 4 dense, 4 x 3 outputs, with their biases
    assert load_bundle(tmp_path / "own").model.count_params() == 8 * 21 + 4 * 9 + 3 * 5
    codes = np.zeros((3, WINDOW), np.uint8)
    assert Predictor(load_bundle(tmp_path / "own")).logits(codes).shape == (3, 3)


OPTIONS = "from danq.data.options import Closed as Options\n"
BROKEN = {
    "def (": r"m\.py:1: SyntaxError: ",
    "import no_such_module_of_anyone": r"m\.py:1: ModuleNotFoundError: No module named",
    "import sys\nsys.exit(0)": r"m\.py:2: SystemExit: 0",
    "x = 1\ny = 1 / 0": r"m\.py:2: ZeroDivisionError: division by zero",
    'KIND = "dna"\nclass Options: pass\nencoder = build = print': "Options: expected a class of pydantic",
    OPTIONS + 'KIND = "dna"\nencoder = print\nbuild = 1': "build: expected a function",
    OPTIONS + 'KIND = "protein"\nencoder = build = print': (
        "KIND: expected one of dna, text, image; received 'protein'"
    ),
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path, source):
    (tmp_path / "m.py").write_text(source)
    with pytest.raises(DanqError, match=BROKEN[source]) as error:
        load_model_module(str(tmp_path / "m.py"))
    assert "\n" not in str(error.value)


def test_a_model_file_may_hold_dataclasses_with_postponed_annotations(tmp_path):
    source = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    source += "@dataclass\nclass Part:\n    size: int\n" + BLOCK.partition('"""\n')[2]
    (tmp_path / "m.py").write_text(source)
    assert load_model_module(str(tmp_path / "m.py")).Part(3).size == 3


GOES_ON = """
_build = build
def build(*arguments):
    with open(__file__, "a") as file:
        file.write("# what comes next")
    return _build(*arguments)
"""


def test_a_bundle_loads_without_the_file_of_its_model_and_knows_the_one_that_was_read(tmp_path):
    model = tmp_path / "conv_only.py"
    model.write_text(BLOCK + GOES_ON)
    dataset = write_tiny_dataset(tmp_path / "tiny")
    info = train_run("own", tiny_run(str(model), {"filters": 8}), dataset, tmp_path / "own", tmp_path)
    assert model_module(info) is None
    assert model_module(info, [model]) is None
    model.write_text(BLOCK + GOES_ON)
    assert model_module(info, [model]).KIND == "dna"
    model.write_text("def (")
    assert model_module(info, [model]) is None
    codes = np.zeros((3, WINDOW), np.uint8)
    changed = Predictor(load_bundle(tmp_path / "own")).logits(codes)
    model.unlink()
    np.testing.assert_array_equal(Predictor(load_bundle(tmp_path / "own")).logits(codes), changed)


def test_an_encoder_that_a_bundle_cannot_bring_back_is_refused_before_training(tmp_path):
    model = tmp_path / "conv_only.py"
    own = (
        "class Mine(CodesEncoder):\n    name = 'mine'\n    def fit(self, raw):\n        return Mine(60)\n\n\n"
    )
    source = BLOCK.replace("def encoder", own + "def encoder").replace("CodesEncoder()", "Mine()")
    model.write_text(source)
    dataset = write_tiny_dataset(tmp_path / "tiny")
    with pytest.raises(DanqError, match=r"encoder: expected one of codes, .* received 'mine'"):
        train_run("own", tiny_run(str(model), {}), dataset, tmp_path / "own", tmp_path)
    assert not (tmp_path / "own" / "bundle.json").exists()
    for name, message in (
        ("encoder", "expected to return an encoder"),
        ("build", "expected build to return"),
    ):
        model.write_text(BLOCK + f"\n\ndef {name}(*given):\n    pass\n")
        with pytest.raises(DanqError, match=message):
            train_run("own", tiny_run(str(model), {}), dataset, tmp_path / "own", tmp_path)


NEVER_LOADED = {
    "keras.layers.Lambda(lambda x: x * 2)": r"layers, received keras\.layers\.Lambda, which is not loaded$",
    "Scaled(2)": r"layers that Keras makes again of what their get_config says \(",
}
SCALED = """

import keras


class Scaled(keras.layers.Layer):
    def __init__(self, by, **more):
        super().__init__(**more)
        self.by = by

    def call(self, x):
        return x * self.by
"""


@pytest.mark.parametrize("layer", NEVER_LOADED)
def test_a_network_that_no_bundle_could_bring_back_is_refused_before_training(tmp_path, layer):
    model = tmp_path / "conv_only.py"
    built = 'x = keras.layers.GlobalMaxPooling1D(name="maximum")(x)'
    model.write_text(BLOCK.replace(built, f"{built}\n    x = {layer}(x)") + SCALED)
    dataset = write_tiny_dataset(tmp_path / "tiny")
    with pytest.raises(DanqError, match=r"^runs\.own\.model: expected .*" + NEVER_LOADED[layer]):
        train_run("own", tiny_run(str(model), {}), dataset, tmp_path / "own", tmp_path)
    assert not list((tmp_path / "own").glob("*"))
