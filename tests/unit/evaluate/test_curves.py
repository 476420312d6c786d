import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sk

from danq.evaluate.curves import pr_curve, roc_curve, thin
from danq.metrics import rank

TIED = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])
ANY = st.floats(-1e6, 1e6, width=32)


@st.composite
def targets(draw):
    n = draw(st.integers(2, 60))
    scores = draw(arrays(np.float32, n, elements=draw(st.sampled_from([TIED, ANY]))))
    labels = draw(arrays(np.uint8, n, elements=st.integers(0, 1)))
    labels[:2] = [0, 1]
    return scores, labels


@settings(deadline=None)
@given(targets())
def test_curves_pass_through_scikit_learns_points(target):
    scores, labels = target
    ranking = rank(scores, labels)
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    np.testing.assert_allclose(roc_curve(ranking), (fpr, tpr), atol=1e-12)
    precision, recall, _ = sk.precision_recall_curve(labels, scores)
    np.testing.assert_allclose(pr_curve(ranking)[0][1:], recall[:-1][::-1], atol=1e-12)
    np.testing.assert_allclose(pr_curve(ranking)[1][1:], precision[:-1][::-1], atol=1e-12)


@settings(deadline=None)
@given(targets())
def test_thinned_curves_keep_their_ends_and_lose_little_area(target):
    x, y = roc_curve(rank(*target))
    few_x, few_y = thin(x, y, 20)
    assert len(few_x) <= 20
    assert (few_x[0], few_y[0], few_x[-1], few_y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(few_y, few_x) == pytest.approx(np.trapezoid(y, x), abs=0.11)
