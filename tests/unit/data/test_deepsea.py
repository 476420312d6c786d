"""DeepSEA's .mat files: small ones of the published layout, against the sequences they were made from."""

from contextlib import ExitStack

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from danq.data.dataset import open_dataset
from danq.data.examples import deepsea
from danq.data.examples.making import build_example_dataset
from danq.data.options import DatasetOptions
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement

WINDOW, TARGETS = 12, 11
LETTERS = "AGCT"
"""Channels in the order of the files."""


def _one_hot(codes):
    """(n, 4, window) by a slow loop over letters."""
    bases = np.zeros((len(codes), 4, codes.shape[1]), np.uint8)
    for row, sequence in enumerate(codes):
        for position, code in enumerate(sequence):
            if code < 4:
                bases[row, LETTERS.index("ACGT"[code]), position] = 1
    return bases


def _rows(n, seed):
    """Sequences whose second half reverse-complements the first, and labels that both halves share."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, 5, (n // 2, WINDOW)).astype(np.uint8)
    labels = generator.integers(0, 2, (n // 2, TARGETS)).astype(np.uint8)
    labels[0] = 1
    return np.concatenate([codes, reverse_complement(codes)]), np.concatenate([labels, labels])


def _write_hdf5(path, part, codes, labels, chunks=None):
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset(f"{part}xdata", data=_one_hot(codes).transpose(2, 1, 0), chunks=chunks)
        file.create_dataset(f"{part}data", data=labels.T)


def _write_matlab(path, part, codes, labels):
    savemat(path, {f"{part}xdata": _one_hot(codes), f"{part}data": labels})


@pytest.fixture
def published(tmp_path):
    """Files as published, with their rows by split."""
    rows = {"train": _rows(50, 1), "valid": _rows(8, 2), "test": _rows(14, 3)}
    _write_hdf5(tmp_path / "train.mat", "train", *rows["train"], chunks=(WINDOW, 4, 7))
    for part in ("valid", "test"):
        _write_matlab(tmp_path / f"{part}.mat", part, *rows[part])
    return rows


def _build(tmp_path, **options):
    examples = options.pop(
        "examples", {part: tmp_path / f"{part}.mat" for part in ("test", "valid", "train")}
    )
    given = DatasetOptions(examples=examples, **{"window": WINDOW, **options})
    manifest = build_example_dataset(given, "deepsea", tmp_path / "out")
    return manifest, open_dataset(tmp_path / "out")


@pytest.mark.parametrize("block", [16_384, 3])
def test_both_layouts_become_the_rows_they_were_made_from(tmp_path, published, monkeypatch, block):
    monkeypatch.setattr(deepsea, "_BLOCK_ROWS", block)
    manifest, dataset = _build(tmp_path)
    for part, (codes, labels) in published.items():
        rows = dataset.rows(part)
        np.testing.assert_array_equal(dataset.codes(rows), codes)
        np.testing.assert_array_equal(dataset.labels(rows), labels)
    assert dataset.targets == tuple(f"target_{number}" for number in range(1, TARGETS + 1))
    assert dataset.ids(dataset.rows("valid")[:2]) == ["valid:1", "valid:2"]
    assert manifest.n == {"train": 50, "valid": 8, "test": 14}
    assert manifest.reverse_complement_rows == {"train": True, "valid": True, "test": True}
    assert dataset.counts("train").tolist() == published["train"][1].sum(axis=0).tolist()


def test_the_order_of_channels_is_a_g_c_t(tmp_path, published):
    codes = np.tile(encode("AGCTNACGTGGC"), (8, 1))
    bases = np.zeros((8, 4, WINDOW), np.uint8)
    for position, letter in enumerate("AGCTNACGTGGC"):
        if letter != "N":
            bases[:, "AGCT".index(letter), position] = 1
    savemat(tmp_path / "valid.mat", {"validxdata": bases, "validdata": published["valid"][1]})
    manifest, dataset = _build(tmp_path)
    np.testing.assert_array_equal(dataset.codes(dataset.rows("valid")), codes)
    assert manifest.reverse_complement_rows["valid"] is False


def test_blocks_end_where_chunks_end(tmp_path):
    _write_hdf5(tmp_path / "train.mat", "train", *_rows(40, 1), chunks=(WINDOW, 4, 7))
    with ExitStack() as files:
        assert deepsea._open(tmp_path / "train.mat", "train", files).block == 16_384 // 7 * 7


def test_names_come_from_a_file_and_a_target_without_positives_may_be_kept(tmp_path, published):
    for part in ("valid", "test"):
        _write_matlab(
            tmp_path / f"{part}.mat", part, published[part][0], published[part][1] * ([1] * 10 + [0])
        )
    codes, labels = published["train"]
    _write_hdf5(tmp_path / "train.mat", "train", codes, labels * ([1] * 10 + [0]))
    names = tmp_path / "names.txt"
    names.write_text("".join(f"T{number}\n" for number in range(TARGETS)))
    with pytest.raises(DanqError, match=r"names\.txt: expected at least one positive row of target 'T10'"):
        _build(tmp_path, target_names=names)
    assert _build(tmp_path, target_names=names, empty_targets="keep")[1].targets[-1] == "T10"
    names.write_text("T0\nT1\nT0\n")
    with pytest.raises(DanqError, match=r"names\.txt:3: target 'T0' stands in line 1 already"):
        _build(tmp_path, target_names=names)
    names.write_text("T0\n")
    with pytest.raises(DanqError, match="expected 11 target names, received 1"):
        _build(tmp_path, target_names=names)


def test_what_does_not_fit_is_refused(tmp_path, published):
    with pytest.raises(DanqError, match="expected windows of 13 bp and 11 labels, received 12 bp and 11"):
        _build(tmp_path, window=13)
    with pytest.raises(DanqError, match=r"a \.mat file for each split, none for test"):
        _build(tmp_path, examples={part: tmp_path / f"{part}.mat" for part in ("train", "valid")})
    codes, labels = published["test"]
    _write_matlab(tmp_path / "test.mat", "tset", codes, labels)
    with pytest.raises(DanqError, match=r"test\.mat: expected an array 'testxdata', received "):
        _build(tmp_path)
    _write_matlab(tmp_path / "test.mat", "test", codes, labels[:-1])
    with pytest.raises(
        DanqError, match=r"n x 4 x window and testdata of n x labels, received \(14, 4, 12\) and"
    ):
        _build(tmp_path)
    savemat(tmp_path / "test.mat", {"testxdata": np.ones((14, 4, WINDOW)), "testdata": labels})
    with pytest.raises(DanqError, match="row 1: expected at most one base a position"):
        _build(tmp_path)
    (tmp_path / "test.mat").write_bytes(b"no MATLAB file at all, but long enough to be looked at" * 10)
    with pytest.raises(DanqError, match="expected a MATLAB file"):
        _build(tmp_path)
    (tmp_path / "test.mat").unlink()
    with pytest.raises(DanqError, match=r"test\.mat: no such file"):
        _build(tmp_path)
    assert not (tmp_path / "out" / "dataset.json").exists()
