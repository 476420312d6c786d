"""The page on old Keras code: its Python runs or raises what it says, its configurations have its shapes."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest
import yaml

from danq.config import parse_config
from danq.data.encoders import Images
from danq.learn.train.transfer import copy_weights, freeze_layers
from danq.models import load_model_module
from danq.models.compatibility import make_encoder

PAGE = "docs/coming-from-old-keras.md"
TEXT = (Path(__file__).parents[2] / PAGE).read_text()
RAISING = re.findall(r"```python raises (\w+): ([^\n]*)\n(.*?)```", TEXT, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
TEXTS = ["a cat sat on the mat", "words wordy wordless", "a a cat a a cat"]


@pytest.mark.parametrize(
    "block", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL), ids=lambda b: b.split("\n")[2]
)
def test_blocks_run(block: str) -> None:
    exec(compile(block, PAGE, "exec"), {})


@pytest.mark.parametrize(("error", "message", "block"), RAISING, ids=lambda part: str(part)[:30])
def test_old_code_raises_what_the_page_says(error: str, message: str, block: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)) as raised:
        exec(compile(block, PAGE, "exec"), {})
    assert type(raised.value).__name__ == error


def test_nothing_of_the_page_is_left_out() -> None:
    assert (len(RAISING), len(YAML)) == (8, 4)
    assert len(re.findall(r"^```\w", TEXT, re.MULTILINE)) == len(RAISING) + len(YAML) + len(
        re.findall(r"```python\n", TEXT)
    )


def models(block: str) -> Iterator[tuple[str, keras.Model, dict[str, tuple[int, ...]], Any]]:
    """Name, network, promised shapes and encoder of each run of a configuration."""
    config = parse_config(yaml.safe_load(block), "page.yaml")
    words = re.search(r"# texts of (\d+) words, (\d+) classes", block)
    pixels = re.search(r"# images (\d+) x (\d+) x (\d+), (\d+) classes", block)
    classes = int((words or pixels).groups()[-1])
    promised = dict.fromkeys(config.runs, "")
    for shapes, name in re.findall(r"# ([a-z_0-9]+ \([^\n]*)\n  (\w+):", block):
        promised[name] = shapes
    for name, run in config.runs.items():
        module = load_model_module(run.model)
        options = module.Options.model_validate(run.options)
        unfitted = make_encoder(module, options, config.datasets[run.dataset].kind)
        encoder = Images(tuple(map(int, pixels.groups()[:3]))) if pixels else unfitted.fit([TEXTS])
        assert not words or options.max_words == int(words[1])
        shapes = {
            layer: tuple(map(int, re.findall(r"\d+", shape)))
            for layer, shape in re.findall(r"(\w+) \(([\d, ]+)\)", promised[name])
        }
        yield name, module.build(options, encoder, classes, "multiclass"), shapes, encoder


@pytest.mark.parametrize("block", YAML, ids=range(len(YAML)))
def test_configurations_have_the_shapes_of_the_page(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("glove.6B.100d.txt").write_text("cat" + " 0.5" * 100 + "\n")
    for name, model, shapes, _ in models(block):
        assert len(shapes) > 2, name
        for layer, shape in shapes.items():
            assert model.get_layer(layer).output.shape[1:] == shape, (name, layer)
        assert model.output.shape == (None, *shapes["logits"])


def test_the_second_stage_starts_from_the_first() -> None:
    (_, first, _, encoder), (_, second, _, _) = models(YAML[-1])
    train = yaml.safe_load(YAML[-1])["runs"]["both"]["train"]
    others = {name: second.get_layer(name).get_weights() for name in ("rnn", "word_embedding", "logits")}
    copied: Any = SimpleNamespace(model=first, encoder=encoder)
    assert train["init_from"] == "spelling"
    copy_weights(copied, second, encoder, "spelling")
    freeze_layers(second, train["freeze"])
    for name in train["freeze"]:
        for theirs, ours in zip(
            first.get_layer(name).get_weights(), second.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(theirs, ours)
    for name in ("rnn", "word_embedding"):
        for before, after in zip(others[name], second.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
    frozen = {"/".join(variable.path.split("/")[-2:-1]) for variable in second.non_trainable_variables}
    assert set(train["freeze"]) <= frozen
    assert second.get_layer("rnn").trainable_weights
