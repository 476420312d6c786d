"""Encoders: rows in, arrays out, the same after a bundle brings them back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from danq.data.encoders import CodesEncoder, Images, load_encoder
from danq.data.encoders.kmers import KmerCounts
from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement


def _naive_counts(sequence: str, k: int) -> dict[str, int]:
    pairs = dict(zip("ACGT", "TGCA", strict=True))
    counts: dict[str, int] = {}
    for start in range(len(sequence) - k + 1):
        word = sequence[start : start + k]
        if "N" not in word:
            word = min(word, "".join(pairs[letter] for letter in reversed(word)))
            counts[word] = counts.get(word, 0) + 1
    return counts


def test_kmer_columns_stand_in_the_order_of_the_smaller_word():
    # AA AC AG AT CA CC CG GA GC TA: the ten canonical 2-mers
    counts = KmerCounts(2, 4).encode(encode("TTTT")[None])["counts"]
    assert counts.tolist() == [[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert counts.dtype == np.float32


@given(st.text("ACGTN", min_size=6, max_size=60), st.integers(1, 6))
def test_kmer_counts_equal_a_naive_loop(sequence, k):
    encoder = KmerCounts(k, len(sequence))
    counts = encoder.encode(encode(sequence)[None])["counts"][0]
    naive = _naive_counts(sequence, k)
    assert sorted(counts[counts > 0].tolist()) == sorted(naive.values())
    for word, count in naive.items():
        alone = KmerCounts(k, k).encode(encode(word)[None])["counts"][0]
        assert counts[alone.argmax()] == count


@given(st.text("ACGTN", min_size=8, max_size=50), st.integers(1, 7))
def test_both_strands_count_the_same(sequence, k):
    codes = encode(sequence)[None]
    encoder = KmerCounts(k, len(sequence))
    forward = encoder.encode(codes)["counts"]
    np.testing.assert_array_equal(forward, encoder.encode(reverse_complement(codes))["counts"])


@pytest.mark.parametrize(("k", "size"), [(1, 2), (2, 10), (4, 136), (5, 512), (6, 2080)])
def test_number_of_canonical_words(k, size):
    assert KmerCounts(k, 10).inputs == {"counts": ((size,), "float32")}


def test_blocks_do_not_change_the_counts(monkeypatch):
    codes = np.random.default_rng(0).integers(0, 5, (7, 30)).astype(np.uint8)
    whole = KmerCounts(3, 30).encode(codes)["counts"]
    monkeypatch.setattr("danq.data.encoders.kmers._COUNTED_AT_ONCE", 60)
    np.testing.assert_array_equal(KmerCounts(3, 30).encode(codes)["counts"], whole)


@pytest.mark.parametrize("encoder", [CodesEncoder(40), KmerCounts(3, 40)])
def test_a_state_loads_as_an_equal_encoder(encoder):
    assert load_encoder(json.loads(json.dumps(encoder.state()))) == encoder


def test_fitting_learns_the_window_from_the_first_block():
    def blocks():
        yield np.zeros((3, 40), np.uint8)
        raise AssertionError("a second block was read")

    assert CodesEncoder().fit(blocks()) == CodesEncoder(40)
    assert KmerCounts(5).fit(blocks()) == KmerCounts(5, 40)
    with pytest.raises(DanqError, match="received none"):
        CodesEncoder().fit([])


@pytest.mark.parametrize("encoder", [CodesEncoder(40), KmerCounts(3, 40)])
def test_windows_of_another_length_are_refused(encoder):
    with pytest.raises(DanqError, match="expected windows of 40 bp"):
        encoder.encode(np.zeros((2, 41), np.uint8))


def test_codes_go_through_as_they_are():
    codes = np.arange(4, dtype=np.uint8)[None]
    assert CodesEncoder(4).encode(codes)["codes"] is codes


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"name": "sounds", "window": 4},
            "expected one of codes, kmer_counts, words, kmer_words, fcgr, images, joined; received 'sounds'",
        ),
        ({"window": 4}, "received None"),
        ({"name": ["codes"]}, r"received \['codes'\]"),
        ({"name": "joined", "encoders": ["x"]}, "encoder joined: unexpected or missing values"),
        ({"name": "joined", "encoders": [{"name": "joined"}]}, "received a joined one in it"),
        ({"name": "codes", "k": 4}, "unexpected or missing values"),
        ({"name": "kmer_counts", "k": 9, "window": 10}, "expected 1 to 8, received 9"),
        ({"name": "kmer_counts", "k": 5, "window": 4}, "at least k = 5 bp"),
    ],
)
def test_states_that_fit_no_encoder_are_refused(state, message):
    with pytest.raises(DanqError, match=message):
        load_encoder(state)


def test_images_go_through_as_they_are():
    pixels = np.arange(2 * 3 * 4 * 1, dtype=np.uint8).reshape(2, 3, 4, 1)
    encoder = Images().fit([pixels])
    assert encoder == Images((3, 4, 1))
    assert encoder.inputs == {"image": ((3, 4, 1), "uint8")}
    assert encoder.encode(pixels)["image"] is pixels
    assert load_encoder(json.loads(json.dumps(encoder.state()))) == encoder


def test_other_shapes_and_types_are_refused():
    encoder = Images((3, 4, 1))
    with pytest.raises(DanqError, match=r"expected uint8 images of 3 x 4 x 1, received uint8 \(2, 4, 4, 1\)"):
        encoder.encode(np.zeros((2, 4, 4, 1), np.uint8))
    with pytest.raises(DanqError, match="received float32"):
        encoder.encode(np.zeros((2, 3, 4, 1), np.float32))
    with pytest.raises(DanqError, match=r"expected images \(n, height, width, channels\), received \(2, 4\)"):
        Images().fit([np.zeros((2, 4), np.uint8)])
    with pytest.raises(DanqError, match="received none"):
        Images().fit([])
