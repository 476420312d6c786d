"""Datasets of texts: what files say, what is refused with its line, and training on them from end to end."""

import json
from dataclasses import asdict

import numpy as np
import polars as pl
import pytest
from tiny_dataset import tiny_run

from danq.data.batches import TrainingBatches, ordered_batches
from danq.data.dataset import open_dataset
from danq.data.examples.making import build_example_dataset
from danq.data.options import DatasetOptions
from danq.errors import DanqError
from danq.evaluate.evaluate import evaluate_predictions
from danq.learn.bundle import load_bundle
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictor import Predictor, predict_source
from danq.learn.predict.sequence_sources import fasta_source, tiled_bed_source
from danq.learn.predict.sources import dataset_source
from danq.learn.train.run import train_run

SMALL = {"max_words": 6, "embedding": 8, "head": "pools", "units": [6], "dense": 6}
FRACTIONS = {"valid": 0.25, "test": 0.25}
TSV = "text\tlabel\n" + 'say "no\tbad\nwell, yes\tgood\n' * 8


@pytest.fixture
def build(tmp_path):
    """Write a file, build a dataset of texts of it and open it."""

    def run(content, name="texts.tsv", **options):
        path = tmp_path / name
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        given = {"split": FRACTIONS, **options}
        build_example_dataset(DatasetOptions(kind="text", examples=path, **given), "mine", tmp_path / "out")
        return open_dataset(tmp_path / "out")

    return run


def _all(dataset):
    return dataset.raw(np.arange(len(dataset)))


def test_a_tab_separated_table_takes_quotation_marks_as_they_are(build):
    dataset = build(TSV)
    assert _all(dataset)[:2] == ['say "no', "well, yes"]
    assert (dataset.kind, dataset.targets, dataset.task) == ("text", ("good",), "multilabel")
    assert (dataset.window, dataset.bin, dataset.sub_bins, dataset.manifest.shape) == (0, None, 0, None)
    assert [len(dataset.rows(part)) for part in ("train", "valid", "test")] == [8, 4, 4]
    assert json.loads((dataset.path / "dataset.json").read_text())["window"] is None
    assert sorted(path.name for path in dataset.path.iterdir()) == [
        "dataset.json",
        "examples.parquet",
        "labels.npy",
    ]


def test_a_comma_separated_table_quotes_commas_and_line_breaks(build):
    rows = 'text,label\r\n"a, ""b""\nc",x\r\n  d  ,y\r\ne,z\r\n' + "f,x\r\ng,y\r\nh,z\r\n" * 4
    dataset = build(rows, "texts.csv")
    assert _all(dataset)[:3] == ['a, "b"\nc', "d", "e"]
    assert (dataset.targets, dataset.task) == (("x", "y", "z"), "multiclass")


def test_lines_end_at_line_feeds_alone_and_latin_1_is_declared(build):
    rows = "text\tlabel\ncaf\u00e9\x85au lait\x0bbar\t1\nno\t0\n" * 1 + "yes\t1\nno\t0\n" * 6
    dataset = build(rows.encode("latin-1"), encoding="latin-1")
    assert _all(dataset)[0] == "caf\u00e9\x85au lait\x0bbar"
    assert len(dataset) == 14
    with pytest.raises(DanqError, match=r"texts\.tsv:2: expected UTF-8 text.*`encoding: latin-1`"):
        build(rows.encode("latin-1"))


def test_parquet_with_several_label_columns_names_and_splits(build):
    table = pl.DataFrame(
        {
            "review": ["one", "two", "three", "four"],
            "good": [True, False, True, True],
            "long": [0, 1, 1, 0],
            "name": ["a", "b", "c", "d"],
            "split": ["train", "train", "dev", "test"],
        }
    )
    dataset = build(table, "texts.parquet", split=None, text_column="review", label_columns=["good", "long"])
    assert dataset.targets == ("good", "long")
    assert dataset.labels(np.arange(4)).tolist() == [[1, 0], [0, 1], [1, 1], [1, 0]]
    assert dataset.ids(np.arange(4)) == ["a", "b", "c", "d"]
    assert dataset.split.tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("", {}, "expected labelled texts, received an empty file"),
        ("text\tlabel\n", {}, "expected at least one row, received none"),
        ("text\tlabel\nyes\t1\n \t0\n", {}, r"tsv:3: expected a text, received an empty one"),
        ("text\tlabel\nyes\t1\nno\n", {}, r"tsv:3: expected 2 fields, received 1"),
        ("text\tlabel\nyes\t1\nno\t1\n", {}, "expected at least two classes, received '1' alone"),
        ("text\tlabel\nyes\tnan\nno\t1\n", {}, "expected at least two classes, received '1' alone"),
        ("text\tlabel\nyes\ta\x07\nno\tb\n", {}, r"expected a number or a name as label, received 'a\\x07'"),
        ("text\tlabel\nyes\t\nno\tb\n", {}, "expected at least two classes, received 'b' alone"),
        ("words\tlabel\nyes\t1\n", {}, r"tsv:1: expected one column 'text', received columns words, label"),
        ('text,label\n"yes,1\n', {}, "csv:2: expected a table row, received unexpected end of data"),
        ('text,label\na,1\nb,0\n"c,1\n' + "d,0\n" * 9, {}, "csv:4: expected a table row, received unexp"),
        ("text\tlabel\nyes\tinf\nno\t1\n", {}, r"tsv:2: expected a number or a name as label, .*'inf'"),
        ("text,label\ra,1\rb,0\r", {}, "csv:1: expected lines that end in LF or CRLF, received CR"),
        ("text\tlabel\ra\t1\rb\t0\r", {}, "tsv:1: expected lines that end in LF or CRLF, received CR"),
        ("Text,label\ta\nb\t0\n", {}, "csv:1: expected one column 'text', received columns Text, label"),
        ("text\tlabel\tsplit\tsplit\na\t1\ttrain\ttest\n", {}, "tsv:1: expected at most one column 'split'"),
        (
            "text\tlabel\n" + "".join(f"t\t{i}.5\n" for i in range(30)),
            {},
            "expected classes as labels, received 30 different ones in 30 rows",
        ),
        (pl.DataFrame({"text": ["a"], "label": [[1, 2]]}), {}, "label: expected numbers or names as labels"),
    ],
)  # fmt: skip
def test_unusable_files_are_refused(build, tmp_path, content, options, message):
    name = "texts.parquet"
    if isinstance(content, str):
        name = "texts.csv" if content.lower().startswith("text,") else "texts.tsv"
    with pytest.raises(DanqError, match=message) as refused:
        build(content, name, **options)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out" / "dataset.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "cp1252"}, "'utf-8' or 'latin-1'"),
        ({"window": 10}, "`window` is for datasets of kind dna, received kind text"),
        ({"examples": None}, "expected `examples` for a dataset of kind text"),
        ({"examples": {}}, "expected `examples` as a file, or as one or more of train, valid and test"),
        ({"label_columns": []}, "at least 1 item"),
        ({"label_columns": ["a", "a"]}, "expected different columns of labels and contents"),
        ({"text_column": "label"}, "expected different columns of labels and contents"),
        ({"kind": "dna", "encoding": "latin-1"}, "`encoding` is for datasets of kind text"),
    ],
)
def test_options_of_other_kinds_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DatasetOptions(**{"kind": "text", "examples": "a.tsv", **options})


def test_batches_bring_texts_and_are_padded_with_one(build):
    dataset = build(TSV)
    batch = TrainingBatches(dataset, dataset.rows("train"), 5, 1).load(0, 1)
    assert len(batch.raw) == 5
    assert batch.weight.tolist() == [1, 1, 1, 0, 0]
    assert batch.raw[:3] == dataset.raw(batch.rows[:3])
    assert batch.raw[3:] == batch.raw[2:3] * 2
    batches = list(ordered_batches(dataset, dataset.rows("valid"), 3))
    assert [text for batch in batches for text in batch.raw][:4] == dataset.raw(dataset.rows("valid"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A dataset of good and bad words, and a model trained on it."""
    folder = tmp_path_factory.mktemp("texts")
    generator = np.random.default_rng(0)
    lines = ["text\tlabel"]
    for row in range(160):
        words = list(generator.choice(["the", "a", "film", "it"], 5))
        words[generator.integers(5)] = ("awful", "lovely")[row % 2]
        lines.append(" ".join(words) + f"\t{row % 2}")
    (folder / "t.tsv").write_text("\n".join(lines))
    options = DatasetOptions(kind="text", examples=folder / "t.tsv", split=FRACTIONS)
    build_example_dataset(options, "t", folder / "data")
    run = tiny_run("bilstm_conv2d", SMALL, epochs=10, learning_rate=0.02)
    train_run("words", run, folder / "data", folder / "run", folder)
    return folder


def test_a_model_learns_and_predicts_texts(trained):
    bundle = load_bundle(trained / "run")
    assert (bundle.info.data_kind, bundle.info.window) == ("text", None)
    assert bundle.info.predict["reverse_complement"] == "none"
    for split in ("valid", "test"):
        source = dataset_source(trained / "data", split, bundle.info)
        predict_source(Predictor(bundle), source, Output(trained / f"{split}.npz"))
    paths = [trained / "valid.npz", trained / "test.npz"]
    summary = evaluate_predictions(paths, trained / "evaluation", trained / "data", 20)
    test = summary.splits["test"]
    assert test.classes.accuracy > 0.9
    assert set(asdict(test.classes)) == {"accuracy", "macro_f1", "micro_f1", "binary_f1", "mcc"}
    assert asdict(test.calls["half"]) == pytest.approx(asdict(test.classes))
    # texts of four words repeat, and so are counted
    assert (test.leakage.word_bp, test.leakage.repeats > 0) == (0, True)


def test_texts_from_python_and_rows_that_do_not_depend_on_each_other(trained):
    predictor = Predictor(load_bundle(trained / "run"))
    texts = ["a lovely film", "an awful film", "it", "unheard"] * 9
    found = predictor.predict(texts)
    assert found.logits[0] > found.logits[1]
    assert found.flags.tolist() == [""] * len(texts)
    for number in range(4):
        np.testing.assert_array_equal(
            predictor.predict(texts[number : number + 1]).logits[0], found.logits[number]
        )
    for given, message in (
        ("a", "write \\[text\\]"),
        ([], "at least one text"),
        (["a", " "], "text 2: exp"),
        ([1], "text 1"),
    ):
        with pytest.raises(DanqError, match=message):
            predictor.predict(given)


def test_a_start_from_other_texts_goes_word_by_word(trained, tmp_path, caplog):
    words = ["film", "new", "lovely", "other"]
    lines = [
        "text\tlabel",
        *(f"{words[row % 4]} {words[row % 3]} {words[3 - row % 2]}\t{row % 2}" for row in range(60)),
    ]
    (tmp_path / "t.tsv").write_text("\n".join(lines))
    options = DatasetOptions(kind="text", examples=tmp_path / "t.tsv", split=FRACTIONS)
    build_example_dataset(options, "t", tmp_path / "data")
    frozen = ["word_embedding", "rnn"]
    run = tiny_run("bilstm_conv2d", SMALL, epochs=1, init_from=str(trained / "run"), freeze=frozen)
    with caplog.at_level("INFO", "danq"):
        train_run("two", run, tmp_path / "data", tmp_path / "run", tmp_path)
    assert "copied word_embedding (2 of 4 in the vocabulary), rnn, " in caplog.text
    assert "run was trained on another dataset than" in caplog.text
    first, second = load_bundle(trained / "run"), load_bundle(tmp_path / "run")
    before, after = (one.model.get_layer("word_embedding").get_weights()[0] for one in (first, second))
    places = [
        [2 + one.encoder.vocabulary.index(word) for word in ("film", "lovely")] for one in (first, second)
    ]
    assert places[0] != places[1]
    np.testing.assert_array_equal(after[[0, 1, *places[1]]], before[[0, 1, *places[0]]])
    assert "new" in second.encoder.vocabulary
    assert not np.isin(after[2 + second.encoder.vocabulary.index("new")], before).any()


def test_a_model_of_texts_refuses_other_data(trained, tmp_path):
    info = load_bundle(trained / "run").info
    with pytest.raises(
        DanqError, match="--fasta: expected a model of DNA; run 'words' reads rows of kind text"
    ):
        fasta_source(tmp_path / "x.fa", info)
    with pytest.raises(DanqError, match="--bed: expected a model of DNA"):
        tiled_bed_source(tmp_path / "x.bed", tmp_path, info)
    with pytest.raises(DanqError, match="reverse complement: expected none for rows of kind text"):
        Predictor(load_bundle(trained / "run"), reverse_complement="mean")
    with pytest.raises(DanqError, match="expected kind image as run 'words' was trained, received text"):
        dataset_source(trained / "data", "test", info.model_copy(update={"data_kind": "image"}))


def test_training_rows_of_one_class_are_warned_of_and_refused(tmp_path, caplog):
    (tmp_path / "t.tsv").write_text("text\tlabel\tsplit\n" + "a\t1\ttrain\n" * 3 + "b\t0\tdev\nc\t0\ttest\n")
    build_example_dataset(DatasetOptions(kind="text", examples=tmp_path / "t.tsv"), "t", tmp_path / "data")
    assert "1 of 1 targets have no negative in train: label" in caplog.text
    with pytest.raises(
        DanqError, match="data: expected training rows of two classes or more, found 3 of one"
    ):
        train_run("t", tiny_run("bilstm_conv2d", SMALL), tmp_path / "data", tmp_path / "run", tmp_path)


@pytest.mark.parametrize(
    ("model", "train", "message"),
    [
        ("kmer_logistic", {}, "expected a dataset of kind dna for this model, received kind text"),
        (
            "bilstm_conv2d",
            {"reverse_complement": "augment"},
            "train.reverse_complement: expected none for a dataset of",
        ),
        ("bilstm_conv2d", {"shift": 3}, "train.shift: expected 0 for a dataset of kind text, received 3"),
    ],
)
def test_a_run_that_does_not_fit_texts_is_refused(trained, tmp_path, model, train, message):
    run = tiny_run(model, {} if model == "kmer_logistic" else SMALL, **train)
    with pytest.raises(DanqError, match=message):
        train_run("words", run, trained / "data", tmp_path / "run", tmp_path)
