"""Characters and words: spelling features, padding, filters of several widths, steps."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from eager import computed
from pydantic import ValidationError

from danq.data.encoders.kmers import KmerWords
from danq.data.encoders.words import Words
from danq.errors import DanqError
from danq.models.char_word_lstm import Options, build, encoder
from danq.models.layers import cudnn_ready

SMALL = {"embedding": 6, "character_embedding": 4, "units": [5], "filters": [3, 2]}
TEXTS = ["a cat sat on the mat", "words wordy wordless", "", "b", "a a cat a a cat a a"]


def _words(max_words=9, max_characters=8):
    return replace(Words(9, max_characters).fit([TEXTS]), max_words=max_words)


def _build(encoder=None, targets=3, **options):
    return build(Options(**{**SMALL, **options}), encoder or _words(), targets, "multilabel")


def _outputs(model, rows, name):
    return computed(keras.Model(model.input, model.get_layer(name).output), rows)


def test_shapes_of_the_defaults():
    model = build(Options(), Words(12, 16).fit([TEXTS]), 2, "multiclass")
    assert model.get_layer("character_embedding").output.shape == (None, 12, 16, 30)
    assert model.get_layer("spelling_1").kernel.shape == (1, 3, 30, 50)
    assert model.get_layer("spelling_2").kernel.shape == (1, 5, 30, 100)
    assert model.get_layer("word_and_spelling").output.shape == (None, 12, 250)
    assert model.get_layer("rnn").output.shape == (None, 12, 200)
    assert cudnn_ready(model.get_layer("rnn")) == []


def test_one_convolution_as_known():
    model = build(Options(widths=[5], filters=[100]), _words(), 2, "multiclass")
    assert model.get_layer("word_and_spelling").output.shape == (None, 9, 200)


def test_spelling_is_the_maximum_of_a_convolution_over_each_word():
    model, encoder = _build(widths=[2, 3], max_characters=8), _words()
    rows = encoder.encode(TEXTS)
    features = _outputs(model, rows, "spelling")
    vectors = model.get_layer("character_embedding").get_weights()[0]
    for row, text in enumerate(TEXTS):
        for place, word in enumerate(encoder.cut(text)):
            letters = np.pad(vectors[rows["characters"][row, place, : len(word)]], ((1, 1), (0, 0)))
            expected = []
            for number, width in ((1, 2), (2, 3)):
                kernel, bias = model.get_layer(f"spelling_{number}").get_weights()
                # a filter of even width looks one place further to the right than to the left
                first = 1 - (width - 1) // 2
                parts = np.stack([letters[i : i + width] for i in range(first, first + len(word))])
                expected.append(np.maximum(np.einsum("pwd,wdf->pf", parts, kernel[0]) + bias, 0).max(axis=0))
            np.testing.assert_allclose(features[row, place], np.concatenate(expected), atol=1e-6)


@pytest.mark.parametrize("head", ["last", "pools", "max"])
@pytest.mark.parametrize("merge", ["concat", "mul", "none"])
def test_padding_changes_nothing(head, merge):
    options = {"head": head, "merge_mode": merge, "units": [4, 5]}
    tight, wide = _words(9, 8), _words(21, 13)
    model, wider = _build(tight, **options), _build(wide, **options)
    wider.set_weights(model.get_weights())
    logits = computed(model, tight.encode(TEXTS))
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(computed(wider, wide.encode(TEXTS)), logits, atol=1e-6)


def test_the_last_state_is_that_of_the_last_word():
    model, longer = _build(_words(3), head="last"), _build(_words(9), head="last")
    longer.set_weights(model.get_weights())
    text = ["cat sat mat"]
    np.testing.assert_allclose(
        computed(longer, _words(9).encode(text)),
        computed(model, _words(3).encode(text)),
        atol=1e-6,
    )


def test_all_parts_are_trained_together():
    model = _build()
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True), run_eagerly=True)
    before = model.get_weights()
    model.train_on_batch(_words().encode(TEXTS), np.eye(3)[[0, 1, 2, 0, 1]])
    for weight, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(weight.numpy(), old) or "seed" in weight.path, weight.path


@pytest.mark.parametrize("merge", ["sum", "none"])
def test_steps(merge):
    assert _build(output="steps", merge_mode=merge).output.shape == (None, 9, 3)
    kmers = KmerWords(5, 5, True, 60)
    assert _build(kmers, output="steps", bin=40, steps=10).output.shape == (None, 4, 3)
    with pytest.raises(DanqError, match="head: expected pools or max"):
        _build(output="steps", head="last")


def test_widths_and_filters_go_together():
    with pytest.raises(ValidationError, match="as many `filters` as `widths`, received 1 and 2"):
        Options(filters=[9])


def test_encoders_by_kind():
    options = Options(max_words=7, max_characters=5, k=4, stride=2)
    assert encoder(options) == Words(7, 5)
    assert encoder(options, "dna") == KmerWords(4, 2, True)
