"""Results of others whose tables and arrays hold other types, names or sizes than they should."""

import json
import os
import shutil

import numpy as np
import polars as pl
import pytest
from bundles import manifest
from results_tree import build, write_scores
from small_genome import genome_of
from tiny_dataset import write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.data.encoders import load_encoder
from danq.errors import DanqError
from danq.evaluate.runs import read_run
from danq.genome.fasta import _check_contigs
from danq.learn.golden import read_golden_rows
from danq.learn.manifest import BundleManifest
from danq.learn.predict.reading import read_predictions
from danq.learn.trial_tables import read_trials
from danq.learn.trials import Searched
from danq.report.callsets import read_callset
from danq.views.manifest import ViewEntry
from danq.views.places import strongest_places, variants_in

EVIL = "\x1b[2J\n"


def refused(read, *arguments):
    with pytest.raises(DanqError) as refusal:
        read(*arguments)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


ENCODERS = [
    {"name": "codes", "window": "x"},
    {"name": "codes", "window": -1},
    {"name": "codes", "window": 10**15},
    {"name": "images", "shape": [10**6, 10**6, 3]},
    {"name": "images", "shape": ["a"]},
    {"name": "kmer_counts", "k": 6.5, "window": 100},
    {"name": "kmer_counts", "k": True, "window": 100},
    {"name": "words", "max_words": 10**12},
    {"name": "words", "max_words": -3},
    {"name": "words", "max_words": 4, "max_characters": 10**10},
    {"name": "words", "max_words": 4, "pattern": "("},
    {"name": "words", "max_words": 4, "pattern": "(a)(b)"},
    {"name": "words", "max_words": 4, "pattern": 5},
    {"name": "words", "max_words": 4, "vocabulary": [1, 2]},
    {"name": "words", "max_words": 4, "vocabulary": "abc"},
    {"name": "words", "max_words": 4, "alphabet": 5},
    {"name": "words", "max_words": 4, "more": 5},
    {"name": "joined", "encoders": [5]},
]


@pytest.mark.parametrize("state", ENCODERS, ids=str)
def test_the_state_of_an_encoder_is_typed_and_of_reasonable_size(state):
    assert refused(load_encoder, state).startswith("encoder ")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_tiny_dataset(tmp_path_factory.mktemp("dataset") / "tiny")


TABLES = {
    "a split of no name": pl.lit("evil").alias("split"),
    "a number as split": pl.lit(3).alias("split"),
    "no split": pl.lit(None, pl.String).alias("split"),
    "a number as name": pl.lit(3).alias("name"),
    "a list as name": pl.concat_list(pl.lit(1)).alias("name"),
    "no name": pl.lit(None, pl.String).alias("name"),
    "a name that clears the terminal": pl.lit(EVIL).alias("name"),
}


@pytest.mark.parametrize("damage", [*TABLES, "name", "split"])
def test_the_table_of_a_dataset_is_typed(dataset, tmp_path, damage):
    shutil.copytree(dataset, tmp_path / "d")
    table = pl.read_parquet(dataset / "examples.parquet")
    table = table.with_columns(TABLES[damage]) if damage in TABLES else table.drop(damage)
    table.write_parquet(tmp_path / "d" / "examples.parquet")
    assert refused(open_dataset, tmp_path / "d").startswith(f"{tmp_path}/d/examples.parquet: ")


@pytest.mark.parametrize(
    "change", [{"window": 10**12}, {"step": 0}, {"bin": -1}, {"data_kind": "text"}, {"n": {"train": 10**30}}]
)
def test_the_sizes_of_a_dataset_are_reasonable(dataset, tmp_path, change):
    shutil.copytree(dataset, tmp_path / "d")
    content = json.loads((dataset / "dataset.json").read_text())
    (tmp_path / "d" / "dataset.json").write_text(json.dumps(content | change))
    refused(open_dataset, tmp_path / "d")


ARRAYS = {
    "probabilities": [np.array([["a", "b"]] * 2), np.zeros((2, 2), complex), np.zeros(2, np.float32)],
    "logits": [np.zeros((2, 2), "M8[s]"), np.zeros((2, 3), np.float32)],
    "ids": [
        np.arange(2) / 2,
        np.array([b"a", b"\xff"]),
        np.array([b"a", EVIL.encode()]),
        np.array("a"),
        np.array([EVIL, "b"]),
        np.array(["a\0b"] * 2),
    ],
    "contig": [np.array(["a\tb", "c"])],
    "targets": [np.array("a"), np.array([["a", "b"]]), np.array(["a", EVIL])],
    "run": [np.array(["a", "b"]), np.array(5), np.array(EVIL)],
    "task": [np.array("regression")],
    "split": [np.array("<img src=x onerror=alert(1)>")],
    "bin": [np.array("x")],
    "labels": [np.full((2, 2), 7.5)],
}


@pytest.mark.parametrize(("name", "array"), [(name, array) for name in ARRAYS for array in ARRAYS[name]])
def test_arrays_of_predictions_are_typed(tmp_path, name, array):
    path = tmp_path / "p.npz"
    numbers = dict.fromkeys(("probabilities", "logits"), np.zeros((2, 2), np.float32))
    texts = {"ids": np.array(["a", "é"]), "targets": np.array(["x", "y"]), "run": "r", "split": "test"}
    good = numbers | texts | {"task": "multilabel"}
    np.savez(path, **good)
    assert len(read_predictions(path)) == 2
    np.savez(path, **(good | {name: array}))
    assert refused(read_predictions, path).startswith(f"{path}: ")


def test_arrays_that_nobody_asks_for_are_not_read_and_all_together_are_limited(tmp_path, monkeypatch):
    path = tmp_path / "p.npz"
    np.savez_compressed(path, **{name: np.zeros((1 << 20,), np.uint8) for name in ("ids", "logits", "x")})
    monkeypatch.setenv("DANQ_MAX_MEMORY", "2M")
    assert "at most 2,097,152 bytes in memory, received 3," in refused(read_predictions, path)


def test_a_manifest_is_a_file_of_reasonable_size(tmp_path, monkeypatch):
    path = tmp_path / "bundle.json"
    os.symlink("/dev/zero", path)
    assert "expected a file, received something else" in refused(BundleManifest.read, tmp_path)
    path.unlink()
    os.mkfifo(path)
    assert "expected a file, received something else" in refused(BundleManifest.read, tmp_path)
    path.unlink()
    path.touch()
    os.truncate(path, 1 << 40)
    monkeypatch.setenv("DANQ_MAX_MEMORY", "8M")
    assert "at most 8,388,608 bytes in memory" in refused(BundleManifest.read, tmp_path)


@pytest.mark.parametrize("name", ["predictions.npz", "contigs.tsv", "golden.npz"])
def test_results_that_are_devices_or_pipes_are_refused_instead_of_waited_for(tmp_path, name):
    read = {
        "predictions.npz": read_predictions,
        "contigs.tsv": lambda path: _check_contigs(path, None, []),
        "golden.npz": lambda path: read_golden_rows(path, None),
    }[name]
    path = tmp_path / name
    os.symlink("/dev/zero", path)
    assert "received a pipe or a device" in refused(read, path)
    path.unlink()
    os.mkfifo(path)
    assert "received a pipe or a device" in refused(read, path)


def test_names_in_manifests_lead_to_no_other_directory():
    for name in ("../../home/ada", "/home/ada", "..", ""):
        with pytest.raises(ValueError, match="String should match pattern"):
            Searched(name=name, trial=1, parameters={}, space="ab")
        entry = dict.fromkeys(("start", "end", "first", "rows", "stride"), 1)
        entry |= dict.fromkeys(("key", "title", "genome_digest", "contig"), "x")
        with pytest.raises(ValueError, match="String should match pattern"):
            ViewEntry(**entry, genome=name, callset=None, peaks=False)


HEADER = "trial\tstatus\trung\tepochs\tbest_epoch\tmetric\tvalue\tseconds\treason\tx\n"


@pytest.mark.parametrize(
    "line",
    [
        "1\tbest\t1\t1\t1\tloss\t1\t1\t\t" + "[" * 100_000,
        "1\t<b>\t1\t1\t1\tloss\t1\t1\t\t1",
        f"1\tbest\t1\t1\t1\t{EVIL[:-1]}\t1\t1\t\t1",
        "x\tbest\t1\t1\t1\tloss\t1\t1\t\t1",
    ],
    ids=range(4),
)
def test_a_table_of_trials_is_typed(tmp_path, line):
    (tmp_path / "trials.tsv").write_text(HEADER + line + "\n")
    assert refused(read_trials, tmp_path).startswith(f"{tmp_path}/trials.tsv: ")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tree"), {"net": ("d", "danq", 2.0)}, ("a", "b"), 10)


FILES = ["history.tsv", "evaluation/metrics.tsv", "evaluation/calibration.tsv", "evaluation/pairs.tsv"]
FILES += ["evaluation/curves.parquet", "evaluation/resamples.parquet"]


@pytest.mark.parametrize("file", FILES)
def test_the_tables_of_an_evaluation_are_typed(results, tmp_path, file):
    folder = tmp_path / "net"
    shutil.copytree(results / "runs" / "net", folder)
    path, text = folder / file, file.endswith("tsv")
    table = pl.read_csv(path, separator="\t") if text else pl.read_parquet(path)

    def write(changed):
        if text:
            changed.write_csv(path, separator="\t")
        else:
            changed.write_parquet(path)
        assert refused(read_run, folder).startswith(f"{path}: ")

    name = next(name for name in table.columns if name not in ("run", "target", "first", "split", "curve"))
    write(table.drop(name))
    write(table.with_columns(pl.lit("x").alias(name)))
    write(table.with_columns(pl.lit(1).alias(EVIL)))


@pytest.mark.parametrize("damage", ["pos", "ref", "max_target", "0_a__diff", "max_abs_logit_diff"])
def test_the_table_of_scores_is_typed(tmp_path, damage):
    row = {"row": 1, "allele": 1, "contig": "chrI", "pos": 5, "id": ".", "ref": "A", "alt": "C"}
    folder = write_scores(tmp_path, "c", ("a", "b"), [row], np.ones((1, 2)))
    assert read_callset(folder).wide
    path = folder / "scores.parquet"
    table = pl.read_parquet(path)
    table.with_columns(pl.lit(b"x").alias(damage)).write_parquet(path)
    said = f"{path}: expected a column {damage} of scores, received"
    assert refused(read_callset, folder).startswith(said)
    assert refused(variants_in, folder, "chrI", 0, 9, ()).startswith(said)
    assert refused(strongest_places, folder, "c", "g", genome_of(chrI="ACGT" * 9), 1).startswith(said)


def test_scores_that_would_not_fit_into_memory_are_refused_by_whoever_reads_them(tmp_path, monkeypatch):
    rows = [
        {"row": n, "allele": 1, "contig": "chrI", "pos": n, "id": ".", "ref": "A", "alt": "C"}
        for n in range(1, 41)
    ]
    folder = write_scores(tmp_path, "c", ("a", "b"), rows, np.ones((40, 2)))
    monkeypatch.setenv("DANQ_MAX_MEMORY", "1k")
    genome = genome_of(chrI="ACGT" * 9)
    for read, *arguments in (
        (read_callset,),
        (variants_in, "chrI", 0, 9, ()),
        (strongest_places, "c", "g", genome, 1),
    ):
        assert "DANQ_MAX_MEMORY" in refused(read, folder, *arguments)


def test_digests_that_are_none_are_no_digests(tmp_path):
    (tmp_path / "model.keras").touch()
    for outputs in (1.5, ["model.keras"], "model.keras", None):
        manifest(provenance={"outputs": outputs}).check(tmp_path, "model.keras")
