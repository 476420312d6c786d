"""The worked example of docs/adding-a-model.md: a model file of one's own trains and predicts by its path."""

import re
from pathlib import Path

import numpy as np
from tiny_dataset import WINDOW, tiny_run, write_tiny_dataset

from danq.learn.bundle import load_bundle
from danq.learn.predict import Predictor
from danq.learn.train import train_run

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-model.md").read_text()


def test_the_page_s_model_trains_saves_and_predicts(tmp_path):
    model = tmp_path / "conv_only.py"
    model.write_text(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0])
    dataset = write_tiny_dataset(tmp_path / "tiny")
    run = tiny_run(str(model), {"filters": 8, "kernel": 5, "dense": 4})
    info = train_run("own", run, dataset, tmp_path / "own", tmp_path)
    assert info["model"] == str(model)
    assert info["options"] == {"filters": 8, "kernel": 5, "dense": 4}
    # 8 filters of 5 x 4, 8 x 4 dense, 4 x 3 outputs, with their biases
    assert load_bundle(tmp_path / "own").model.count_params() == 8 * 21 + 4 * 9 + 3 * 5
    codes = np.zeros((3, WINDOW), np.uint8)
    assert Predictor(load_bundle(tmp_path / "own")).logits(codes).shape == (3, 3)
