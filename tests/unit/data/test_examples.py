"""Labelled sequences: what files say, how labels and splits are read, and what is refused with its line."""

import gzip
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.data.dataset import open_dataset
from danq.data.examples.labels import draw, strata
from danq.data.examples.making import build_example_dataset
from danq.data.options import DatasetOptions
from danq.errors import DanqError
from danq.genome.alphabet import decode

FRACTIONS = {"valid": 0.25, "test": 0.25}
FASTA = ">1\nACGT\nAC\n>0\nttgg\n>1\nAANA\n>0\nCC\n>1\nGG\n>0\nA\n>1\nT\n>0\nC\n"


@pytest.fixture
def build(tmp_path):
    """Write texts as files, build a dataset of them and open it."""

    def write(name, content):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        elif name.endswith(".gz"):
            path.write_bytes(gzip.compress(content.encode()))
        else:
            path.write_text(content, newline="")
        return path

    def run(content, name="examples.fa", window=8, **options):
        if isinstance(content, dict):
            examples = {part: write(f"{part}-{name}", text) for part, text in content.items()}
        else:
            examples = write(name, content)
        split = options.pop("split", FRACTIONS)
        given = DatasetOptions(examples=examples, window=window, split=split, **options)
        build_example_dataset(given, "mine", tmp_path / "out")
        return open_dataset(tmp_path / "out")

    return run


def _texts(dataset):
    return [decode(codes) for codes in dataset.codes(np.arange(len(dataset)))]


def _labels(dataset):
    return dataset.labels(np.arange(len(dataset)))


def test_letters_that_are_read_as_n_are_told(build, caplog):
    assert "ANNANNTN" in _texts(build(FASTA.replace("AANA", "ARnaXyUN"), window=8))
    assert "3 IUPAC letters of sequences are read as N" in caplog.text
    caplog.clear()
    build(FASTA)
    assert "IUPAC" not in caplog.text


@pytest.mark.parametrize("name", ["examples.fa", "examples.fa.gz"])
def test_fasta_whose_header_is_the_label(build, name):
    dataset = build(FASTA, name)
    assert _texts(dataset)[:4] == ["NACGTACN", "NNTTGGNN", "NNAANANN", "NNNCCNNN"]
    assert _labels(dataset).ravel().tolist() == [1, 0] * 4
    assert dataset.ids(np.arange(3)) == ["1", "2", "3"]
    assert (dataset.targets, dataset.task, dataset.bin) == (("label",), "multilabel", None)
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [4, 2, 2]


def test_the_last_field_of_a_header_is_the_label_and_the_first_the_name(build):
    dataset = build(">a chr1 yes\nACGT\n>b x no\nAC\n" + ">c yes\nA\n>d no\nC\n" * 3)
    assert dataset.ids(np.arange(3)) == ["a", "b", "c"]
    assert _labels(dataset).ravel().tolist()[:3] == [1, 0, 1]
    assert dataset.targets == ("yes",)


@pytest.mark.parametrize("gap", [",", "\t"])
def test_tables_with_quotes_names_and_crlf(build, gap):
    rows = [["name", "label", "sequence"], ["first", "0", '"ACGT"'], ["second", "1", "GG"]] * 1
    rows += [["more", str(i % 2), "A"] for i in range(6)]
    dataset = build("\ufeff" + "\r\n".join(gap.join(row) for row in rows) + "\r\n\r\n", "examples.txt")
    assert _texts(dataset)[:2] == ["NNACGTNN", "NNNGGNNN"]
    assert dataset.ids(np.arange(2)) == ["first", "second"]
    assert _labels(dataset).ravel().tolist() == [0, 1] * 4


def test_parquet_with_several_label_columns_and_a_split_column(build):
    table = pl.DataFrame(
        {
            "dna": ["A", "C", "G", "T"],
            "one": [True, False, True, True],
            "two": [0, 1, 1, 1],
            "split": ["train", "train", "dev", "test"],
        }
    )
    dataset = build(
        table, "examples.parquet", split=None, sequence_column="dna", label_columns=["one", "two"]
    )
    assert dataset.targets == ("one", "two")
    assert _labels(dataset).tolist() == [[1, 0], [0, 1], [1, 1], [1, 1]]
    assert dataset.split.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("classes", "targets", "task", "first"),
    [
        (["1", "2"], ("label",), "multilabel", [1]),
        (["2", "10"], ("10",), "multilabel", [0]),
        (["1", "0.0", "1.0", "0"], ("label",), "multilabel", [1]),
        (["b", "a"], ("b",), "multilabel", [1]),
        (["10", "9", "2"], ("2", "9", "10"), "multiclass", [0, 0, 1]),
        (["b", "c", "a"], ("a", "b", "c"), "multiclass", [0, 1, 0]),
    ],
)
def test_classes_of_one_column(build, classes, targets, task, first):
    dataset = build("sequence,label\n" + "".join(f"A,{name}\n" for name in classes * 8), "examples.csv")
    assert (dataset.targets, dataset.task) == (targets, task)
    assert _labels(dataset)[0].tolist() == first
    if task == "multiclass":
        assert (_labels(dataset).sum(axis=1) == 1).all()


def test_files_a_split_and_a_validation_part_drawn_from_training(build):
    parts = {"test": ">1\nAC\n>0\nA\n", "train": ">1\nG\n>0\nT\n" * 20}
    dataset = build(parts, split={"valid": 0.1})
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [36, 4, 2]
    assert dataset.ids(dataset.rows("test")) == ["test:1", "test:2"]
    assert _texts(dataset)[-2] == "NNNACNNN"
    whole = build(parts | {"valid": parts["test"]}, split=None)
    assert [len(whole.rows(part)) for part in ("train", "valid", "test")] == [40, 2, 2]


def test_two_builds_are_byte_equal(build, tmp_path):
    files = ("codes.npy", "labels.npy", "examples.parquet")
    build(FASTA)
    first = [(tmp_path / "out" / name).read_bytes() for name in files]
    digest = json.loads((tmp_path / "out" / "dataset.json").read_text())["digest"]
    build(FASTA)
    assert first == [(tmp_path / "out" / name).read_bytes() for name in files]
    assert digest == json.loads((tmp_path / "out" / "dataset.json").read_text())["digest"]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=200), st.integers(0, 5))
def test_a_stratified_draw_gives_every_class_its_share(classes, seed):
    groups = np.array(classes)
    split = draw(groups, [0.2, 0.3], seed)
    for stratum in np.unique(groups):
        members = split[groups == stratum]
        assert abs((members == 1).sum() - 0.2 * len(members)) <= 1
        assert abs((members == 2).sum() - 0.3 * len(members)) <= 1
    np.testing.assert_array_equal(split, draw(groups, [0.2, 0.3], seed))


def test_strata_are_the_rarest_positive_label():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1], [1, 1, 0]], np.uint8)
    assert strata(labels).tolist() == [1, 0, -1, 2, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "received an empty file"),
        (">1\nACGTACGTA\n>0\nA\n", "fa:1: expected a sequence of at most the window's 8 bp, received 9"),
        (">1\nAC\n>\nA\n", "examples.fa:3: expected a label in the header"),
        (">1\nAC\n>0\n", "examples.fa:3: expected a sequence after the header"),
        (">1\nAC\n>0\nMKV*\n", "examples.fa:3: expected nucleotide letters, received '\\*' at position 4"),
        (">1\nAC\n>1\nA\n", "expected at least two classes, received '1' alone"),
    ],
)  # fmt: skip
def test_unusable_fasta_is_refused(build, content, message):
    with pytest.raises(DanqError, match=message):
        build(content)


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("seq,label\nA,1\n", {}, r":1: expected one column 'sequence', received columns seq, label"),
        ("sequence,label\nA,1\nC\n", {}, r":3: expected 2 fields, received 1"),
        ("sequence,label\nA,1\n,0\n", {}, r":3: expected a sequence, received none"),
        ("sequence,label\nA,1\nA,\n", {}, "expected at least two classes, received '1' alone .-1, nothing"),
        ("sequence,label\nA,\nA,NA\n", {}, "expected at least two classes, received none"),
        ("sequence,label\nA,-1\nA,1\nC,-2\n", {}, ":4: expected no other negative label where -1 stands for"),
        ("sequence,label\nA,inf\nA,1\n", {}, ":2: expected a number or a name as label, received 'inf'"),
        ("sequence,a,b\nA,1,0\nC,1,2\n", {"label_columns": ["a", "b"]}, ":3: b: expected 0 or 1"),
        ("sequence,label,split\nA,1,train\nA,0,tset\n", {}, r":3: split: expected one of train, .*'tset'"),
        ("sequence,label,split\nA,1,train\nA,0,\n", {}, r":3: split: expected a split, received"),
        ("sequence,label\nA,1\nC,0\n", {"split": None}, r"expected valid rows: a file for it"),
        ("sequence,label\nA,1\nC,0\n", {"split": {"valid": 0.1}}, r"expected test rows: a file for it"),
        ("sequence,label\nA,1\nC,0\n", {"split": {"valid": ["chr1"], "test": 0.1}}, "valid: expected a fr"),
        ("sequence,label\nA,1\nC,0\n", {"split": {"valid": 0.6, "test": 0.6}}, r"sum to less than 1"),
        ("sequence,label,split\nA,1,valid\nC,0,test\n", {}, "expected either a fraction or given rows"),
    ],
)  # fmt: skip
def test_unusable_tables_are_refused(build, tmp_path, content, options, message):
    with pytest.raises(DanqError, match=message):
        build(content, "examples.csv", **options)
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_damaged_parquet_and_gzip_are_refused(build):
    with pytest.raises(DanqError, match="expected a Parquet table of sequences"):
        build(b"PAR1 nothing", "examples.parquet")
    with pytest.raises(DanqError, match="truncated"):
        build(gzip.compress(FASTA.encode())[:-9], "broken.fa.gz")


def test_published_sets_of_labelled_sequences_read(real_data, tmp_path):
    folder = real_data / "dna_sequences"
    files = {part: folder / f"CTCF.{part}.fasta.gz" for part in ("train", "test")}
    options = DatasetOptions(examples=files, window=101, split={"valid": 0.1})
    assert build_example_dataset(options, "ctcf", tmp_path / "ctcf").n == {
        "train": 1800,
        "valid": 200,
        "test": 2000,
    }
    assert open_dataset(tmp_path / "ctcf").counts("test").tolist() == [1000]
    names = {"train": "train", "valid": "dev", "test": "test"}
    tables = {part: folder / "gue" / "tf0" / f"{name}.csv.gz" for part, name in names.items()}
    manifest = build_example_dataset(DatasetOptions(examples=tables, window=101), "tf0", tmp_path / "tf0")
    assert manifest.n == {"train": 32378, "valid": 1000, "test": 1000}
