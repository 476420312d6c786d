"""The recipe is sized by what there is to learn from, and whatever that is, the configuration takes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.config import parse_config
from danq.config.recipe import Counts, choose_keep, choose_recipe

MILLION = 1_000_000


def counts(windows=8000, targets=16, window=600, gpu=False, of_genome=True, classes=False):
    return Counts(windows, targets, window, gpu, of_genome, classes)


def danq(**sizes):
    return choose_recipe(counts(**sizes)).runs["danq"]


@given(
    windows=st.integers(10, 5 * MILLION),
    targets=st.integers(1, 919),
    window=st.integers(30, 4000),
    gpu=st.booleans(),
    share=st.floats(0, 1),
    of_genome=st.booleans(),
    classes=st.booleans(),
)
def test_every_recipe_is_a_configuration_and_refers_to_keys_that_it_has(
    windows, targets, window, gpu, share, of_genome, classes
):
    recipe = choose_recipe(counts(windows, targets, window, gpu, of_genome, classes))
    keep, _ = choose_keep(windows, int(share * windows))
    runs = {name: run | {"dataset": "data"} for name, run in recipe.runs.items()}
    dataset = {"targets": "t.tsv", "window": 2 * window, "bin": 2, "keep": keep or "all"}
    dataset["split"] = {"valid": ["a"], "test": ["b"]}
    parse_config({"genomes": {"g": "g.fa"}, "datasets": {"data": dataset}, "runs": runs}, "recipe")
    for key in recipe.reasons:
        value = recipe.runs
        for part in key.split("."):
            value = value[part]


def test_a_larger_dataset_is_passed_over_less_often_but_a_cosine_is_never_cut_short():
    epochs = [danq(windows=windows)["train"]["epochs"] for windows in (1000, 10_000, 24_000, 50_000, MILLION)]
    assert epochs == [60, 40, 25, 12, 10]
    train = danq()["train"]
    assert (train["schedule"]["kind"], train["monitor"]) == ("cosine", "auprc")
    assert "patience" not in train


def test_of_few_windows_more_is_dropped():
    assert [danq(windows=windows)["options"]["dropout"] for windows in (9000, 11_000)] == [0.3, 0.1]
    assert danq(windows=30_000, of_genome=False)["options"]["dropout"] == 0.3


def test_the_published_network_is_for_a_gpu_and_a_million_windows():
    assert "options" not in danq(windows=MILLION, gpu=True)
    assert danq(windows=MILLION, gpu=True)["train"]["require_gpu"]
    for sizes in ({"windows": MILLION}, {"windows": MILLION - 1, "gpu": True}):
        assert danq(**sizes)["options"]["units"] < 320


@pytest.mark.parametrize(
    ("windows", "positive", "expected"),
    [
        (50_000, 20_000, "all"),
        (50_000, 19_999, {"negatives_per_positive": 1.0}),
        (50_000, 2500, {"negatives_per_positive": 1.0}),
        (50_000, 1000, {"negatives_per_positive": 4.0}),
        (50_000, 3, {"negatives_per_positive": 1666.0}),
        (4000, 100, "all"),
        (50_000, 0, "all"),
    ],
)
def test_negatives_are_as_many_as_positives_but_enough_to_learn_from(windows, positive, expected):
    assert (choose_keep(windows, positive)[0] or "all") == expected


def test_classes_share_one_loss_and_one_target_needs_no_weight():
    assert danq()["train"]["target_weight"] == "rare"
    assert "target_weight" not in danq(classes=True)["train"]
    assert "target_weight" not in danq(targets=1)["train"]


def test_the_network_is_averaged_with_the_baseline_by_validation():
    assert choose_recipe(counts()).runs["mean"] == {
        "model": "ensemble",
        "options": {"members": ["danq", "kmer_logistic"]},
    }
