"""What training would refuse without looking at a row, the configuration tells; and in the same words."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from danq.config import load_config, parse_config
from danq.data.encoders import Images
from danq.errors import DanqError
from danq.models import load_model_module
from danq.models.compatibility import make_encoder
from tests.unit.config.good_config import GOOD

STEPS = {"window": 200, "bin": 200, "steps": 50}
ALONG = {"output": "steps", "pool": 10, "head": "max", "padding": "same"}


def config(model, options, dataset=None, train=None):
    raw = copy.deepcopy(GOOD)
    raw["datasets"]["marks"] |= dataset or {}
    raw["runs"]["small"] = {"model": model, "dataset": "marks", "options": options, "train": train or {}}
    return raw


def of_kind(kind, model, options, train=None):
    raw = copy.deepcopy(GOOD)
    examples = {"text": "a.tsv", "image": "a.npz"}[kind]
    raw["datasets"]["marks"] = {"kind": kind, "examples": examples, "split": {"valid": 0.1, "test": 0.1}}
    raw["runs"]["small"] = {"model": model, "dataset": "marks", "options": options, "train": train or {}}
    return raw


SIZES = [
    ("danq", {}, {"window": 20, "bin": 20}, "window: expected at least 38 bp for filters of 26 bp"),
    ("danq", ALONG | {"pool": 7}, STEPS, "pool: expected a size that divides the labelled steps of 50 bp"),
    ("danq", ALONG | {"padding": "valid"}, STEPS, "window: expected at least 240 bp for the 200 labelled bp"),
    ("danq", ALONG | {"head": "last"}, STEPS, "head: expected flatten, pools or max for `output: steps`"),
    ("bilstm_conv2d", {"output": "steps", "stride": 3}, STEPS, "stride: expected a size that divides the l"),
    ("bilstm_conv2d", {"units": [2]}, {}, "expected at least 4 recurrent features for filters of 3"),
    ("bilstm_conv2d", {}, {"window": 9, "bin": 9}, "expected at least 4 words for filters of 3"),
    ("char_word_lstm", {"output": "steps", "head": "last"}, STEPS, "head: expected pools or max for `outpu"),
    ("quadrant_lstm", {"output": "steps"}, {}, "output: expected sequence for DNA"),
    ("quadrant_lstm", {"orders": [[1, 2, 3]]}, {}, "orders: expected each tile of 1 to 4 once"),
    ("quadrant_lstm", {"orders": [[1, 2, 3, 4]], "grid": 3}, {}, "orders: expected each tile of 1 to 9 once"),
    ("quadrant_lstm", {"grid": 3}, {}, "grid: expected a number that divides the image's height of 32 pixe"),
    ("quadrant_lstm", {"order": 3}, {}, "expected tiles of at least 6 pixels for 2 convolutions of 3"),
]  # fmt: skip
"""Model, options, dataset and the refusal, which both the configuration and `build` give."""


@pytest.mark.parametrize(("model", "options", "dataset", "message"), SIZES)
def test_sizes_that_do_not_fit_are_told(model, options, dataset, message):
    with pytest.raises(DanqError) as refused:
        parse_config(config(model, options, dataset), "c.yaml")
    assert f"c.yaml: runs.small.options: {message}" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("model", "options", "dataset", "message"), SIZES)
def test_the_network_is_refused_in_the_same_words(model, options, dataset, message):
    module, sizes = load_model_module(model), {"window": 1000, "bin": 200} | dataset
    labelled = (
        {"bin": sizes["bin"], "steps": sizes["steps"]} if "steps" in sizes and "output" in options else {}
    )
    filled = module.Options(**(options | labelled))
    encoder = make_encoder(module, filled, "dna").fit([np.zeros((1, sizes["window"]), np.uint8)])
    with pytest.raises(DanqError) as refused:
        module.build(filled, encoder, 2, "multilabel")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (config("danq", {}, STEPS), "options: output: expected a model that classifies steps (output: step"),
        (config("danq", ALONG), "options: output: expected a model that classifies whole rows"),
        (config("danq", ALONG | {"steps": 25}, STEPS), "options: steps: expected 50 bp as the dataset labe"),
        (config("quadrant_lstm", {}, STEPS), "options: output: expected a model that classifies steps"),
        (config("kmer_logistic", {}, STEPS), "options: expected one label a target and row for this model"),
        (config("kmer_logistic", {"k": [8]}, {"window": 7, "bin": 7}), "options: k: expected a word of at"),
        (config("danq", ALONG, STEPS, {"shift": 3}), "train.shift: expected 0 for a dataset of labelled st"),
        (config("danq", {}, {}, {"weight_decay": 0.1}), "train: `weight_decay`: expected 0 unless `optimiz"),
        (
            config("danq", {"bidirectional": False, "merge_mode": "sum"}),
            "options: expected `bidirectional: true` with `merge_mode: sum`, received false",
        ),
        (config("composition", {}, {}, {"init_from": "a/b"}), "train.init_from: expected none for model c"),
        (config("kmer_logistic", {}, {}, {"freeze": ["logits"]}), "train.freeze: expected none for model k"),
        (config("composition", {}, {}, {"distribute": "mirrored"}), "train.distribute: expected none for m"),
        (of_kind("text", "bilstm_conv2d", {"output": "steps"}), "options: output: expected a model that cl"),
        (of_kind("text", "char_word_lstm", {"output": "steps"}), "options: output: expected a model that c"),
        (of_kind("text", "bilstm_conv2d", {"max_words": 3}), "options: expected at least 4 words"),
        (of_kind("text", "bilstm_conv2d", {"output": "steps", "steps": 5}), "options: steps: expected none"),
        (of_kind("image", "quadrant_lstm", {"output": "steps"}), "options: output: expected a model that c"),
        (of_kind("image", "quadrant_lstm", {"orders": [[1, 1, 2, 3]]}), "options: orders: expected each ti"),
        (of_kind("text", "bilstm_conv2d", {}, {"shift": 1}), "train.shift: expected 0 for a dataset of kin"),
    ],
)  # fmt: skip
def test_what_the_rows_cannot_be_is_told(raw, message):
    with pytest.raises(DanqError) as refused:
        parse_config(raw, "c.yaml")
    assert f"runs.small.{message}" in str(refused.value)


@pytest.mark.parametrize(
    "raw",
    [
        config("danq", ALONG, STEPS),
        config("danq", {"bidirectional": False}),
        config("danq", ALONG | {"steps": 50, "bin": 200}, STEPS),
        config("char_word_lstm", {"output": "steps", "k": 1, "stride": 1}, STEPS),
        config("kmer_logistic", {"k": [3, 8]}, {"window": 7, "bin": 7, "composition": False}),
        of_kind("image", "quadrant_lstm", {"grid": 3, "orders": [list(range(9, 0, -1))]}),
        of_kind("text", "char_word_lstm", {}),
    ],
)
def test_what_fits_is_accepted(raw):
    assert "small" in parse_config(raw, "c.yaml").runs


def test_images_that_were_seen_are_measured():
    module = load_model_module("quadrant_lstm")
    with pytest.raises(
        DanqError, match="grid: expected a number that divides the image's width of 27 pixels"
    ):
        module.sub_bins(module.Options(), Images((28, 27, 1)))
    assert module.sub_bins(module.Options(output="steps"), Images((28, 28, 1))) == 4


def test_the_missing_file_of_another_run_is_nothing_to_this_one(tmp_path: Path):
    raw = copy.deepcopy(GOOD)
    raw["runs"]["own"] = {"model": str(tmp_path / "gone.py"), "dataset": "marks"}
    (tmp_path / "c.json").write_text(json.dumps(raw))
    with pytest.raises(DanqError, match=r"runs\.own\.model: .*gone\.py: no such file"):
        load_config(tmp_path / "c.json", trusted=None)
    for run in ("small", "small.seed3", "small.fold2", "small.trial7"):
        assert load_config(tmp_path / "c.json", trusted=None, run=run).runs["small"].options["filters"] == 16
    for run in ("own.seed2", "own.trial7", "own.fold1.trial7"):
        with pytest.raises(DanqError, match=r"runs\.own\.model: .*gone\.py: no such file"):
            load_config(tmp_path / "c.json", trusted=None, run=run)


def test_the_model_of_another_run_is_not_run_and_that_of_repeats_is_for_their_search(tmp_path: Path):
    raw, mine = copy.deepcopy(GOOD), tmp_path / "mine.py"
    mine.write_text(
        f"import os; os.mkdir({str(tmp_path / 'ran')!r})\n"
        + Path(str(load_model_module("danq").__file__)).read_text()
    )
    for seed in (1, 2):
        raw["runs"][f"own.seed{seed}"] = {"model": str(mine), "dataset": "marks", "train": {"seed": seed}}
    (tmp_path / "c.json").write_text(json.dumps(raw))
    load_config(tmp_path / "c.json", trusted=None, run="small")
    assert not (tmp_path / "ran").exists()
    # an expanded configuration holds the repeats, and their trials are those of the first
    config = load_config(tmp_path / "c.json", trusted=None, run="own.trial1")
    assert config.runs["own.seed1"].options["units"] == 320
