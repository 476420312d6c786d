"""Results compared: equal, within a tolerance, or not, with the figure."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from danq.capsule.compare import agrees, compare_results
from danq.capsule.manifest import CapsuleManifest, Stored
from danq.files import sha256


def capsule_of(folder: Path, *names: str, kept: bool = True) -> CapsuleManifest:
    results = folder / "results"
    stored = tuple(
        Stored(name=name, sha256=sha256(results / name), size=(results / name).stat().st_size, kept=kept)
        for name in names
    )
    return CapsuleManifest.model_construct(results=stored)


def write(path: Path, **columns: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npz":
        np.savez(path, **{name: np.array(value) for name, value in columns.items()})
    elif path.suffix == ".parquet":
        pl.DataFrame(columns).write_parquet(path)
    elif path.suffix == ".tsv":
        pl.DataFrame(columns).write_csv(path, separator="\t")
    else:
        path.write_text(json.dumps(columns))
    return path


def compared(tmp_path: Path, name: str, before: dict, now: dict | None, kept: bool = True):
    write(tmp_path / "capsule" / "results" / name, **before)
    if now is not None:
        write(tmp_path / "now" / name, **now)
    manifest = capsule_of(tmp_path / "capsule", name, kept=kept)
    (result,) = compare_results(tmp_path / "capsule", manifest, tmp_path / "now", 1e-5)
    return result


@pytest.mark.parametrize("suffix", ["parquet", "tsv"])
@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ([0.5, 1.0], "equal", "equal"),
        ([0.5, 1.000001], "equal within tolerance", "equal within 1e-5"),
        ([0.5, 1.25], "differs", "differs by 0.25"),
        ([0.5, None], "differs", "differs"),
        ([0.5, np.inf], "differs", "differs"),
        ([0.5, 1.0, 2.0], "differs", "differs"),
    ],
)
def test_tables_are_compared_number_by_number(tmp_path, suffix, values, status, words):
    name = "scores/x/scores.parquet" if suffix == "parquet" else "runs/x/evaluation/metrics.tsv"
    before = {"target": ["a", "b"], "auroc": [0.5, 1.0]}
    now = {"target": ["a", "b", "c"][: len(values)], "auroc": values}
    result = compared(tmp_path, name, before, now)
    assert (str(result.path), result.status, result.words(1e-5)) == (name, status, words)


def test_texts_have_to_be_the_same(tmp_path):
    before = {"id": ["v1", "v2"], "score": [1.0, 2.0]}
    result = compared(tmp_path, "scores/x/scores.parquet", before, before | {"id": ["v1", "v3"]})
    assert (result.status, result.reason) == ("differs", "1 of id")


def test_the_digest_of_the_bundle_and_the_library_are_no_part_of_predictions(tmp_path):
    before = {"logits": np.float32([[1, 2]]), "ids": ["a"], "bundle_digest": "x", "engine": "TensorFlow 2.1"}
    other = {"bundle_digest": "y", "engine": "TensorFlow 2.2"}
    now = before | other | {"logits": np.float32([[1, 2 + 4e-6]])}
    result = compared(tmp_path, "runs/x/predictions/test.npz", before, now)
    assert result.status == "equal within tolerance"
    assert result.figure == pytest.approx(4e-6, rel=0.1)


def test_how_long_a_trial_took_is_no_part_of_a_search(tmp_path):
    before = {"trial": [1, 2], "value": [0.5, 0.25], "seconds": [12.5, 30.0]}
    name = "searches/x/trials.tsv"
    assert compared(tmp_path, name, before, before | {"seconds": [14.0, 28.0]}).status == "equal"
    assert compared(tmp_path, name, before, before | {"value": [0.5, 0.75]}).words(1e-5) == "differs by 0.5"


def test_results_of_others_of_any_name_and_content_are_compared_or_unknown(tmp_path):
    before, now = tmp_path / "capsule" / "results", tmp_path / "now"
    names = ("genomes/x/genome.json", "elsewhere/metrics.tsv")
    for folder, text in ((before, "[]"), (now, '{"digest": "x"}')):
        for name in names:
            (folder / name).parent.mkdir(parents=True)
            (folder / name).write_text(text)
    manifest = capsule_of(tmp_path / "capsule", *names)
    (result,) = compare_results(tmp_path / "capsule", manifest, now, 1e-5)
    assert (str(result.path), result.status) == (names[0], "unknown")


def test_what_is_missing_or_known_by_digest_alone_is_said(tmp_path):
    before = {"logits": np.float32([[1]])}
    assert compared(tmp_path, "runs/x/predictions/test.npz", before, None).status == "missing"
    other = compared(tmp_path, "runs/x/predictions/valid.npz", before, {"logits": np.float32([[2]])}, False)
    assert (other.status, other.reason) == ("differs", "by its digest, which is all that the capsule has")


def test_other_weights_count_by_their_golden_logits(tmp_path):
    capsule, now = tmp_path / "capsule", tmp_path / "now"
    for folder, digest, logit in ((capsule / "results", "a", 1.0), (now, "b", 1.000002)):
        write(folder / "runs/x/bundle.json", digest=digest)
        write(folder / "runs/x/golden.npz", logits=np.float32([[logit]]), bundle_digest=digest)
    manifest = capsule_of(capsule, "runs/x/bundle.json", "runs/x/golden.npz")
    assert [each.status for each in compare_results(capsule, manifest, now, 1e-5)] == [
        "equal within tolerance",
        "equal within tolerance",
    ]
    strict = compare_results(capsule, manifest, now, 1e-7)
    assert [each.status for each in strict] == ["differs", "differs"]
    assert not any(map(agrees, strict))


def test_a_model_of_an_older_bundle_counts_by_its_predictions(tmp_path):
    capsule, now = tmp_path / "capsule", tmp_path / "now"
    for folder, digest in ((capsule / "results", "a"), (now, "b")):
        write(folder / "runs/x/bundle.json", digest=digest)
        write(folder / "runs/x/predictions/test.npz", logits=np.float32([[1.0]]), bundle_digest=digest)
    manifest = capsule_of(capsule, "runs/x/bundle.json", "runs/x/predictions/test.npz")
    model, predictions = compare_results(capsule, manifest, now, 1e-5)
    assert (model.status, model.reason) == ("equal", "another digest, judged by test.npz")
    assert predictions.status == "equal"


def test_a_damaged_result_is_told_from_a_different_one(tmp_path):
    name = "scores/x/scores.parquet"
    write(tmp_path / "capsule" / "results" / name, score=[1.0])
    (tmp_path / "now" / name).parent.mkdir(parents=True)
    (tmp_path / "now" / name).write_bytes(b"PAR1")
    manifest = capsule_of(tmp_path / "capsule", name)
    (result,) = compare_results(tmp_path / "capsule", manifest, tmp_path / "now", 1e-5)
    assert (result.status, agrees(result)) == ("unknown", False)
