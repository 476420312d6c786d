"""The k-mer baseline: finds a planted motif, folds its scaling exactly, and bears odd targets."""

from dataclasses import dataclass

import numpy as np
import pytest
from eager import computed
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score

from danq.data.encoders.kmers import KmerCounts
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement
from danq.models import composition, kmer_logistic
from danq.models.kmer_logistic import Options, fit
from danq.models.logistic_regression import regress

SEED = 1
TINY = Options(k=[2, 3], c=[0.001, 0.1])


@dataclass(frozen=True)
class Rows:
    """The part of a dataset that the baseline reads: the first two thirds train, the rest validates."""

    sequences: NDArray[np.uint8]
    values: NDArray[np.uint8]
    task: str = "multilabel"

    @property
    def window(self):
        return self.sequences.shape[1]

    @property
    def targets(self):
        return tuple(f"t{index}" for index in range(self.values.shape[1]))

    def rows(self, split):
        cut = 2 * len(self.values) // 3
        return np.arange(cut) if split == "train" else np.arange(cut, len(self.values))

    def labels(self, rows):
        return self.values[rows]

    def codes(self, rows):
        return self.sequences[rows]


def _planted(n=300, window=60):
    """Rows with GATA or its reverse complement where the label is 1, by halves."""
    generator = np.random.default_rng(3)
    codes = generator.integers(0, 4, (n, window)).astype(np.uint8)
    labels = generator.integers(0, 2, (n, 1)).astype(np.uint8)
    motif = encode("GATAGATA")
    for row in np.flatnonzero(labels[:, 0]):
        start = generator.integers(0, window - len(motif))
        codes[row, start : start + len(motif)] = motif if row % 2 else reverse_complement(motif)
    return Rows(codes, labels)


def test_a_planted_motif_is_found_on_either_strand():
    rows = _planted()
    encoder, model, history = fit(Options(k=[2, 4], c=[0.001, 0.01]), rows, SEED)
    valid = rows.rows("valid")
    logits = computed(model, encoder.encode(rows.codes(valid)))[:, 0]
    auroc = roc_auc_score(rows.values[valid, 0], logits)
    assert auroc > 0.95
    assert encoder == KmerCounts(4, 60)
    assert history[0]["k"] == 4
    assert history[0]["valid_auroc"] == pytest.approx(auroc, abs=1e-6)


def test_the_folded_model_equals_the_scaled_regression():
    rows = _planted(90)
    encoder, model, history = fit(Options(k=[3], c=[0.01]), rows, SEED)
    train = rows.rows("train")
    features = np.log1p(encoder.encode(rows.codes(train))["counts"])
    scaled = (features - features.mean(axis=0)) / np.where(features.std(axis=0) > 0, features.std(axis=0), 1)
    expected = regress(scaled, rows.labels(train), 0.01, "multilabel").logits(scaled)
    logits = computed(model, encoder.encode(rows.codes(train)))
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    probabilities = 1 / (1 + np.exp(-expected.astype(np.float64)))
    values = rows.labels(train)
    loss = -np.mean(np.where(values == 1, np.log(probabilities), np.log(1 - probabilities)))
    assert history[0]["train_loss"] == pytest.approx(loss, rel=1e-4)


def test_targets_of_one_value_get_the_logit_of_their_frequency():
    rows = _planted(90)
    constant = np.zeros((90, 1), np.uint8)
    both = Rows(rows.sequences, np.hstack([constant, rows.values, constant + 1]))
    encoder, model, _ = fit(TINY, both, SEED)
    logits = computed(model, encoder.encode(both.codes(np.arange(5))))
    np.testing.assert_allclose(logits[:, 0], np.log(0.5 / 60.5), rtol=1e-6)
    np.testing.assert_allclose(logits[:, 2], np.log(60.5 / 0.5), rtol=1e-6)
    assert np.ptp(logits[:, 1]) > 0


@pytest.mark.parametrize("present", [[0, 1, 2], [0, 2], [2]])
def test_classes_sum_to_one_and_absent_ones_are_unlikely(present):
    generator = np.random.default_rng(5)
    classes = generator.choice(present, 120)
    codes = generator.integers(0, 4, (120, 30)).astype(np.uint8)
    codes[classes == 2, :10] = 0
    rows = Rows(codes, np.eye(3, dtype=np.uint8)[classes], "multiclass")
    encoder, model, history = fit(TINY, rows, SEED)
    logits = computed(model, encoder.encode(codes)).astype(np.float64)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for absent in set(range(3)) - set(present):
        assert shares[:, absent].max() < 0.02
    assert (shares.argmax(axis=1) == 2)[classes == 2].mean() > 0.9
    valid = rows.rows("valid")
    loss = -np.mean(np.log(shares[valid, classes[valid]]))
    assert history[0]["valid_loss"] == pytest.approx(loss, rel=1e-3)


def test_equal_seeds_give_equal_weights_and_limits_are_kept():
    rows = _planted(150)
    options = Options(k=[3], c=[0.01], tuning_rows=20, max_rows=30)
    weights = [fit(options, rows, SEED)[1].get_weights() for _ in range(2)]
    np.testing.assert_array_equal(weights[0][0], weights[1][0])
    np.testing.assert_array_equal(weights[0][1], weights[1][1])
    other = fit(options, rows, 2)[1].get_weights()
    assert not np.array_equal(weights[0][0], other[0])


def test_composition_sees_cpgs_and_no_motif():
    rows = _planted(600)
    cpgs = rows.sequences.copy()
    labels = np.random.default_rng(4).integers(0, 2, (600, 1)).astype(np.uint8)
    cpgs[labels[:, 0] == 1, :20] = np.tile(encode("CG"), 10)
    # of the same G+C, with as many of C and G, but no CpG
    cpgs[labels[:, 0] == 0, :20] = np.repeat(encode("GC"), 10)
    areas = {}
    for name, sequences, values in (("motif", rows.sequences, rows.values), ("cpg", cpgs, labels)):
        encoder, _, history = composition.fit(composition.Options(), Rows(sequences, values), SEED)
        assert encoder == KmerCounts(2, 60)
        areas[name] = history[0]["valid_auroc"]
    assert areas["cpg"] > 0.95
    # longer words find it in nearly every row
    assert areas["motif"] < 0.9


def test_without_labels_to_tune_on_the_middle_strength_is_taken(caplog):
    rows = _planted(90)
    values = rows.values.copy()
    values[60:] = 0
    with caplog.at_level("DEBUG", "danq"):
        history = fit(Options(k=[3], c=[0.1, 0.001, 0.01]), Rows(rows.sequences, values), SEED)[2]
    assert history[0]["c"] == 0.01
    assert (history[0]["valid_auroc"], history[0]["valid_auprc"]) == (None, None)
    assert "not tuned" in caplog.text
    # told before anything is computed, and no number stands for what is not known
    assert caplog.messages[0].endswith("k and C are not tuned")
    assert caplog.messages[-1].startswith(
        "k-mer regression: k = 3, C = 0.01, validation AUROC not measured, "
    )
    assert "-1.0000" not in caplog.text
    assert "nan" not in caplog.text


def test_words_longer_than_the_window_are_left_out_or_refused():
    rows = Rows(np.zeros((30, 5), np.uint8), np.eye(2, dtype=np.uint8)[np.arange(30) % 2])
    assert fit(Options(k=[2, 6], c=[0.1]), rows, SEED)[0] == KmerCounts(2, 5)
    with pytest.raises(DanqError, match="at most the window's 5 bp"):
        fit(Options(k=[6]), rows, SEED)


def test_standardising_in_blocks_equals_doing_it_at_once(monkeypatch):
    features = np.random.default_rng(0).gamma(2, size=(50, 4)).astype(np.float32)
    features[:, 2] = 3
    expected = (features - features.mean(axis=0)) / np.where(
        features.std(axis=0) > 0, features.std(axis=0), 1
    )
    monkeypatch.setattr(kmer_logistic, "_READ_AT_ONCE", 7)
    kmer_logistic._standardise(features)
    np.testing.assert_allclose(features, expected, atol=1e-5)


@pytest.mark.parametrize("wrong", [{"k": []}, {"k": [9]}, {"c": [0]}, {"K": [4]}])
def test_options_are_checked(wrong):
    with pytest.raises(ValidationError):
        Options(**wrong)
