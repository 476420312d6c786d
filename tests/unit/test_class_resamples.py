import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from danq.evaluate.bootstrap import draw
from danq.evaluate.class_metrics import class_metrics, resampled_classes


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 40), st.integers(1, 8), st.integers(0, 1 << 30))
def test_resampled_classes_equal_scikit_learn_on_repeated_rows(k: int, n: int, g: int, seed: int):
    rng = np.random.default_rng(seed)
    probabilities = rng.random((n, k)).astype(np.float32)
    classes = rng.integers(0, max(k, 2), n)
    labels = classes[:, None].astype(np.uint8) if k == 1 else np.eye(k, dtype=np.uint8)[classes]
    called = (probabilities[:, 0] >= 0.5).astype(int) if k == 1 else probabilities.argmax(axis=1)
    resamples = draw(rng.integers(0, g, n), g, 7, seed)
    found = resampled_classes(probabilities, labels, resamples)
    for column, counts in enumerate(resamples.counts.T):
        rows = np.repeat(np.arange(n), counts[resamples.block])
        if not len(rows):
            continue
        truth, given = classes[rows], called[rows]
        naive = {
            "accuracy": sk.accuracy_score(truth, given),
            "macro_f1": sk.f1_score(truth, given, average="macro", labels=np.union1d(truth, given)),
            "mcc": sk.matthews_corrcoef(truth, given) if len(set(truth) | set(given)) > 1 else 0.0,
        }
        assert {name: values[column] for name, values in found.items()} == pytest.approx(naive, abs=1e-12)
        again = class_metrics(probabilities[rows], labels[rows])
        assert (again.accuracy, again.macro_f1, again.mcc) == pytest.approx(tuple(naive.values()), abs=1e-12)
