"""Effects of alleles: every number against a formula written out naively, or known by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from danq.score.effects import Effects, combine, effects
from danq.score.runner import Logits

G, M, K = 3, 5, 4
GROUP = np.array([0, 0, 1, 2, 2])


def random_logits(strands=2, scale=3.0, seed=0):
    rng = np.random.default_rng(seed)
    return Logits(*(rng.normal(0, scale, (strands, n, K)).astype(np.float32) for n in (G, M)))


def sigmoid(x):
    return 1 / (1 + math.exp(-float(x)))


def probabilities(row, task):
    """One row of k logits → k probabilities, the textbook way."""
    if task == "multilabel":
        return [sigmoid(x) for x in row]
    total = sum(math.exp(float(x)) for x in row)
    return [math.exp(float(x)) / total for x in row]


def odds(p):
    return math.log(p / (1 - p))


def naive(logits, group, task, rule):
    """The definitions, value by value: p_ref, p_alt, diff, logit_diff."""
    changes = np.empty((4, len(group), K))
    strands = range(1 if rule == "forward" else len(logits.reference))
    for m, g in enumerate(group):
        for k in range(K):
            ref = [probabilities(logits.reference[s, g], task)[k] for s in strands]
            alt = [probabilities(logits.alternate[s, m], task)[k] for s in strands]
            p_ref, p_alt = sum(ref) / len(ref), sum(alt) / len(alt)
            each = [odds(a) - odds(r) for a, r in zip(alt, ref, strict=True)]
            change = odds(p_alt) - odds(p_ref) if rule == "predictions" else sum(each) / len(each)
            changes[:, m, k] = p_ref, p_alt, p_alt - p_ref, change
    return changes


@pytest.mark.parametrize("rule", ["scores", "predictions", "forward"])
@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_every_number_is_the_textbook_s(task, rule):
    logits = random_logits()
    changes = effects(logits, GROUP, task, rule)
    expected = naive(logits, GROUP, task, rule)
    for name, values in zip(("p_ref", "p_alt", "diff", "logit_diff"), expected, strict=True):
        received = getattr(changes, name)
        assert received.dtype == np.float32
        np.testing.assert_allclose(received, values, rtol=2e-6, atol=2e-7, err_msg=name)


def test_the_rules_differ_where_the_strands_do():
    """The forward strand goes from logit 0 to 2, the reverse one stays at 0."""
    logits = Logits(np.zeros((2, 1, 1), np.float32), np.array([[[2.0]], [[0.0]]], np.float32))
    group = np.array([0])
    assert effects(logits, group, "multilabel", "scores").logit_diff[0, 0] == pytest.approx(1.0)
    mean = (sigmoid(2) + 0.5) / 2
    assert effects(logits, group, "multilabel", "predictions").logit_diff[0, 0] == pytest.approx(odds(mean))
    assert effects(logits, group, "multilabel", "forward").logit_diff[0, 0] == pytest.approx(2.0)
    for rule in ("scores", "predictions"):
        assert effects(logits, group, "multilabel", rule).diff[0, 0] == pytest.approx(mean - 0.5)


@given(
    hnp.arrays(np.float32, (2, 1, K), elements=st.floats(-300, 300, width=32)),
    hnp.arrays(np.float32, (2, 1, K), elements=st.floats(-300, 300, width=32)),
    st.sampled_from(["multilabel", "multiclass"]),
    st.sampled_from(["scores", "predictions", "forward"]),
)
def test_extreme_logits_give_finite_effects_of_the_right_sign(reference, alternate, task, rule):
    group = np.array([0])
    changes = effects(Logits(reference, alternate), group, task, rule)
    back = effects(Logits(alternate, reference), group, task, rule)
    for name in ("p_ref", "p_alt", "diff", "logit_diff"):
        assert np.isfinite(getattr(changes, name)).all()
    assert ((changes.p_ref >= 0) & (changes.p_ref <= 1)).all()
    # exchanging the alleles turns the sign and nothing else
    np.testing.assert_array_equal(changes.diff, -back.diff)
    np.testing.assert_array_equal(changes.logit_diff, -back.logit_diff)
    if rule != "scores":
        # one probability each: both measures agree on the direction (unless a difference underflows)
        assert (changes.diff * np.sign(changes.logit_diff) >= -1e-7).all()


def test_log_odds_of_saturated_probabilities_come_from_the_logits():
    logits = Logits(np.full((1, 1, 1), 40, np.float32), np.full((1, 1, 1), 50, np.float32))
    changes = effects(logits, np.array([0]), "multilabel", "scores")
    assert changes.logit_diff[0, 0] == 10
    # 1 − σ(40) is below what 1 − p can show
    assert changes.diff[0, 0] == pytest.approx(math.exp(-40) - math.exp(-50), rel=1e-6)


def test_multiclass_odds_where_one_class_has_all():
    reference = np.array([[[80.0, 0.0, 0.0, 0.0]]], np.float32)
    alternate = np.array([[[81.0, 0.0, 0.0, 0.0]]], np.float32)
    changes = effects(Logits(reference, alternate), np.array([0]), "multiclass", "scores")
    np.testing.assert_allclose(changes.logit_diff[0], [1, -1, -1, -1], atol=1e-6)


def test_the_statistic_behind_evalues():
    logit_diff, diff = np.float32([[0.5, -2.0, 1.0]]), np.float32([[0.25, -0.5, 0.0]])
    statistic = Effects(diff, diff, diff, logit_diff).statistic()
    np.testing.assert_allclose(statistic, [[0.125 / math.log(2), 1 / math.log(2), 0]])


def test_no_alleles():
    none = np.array([], np.int64)
    logits = Logits(np.empty((2, 0, K), np.float32), np.empty((2, 0, K), np.float32))
    for task in ("multilabel", "multiclass"):
        changes = effects(logits, none, task, "scores")
        assert changes.diff.shape == (0, K)


def test_an_ensemble_is_the_mean_with_its_spread():
    models = [effects(random_logits(seed=seed), GROUP, "multilabel", "scores") for seed in range(3)]
    changes = combine(models)
    for name in ("p_ref", "p_alt", "diff", "logit_diff"):
        expected = sum(getattr(model, name).astype(float) for model in models) / 3
        np.testing.assert_allclose(getattr(changes, name), expected, rtol=1e-6, atol=1e-7)
    values = np.array([model.logit_diff[2, 1] for model in models], float)
    expected = math.sqrt(sum((values - values.mean()) ** 2) / 2)
    assert changes.spread[2, 1] == pytest.approx(expected, rel=1e-6)
    assert combine(models[:1]) is models[0]
    assert models[0].spread is None
    # equal models: no spread, and the numbers of one
    twice = combine([models[0], models[0]])
    assert not twice.spread.any()
    np.testing.assert_array_equal(twice.logit_diff, models[0].logit_diff)


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
def test_a_row_does_not_depend_on_the_others(task):
    logits = random_logits()
    whole = effects(logits, GROUP, task, "predictions")
    for row, group in enumerate(GROUP):
        one = Logits(logits.reference[:, [group]], logits.alternate[:, [row]])
        alone = effects(one, np.array([0]), task, "predictions")
        for name in ("p_ref", "p_alt", "diff", "logit_diff"):
            assert getattr(whole, name)[row].tobytes() == getattr(alone, name)[0].tobytes()
