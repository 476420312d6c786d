import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from danq.errors import DanqError
from danq.files import write_json
from danq.score.background import Background, functional_significance, open_background

TARGETS = ("CTCF", "tRNA")


def background(values):
    return Background(None, np.sort(np.asarray(values, np.float32), axis=1), "")


def test_evalues_of_known_quantiles():
    """A background 1, 2, …, 1000: above x lie 1000 − x of them."""
    known = background([np.arange(1, 1001), np.arange(10, 10_010, 10)])
    found = known.evalues(np.array([[0.5, 5], [1, 10], [500, 5000], [999, 9990], [1000, 10_000], [2e9, 2e9]]))
    expected = [[1, 1], [0.999, 0.999], [0.5, 0.5], [0.001, 0.001], [0.001, 0.001], [0.001, 0.001]]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_no_evalue_is_below_a_millionth():
    known = background([np.zeros(2_000_000)])
    assert known.evalues(np.array([[0.0], [1.0]])).tolist() == [[np.float32(1e-6)]] * 2


def test_one_allele_makes_every_evalue_1():
    assert background([[3.0]]).evalues(np.array([[2.0], [3.0], [4.0]])).tolist() == [[1.0]] * 3


def test_what_is_no_number_stays_none():
    assert np.isnan(background([[3.0]]).evalues(np.array([[np.nan]]))).all()


# few distinct values, so that ties happen
VALUES = st.sampled_from([0.0, 1e-12, 0.1, 0.25, 1.0, 1 / 3, 7.5])


@given(
    arrays(np.float64, st.tuples(st.just(3), st.integers(1, 40)), elements=VALUES),
    arrays(np.float64, st.tuples(st.integers(0, 6), st.just(3)), elements=VALUES),
)
def test_evalues_equal_counting_one_by_one(values, statistic):
    known, n = background(values), values.shape[1]
    found = known.evalues(statistic)
    for m in range(len(statistic)):
        for k in range(3):
            larger = sum(np.float32(value) > np.float32(statistic[m, k]) for value in values[k])
            assert found[m, k] == np.float32(max(larger / n, 1 / n, 1e-6))


def test_functional_significance_is_the_geometric_mean():
    evalues = np.array([[0.1, 0.001], [1.0, 1.0], [1e-6, 1e-6]], np.float32)
    found = functional_significance(evalues)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.01, 1.0, 1e-6], rtol=1e-5)
    # a product of 919 e-values of 1e-6 would underflow
    assert functional_significance(np.full((1, 919), 1e-6))[0] == pytest.approx(1e-6, rel=1e-5)


@pytest.fixture
def written(tmp_path):
    out = tmp_path / "background"
    out.mkdir()
    np.save(out / "background.npy", np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    manifest = {
        "kind": "background",
        "format_version": 1,
        "bundles": [{"digest": "a" * 64}, {"digest": "b" * 64}],
        "targets": list(TARGETS),
        "options": {"strands": "scores"},
        "n": 3,
        "digest": "c" * 64,
    }
    write_json(out / "background.json", manifest)
    return out


def test_a_background_is_opened_whatever_the_order_of_bundles(written):
    for digests in (["a" * 64, "b" * 64], ["b" * 64, "a" * 64]):
        found = open_background(written, digests, TARGETS)
        assert found.digest == "c" * 64
        assert found.values.tolist() == [[1, 2, 3], [4, 5, 6]]
    # read through a memory map
    base = found.values
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


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
