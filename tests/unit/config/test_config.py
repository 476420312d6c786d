"""A configuration as typed models: defaults, refusals, files that are none."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from danq.config import _callsets, load_config, parse_config, unused
from danq.config.merged import write_once
from danq.errors import DanqError
from tests.unit.config.good_config import GOOD, changed, with_callset


def test_defaults_are_filled_in_those_of_the_model_included():
    config = parse_config(GOOD, "c.yaml")
    assert config.datasets["marks"].window == 1000
    assert config.runs["small"].train.epochs == 60
    assert config.runs["small"].options["filters"] == 16
    assert config.runs["small"].options["units"] == 320
    assert config.genome_of("marks") == "yeast"


def test_a_configuration_read_back_from_its_own_json_is_the_same(tmp_path: Path):
    config = parse_config(changed("runs/base", {"model": "kmer_logistic", "dataset": "marks"}), "c.yaml")
    write_once(config, tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == config


REFUSED = [
    (
        "runz",
        {},
        "runz: unknown key; expected one of callsets, datasets, genomes, runs, views; received 'runz'",
    ),
    ("genomes", "genome.fa", 'genomes: expected a mapping of keys to values, received "genome.fa"'),
    ("genomes/a b", "genome.fa", "genomes.a b: expected a name of letters"),
    ("genomes/..", "genome.fa", "genomes...: expected a name of letters"),
    ("runs", {}, "runs: expected at least one entry, received none"),
    ("runs/small/model", "danke", "runs.small.model: expected one of danq, bilstm_conv2d, char_word_lstm"),
    ("runs/small/model", "my_model.py", "runs.small.model: my_model.py: no such file"),
    ("runs/small/dataset", "mark", "runs.small.dataset: expected one of marks, received 'mark'"),
    ("runs/small/options/filter", 3, "runs.small.options.filter: unknown key; expected one of activation"),
    (
        "runs/small/options/filters",
        "many",
        'runs.small.options.filters: expected an integer, received "many"',
    ),
    ("runs/small/options/filters", 2.5, "runs.small.options.filters: expected an integer, received 2.5"),
    ("runs/small/options/rnn", "lstn", "expected 'lstm', 'gru' or 'simple', received \"lstn\""),
    ("runs/small/train/epochs", "60", 'runs.small.train.epochs: expected an integer, received "60"'),
    ("runs/small/train/epochs", True, "runs.small.train.epochs: expected an integer, received true"),
    ("runs/small/train/learning_rate", 0, "expected a value greater than 0, received 0"),
    ("runs/small/train/schedule/kindd", 1, "runs.small.train.schedule.kindd: unknown key; expected one of"),
    ("runs/small/train/init_from", "small", "the run starts from itself (small -> small)"),
    ("runs/small/train/init_from", "other", "expected a run (there is no other run) or a bundle's directory"),
    ("datasets/marks/genome", "fly", "datasets.marks.genome: expected one of yeast, received 'fly'"),
    ("datasets/marks/bin", 2000, "datasets.marks: expected bin <= window, received bin 2000 and window 1000"),
    ("datasets/marks/examples", "a.fa", "datasets.marks: expected exactly one of `targets`"),
    (
        "datasets/marks/split/valid",
        [7],
        "split.valid.0: expected text (in quotes where it is a number, or yes or no)",
    ),
    ("datasets/marks/split/test", 3, "split.test: expected a list or a value less than 1, received 3"),
    ("datasets/marks/keep", "pos", "datasets.marks.keep: expected 'positive' or 'all' or a mapping"),
    (
        "datasets/marks/keep",
        {"negatives_per_positive": "x"},
        "keep.negatives_per_positive: expected a number",
    ),
    ("datasets/marks/keep", {"negative": 1}, "keep.negative: unknown key; expected one of match, negatives"),
    ("runs/small", {"dataset": "marks"}, "runs.small.model: expected this key, received nothing"),
    ("datasets/fish", {"targets": "t.tsv", "genome": "no"}, "datasets.fish: expected `split`"),
    ("callsets/demo", {"runs": ["small"]}, "callsets.demo.vcf: expected this key, received nothing"),
    ("callsets/demo", {"vcf": "v.vcf", "runs": []}, "callsets.demo.runs: expected at least one entry"),
    ("callsets/demo", {"vcf": "v.vcf", "run": "small"}, "demo.run: unknown key; expected one of aliases"),
    ("callsets/a b", {"vcf": "v.vcf", "runs": ["small"]}, "callsets.a b: expected a name of letters"),
    (
        "callsets/demo",
        {"vcf": "v.vcf", "runs": ["small", "big"]},
        "callsets.demo.runs.1: expected one of small, received 'big'",
    ),
    (
        "callsets/demo",
        {"vcf": "v.vcf", "runs": ["small"], "genome": "fly"},
        "callsets.demo.genome: expected one of yeast, received 'fly'",
    ),
    (
        "callsets/demo",
        {"vcf": "v.vcf", "runs": ["small"], "shards": 0},
        "callsets.demo.shards: expected a value greater than or equal to 1, received 0",
    ),
    *(
        (
            "callsets/demo",
            {"vcf": "v.vcf", "runs": ["small"], key: value},
            f"callsets.demo: {key}: expected {needed} with it, received none",
        )
        for key, value, needed in (("truth_group", "GENE", "truth"), ("unphased", "alone", "samples"))
    ),
    (
        "callsets/demo",
        {"vcf": "v.vcf", "runs": ["small"], "strands": "both"},
        "callsets.demo.strands: expected 'scores', 'predictions' or 'forward', received \"both\"",
    ),
]


@pytest.mark.parametrize(("path", "value", "expected"), REFUSED, ids=[f"{p}={v}" for p, v, _ in REFUSED])
def test_refusals_are_one_line_with_key_expected_and_received(path: str, value: Any, expected: str):
    with pytest.raises(DanqError) as refusal:
        parse_config(changed(path, value), "c.yaml", trusted=None)
    message = str(refusal.value)
    assert message.startswith("c.yaml: ")
    assert expected in message
    assert "\n" not in message


def test_several_problems_are_named_together():
    raw = changed("runs/small/options/filter", 3)
    raw["runs"]["small"]["options"]["pool"] = "wide"
    raw["runs"]["small"]["dataset"] = "mark"
    with pytest.raises(DanqError, match=r"runs\.small\.dataset.*options\.pool.*options\.filter"):
        parse_config(raw, "c.yaml")
    many = changed("runs/small/train", {f"key{number}": 1 for number in range(9)})
    with pytest.raises(DanqError, match=r"; and 4 more$"):
        parse_config(many, "c.yaml")


def test_two_genomes_need_a_name_in_each_dataset():
    raw = changed("genomes/fly", "fly.fa")
    with pytest.raises(
        DanqError, match=r"datasets\.marks\.genome: expected one of yeast, fly, received nothing"
    ):
        parse_config(raw, "c.yaml")
    raw["datasets"]["marks"]["genome"] = "fly"
    assert parse_config(raw, "c.yaml").genome_of("marks") == "fly"
    assert unused(parse_config(raw, "c.yaml")) == ["genomes.yeast: nothing uses it"]


def test_two_genomes_need_a_name_in_each_callset():
    raw = with_callset()
    assert parse_config(raw, "c.yaml").genome_of_callset("demo") == "yeast"
    raw["genomes"]["fly"] = "fly.fa"
    for dataset in raw["datasets"].values():
        dataset["genome"] = "yeast"
    with pytest.raises(
        DanqError, match=r"callsets\.demo\.genome: expected one of yeast, fly, received nothing"
    ):
        parse_config(raw, "c.yaml")
    raw["callsets"]["demo"]["genome"] = "fly"
    config = parse_config(raw, "c.yaml")
    assert config.genome_of_callset("demo") == "fly"
    assert unused(config) == []


def test_runs_that_cannot_score_together_are_refused():
    with pytest.raises(DanqError, match=r"demo\.runs\.1: expected each run once, received 'small' again$"):
        parse_config(with_callset(runs=["small", "small"]), "c.yaml")
    raw = with_callset()
    raw["datasets"]["fold"]["window"] = 600
    with pytest.raises(DanqError, match=r"one size of window, received 1000 bp \(small\) and 600 bp"):
        parse_config(raw, "c.yaml")
    config = parse_config(with_callset(), "c.yaml")
    texts = {name: options.model_copy(update={"kind": "text"}) for name, options in config.datasets.items()}
    assert next(_callsets(config.model_copy(update={"datasets": texts}))) == (
        "callsets.demo.runs.0: expected a run on DNA, received 'small' on text"
    )


def test_runs_that_start_from_each_other_are_refused():
    raw = changed("runs/other", {"model": "danq", "dataset": "marks", "train": {"init_from": "small"}})
    assert parse_config(raw, "c.yaml").runs["other"].train.init_from == "small"
    raw["runs"]["small"]["train"] = {"init_from": "other"}
    with pytest.raises(DanqError, match="small -> other -> small"):
        parse_config(raw, "c.yaml")


def test_numbers_with_an_exponent_are_numbers():
    # YAML 1.1 reads 1e-3 as text
    raw = changed("runs/small/train", yaml.safe_load("{learning_rate: 1e-3, samples_per_epoch: 1e4}"))
    train = parse_config(raw, "c.yaml").runs["small"].train
    assert (train.learning_rate, train.samples_per_epoch) == (0.001, 10_000)


def test_a_key_given_twice_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text("genomes: {}\nruns:\n  a: {}\n  b: {}\n  a: {}\n")
    with pytest.raises(DanqError, match=rf"{re.escape(str(path))}:5: key 'a' stands in line 3 already"):
        load_config(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected keys such as `datasets` and `runs`, received nothing"),
        ("- a\n- b\n", "expected keys such as"),
        ("a: [1,\nb: 2\n", r"c.yaml:3: expected YAML"),
        (
            "a: [*_alt]\n",
            r'c.yaml:1: expected YAML; .*alias \'_alt\'; patterns such as "\*_alt" .* in quotes$',
        ),
        ("a: *\n", r'c.yaml:1: expected YAML; .*; patterns such as "\*_alt" .* in quotes$'),
        ("a: [chr[0-9]]\n", r'c.yaml:1: expected YAML; .*; patterns such as "\*_alt" .* in quotes$'),
        ("runs:\n\tsmall: 1\n", r"c.yaml:2: expected YAML"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str, expected: str):
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(DanqError, match=expected):
        load_config(tmp_path / "c.yaml")


def test_missing_files_and_directories():
    with pytest.raises(DanqError, match=r"nowhere\.yaml: no such file"):
        load_config(Path("nowhere.yaml"))
    with pytest.raises(DanqError, match="expected a readable YAML file"):
        load_config(Path("/"))
