"""The benchmark of real sets: its configurations are valid, and its conversions lose nothing."""

import gzip
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from danq.config import parse_config
from danq.data.examples.files import Table, read_records
from danq.models import load_model_module

REPOSITORY = Path(__file__).parents[2]
SETS = ("fastsk", "gue", "ienhancer", "mnist", "mr", "sst2")


@pytest.fixture(scope="module")
def real_sets() -> ModuleType:
    spec = importlib.util.spec_from_file_location("real_sets", REPOSITORY / "benchmarks" / "real_sets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SETS)
def test_each_set_has_a_valid_configuration(name, real_sets):
    config = parse_config(yaml.safe_load((REPOSITORY / "config" / f"{name}.yaml").read_text()), name)
    assert config.runs
    for run in config.runs.values():
        load_model_module(run.model).Options.model_validate(run.options)
    assert set(real_sets.SEEDS) == set(SETS)


def test_labelled_texts_keep_bytes_and_order(tmp_path, real_sets):
    raw = tmp_path / "raw.gz"
    raw.write_bytes(gzip.compress("1 a tab\tand caf\xe9 \x85 . \n0 dull\n".encode("latin-1")))
    real_sets.labelled_texts(raw, tmp_path / "out.tsv")
    read = list(read_records(tmp_path / "out.tsv", Table("text", ["label"], "latin-1", texts=True)))
    assert [(one.labels, one.content) for one in read] == [
        (("1",), "a tab and caf\xe9 \x85 ."),
        (("0",), "dull"),
    ]


def test_each_record_tests_in_one_fold_and_trains_in_the_others(tmp_path, real_sets):
    (tmp_path / "dna_sequences").mkdir()
    made = {("enhancer", 1): 12, ("non_enhancer", 0): 11}
    for (name, label), count in made.items():
        text = "".join(f">r{label}_{number}\nACGT\nAC\n" for number in range(count))
        path = tmp_path / "dna_sequences" / f"elm_original_{name}_train.txt.gz"
        path.write_bytes(gzip.compress(text.encode()))
    real_sets.ienhancer(tmp_path, tmp_path)
    everything = {f"r{label}_{number}" for (_, label), count in made.items() for number in range(count)}
    tested = []
    for fold in range(1, 6):
        train, test = (
            list(read_records(tmp_path / f"ienhancer.fold{fold}.{part}.fa", Table("sequence", ["label"])))
            for part in ("train", "test")
        )
        assert {one.name for one in train} == everything - {one.name for one in test}
        assert all(one.labels == (one.name[1],) and one.content == "ACGTAC" for one in train + test)
        tested += [one.name for one in test]
    assert sorted(tested) == sorted(everything)


def test_the_seed_draws_validation_rows_only_where_test_rows_are_given(real_sets):
    def seed_of(examples):
        settings = {
            "datasets": {"d": {"examples": examples, "split": {"valid": 0.1}}},
            "runs": {"r": {"model": "danq", "dataset": "d", "train": {"epochs": 7}}},
        }
        one = real_sets.seeded(settings, "r", 5, True)
        assert one["runs"]["r"]["train"] == {"epochs": 7, "seed": 5}
        return one["datasets"]["d"]["split"].get("seed")

    assert seed_of({"train": "a", "test": "b"}) == 5
    assert seed_of({"train": "a", "valid": "c", "test": "b"}) is None
    assert seed_of("a.tsv") is None


@pytest.mark.parametrize(("binary", "expected"), [(None, 0.25), (0.75, 0.75)])
def test_f1_is_of_the_positive_class_or_else_the_mean_over_classes(tmp_path, real_sets, binary, expected):
    classes = {"accuracy": 0.5, "mcc": 0.0, "macro_f1": 0.25, "binary_f1": binary}
    (tmp_path / "evaluation").mkdir()
    summary = {"splits": {"test": {"auroc": {"mean": 0.5}, "classes": classes}}}
    (tmp_path / "evaluation" / "summary.json").write_text(json.dumps(summary))
    assert [one.f1 for one in real_sets.lines(tmp_path, "run")] == [expected]
