"""Attacks through sizes: small files that declare, unfold to, or take without end what no machine has."""

import gzip
import json
import struct
import subprocess
import sys
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danq.config.reading import read_mapping
from danq.data.encoders.words import Words
from danq.data.examples.deepsea import _open
from danq.data.examples.files import Table, read_records
from danq.data.examples.images import decode_png, unlabelled_pictures
from danq.errors import DanqError
from danq.files import open_binary, read_lines
from danq.genome.encode import build_genome
from danq.genome.tracks import read_intervals
from danq.learn.predict.reading import read_predictions
from danq.learn.train.state import CheckpointStore
from danq.limits import limit
from danq.parquet import read_parquet
from danq.variants.text import open_variants

LETTERS = "abcdefghi"
BILLION_LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in pairwise(LETTERS)
)
YAML = {
    BILLION_LAUGHS: "expected at most 100,000 values, received 490,329,064; the environment",
    "a: &a [*a]": "expected at most 100,000 values",
    "- x\n" * 150_000: "expected at most 100,000 values",
    "? [1, 2]\n: 3": "c.yaml:1: expected text as a key, received a collection",
    "a: " + "[" * 3000: "c.yaml:1: expected at most 100 levels",
    "- " * 3000 + "x": "c.yaml:1: expected at most 100 levels",
    "a: !!int x": "expected YAML; invalid literal for int",
    "a: !!timestamp x": "c.yaml: expected YAML",
    "a: 2020-13-45": "expected YAML; month must be in 1..12",
    "a: " + "1" * 5000: "expected YAML; Exceeds the limit",
    'a:\n  - "\\ud800"': "c.yaml:2: expected text, received half a character",
    '{"\\udfff": 1}': "c.yaml:1: expected text, received half a character",
    "a: \x1b[2J": "expected a readable YAML file",
}


@pytest.mark.parametrize("text", YAML, ids=range(len(YAML)))
def test_a_configuration_that_unfolds_or_nests_without_end(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text(text)
    with pytest.raises(DanqError, match=YAML[text].replace("[", r"\[")) as refusal:
        read_mapping(Path("c.yaml"))
    assert "\n" not in str(refusal.value)


def test_aliases_of_reasonable_size_are_read(tmp_path):
    (tmp_path / "c.yaml").write_text("a: &a {b: 1}\nc: {<<: *a, d: 2}\ne: [*a, *a]\n")
    assert read_mapping(tmp_path / "c.yaml")["c"] == {"b": 1, "d": 2}


def test_limits_can_be_raised_and_are_whole_numbers(monkeypatch):
    assert limit("DANQ_MAX_MEMORY") == 2 << 30
    for text, value in (("5", 5), ("16G", 16 << 30), ("3 GiB", None), ("2kb", 2048), ("much", None)):
        monkeypatch.setenv("DANQ_MAX_MEMORY", text)
        if value is None:
            with pytest.raises(DanqError, match="DANQ_MAX_MEMORY: expected a whole number"):
                limit("DANQ_MAX_MEMORY")
        else:
            assert limit("DANQ_MAX_MEMORY") == value


def test_a_parquet_table_of_few_bytes_and_many_rows(tmp_path, monkeypatch):
    zeros = pa.chunked_array([pa.array(np.zeros(1_000_000, np.int64))] * 3)
    pq.write_table(pa.table({"text": zeros, "label": zeros}), tmp_path / "t.parquet", compression="zstd")
    assert (tmp_path / "t.parquet").stat().st_size < 100_000
    monkeypatch.setenv("DANQ_MAX_MEMORY", "32M")
    with pytest.raises(DanqError, match="at most 33,554,432 bytes in memory, received 48,000,000"):
        list(read_records(tmp_path / "t.parquet", Table("text", ["label"])))
    assert len(read_parquet(tmp_path / "t.parquet", ["label"])) == 3_000_000


def test_a_parquet_table_whose_texts_stand_in_it_once(tmp_path, monkeypatch):
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(2000, np.int32)), pa.array(["A" * 1_000_000]))
    monkeypatch.setenv("DANQ_MAX_MEMORY", "1G")
    pq.write_table(pa.table({"text": texts, "label": [1] * 2000}), tmp_path / "t.parquet")
    with pytest.raises(DanqError, match="bytes in memory, received 2,000,000,000"):
        list(read_records(tmp_path / "t.parquet", Table("text", ["label"], texts=True)))


def npy(shape, dtype="<f8", data=b""):
    head = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def test_an_npz_that_declares_terabytes(tmp_path, caplog):
    path = npz(tmp_path / "x.npz", x=npy((1 << 30, 1 << 10)), ids=npy((1 << 40,)), head=npy((1 << 40,)))
    for read in (lambda: unlabelled_pictures(path, "image"), lambda: read_predictions(path)):
        with pytest.raises(DanqError, match=r"x\.npz: expected .* declares 8,796,093,022,208 bytes"):
            read()
    # what stands there in an archive's place
    path.write_bytes(npy((1 << 40,)))
    with pytest.raises(DanqError, match=r"x\.npz: expected a whole \.npz file"):
        read_predictions(path)
    (tmp_path / "state.npz").write_bytes(npy((1 << 40,)))
    assert CheckpointStore(tmp_path, "digest").read() is None
    assert "checkpoint discarded, it is damaged" in caplog.text


def test_a_member_that_declares_more_than_a_file_may(tmp_path, monkeypatch):
    path = npz(tmp_path / "x.npz", x=npy((5000, 10, 100), "|u1", bytes(5_000_000)))
    monkeypatch.setenv("DANQ_MAX_MEMORY", "1M")
    with pytest.raises(DanqError, match=r"x\.npz: expected at most 1,048,576 bytes in memory"):
        unlabelled_pictures(path, "image")


def test_an_image_of_many_pixels():
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 13_000, 13_000, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    with pytest.raises(DanqError, match=r"a\.png: expected at most 67,108,864 pixels, received 169,000,000"):
        decode_png(data, "a.png")


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """One base over and over: 100 kB that unfold to 100 MB."""
    path = tmp_path_factory.mktemp("endless") / "a.fa.gz"
    with gzip.open(path, "wb", 6) as stream:
        stream.write(b">chrI\n")
        for _ in range(100):
            stream.write(b"A" * 1_000_000)
    return path


def test_a_compressed_file_that_unfolds_without_end(endless, tmp_path):
    message = r"a\.fa\.gz: expected at most 500 times the size of the compressed file, received \d+"
    for read in (
        lambda: build_genome(endless, tmp_path / "genome"),
        lambda: list(read_lines(endless)),
        lambda: read_intervals(endless),
    ):
        with pytest.raises(DanqError, match=message):
            read()
    assert not (tmp_path / "genome").exists()


def test_a_line_that_does_not_end(tmp_path, monkeypatch):
    path = tmp_path / "v.vcf"
    path.write_bytes(b"##fileformat=VCFv4.2\n##x=" + b"A" * 5_000_000)
    monkeypatch.setenv("DANQ_MAX_LINE", "1M")
    for read in (lambda: open_variants(path), lambda: list(read_lines(path))):
        with pytest.raises(DanqError, match=r"v\.vcf: expected at most 1,048,576 characters in a line"):
            read()
    with open_binary(path) as stream:
        assert len(stream.read()) == 5_000_025
    monkeypatch.setenv("DANQ_MAX_MEMORY", "1M")
    with pytest.raises(DanqError, match=r"v\.vcf: expected at most 1,048,576 bytes in memory"):
        read_intervals(path)


PATTERN = r"(?:\w+\s?)+!"


def test_a_pattern_that_backtracks_for_ever(monkeypatch):
    monkeypatch.setenv("DANQ_MAX_SECONDS", "1")
    for cut in (lambda words: words.encode(["a" * 60]), lambda words: words.fit([["a" * 60]])):
        with pytest.raises(DanqError, match=r"pattern .* expected an end within 1 s, received none"):
            cut(Words(4, pattern=PATTERN))
    assert Words(4, pattern=PATTERN).cut("what is this!") == ["what is this!"]


def test_a_configured_pattern_that_backtracks_for_ever_ends_in_one_line(tmp_path):
    nested = "(?:(?:(?:" + r"[\w ,-]+" + ")+)+)+#"
    options = {"model": "bilstm_conv2d", "dataset": "d", "options": {"pattern": nested}}
    config = {"datasets": {"d": {"kind": "text", "examples": "t.csv"}}, "runs": {"r": options}}
    (tmp_path / "c.yaml").write_text(json.dumps(config))
    program = "from danq.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "config", "check", "c.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=600,
        env={"DANQ_MAX_SECONDS": "1", "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert (
        "options.pattern: expected a regular expression (pattern: expected an end within 1 s" in done.stderr
    )


def _virtual(stored):
    layout = h5py.VirtualLayout(shape=(60, 4, 9), dtype="u1")
    layout[:] = h5py.VirtualSource("other.mat", "x", shape=(60, 4, 9))
    stored.create_virtual_dataset("trainxdata", layout)


def _of(name, **more):
    return lambda stored: stored.create_dataset(name, **more)


MATLAB = {
    "external storage": (
        _of("trainxdata", shape=(60, 4, 9), dtype="u1", external=[("/etc/passwd", 0, 2160)]),
        "received a reference to other files",
    ),
    "virtual": (_virtual, "received a reference to other files"),
    "soft link": (lambda s: s.update({"trainxdata": h5py.SoftLink("/traindata")}), "received a link"),
    "external link": (
        lambda s: s.update({"trainxdata": h5py.ExternalLink("/etc/passwd", "/x")}),
        "received a link",
    ),
    "texts": (_of("trainxdata", data=["a"], dtype=h5py.string_dtype()), "expected an array of numbers"),
    "references": (_of("trainxdata", shape=(60, 4, 9), dtype=h5py.ref_dtype), "expected an array of numbers"),
    "a group": (lambda s: s.create_group("trainxdata"), "expected an array of numbers"),
    "a declared size": (
        _of("trainxdata", shape=(1000, 4, 1 << 40), dtype="u1", chunks=(1000, 4, 16), compression="gzip"),
        "which the array declares; received fewer",
    ),
}


@pytest.mark.parametrize("attack", MATLAB)
def test_a_matlab_file_is_plain_data_of_the_file_itself(tmp_path, attack):
    from contextlib import ExitStack

    write, message = MATLAB[attack]
    with h5py.File(tmp_path / "train.mat", "w") as stored:
        stored["traindata"] = np.zeros((3, 9), np.uint8)
        write(stored)
    with ExitStack() as files, pytest.raises(DanqError, match=message) as refusal:
        _open(tmp_path / "train.mat", "train", files)
    assert "\n" not in str(refusal.value)


def test_a_matlab_5_file_that_declares_more_than_a_file_may(tmp_path, monkeypatch):
    from contextlib import ExitStack

    from scipy.io import savemat

    arrays = {"validxdata": np.zeros((500, 4, 1000), np.uint8), "validdata": np.zeros((500, 3), np.uint8)}
    savemat(tmp_path / "valid.mat", arrays, do_compression=True)
    assert (tmp_path / "valid.mat").stat().st_size < 20_000
    monkeypatch.setenv("DANQ_MAX_MEMORY", "1M")
    with ExitStack() as files, pytest.raises(DanqError, match="validxdata: expected at most 1,048,576 bytes"):
        _open(tmp_path / "valid.mat", "valid", files)
