"""Golden rows: which they are, that they need no dataset, and that the same bundle gives the same logits."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from tiny_dataset import tiny_run, write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.errors import DanqError
from danq.learn.ensemble import join_runs
from danq.learn.export import opened_bundles, write_archive
from danq.learn.golden import ROWS, choose_rows, golden_digest, read_golden_rows, score_golden_rows
from danq.learn.linear import open_bundle
from danq.learn.manifest import BundleManifest
from danq.learn.network_exports import write_onnx
from danq.learn.options import EnsembleOptions, PredictOptions
from danq.learn.predict.predictor import load
from danq.learn.train.run import train_run

KINDS = {
    "net": ("danq", "dna", "multilabel"),
    "classes": ("danq", "dna", "multiclass"),
    "linear": ("kmer_logistic", "dna", "multilabel"),
    "words": ("char_word_lstm", "text", "multilabel"),
    "pictures": ("quadrant_lstm", "image", "multilabel"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each kind, and an ensemble of two."""
    runs = tmp_path_factory.mktemp("runs")
    for name, (model, kind, task) in KINDS.items():
        data = runs / f"{kind}-{task}"
        if not data.exists():
            write_tiny_dataset(data, task, kind=kind)
        options = {"k": [2], "c": [0.1]} if model == "kmer_logistic" else None
        train_run(name, tiny_run(model, options, epochs=1), data, runs / name, runs)
    members = EnsembleOptions(members=["net", "linear"])
    join_runs("mean", members, PredictOptions(), runs / "dna-multilabel", runs / "mean", runs)
    return runs


def golden_of(bundle):
    return read_golden_rows(bundle / "golden.npz", BundleManifest.read(bundle))


@pytest.mark.parametrize("name", [*KINDS, "mean"])
def test_a_bundle_gives_the_logits_of_its_golden_rows_again_without_its_dataset(runs, tmp_path, name):
    shutil.copytree(runs / name, tmp_path / "moved")
    golden = golden_of(tmp_path / "moved")
    again = score_golden_rows(open_bundle(tmp_path / "moved"), golden)
    assert again.dtype == np.float32
    assert again.tobytes() == golden.logits.tobytes()
    _, kind, task = KINDS.get(name, KINDS["net"])
    data = open_dataset(runs / f"{kind}-{task}")
    # the dataset has fewer rows than there should be
    rows = np.concatenate([data.rows("test"), data.rows("valid")])
    assert golden.names.tolist() == data.ids(rows)
    assert golden.split.tolist() == ["test"] * 21 + ["valid"] * 37
    assert np.array_equal(golden.raw, data.raw(rows))
    whole = load(runs / name).logits(data.raw(rows))
    assert np.allclose(whole, golden.logits, rtol=0, atol=1e-5), "in batches of another size"


def test_golden_rows_are_part_of_archives_but_of_private_ones(runs, tmp_path):
    for private in (False, True):
        write_archive(runs / "mean", tmp_path / "mean.zip", private)
        with opened_bundles([tmp_path / "mean.zip"]) as (bundle,):
            assert len(list(bundle.rglob("golden.npz"))) == (0 if private else 3)
            outputs = BundleManifest.read(bundle).provenance["outputs"]
            assert ("golden.npz" in outputs) != private


def test_an_export_as_onnx_says_where_golden_rows_differ(runs, tmp_path, caplog):
    for name in ("net", "mean"):
        write_onnx(runs / name, tmp_path / f"{name}.onnx")
    assert not caplog.records
    shutil.copytree(runs / "net", tmp_path / "other")
    path = tmp_path / "other" / "golden.npz"
    arrays = {name: np.asarray(value) for name, value in vars(golden_of(tmp_path / "other")).items()}
    arrays["logits"] = arrays["logits"] + np.float32(0.5)
    np.savez(path, digest=np.array(golden_digest(arrays)), **arrays)
    write_onnx(tmp_path / "other", tmp_path / "other.onnx")
    assert "logits of golden rows differ by 0.5 from those of the training" in caplog.text


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_rows_are_spread_over_the_split_and_over_what_they_are(task):
    n, k = 10_000, 5
    labels = np.zeros((n, k), np.int8)
    if task == "multilabel":
        labels[::400, 1] = 1
        labels[1, :] = -1
    else:
        labels[np.arange(n), np.minimum(np.arange(n) // 2_500, 3)] = 1
        labels[17] = np.eye(k, dtype=np.int8)[4]
    data = SimpleNamespace(
        task=task,
        rows=lambda split: np.arange(n) if split == "test" else np.arange(0),
        labels=lambda rows: labels[rows],
    )
    rows, split = choose_rows(data)
    assert len(set(rows.tolist())) == ROWS == len(rows)
    assert rows.tolist() == sorted(rows.tolist())
    assert set(split.tolist()) == {"test"}
    if task == "multilabel":
        assert 5 <= (labels[rows] > 0).any(axis=1).sum() <= ROWS // 2
        assert np.diff(rows).max() < n // 20
    else:
        assert set(labels[rows].argmax(axis=1).tolist()) >= {0, 1, 2, 3}


def test_golden_rows_of_another_bundle_or_damaged_are_refused(runs, tmp_path):
    path = tmp_path / "golden.npz"
    content = (runs / "net" / "golden.npz").read_bytes()
    info = BundleManifest.read(runs / "net")
    path.write_bytes(content)
    with pytest.raises(DanqError, match="expected golden rows of this bundle"):
        read_golden_rows(path, BundleManifest.read(runs / "linear"))
    arrays = dict(np.load(path))
    for name, value in {
        "logits": arrays["logits"] + 1,
        "digest": np.array("ab"),
        "other": np.array(1),
    }.items():
        np.savez(path, **(arrays | {name: value}))
        with pytest.raises(DanqError, match="expected golden rows with their digest"):
            read_golden_rows(path, info)
    refused = 0
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        try:
            golden = read_golden_rows(path, info)
        except DanqError:
            refused += 1
            continue
        assert golden.logits.tobytes() == arrays["logits"].tobytes()
    assert refused > len(content) // 97 // 2
