from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from danq.data.dataset import SPLITS, Dataset
from danq.errors import DanqError
from danq.evaluate import leakage as module
from danq.evaluate.leakage import canonical_words, leakage
from danq.genome.alphabet import decode, encode, reverse_complement
from danq.genome.fasta import Genome


def bins(contigs, rows, window, bin_):
    """A dataset of bins: `contigs` of letters, `rows` of (contig, bin start, split)."""
    codes = [encode(letters) for letters in contigs]
    lengths = np.array([len(c) for c in codes], np.int64)
    names = tuple(f"chr{i}" for i in range(len(contigs)))
    genome = Genome(Path("g"), names, np.cumsum(lengths) - lengths, lengths, np.concatenate(codes), "")
    contig, start, split = zip(*rows, strict=True)
    return Dataset(
        path=Path("d"),
        manifest={},
        targets=("t",),
        task="multilabel",
        window=window,
        bin=bin_,
        contig=np.array(contig, np.int32),
        start=np.array(start, np.int64),
        end=np.array(start, np.int64) + bin_,
        split=np.array([SPLITS.index(s) for s in split], np.uint8),
        genome=genome,
        packed=np.zeros((len(rows), 1), np.uint8),
    )


def examples(train, test):
    codes = np.stack([encode(s) for s in [*train, *test]])
    return Dataset(
        path=Path("d"),
        manifest={},
        targets=("t",),
        task="multilabel",
        window=codes.shape[1],
        bin=None,
        contig=None,
        start=None,
        end=None,
        split=np.array([0] * len(train) + [2] * len(test), np.uint8),
        genome=None,
        packed=np.zeros((len(codes), 1), np.uint8),
        sequences=codes,
    )


def random_letters(rng, n):
    return decode(rng.integers(0, 4, n).astype(np.uint8))


def naive(dataset, split):
    """Strings in Python sets, window by window."""
    k = min(module.K, dataset.window // 2)

    def words(letters):
        found = [letters[i : i + k] for i in range(len(letters) - k + 1)]
        return [min(w, decode(reverse_complement(encode(w)))) for w in found if "N" not in w]

    train = {w for c in dataset.codes(dataset.rows("train")) for w in words(decode(c))}
    shares, repeats = [], []
    for code in dataset.codes(dataset.rows(split)):
        letters = decode(code)
        share = [w in train for w in words(letters)]
        shares.append(np.mean(share) if share else 0.0)
        repeats.append(shares[-1] >= 0.5)
        if dataset.bin is not None and k <= dataset.bin < dataset.window:
            first = dataset.window // 2 - dataset.bin // 2
            inner = [w in train for w in words(letters[first : first + dataset.bin])]
            repeats[-1] |= bool(inner) and np.mean(inner) >= 0.5
    return shares, repeats


@settings(deadline=None)
@given(st.text("ACGTN", max_size=60), st.integers(1, 32))
def test_words_equal_the_smaller_of_both_strands(letters, k):
    code, whole = canonical_words(encode(letters), k)
    expected = [letters[i : i + k] for i in range(len(letters) - k + 1)]
    assert whole.tolist() == ["N" not in word for word in expected]
    for word, number, ok in zip(expected, code.tolist(), whole.tolist(), strict=True):
        if ok:
            both = (word, decode(reverse_complement(encode(word))))
            assert number == min(int("".join(str("ACGT".index(b)) for b in w), 4) for w in both)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(1, 40))
def test_shares_and_repeats_equal_a_naive_loop_over_strings(seed, chunk):
    rng = np.random.default_rng(seed)
    repeat = random_letters(rng, 40)
    contigs = [
        random_letters(rng, 90) + "N" * rng.integers(0, 9) + repeat + random_letters(rng, 60),
        random_letters(rng, 50) + decode(reverse_complement(encode(repeat))) + random_letters(rng, 33),
    ]
    rows = [(0, s, "train") for s in range(0, 180, 8)] + [(1, s, "test") for s in range(0, 112, 8)]
    rng.shuffle(rows)
    dataset = bins(contigs, [(int(c), int(s), str(p)) for c, s, p in rows], 32, 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "K", 6)
        patch.setattr(module, "_CHUNK_BASES", 32 * chunk)
        found = leakage(dataset, "test")
        shares, repeats = naive(dataset, "test")
    np.testing.assert_allclose(found.share, shares)
    assert found.repeats.tolist() == repeats
    assert found.repeats.any()


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_a_planted_repeat_is_found_on_either_strand_of_labelled_sequences(strand):
    rng = np.random.default_rng(7)
    train = [random_letters(rng, 200) for _ in range(5)]
    copy = train[3] if strand == "forward" else decode(reverse_complement(encode(train[3])))
    half = copy[:150] + random_letters(rng, 50)
    tenth = copy[:40] + random_letters(rng, 160)
    found = leakage(examples(train, [copy, half, tenth, random_letters(rng, 200)]), "test")
    assert found.repeats.tolist() == [True, True, False, False]
    assert found.share[[0, 3]].tolist() == [1.0, 0.0]
    assert not found.overlaps.any()


def test_a_repeat_that_fills_only_the_labelled_bin_counts():
    rng = np.random.default_rng(8)
    element = random_letters(rng, 60)
    contigs = [random_letters(rng, 300) + element + random_letters(rng, 300)] * 2
    contigs[1] = random_letters(rng, 300) + element + random_letters(rng, 300)
    found = leakage(bins(contigs, [(0, 300, "train"), (1, 300, "test"), (1, 0, "test")], 400, 60), "test")
    assert found.repeats.tolist() == [True, False]
    assert found.share[0] < 0.5


def test_windows_overlap_when_they_share_a_base():
    rows = [
        (0, 100, "train"),
        (0, 120, "test"),
        (0, 139, "test"),
        (0, 140, "test"),
        (0, 61, "test"),
        (0, 60, "test"),
    ]
    rows += [(1, 100, "test")]
    letters = random_letters(np.random.default_rng(1), 300)
    found = leakage(bins([letters, letters[::-1]], rows, 40, 20), "test")
    assert found.overlaps.tolist() == [True, True, False, True, False, False]


def test_a_sample_of_words_finds_the_same_repeats():
    rng = np.random.default_rng(9)
    train = [random_letters(rng, 1000) for _ in range(20)]
    test = [random_letters(rng, 1000) for _ in range(20)]
    test[::2] = [decode(reverse_complement(encode(s))) for s in train[::2]]
    found = leakage(examples(train, test), "test", words=5000)
    assert found.sampled == pytest.approx(0.25)
    assert found.repeats.tolist() == [True, False] * 10


def test_windows_of_n_repeat_nothing():
    found = leakage(examples(["A" * 60], ["N" * 60, "T" * 60]), "test")
    assert found.share.tolist() == [0.0, 1.0]


def test_windows_that_hold_no_words_are_refused():
    with pytest.raises(DanqError, match="at least 4 bp"):
        leakage(examples(["ACG"], ["ACG"]), "test")
