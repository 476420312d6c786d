"""BiLSTM and two-dimensional pooling: known shapes, both heads, padding, vectors, steps."""

import logging
from dataclasses import replace

import keras
import numpy as np
import pytest
from eager import computed

from danq.data.encoders.kmers import KmerWords
from danq.data.encoders.words import Words
from danq.errors import DanqError
from danq.models.bilstm_conv2d import Options, build, encoder
from danq.models.layers import cudnn_ready

SMALL = {"max_words": 9, "embedding": 6, "units": [5], "filters": 4}
TEXTS = ["a b c d e f", "b c", "a a a g", "h", "c d e f g h a b c d"]


def _words(max_words=9):
    return Words(max_words).fit([TEXTS])


def _build(encoder=None, targets=3, **options):
    return build(Options(**{**SMALL, **options}), encoder or _words(), targets, "multilabel")


def _shape(model, name):
    return tuple(model.get_layer(name).output.shape[1:])


def test_the_known_shapes_and_parameters():
    options = Options(
        embedding=3,
        units=[128],
        merge_mode="concat",
        filters=128,
        kernel=2,
        padding="same",
        pool=2,
        classify="positions",
    )
    model = build(options, _words(3), 10, "multiclass")
    assert _shape(model, "word_embedding") == (3, 3)
    assert _shape(model, "rnn_dropout") == (3, 256)
    assert _shape(model, "channel") == (3, 256, 1)
    assert _shape(model, "conv") == (3, 256, 128)
    assert _shape(model, "pool") == (1, 128, 128)
    assert _shape(model, "positions") == (1, 128, 10)
    assert _shape(model, "logits") == (10,)
    counts = {layer.name: layer.count_params() for layer in model.layers}
    assert (counts["rnn"], counts["conv"], counts["positions"]) == (135_168, 640, 1_290)
    assert model.count_params() - counts["word_embedding"] == 137_098


def test_the_older_head():
    model = _build(head="pools", units=[128], merge_mode="concat", targets=1, embedding_dropout=0.25)
    assert model.get_layer("embedding_dropout").rate == 0.25
    assert _shape(model, "pools") == (512,)
    assert _shape(model, "dense") == (64,)
    assert model.get_layer("dense").activation is keras.activations.relu
    assert model.get_layer("dense_dropout").rate == 0.1
    assert model.get_layer("logits").count_params() == 65


def test_the_paper_s_defaults():
    model = build(Options(max_words=12), _words(12), 2, "multiclass")
    assert _shape(model, "word_embedding") == (12, 300)
    assert _shape(model, "conv") == (10, 298, 100)
    assert _shape(model, "pool") == (5, 149, 100)
    rates = [model.get_layer(f"{name}_dropout").rate for name in ("embedding", "rnn", "dense")]
    assert rates == [0.5, 0.2, 0.4]
    assert cudnn_ready(model.get_layer("rnn")) == []
    assert len(model.losses) == 2


@pytest.mark.parametrize(("merge", "width"), [("concat", 20), ("sum", 10), ("mul", 10), ("ave", 10)])
def test_merge_modes_have_the_known_widths(merge, width):
    model = _build(_words(5), embedding=15, units=[10], merge_mode=merge)
    assert _shape(model, "rnn") == (5, width)


@pytest.mark.parametrize("head", ["conv2d", "pools"])
def test_merge_none_is_the_mean_of_two_heads(head):
    model = _build(_words(5), embedding=15, units=[7, 10], merge_mode="none", head=head)
    assert [tuple(one.shape[1:]) for one in model.get_layer("rnn_2").output] == [(5, 10), (5, 10)]
    assert _shape(model, "rnn") == (5, 14)
    rows = _words(5).encode(TEXTS)
    parts = [model.get_layer(f"logits_{end}").output for end in ("forward", "backward")]
    forward, backward = computed(keras.Model(model.input, parts), rows)
    np.testing.assert_allclose(computed(model, rows), (forward + backward) / 2, rtol=1e-5)


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave", "none", None])
def test_padding_does_not_reach_the_pools(merge):
    directions = {"merge_mode": merge} if merge else {"bidirectional": False}
    options = {"head": "pools", "units": [5, 4], **directions}
    short, long = _words(10), _words(23)
    assert short.vocabulary == long.vocabulary
    model = _build(short, **options)
    longer = _build(long, **options)
    longer.set_weights(model.get_weights())
    np.testing.assert_allclose(
        computed(longer, long.encode(TEXTS)), computed(model, short.encode(TEXTS)), atol=1e-6
    )


def test_past_a_text_s_end_recurrent_output_is_zero_and_the_backward_direction_starts_there():
    model = _build(units=[4])
    rows = _words().encode(TEXTS)
    steps = computed(keras.Model(model.input, model.get_layer("rnn_dropout").output), rows)
    np.testing.assert_array_equal(steps[rows["words"] == 0], 0)
    alone = replace(_words(), max_words=2)
    two = _build(alone, units=[4], pool=1, kernel=1)
    two.get_layer("word_embedding").set_weights(model.get_layer("word_embedding").get_weights())
    two.get_layer("rnn").set_weights(model.get_layer("rnn").get_weights())
    short = keras.Model(two.input, two.get_layer("rnn_dropout").output)
    np.testing.assert_allclose(steps[1, :2], computed(short, alone.encode([TEXTS[1]]))[0], atol=1e-6)


def test_vectors_start_the_embedding_and_stay_where_frozen(tmp_path, caplog):
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2 3 4\nh -1 0 0 0\nelsewhere 5 5 5 5\n")
    words = _words()
    with caplog.at_level(logging.INFO, "danq"):
        model = _build(words, vectors=path, train_vectors=False)
        _build(words, vectors=path, train_vectors=False)
    assert caplog.text.count("3 vectors of width 4; 2 of 8 words of the vocabulary have one (25.0%)") == 1
    matrix = model.get_layer("word_embedding").get_weights()[0]
    assert matrix.shape == (10, 4)
    np.testing.assert_array_equal(matrix[0], 0)
    np.testing.assert_array_equal(matrix[2 + words.vocabulary.index("a")], [1, 2, 3, 4])
    assert "word_embedding" not in {weight.path.split("/")[0] for weight in model.trainable_variables}
    other = _build(words, vectors=path, vector_seed=5).get_layer("word_embedding")
    assert other.trainable
    np.testing.assert_array_equal(other.get_weights()[0][2 + words.vocabulary.index("a")], [1, 2, 3, 4])
    assert not np.array_equal(other.get_weights()[0], matrix)


def test_vectors_of_other_words_are_warned_of_and_none_refused(tmp_path, caplog):
    path = tmp_path / "vectors.txt"
    path.write_text("elsewhere 5 5 5 5\n")
    _build(vectors=path)
    assert "no word of the vocabulary has a vector" in caplog.text
    with pytest.raises(DanqError, match="no such file; expected word vectors"):
        _build(vectors=tmp_path / "absent.txt")
    path.write_text("a 5 5 5 5\nb 1 2\n")
    with pytest.raises(DanqError, match=r"vectors\.txt:2: expected a word and 4 numbers"):
        _build(vectors=path)


def test_too_few_words_or_features_are_refused():
    with pytest.raises(
        DanqError, match=r"at least 4 words for filters of 3 \(padding valid\) and pool 2, received 3"
    ):
        _build(_words(3))
    with pytest.raises(DanqError, match=r"at least 4 recurrent features .* received 1"):
        _build(units=[1])
    assert _build(_words(3), padding="same").output.shape == (None, 3)


@pytest.mark.parametrize("head", ["conv2d", "pools"])
@pytest.mark.parametrize("merge", ["ave", "none"])
def test_steps_of_a_text_are_its_words(head, merge):
    model = _build(output="steps", head=head, merge_mode=merge)
    assert model.output.shape == (None, 9, 3)
    assert _build(_words(2), output="steps", head=head).output.shape == (None, 2, 3)
    with pytest.raises(DanqError, match="steps: expected none for texts"):
        _build(output="steps", steps=20)


@pytest.mark.parametrize("head", ["conv2d", "pools"])
def test_steps_of_dna_are_stretches_of_the_bin(head):
    words = KmerWords(6, 3, window=120)
    model = _build(words, output="steps", bin=60, steps=15, head=head, units=[4])
    assert model.output.shape == (None, 4, 3)
    assert model.get_layer("labelled").output.shape[1] == 20
    with pytest.raises(DanqError, match="stride: expected a size that divides the labelled steps of 20 bp"):
        _build(words, output="steps", bin=60, steps=20)
    with pytest.raises(DanqError, match="window: expected at least 126 bp"):
        _build(words, output="steps", bin=120, steps=15)


def test_encoders_by_kind():
    options = Options(max_words=7, k=4, stride=2, min_count=3, lower_case=False)
    assert encoder(options) == Words(7, 0, False, min_count=3)
    assert encoder(options, "dna") == KmerWords(4, 2)
