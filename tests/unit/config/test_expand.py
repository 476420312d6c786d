"""Repeats and folds become plain runs and datasets; what cannot be is refused in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from danq.config import load_config, own_models, parse_config
from danq.config.merged import write_once
from danq.config.workflow import check_files
from danq.errors import DanqError
from danq.learn.options import Repeat, read_name


def raw(folds: int | None = None, repeats: int = 1, **runs: dict[str, Any]) -> dict[str, Any]:
    split = {"folds": folds} if folds else {"valid": ["chrI"], "test": ["chrII"]}
    return {
        "genomes": {"yeast": "genome.fa"},
        "datasets": {"marks": {"targets": "targets.tsv", "split": split, "composition": False}},
        "runs": {"net": {"model": "danq", "dataset": "marks", "repeats": repeats}, **runs},
        "callsets": {"demo": {"vcf": "v.vcf", "runs": ["net"]}},
    }


def test_a_configuration_without_repeats_stays_as_it_is():
    config = parse_config(raw(), "c.yaml")
    assert (list(config.runs), list(config.datasets)) == (["net"], ["marks"])


def test_repeats_are_runs_with_seeds_of_their_own():
    given = raw(repeats=3)
    given["runs"]["net"]["train"] = {"seed": 7, "epochs": 2}
    config = parse_config(given, "c.yaml")
    assert [(name, run.train.seed, run.dataset, run.repeats) for name, run in config.runs.items()] == [
        ("net.seed7", 7, "marks", 1),
        ("net.seed8", 8, "marks", 1),
        ("net.seed9", 9, "marks", 1),
    ]
    assert {run.train.epochs for run in config.runs.values()} == {2}
    assert config.callsets["demo"].runs == list(config.runs), "all repeats are one ensemble"


def test_folds_are_datasets_of_their_own_and_seeds_run_in_each():
    config = parse_config(raw(3, 2, words={"model": "kmer_logistic", "dataset": "marks"}), "c.yaml")
    assert {name: data.split.fold for name, data in config.datasets.items()} == {
        "marks.fold1": 1,
        "marks.fold2": 2,
        "marks.fold3": 3,
    }
    assert list(config.runs) == [
        *(f"net.fold{fold}.seed{seed}" for fold in (1, 2, 3) for seed in (1337, 1338)),
        *(f"words.fold{fold}" for fold in (1, 2, 3)),
    ]
    assert config.runs["net.fold2.seed1338"].dataset == "marks.fold2"
    assert config.genome_of("marks.fold2") == "yeast"


def test_one_fold_alone_keeps_the_name_of_its_dataset():
    given = raw(3)
    given["datasets"]["marks"]["split"]["fold"] = 2
    config = parse_config(given, "c.yaml")
    assert (list(config.runs), list(config.datasets)) == (["net"], ["marks"])


def test_an_expanded_configuration_read_back_is_the_same(tmp_path: Path):
    config = parse_config(raw(3, 2), "c.yaml")
    write_once(config, tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config
    assert "net.fold3.seed1338" in json.loads((tmp_path / "config.json").read_text())["runs"]


def with_composition(folds: int | None = None) -> dict[str, Any]:
    given = raw(folds)
    del given["datasets"]["marks"]["composition"]
    return given


def test_a_dataset_of_dna_gets_a_run_of_its_base_composition():
    config = parse_config(with_composition(), "c.yaml")
    assert list(config.runs) == ["net", "composition"]
    run = config.runs["composition"]
    assert (run.model, run.dataset, run.options["k"]) == ("composition", "marks", [2])
    assert run.predict.reverse_complement == "none"
    assert config.callsets["demo"].runs == ["net"]


def test_of_several_datasets_each_that_has_runs_gets_its_own():
    given = with_composition()
    given["datasets"] |= dict.fromkeys(("more", "unused"), given["datasets"]["marks"])
    given["datasets"]["steps"] = given["datasets"]["marks"] | {"steps": 50}
    given["datasets"]["texts"] = {"kind": "text", "examples": "a.tsv"}
    given["runs"]["words"] = {"model": "kmer_logistic", "dataset": "more"}
    given["runs"]["phrases"] = {"model": "bilstm_conv2d", "dataset": "texts"}
    options = {"output": "steps", "pool": 10, "head": "max"}
    given["runs"]["along"] = {"model": "danq", "dataset": "steps", "options": options}
    added = {
        name: run.dataset for name, run in parse_config(given, "c.yaml").runs.items() if name[:4] == "comp"
    }
    # the name tells the dataset, since there are several
    assert added == {"composition_marks": "marks", "composition_more": "more"}


def test_composition_follows_folds_and_comes_once(tmp_path: Path):
    config = parse_config(with_composition(3), "c.yaml")
    assert list(config.runs)[3:] == [f"composition.fold{fold}" for fold in (1, 2, 3)]
    write_once(config, tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config
    given = with_composition()
    given["runs"]["least"] = {"model": "composition", "dataset": "marks", "options": {"k": [1]}}
    assert list(parse_config(given, "c.yaml").runs) == ["net", "least"]


def test_a_run_that_has_its_name_is_refused():
    given = with_composition()
    given["runs"]["composition"] = {"model": "kmer_logistic", "dataset": "marks"}
    assert (
        "runs.composition: expected another name, for this is that of the run of base composition on dataset "
        "'marks' (left out by datasets.marks.composition: false)"
    ) in refusal(given)


@pytest.mark.parametrize(
    "repeat", [Repeat("a"), Repeat("a.b", 12), Repeat("a", None, 0), Repeat("a.fold", 1, 1337)]
)
def test_a_name_tells_what_it_is_of(repeat: Repeat):
    assert read_name(repeat.name) == repeat


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(DanqError) as refused:
        parse_config(given, "c.yaml")
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ({"folds": 2}, "datasets.marks.split.folds: expected a value greater than or equal to 3, received 2"),
        (
            {"folds": 3, "test": ["chrI"]},
            "datasets.marks.split: expected either `folds` or `valid` and `test`, received both",
        ),
        ({"folds": 3, "fold": 4}, "split: expected a `fold` of 1 to `folds`, received fold 4 of 3 folds"),
        ({"fold": 1}, "split: expected a `fold` of 1 to `folds`, received fold 1 of no folds"),
        ({}, "datasets.marks: expected `split` with `valid` and `test` contigs or regions, or with `folds`"),
    ],
)
def test_folds_that_cannot_be_are_refused(split: dict[str, Any], expected: str):
    given = raw()
    given["datasets"]["marks"]["split"] = split
    assert expected in refusal(given)


def test_folds_of_rows_that_come_in_a_file_a_split_are_refused():
    files = {"train": "a.tsv", "test": "b.tsv"}
    given = {
        "datasets": {"d": {"kind": "text", "examples": files, "split": {"folds": 3}}},
        "runs": {"r": {"model": "bilstm_conv2d", "dataset": "d"}},
    }
    assert "datasets.d: `split.folds`: expected `examples` in one file, received one file a split" in refusal(
        given
    )


@pytest.mark.parametrize("key", [{"folds": 3}, {"repeats": 2}])
def test_a_start_from_a_run_that_is_trained_several_times_is_refused(key: dict[str, int]):
    start = {"model": "danq", "dataset": "marks", "train": {"init_from": "net"}}
    assert (
        "runs.tuned.train.init_from: expected a run that is trained once, received 'net', which is trained "
        f"{next(iter(key.values()))} times"
    ) in refusal(raw(**key, tuned=start))


def test_names_that_repeats_would_take_are_refused():
    taken = raw(repeats=2, **{"net.seed1338": {"model": "danq", "dataset": "marks"}})
    assert "runs.net: expected a free name for its repeat 'net.seed1338', which is taken" in refusal(taken)
    taken = raw(3)
    taken["datasets"]["marks.fold2"] = raw()["datasets"]["marks"]
    expected = "datasets.marks: expected a free name for its repeat 'marks.fold2', which is taken"
    assert expected in refusal(taken)
    assert "runs.net.repeats: expected a value greater than or equal to 1" in refusal(raw(repeats=0))


def test_a_missing_file_of_many_folds_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("genome.fa").write_text(">chrI\nACGT\n")
    with pytest.raises(DanqError) as refused:
        check_files(parse_config(raw(3), "c.yaml"), "c.yaml")
    assert str(refused.value).count("targets.tsv") == 1
    assert "datasets.marks.fold1.targets: expected a file" in str(refused.value)


MEAN = {"model": "ensemble", "dataset": "marks", "options": {"members": ["net", "words"]}}
WORDS = {"model": "kmer_logistic", "dataset": "marks"}


def test_an_ensemble_averages_the_repeats_of_a_member_first_in_each_fold():
    equal = {**MEAN, "options": MEAN["options"] | {"weights": "equal"}}
    config = parse_config(raw(3, 2, words=WORDS, mean=equal), "c.yaml")
    assert {name: run.options["members"] for name, run in config.runs.items() if run.model == "ensemble"} == {
        f"mean.fold{fold}": [[f"net.fold{fold}.seed1337", f"net.fold{fold}.seed1338"], f"words.fold{fold}"]
        for fold in (1, 2, 3)
    }
    assert config.runs["mean.fold2"].dataset == "marks.fold2"
    assert config.runs["mean.fold2"].options["weights"] == "equal"
    again = parse_config(json.loads(config.model_dump_json()), "c.json")
    assert again == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"members": ["net", "other"]},
            "members.1: expected a run with a model of its own .*, received 'other'",
        ),
        ({"members": ["mean"]}, "members.0: expected a run with a model of its own .*, received 'mean'"),
        ({"members": ["net", ["net"]]}, "members.1: expected each run once, received 'net' again"),
        ({"members": ["far"]}, "members.0: expected a run on dataset 'marks', received 'far' on 'others'"),
        ({"members": []}, "members: expected at least one entry, received none"),
        ({"members": ["net", []]}, "runs.mean.options.members.1"),
        ({}, "runs.mean.options.members: expected this key"),
        (
            {"members": ["net"], "weights": "best"},
            "runs.mean.options.weights: expected 'validation' or 'equal'",
        ),
    ],
)
def test_an_ensemble_of_what_cannot_be_averaged_is_refused(change, message):
    given = raw(words=WORDS, mean={**MEAN, "options": change}, far={**WORDS, "dataset": "others"})
    given["datasets"]["others"] = given["datasets"]["marks"]
    with pytest.raises(DanqError, match=message):
        parse_config(given, "c.yaml")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("repeats", 2, "repeats: expected 1 for an ensemble of runs, received 2"),
        ("train", {"epochs": 5}, "train: expected nothing, for an ensemble is not trained"),
        ("search", {"train": {"epochs": [5, 6]}}, "search: expected nothing, for an ensemble is not trained"),
    ],
)
def test_an_ensemble_has_nothing_to_train(key, value, message):
    with pytest.raises(DanqError, match=f"runs.mean.{message}"):
        parse_config(raw(words=WORDS, mean={**MEAN, key: value}), "c.yaml")


def test_no_training_starts_from_an_ensemble():
    given = raw(words=WORDS, mean=MEAN)
    given["runs"]["late"] = {"model": "danq", "dataset": "marks", "train": {"init_from": "mean"}}
    message = (
        "runs.late.train.init_from: expected a run with a model of its own, received the ensemble 'mean'"
    )
    with pytest.raises(DanqError, match=message):
        parse_config(given, "c.yaml")


def test_the_models_of_an_ensemble_s_members_are_the_user_s_own(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("from danq.models.danq import *\n")
    given = raw(words=WORDS, mean=MEAN)
    given["runs"]["net"]["model"] = str(file)
    config = parse_config(given, "c.yaml", trusted=[file])
    assert own_models(config, ["mean"]) == own_models(config, ["net"]) == [file]
    assert own_models(config, ["words"]) == []
