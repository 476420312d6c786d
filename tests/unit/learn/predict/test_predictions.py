import zipfile
from dataclasses import replace
from importlib.metadata import version

import numpy as np
import pytest

import danq
from danq.errors import DanqError
from danq.learn.predict import predictions as predictions_file
from danq.learn.predict.predictions import Predictions, write_predictions, writing_npz
from danq.learn.predict.reading import read_predictions


def example(n=7, k=3, labels=True):
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(n, k)).astype(np.float32)
    start = np.arange(n, dtype=np.int64) * 200 + 99_000
    return Predictions(
        ids=np.array([f"chrI:{s}-{s + 200}" for s in start]),
        probabilities=(1 / (1 + np.exp(-logits))).astype(np.float32),
        logits=logits,
        targets=np.array([f"target {i}" for i in range(k)]),
        labels=rng.integers(0, 2, (n, k)).astype(np.int8) if labels else None,
        contig=np.full(n, "chrI"),
        start=start,
        end=start + 200,
        flags=np.array(["", "padded", "padded,many_n", "", "", "", ""][:n]),
        run="danq",
        split="test",
        bin=200,
        bundle_digest="ab" * 32,
        dataset_digest="cd" * 32,
    )


def assert_same(received, expected):
    assert received.columns().keys() == expected.columns().keys()
    for name, array in expected.columns().items():
        np.testing.assert_array_equal(received.columns()[name], array)
        assert received.columns()[name].dtype == array.dtype
    for name in ("run", "split", "task", "bin", "bundle_digest", "dataset_digest"):
        assert getattr(received, name) == getattr(expected, name)
    np.testing.assert_array_equal(received.targets, expected.targets)


@pytest.mark.parametrize("labels", [True, False])
def test_what_is_written_is_read_again(tmp_path, labels):
    predictions = example(labels=labels)
    write_predictions(tmp_path / "p.npz", predictions)
    assert_same(read_predictions(tmp_path / "p.npz"), predictions)
    assert_same(read_predictions(str(tmp_path / "p.npz")), predictions)


def test_numpy_reads_the_file(tmp_path):
    predictions = example()
    write_predictions(tmp_path / "p.npz", predictions)
    with np.load(tmp_path / "p.npz") as arrays:
        np.testing.assert_array_equal(arrays["probabilities"], predictions.probabilities)
        assert arrays["ids"][1] == "chrI:99200-99400"
        assert str(arrays["split"]) == "test"
        assert int(arrays["bin"]) == 200


def test_the_bytes_do_not_depend_on_the_blocks(tmp_path):
    predictions = example()
    write_predictions(tmp_path / "whole.npz", predictions)
    with writing_npz(tmp_path / "parts.npz") as append:
        # the third block is the first whose ids need one more letter
        for rows in (slice(0, 1), slice(1, 5), slice(5, 7)):
            block = predictions.rows(rows)
            append(replace(block, ids=np.array(block.ids.tolist()), flags=np.array(block.flags.tolist())))
    assert (tmp_path / "parts.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_large_arrays_are_mapped_and_aligned(tmp_path):
    predictions = example(n=7, k=50_000)
    write_predictions(tmp_path / "p.npz", predictions)
    read = read_predictions(tmp_path / "p.npz")
    assert isinstance(read.probabilities.base, np.memmap)
    assert read.probabilities.flags.aligned
    assert read.probabilities.ctypes.data % 64 == 0
    np.testing.assert_array_equal(read.logits, predictions.logits)


def test_a_compressed_file_is_read_too(tmp_path):
    predictions = example()
    arrays = {**predictions.columns(), "targets": predictions.targets}
    np.savez_compressed(tmp_path / "p.npz", run="danq", split="test", task="multilabel", **arrays)
    read = read_predictions(tmp_path / "p.npz")
    np.testing.assert_array_equal(read.logits, predictions.logits)
    assert read.bin == 0


def test_rows_and_targets_can_be_chosen():
    predictions = example()
    chosen = predictions.rows(np.array([6, 0])).choose(np.array([2]))
    assert chosen.ids.tolist() == ["chrI:100200-100400", "chrI:99000-99200"]
    np.testing.assert_array_equal(chosen.logits, predictions.logits[[6, 0]][:, [2]])
    np.testing.assert_array_equal(chosen.labels, predictions.labels[[6, 0]][:, [2]])
    assert chosen.targets.tolist() == ["target 2"]


def test_probabilities_as_plain_values():
    predictions = example(n=2, k=2)
    first, _ = predictions.to_dicts()
    assert list(first) == ["target 0", "target 1"]
    assert first["target 1"] == predictions.probabilities[0, 1]
    assert {type(value) for pair in first.items() for value in pair} == {str, float}


def test_the_package_tells_its_version():
    assert danq.__version__ == version("danq")


def test_no_rows_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(DanqError, match="at least one row"), writing_npz(tmp_path / "p.npz"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(AttributeError), writing_npz(tmp_path / "p.npz") as append:
        append(None)
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "p.npz"
    with pytest.raises(DanqError, match="no such file"):
        read_predictions(path)
    with pytest.raises(DanqError, match="received a directory"):
        read_predictions(tmp_path)
    path.write_text("chr1\t0\t200\n")
    with pytest.raises(DanqError, match=r"expected a whole \.npz file"):
        read_predictions(path)
    np.savez(path, weights=np.zeros(3))
    with pytest.raises(DanqError, match="expected predictions with ids, received none"):
        read_predictions(path)
    np.savez(path, ids=np.array([{}], dtype=object))
    with pytest.raises(DanqError, match=r"expected a whole \.npz file"):
        read_predictions(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ids.npy", "hello")
    with pytest.raises(DanqError, match=r"expected a whole \.npz file"):
        read_predictions(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "p.npz"
    write_predictions(path, example())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DanqError, match=r"expected a whole \.npz file .*; if it is damaged, remove it"):
        read_predictions(path)


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    predictions = example()
    write_predictions(tmp_path / "p.npz", replace(predictions, start=predictions.start[:3]))
    with pytest.raises(DanqError, match=r"expected 'start' of shape \(7,\), received \(3,\)"):
        read_predictions(tmp_path / "p.npz")


def test_headers_align_wherever_they_start():
    for position in range(0, 200, 7):
        header = predictions_file._aligned_header(np.dtype("<f4"), (3, 4), position)
        assert (position + len(header)) % 64 == 0
