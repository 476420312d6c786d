"""Runners: both ways of computing agree, and blocks, threads or neighbours change no more than rounding."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from bundles import entries, manifest

from danq.data.encoders import CodesEncoder
from danq.data.encoders.kmers import KmerCounts
from danq.genome.alphabet import reverse_complement
from danq.learn.bundle import Bundle, load_bundle, save_bundle
from danq.learn.predict.predictor import Predictor
from danq.models import danq
from danq.score.runner import SharedWork, WholeWindows, _blocks, open_runner, open_runner_of

WINDOW, TARGETS = 60, ["a", "b"]
OPTIONS = danq.Options(filters=12, kernel=7, pool=4, units=8, dense=10)


def bundle(tmp_path, name="danq"):
    keras.utils.set_random_seed(1)
    encoder = CodesEncoder(WINDOW)
    model = danq.build(OPTIONS, encoder, len(TARGETS), "multilabel")
    info = manifest(model=name, options=OPTIONS.model_dump(), targets=TARGETS, window=WINDOW)
    return Bundle(tmp_path, model, encoder, info)


def renamed(loaded, model, **more):
    return replace(loaded, info=loaded.info.model_copy(update={"model": model, **more}))


def alleles(n=40):
    random = np.random.default_rng(0)
    reference = random.integers(0, 4, (n // 2, WINDOW)).astype(np.uint8)
    group = np.sort(random.integers(0, n // 2, n))
    alternate = reference[group].copy()
    alternate[:, WINDOW // 2] = (alternate[:, WINDOW // 2] + 1 + np.arange(n) % 3) % 4
    return reference, alternate, group


def test_shared_work_and_whole_windows_agree(tmp_path):
    loaded = bundle(tmp_path)
    shared = open_runner_of(loaded)
    whole = WholeWindows(loaded, "both", Predictor(loaded, 32, "none"))
    assert isinstance(shared, SharedWork)
    for ours, other in zip(shared.logits(*alleles()), whole.logits(*alleles()), strict=True):
        assert ours.shape == other.shape
        np.testing.assert_allclose(ours, other, atol=2e-6, rtol=0)


def test_strands_are_those_of_the_windows_and_of_their_reverse_complements(tmp_path):
    loaded = bundle(tmp_path)
    reference, alternate, group = alleles()
    predictor = Predictor(loaded, 32, "none")
    for runner in (open_runner_of(loaded), WholeWindows(loaded, "both", predictor)):
        logits = runner.logits(reference, alternate, group)
        expected = [predictor.logits(one) for one in (alternate, reverse_complement(alternate))]
        np.testing.assert_allclose(logits.alternate, expected, atol=2e-6, rtol=0)
    forward = open_runner_of(loaded, "forward").logits(reference, alternate, group)
    assert forward.alternate.shape == (1, len(alternate), len(TARGETS))
    np.testing.assert_allclose(forward.alternate[0], expected[0], atol=2e-6, rtol=0)


@pytest.mark.parametrize(("rows", "threads"), [(2, 1), (5, 2), (7, 3), (16, 2), (1000, 1)])
def test_blocks_and_threads_change_rounding_at_most(tmp_path, rows, threads):
    loaded = bundle(tmp_path)
    expected = open_runner_of(loaded, threads=1).logits(*alleles())
    received = open_runner_of(loaded, batch_size=rows, threads=threads).logits(*alleles())
    again = open_runner_of(loaded, batch_size=rows, threads=threads + 1).logits(*alleles())
    for ours, other, repeated in zip(received, expected, again, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-5, rtol=0)
        np.testing.assert_array_equal(ours, repeated)
    whole = renamed(loaded, "moved.py")
    expected = open_runner_of(whole, threads=1).logits(*alleles())
    received = open_runner_of(whole, batch_size=rows, threads=threads).logits(*alleles())
    for ours, other in zip(received, expected, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_a_reference_of_several_blocks_has_the_bytes_of_the_first(tmp_path):
    loaded = bundle(tmp_path)
    reference, alternate, group = alleles()
    reference, alternate, group = reference[:1], alternate[:19], np.zeros(19, np.int64)
    expected = open_runner_of(loaded, threads=1).logits(reference, alternate[:4], group[:4])
    for threads in (1, 2, 4) * 5:
        received = open_runner_of(loaded, batch_size=5, threads=threads).logits(reference, alternate, group)
        np.testing.assert_array_equal(received.reference, expected.reference)


@pytest.mark.parametrize("rows", [2, 3, 10, 100])
def test_blocks_hold_every_reference_and_every_alternate(rows):
    group = np.array([0, 0, 0, 0, 0, 1, 3, 3, 4, 4, 4, 4, 4, 4])
    references, alternates = [], []
    for first, last, part in _blocks(group, 6, rows):
        assert last - first + part.stop - part.start <= max(rows, 2)
        assert np.isin(group[part], range(first, last)).all()
        references += range(first, last)
        alternates += range(part.start, part.stop)
    assert sorted(set(references)) == list(range(6))
    assert alternates == list(range(len(group)))


def test_a_model_that_shares_nothing_computes_whole_windows(tmp_path):
    loaded = bundle(tmp_path)
    plain = renamed(loaded, str(tmp_path / "moved.py"))
    assert isinstance(open_runner_of(plain), WholeWindows)
    counted = replace(renamed(loaded, "kmer_logistic", options={}), encoder=KmerCounts(3, WINDOW))
    assert isinstance(open_runner_of(counted), WholeWindows)


def test_a_model_of_mixed_precision_scores_in_float32(tmp_path):
    model = bundle(tmp_path).model
    expected = open_runner_of(bundle(tmp_path, "moved.py")).logits(*alleles())
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = danq.build(OPTIONS, CodesEncoder(WINDOW), len(TARGETS), "multilabel")
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(model.get_weights())
    info = entries(model="moved.py", options=OPTIONS.model_dump(), targets=TARGETS, window=WINDOW)
    save_bundle(tmp_path, mixed, CodesEncoder(WINDOW), info)
    rounded = Predictor(load_bundle(tmp_path), 32, "none").logits(alleles()[0])
    assert np.abs(rounded - expected.reference[0]).max() > 1e-4
    received = open_runner(tmp_path).logits(*alleles())
    for ours, other in zip(received, expected, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_empty_input_gives_empty_logits(tmp_path):
    reference, alternate, group = (array[:0] for array in alleles())
    for runner in (open_runner_of(bundle(tmp_path)),):
        assert [array.shape for array in runner.logits(reference, alternate, group)] == [(2, 0, 2), (2, 0, 2)]
