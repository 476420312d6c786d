"""Predictions of a model whose answers are known, and of small and full-sized DanQ."""

from pathlib import Path

import keras
import numpy as np
import pytest
from bundles import entries, manifest

from danq.data.encoders import CodesEncoder
from danq.data.encoders.kmers import KmerCounts
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement
from danq.learn.bundle import Bundle, save_bundle
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictor import Predictor, load, predict_source
from danq.learn.predict.reading import read_predictions
from danq.learn.predict.rows import Rows, Source, rows_from_python
from danq.models import danq as danq_model
from danq.models.layers import codes_input

WINDOW = 12


def describe(model, encoder, window=WINDOW, task="multilabel", targets=("gc", "first_a"), **predict):
    info = manifest(run="counting", predict=predict, targets=targets, task=task, window=window, bin=4)
    return Bundle(Path("counting"), model, encoder, info)


def counting(task="multilabel", **predict):
    """Logit 0: an eighth for each G or C. Logit 1: 2 where the first base is A."""
    codes, one_hot = codes_input(WINDOW)
    kernel = np.zeros((WINDOW, 4, 2), np.float32)
    kernel[:, 1:3, 0] = 0.125
    kernel[0, 0, 1] = 2
    dense = keras.layers.Dense(2, name="logits")
    model = keras.Model({"codes": codes}, dense(keras.layers.Flatten()(one_hot)))
    dense.set_weights([kernel.reshape(-1, 2), np.zeros(2, np.float32)])
    return describe(model, CodesEncoder(WINDOW), task=task, **predict)


def small_danq(seed=0):
    keras.utils.set_random_seed(seed)
    options = danq_model.Options(filters=6, kernel=5, pool=4, units=4, dense=7)
    encoder = CodesEncoder(40)
    return describe(danq_model.build(options, encoder, 2, "multilabel"), encoder, window=40)


def random_codes(n, window=40, seed=0):
    return np.random.default_rng(seed).integers(0, 5, (n, window)).astype(np.uint8)


def assert_close(received, expected):
    """Equal but for the rounding of float32, which another batch or place in it may change."""
    np.testing.assert_allclose(received, expected, atol=1e-5, rtol=0)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def test_one_strand_gives_what_the_model_says():
    predictor = Predictor(counting(), 4, "none")
    predictions = predictor.predict(["ACGTACGTACGT", "gggggggggggg", "AACC"])
    assert predictions.ids.tolist() == ["1", "2", "3"]
    np.testing.assert_array_equal(predictions.logits, [[0.75, 2], [1.5, 0], [0.25, 0]])
    np.testing.assert_allclose(predictions.probabilities, sigmoid(predictions.logits), atol=1e-7)
    assert predictions.flags.tolist() == ["", "", "padded,many_n"]
    assert predictions.targets.tolist() == ["gc", "first_a"]
    assert (predictions.run, predictions.bundle_digest) == ("counting", "ab" * 32)
    assert predictions.contig is None
    assert predictions.labels is None


def test_both_strands_average_logits_and_probabilities_apart():
    predictions = Predictor(counting(), 4, "mean").predict(["ACCCCCCCCCCC", "ACCCCCCCCCCT"])
    # the reverse complement of the first starts with G, that of the second with A
    np.testing.assert_array_equal(predictions.logits, [[1.375, 1], [1.25, 2]])
    expected = [(sigmoid(2) + sigmoid(0)) / 2, sigmoid(2)]
    np.testing.assert_allclose(predictions.probabilities[:, 1], expected, atol=1e-7)
    assert abs(predictions.probabilities[0, 1] - sigmoid(1)) > 0.03


def test_multiclass_is_a_softmax():
    predictions = Predictor(counting(task="multiclass"), 4, "none").predict(["ACGTACGTACGT"])
    odds = np.exp([0.75, 2])
    np.testing.assert_allclose(predictions.probabilities, [odds / odds.sum()], atol=1e-7)
    assert predictions.task == "multiclass"


def test_the_run_decides_where_nothing_is_said():
    assert not Predictor(counting(reverse_complement="none")).both_strands
    assert Predictor(counting(reverse_complement="none", batch_size=40)).rows == 48
    assert Predictor(counting()).both_strands
    assert Predictor(counting(), 64).rows == 32


def test_centring_follows_the_rule_of_bins():
    # start = 5 // 2 - 12 // 2 = -4
    codes = rows_from_python(["ACGTA"], counting().info).codes[0]
    assert codes.tolist() == [4] * 4 + [0, 1, 2, 3, 0] + [4] * 3


@pytest.mark.parametrize("strands", ["mean", "none"])
def test_a_row_does_not_depend_on_the_others(strands):
    predictor = Predictor(small_danq(), 8, strands)
    codes = random_codes(21)
    logits, probabilities = predictor.scores(codes)
    order = np.random.default_rng(1).permutation(21)
    assert_close(predictor.scores(codes[order])[0], logits[order])
    for row in range(21):
        alone, chance = predictor.scores(codes[row : row + 1])
        assert_close(alone, logits[row : row + 1])
        assert_close(chance, probabilities[row : row + 1])


def test_the_same_rows_give_the_same_bytes():
    bundle, codes = small_danq(), random_codes(21)
    for one, other in zip(
        Predictor(bundle, 8).scores(codes), Predictor(bundle, 8).scores(codes), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_batch_sizes_agree():
    bundle, codes = small_danq(), random_codes(21)
    expected = Predictor(bundle, 8).scores(codes)
    for size in (2, 64, 100):
        assert_close(Predictor(bundle, size).scores(codes), expected)


def test_predictions_equal_those_of_keras():
    bundle, codes = small_danq(), random_codes(21)
    logits = Predictor(bundle, 8, "none").logits(codes)
    np.testing.assert_allclose(logits, bundle.model.predict({"codes": codes}, verbose=0), atol=1e-6)


def test_both_strands_of_a_sequence_predict_the_same():
    predictor = Predictor(small_danq(), 8, "mean")
    codes = random_codes(13)
    assert_close(predictor.logits(codes), predictor.logits(reverse_complement(codes)))


def test_other_encoders_predict_too():
    encoder = KmerCounts(2, WINDOW)
    counts = keras.Input((encoder.size,), name="counts")
    model = keras.Model({"counts": counts}, keras.layers.Dense(2, name="logits")(counts))
    predictor = Predictor(describe(model, encoder), 4)
    codes = random_codes(5, WINDOW)
    np.testing.assert_allclose(predictor.logits(codes), model(encoder.encode(codes)), atol=1e-6)


@pytest.mark.slow
def test_a_row_of_the_published_network_does_not_depend_on_the_others():
    keras.utils.set_random_seed(0)
    encoder = CodesEncoder(1000)
    model = danq_model.build(danq_model.Options(), encoder, 919, "multilabel")
    bundle = describe(model, encoder, window=1000, targets=[f"target {i}" for i in range(919)])
    predictor = Predictor(bundle, 32)
    codes = random_codes(37, 1000)
    logits, probabilities = predictor.scores(codes)
    order = np.random.default_rng(1).permutation(37)
    shuffled = predictor.scores(codes[order])
    assert_close(shuffled[0], logits[order])
    assert_close(shuffled[1], probabilities[order])
    for row in (0, 15, 16, 36):
        assert_close(predictor.logits(codes[row : row + 1]), logits[row : row + 1])
    assert_close(Predictor(bundle, 18).logits(codes), logits)


@pytest.mark.parametrize(
    ("sequences", "message"),
    [
        ("ACGT", "expected a list of sequences, received one str"),
        ([], "expected at least one sequence"),
        (["ACGT", ""], "sequence 2: expected 1 to 12 bp, received 0 bp"),
        (["A" * 13], "sequence 1: expected 1 to 12 bp, received 13 bp"),
        (["ACGT", "MKVL"], "sequence 2: expected nucleotide letters"),
    ],
)
def test_sequences_that_cannot_be_predicted_are_refused(sequences, message):
    with pytest.raises(DanqError, match=message):
        Predictor(counting()).predict(sequences)


def test_options_that_cannot_be_are_refused():
    with pytest.raises(DanqError, match="expected at least 2 rows, received 1"):
        Predictor(counting(), 1)
    with pytest.raises(DanqError, match="expected mean or none, received 'both'"):
        Predictor(counting(), 4, "both")
    with pytest.raises(DanqError, match="expected windows of 12 bp"):
        Predictor(counting()).logits(random_codes(3, 13))


def source(n=9):
    codes = random_codes(n, WINDOW)
    start = np.arange(n, dtype=np.int64) * 4

    def blocks(first=0, last=None):
        for low in range(first, last or n, 4):
            rows = slice(low, low + 4)
            yield Rows(
                [f"chrI:{s}-{s + 4}" for s in start[rows]],
                codes[rows],
                start[rows] < 8,
                ["chrI"] * len(codes[rows]),
                start[rows],
                start[rows] + 4,
                (codes[rows, :2] == 0).astype(np.uint8),
            )

    return Source(blocks, n, 4, "test", "cd" * 32, {"chrI": 100}), codes


def test_a_source_is_written_whole(tmp_path):
    rows, codes = source()
    predictor = Predictor(counting(), 4)
    written = predict_source(predictor, rows, Output(tmp_path / "p.npz", tracks=tmp_path / "tracks"))
    predictions = read_predictions(tmp_path / "p.npz")
    assert written == len(predictions) == 9
    np.testing.assert_array_equal(predictions.logits, predictor.logits(codes))
    np.testing.assert_array_equal(predictions.labels, codes[:, :2] == 0)
    assert predictions.ids[8] == "chrI:32-36"
    assert (predictions.split, predictions.bin, predictions.dataset_digest) == ("test", 4, "cd" * 32)
    assert [flag.split(",")[0] for flag in predictions.flags[:3]] == ["padded", "padded", ""]
    assert sorted(path.name for path in (tmp_path / "tracks").iterdir()) == ["first_a.bw", "gc.bw"]


def test_chosen_targets_only(tmp_path):
    rows, codes = source()
    predictor = Predictor(counting(), 4)
    predict_source(predictor, rows, Output(tmp_path / "p.npz", ("first_a",)))
    predictions = read_predictions(tmp_path / "p.npz")
    assert predictions.targets.tolist() == ["first_a"]
    np.testing.assert_array_equal(predictions.logits, predictor.logits(codes)[:, 1:])
    with pytest.raises(DanqError, match=r"--target CTCF: expected a target of the model \(gc, first_a\)"):
        predict_source(predictor, rows, Output(tmp_path / "q.npz", ("CTCF",)))


def test_a_failure_on_the_way_leaves_nothing(tmp_path):
    rows, _ = source()

    def broken(first, last):
        yield next(iter(rows.blocks()))
        raise DanqError("the disk is gone")

    with pytest.raises(DanqError, match="the disk is gone"):
        predict_source(
            Predictor(counting(), 4),
            Source(broken, 9, contigs={"chrI": 100}),
            Output(tmp_path / "p.tsv", tracks=tmp_path / "tracks"),
        )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_three_lines_of_python(tmp_path):
    bundle = counting()
    save_bundle(tmp_path, bundle.model, bundle.encoder, entries(targets=bundle.info.targets, window=WINDOW))
    import danq

    model = danq.load(tmp_path)
    predictions = model.predict(["ACGTACGTACGT"])
    np.testing.assert_array_equal(predictions.logits, load(str(tmp_path)).logits(encode("ACGT" * 3)[None]))
    assert danq.read_predictions is read_predictions
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        danq.fly  # noqa: B018
