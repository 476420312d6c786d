import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from weighted_model import TARGETS, WINDOW, Weighted

from danq.errors import DanqError
from danq.genome.alphabet import encode, reverse_complement
from danq.genome.encode import build_genome
from danq.genome.fasta import open_genome
from danq.learn.manifest import UsedBundle
from danq.score.background import build_background, open_background, shares_above
from danq.score.job import open_job
from danq.score.manifest import BackgroundManifest
from danq.score.models import Models
from danq.score.options import ScoreOptions

DEFAULTS = ScoreOptions()


def shares(values, statistic):
    return shares_above(np.sort(np.asarray(values, np.float32)), np.asarray(statistic, np.float64))


def test_evalues_of_known_quantiles():
    """A background 1, 2, …, 1000: above x lie 1000 − x of them."""
    evalues = shares(np.arange(1, 1001), [0.5, 1, 500, 999, 1000, 2e9])
    assert evalues.dtype == np.float32
    np.testing.assert_allclose(evalues, [1, 0.999, 0.5, 0.001, 0.001, 0.001], rtol=1e-6)


def test_no_evalue_is_below_a_millionth():
    assert shares(np.zeros(2_000_000), [0.0, 1.0]).tolist() == [np.float32(1e-6)] * 2


def test_one_allele_makes_every_evalue_1():
    assert shares([3.0], [2.0, 3.0, 4.0]).tolist() == [1.0] * 3


# few distinct values, so that ties happen
VALUES = st.sampled_from([0.0, 1e-12, 0.1, 0.25, 1.0, 1 / 3, 7.5])


@given(
    arrays(np.float64, st.integers(1, 40), elements=VALUES),
    arrays(np.float64, st.integers(0, 6), elements=VALUES),
)
def test_evalues_equal_counting_one_by_one(values, statistic):
    n = len(values)
    for evalue, x in zip(shares(values, statistic), statistic, strict=True):
        larger = sum(np.float32(value) > np.float32(x) for value in values)
        assert evalue == np.float32(max(larger / n, 1 / n, 1e-6))


@pytest.fixture
def written(tmp_path):
    out = tmp_path / "background"
    out.mkdir()
    np.save(out / "background.npy", np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    BackgroundManifest(
        vcf={"name": "common.vcf", "sha256": ""},
        genome={"path": "genome", "digest": ""},
        bundles=[{"path": f"runs/{x}", "run": x, "digest": x * 64} for x in "ab"],
        targets=TARGETS,
        options={"strands": "scores"},
        n=3,
        reasons={},
        digest="c" * 64,
        provenance={},
    ).write(out)
    return out


def test_a_background_is_opened_whatever_the_order_of_bundles(written):
    for digests in (["a" * 64, "b" * 64], ["b" * 64, "a" * 64]):
        background = open_background(written, digests, TARGETS)
        assert background.digest == "c" * 64
        assert [background.values(target).tolist() for target in range(2)] == [[1, 2, 3], [4, 5, 6]]
    statistic = np.array([[0, 5], [2, 3], [3, 6], [1, 4]])
    expected = [[1, 1 / 3], [1 / 3, 1], [1 / 3, 1 / 3], [2 / 3, 2 / 3]]
    np.testing.assert_allclose(background.evalues(statistic), expected, rtol=1e-6)
    assert background.evalues(statistic[:0]).shape == (0, 2)


@pytest.mark.parametrize(
    ("digests", "targets", "strands", "message"),
    [
        (
            ["a" * 64],
            TARGETS,
            "scores",
            r"the same bundles \(aaaaaaaaaaaa\), received one of aaaaaaaaaaaa, bbbbb",
        ),
        (
            ["a" * 64, "d" * 64],
            TARGETS,
            "scores",
            "received one of aaaaaaaaaaaa, bbbbbbbbbbbb; make one with",
        ),
        (["a" * 64, "b" * 64], TARGETS, "forward", r"same strands rule \(forward\), received one of scores"),
        (["a" * 64, "b" * 64], ("CTCF",), "scores", r"same targets \(CTCF\), received one of CTCF, tRNA"),
    ],
)
def test_another_bundle_or_rule_is_refused(written, digests, targets, strands, message):
    with pytest.raises(DanqError, match=message) as caught:
        open_background(written, digests, targets, strands)
    assert "\n" not in str(caught.value)


def test_a_damaged_background_is_refused(written):
    digests = ["a" * 64, "b" * 64]
    np.save(written / "background.npy", np.zeros((2, 4), np.float32))
    with pytest.raises(
        DanqError, match=r"expected float32 of shape \(2, 3\), received float32 of shape \(2, 4"
    ):
        open_background(written, digests, TARGETS)
    (written / "background.npy").write_bytes(b"no array")
    with pytest.raises(DanqError, match=r"background\.npy: expected a NumPy array, received a damaged file"):
        open_background(written, digests, TARGETS)
    (written / "background.npy").unlink()
    with pytest.raises(DanqError, match="is no complete background"):
        open_background(written, digests, TARGETS)
    (written / "background.json").unlink()
    with pytest.raises(DanqError, match="is no danq background"):
        open_background(written, digests, TARGETS)


CONTIG = "ACGTTGCATGTCGCATGATGCATGAGAGCTACGATCGATCGGGATATTACCA"


def job(variants, genome, runners, options=DEFAULTS):
    bundles = tuple(UsedBundle(path="runs/x", run="x", digest=runner.digest) for runner in runners)
    models = Models(bundles, TARGETS, WINDOW, 0, "multilabel", lambda: runners)
    return open_job(models, genome, variants, options)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    (folder / "g.fa").write_text(f">chrI\n{CONTIG}\n>chrII\n{'N' * 30}\n")
    build_genome(folder / "g.fa", folder / "g")
    return open_genome(folder / "g")


SNVS = [(pos, alt) for pos in range(8, 40) for alt in "ACGT" if alt != CONTIG[pos - 1]]


def vcf(path, records):
    lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    path.write_text("\n".join([*lines, *records]) + "\n")
    return path


@pytest.fixture
def common(tmp_path):
    """Every SNV of a stretch, and some alleles that cannot be scored."""
    records = [f"chrI\t{pos}\t.\t{CONTIG[pos - 1]}\t{alt}\t.\t.\t." for pos, alt in SNVS]
    bad = ["chrI\t9\t.\tT\t*,<DEL>\t.\t.\t.", "chrII\t9\t.\tN\tA\t.\t.\t.", "chrI\t2"]
    return vcf(tmp_path / "common.vcf", records[:50] + bad + records[50:])


def naive_statistics(*runners):
    """|diff · log2 odds difference| of every SNV, one at a time: shape (n, 2)."""
    sigmoid = lambda x: 1 / (1 + math.exp(-float(x)))  # noqa: E731
    statistics = np.empty((len(SNVS), 2))
    for n, (pos, alt) in enumerate(SNVS):
        start = pos - 1 - WINDOW // 2
        window = CONTIG[start : start + WINDOW]
        changed = window[: WINDOW // 2] + alt + window[WINDOW // 2 + 1 :]
        for k in range(2):
            diffs, odds = [], []
            for runner in runners:
                for turn in (lambda codes: codes, reverse_complement):
                    ref, alt_ = (runner.strand(turn(encode(text))[None])[0, k] for text in (window, changed))
                    diffs.append(sigmoid(alt_) - sigmoid(ref))
                    odds.append(float(alt_) - float(ref))
            statistics[n, k] = abs(np.mean(diffs) * np.mean(odds) / math.log(2))
    return statistics


@pytest.mark.parametrize("seeds", [(1,), (1, 2)])
def test_a_background_holds_the_sorted_statistics_of_every_scored_allele(tmp_path, genome, common, seeds):
    runners = [Weighted(seed) for seed in seeds]
    made = build_background(job(common, genome, runners), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["background.json", "background.npy"]
    values = np.load(tmp_path / "out" / "background.npy")
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, np.sort(naive_statistics(*runners).T, axis=1), rtol=2e-5, atol=1e-9)
    assert made == BackgroundManifest.read(tmp_path / "out")
    assert made.n == len(SNVS)
    assert made.reasons == {"malformed": 1, "many_n": 1, "star": 1, "symbolic": 1}
    assert made.genome.digest == genome.digest


def test_the_alleles_of_a_background_have_the_evalues_of_their_ranks(tmp_path, genome, common):
    runner = Weighted(3)
    build_background(job(common, genome, [runner]), tmp_path / "out")
    background = open_background(tmp_path / "out", [runner.digest], TARGETS)
    values = np.load(tmp_path / "out" / "background.npy")
    evalues = background.evalues(values.T)
    assert len(np.unique(values[0])) > values.shape[1] // 2
    for k in range(2):
        larger = np.array([(values[k] > value).sum() for value in values[k]])
        np.testing.assert_allclose(evalues[:, k], np.maximum(larger, 1) / values.shape[1], rtol=1e-6)


def test_two_makings_are_byte_equal_and_the_rule_counts(tmp_path, genome, common):
    made = {}
    for name, strands in (("a", "scores"), ("b", "scores"), ("c", "predictions")):
        options = ScoreOptions(strands=strands)
        made[name] = build_background(job(common, genome, [Weighted(1)], options), tmp_path / name)
    arrays_made = {name: (tmp_path / name / "background.npy").read_bytes() for name in made}
    assert arrays_made["a"] == arrays_made["b"] != arrays_made["c"]
    assert made["a"].digest == made["b"].digest != made["c"].digest
    with pytest.raises(DanqError, match="same strands rule"):
        open_background(tmp_path / "c", ["1" * 64], TARGETS)


def test_few_alleles_are_warned_about(tmp_path, genome, common, caplog):
    build_background(job(common, genome, [Weighted(1)]), tmp_path / "out")
    assert f"no e-value can go below 1/{len(SNVS)}, the number of its alleles" in caplog.text


def test_variants_that_change_meanwhile_make_no_background(tmp_path, genome, common):
    opened = job(common, genome, [Weighted(1)])
    vcf(common, [f"chrI\t{pos}\t.\t{CONTIG[pos - 1]}\t{alt}\t.\t.\t." for pos, alt in SNVS[1:]])
    with pytest.raises(DanqError, match=r"common\.vcf: changed while it was scored"):
        build_background(opened, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], r"common.vcf: expected variants, received an empty file"),
        (["chrI\t9\t.\tT\t*,<DEL>\t.\t.\t."], r"received none \(star 1, symbolic 1\)"),
    ],
)
def test_a_background_needs_an_allele(tmp_path, genome, records, message):
    variants = vcf(tmp_path / "common.vcf", records)
    with pytest.raises(DanqError, match=message):
        build_background(job(variants, genome, [Weighted(1)]), tmp_path / "out")
    assert not (tmp_path / "out").exists()
