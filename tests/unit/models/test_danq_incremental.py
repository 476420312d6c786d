"""Shared work gives what whole work gives, and both give what Keras gives."""

import keras
import numpy as np
import pytest
from eager import computed
from threadpoolctl import threadpool_limits

from danq.data.encoders import CodesEncoder
from danq.models import danq
from danq.models.danq_incremental import incremental

WINDOW, TARGETS = 61, 3
ROUNDING = 1e-5
SMALL = {"filters": 12, "kernel": 7, "pool": 4, "units": 8, "dense": 10}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


def built(**options):
    """A network with random weights and biases, and its arrays."""
    chosen = danq.Options(**SMALL | options)
    keras.utils.set_random_seed(1)
    model = danq.build(chosen, CodesEncoder(WINDOW), TARGETS, "multilabel")
    random = np.random.default_rng(2)
    for weight in model.weights:
        if "bias" in weight.path:
            weight.assign(random.standard_normal(weight.shape) * 0.1)
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    return model, incremental(chosen, weights, WINDOW)


def alleles():
    """References; alternates with substitutions, deletions, insertions, nothing, and everything changed."""
    random = np.random.default_rng(3)
    reference = random.integers(0, 4, (5, WINDOW)).astype(np.uint8)
    reference[0, :9] = 4
    group = np.sort(random.integers(0, 5, 23))
    alternate = reference[group].copy()
    for row in range(21):
        place = int(random.integers(0, WINDOW))
        if row % 3 == 0:
            alternate[row, place] = (alternate[row, place] + 1) % 4
        elif row % 3 == 1:
            alternate[row, place:] = np.r_[alternate[row, place + 1 :], [1]]
        else:
            alternate[row, place:] = np.r_[[2, 2], alternate[row, place:]][: WINDOW - place]
    alternate[21] = (alternate[21] + 1) % 4
    return reference, alternate, group


def check(**options):
    model, shared = built(**options)
    assert shared is not None
    reference, alternate, group = alleles()
    of_references, of_alternates = shared.logits(reference, alternate, group)
    whole, _ = shared.logits(alternate, alternate[:0], group[:0])
    np.testing.assert_allclose(of_alternates, whole, atol=ROUNDING, rtol=0)
    expected = [computed(model, {"codes": codes}) for codes in (reference, alternate)]
    np.testing.assert_allclose(of_references, expected[0], atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(of_alternates, expected[1], atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(of_alternates[22], of_references[group[22]], atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("rnn", ["lstm", "gru", "simple"])
@pytest.mark.parametrize(
    ("head", "merge"),
    [
        *(("flatten", merge) for merge in ("concat", "sum", "ave", "none")),
        *(("last", merge) for merge in ("concat", "sum", "mul", "ave", "none")),
        *((head, merge) for head in ("pools", "max") for merge in ("concat", "none")),
    ],
)
def test_every_head_and_cell_is_shared_exactly(rnn, head, merge):
    check(rnn=rnn, head=head, merge_mode=merge, dense=0 if rnn == "gru" else 10)


@pytest.mark.parametrize("activation", ["elu", "tanh", "sigmoid", "exponential", "gelu", "silu"])
def test_every_activation_and_padding_is_shared_exactly(activation):
    check(activation=activation, padding="same", kernel=8)


def test_one_direction_is_shared_exactly():
    check(bidirectional=False)


@pytest.mark.parametrize(
    "options",
    [
        {"rnn_layers": 2},
        {"merge_mode": "mul"},
        *(
            {"head": head, "merge_mode": merge}
            for head in ("pools", "max")
            for merge in ("sum", "mul", "ave")
        ),
    ],
)
def test_what_cannot_be_shared_is_left_to_whole_windows(options):
    assert built(**options)[1] is None


def test_other_rows_change_rounding_at_most():
    _, shared = built()
    reference, alternate, group = alleles()
    _, together = shared.logits(reference, alternate, group)
    for row in range(len(alternate)):
        one = slice(row, row + 1)
        _, alone = shared.logits(reference[group[one]], alternate[one], np.zeros(1, np.int64))
        np.testing.assert_allclose(alone[0], together[row], atol=ROUNDING, rtol=0)
    for again in (shared.logits(reference, alternate, group) for _ in range(2)):
        np.testing.assert_array_equal(again[1], together)
