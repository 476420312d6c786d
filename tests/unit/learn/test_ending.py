"""What the course of a training says: each remark where it is right, and the near miss where it is not."""

import numpy as np
import pytest
from tiny_dataset import write_tiny_dataset

from danq.data.dataset import open_dataset
from danq.learn.ending import ended, remarks, still_rising
from danq.learn.train.chance import chance_loss

SATURATING = [0.4 * (1 - np.exp(-epoch / 3)) for epoch in range(1, 25)]


def remarks_of(auprc=(), best=None, train=None, losses=None, data_kind="dna", **training):
    rows = losses or [(None, None)] * len(auprc)
    history = [
        {"epoch": number, "valid_auprc": area, "train_loss": loss[0], "valid_loss": loss[1]}
        for number, (area, loss) in enumerate(zip(auprc or [None] * len(rows), rows, strict=True), 1)
    ]
    train = {"epochs": 12, "patience": 3, "monitor": "loss", "reverse_complement": "augment"} | (train or {})
    training = {"epochs": len(history)} | training
    return remarks(train, training, best or {"epoch": len(history)}, history, data_kind)


@pytest.mark.parametrize(
    ("values", "rising"),
    [
        ([0.021, 0.030, 0.036, 0.042, 0.047], True),  # stopped in its fifth epoch
        ([0.0085, 0.0201, 0.0259, 0.0244, 0.0380], True),  # steep, not steady
        ([0.0085, 0.0301, 0.0359, 0.0344, 0.0370], False),
        (SATURATING[:6], True),
        (SATURATING, False),
        ([0.3, 0.29, 0.31, 0.28, 0.32, 0.27, 0.31, 0.29, 0.315], False),  # goes up and down
        ([0.1, 0.2, 0.3, 0.4, 0.39, 0.38, 0.37, 0.36, 0.35], False),
        ([0.2, 0.3], True),
        ([0.3, 0.301], False),
        ([0.3, 0.2, 0.25], False),
        ([0.3], False),
        ([], False),
        ([0.3] * 12, False),
    ],
)
def test_a_metric_rises_at_the_end_or_not(values, rising):
    assert (still_rising(values) is not None) == rising


def test_a_plateau_with_noise_is_rarely_taken_for_a_rise():
    generator = np.random.default_rng(0)
    told = [still_rising((0.3 + 0.01 * generator.normal(size=24)).tolist()) for _ in range(500)]
    assert sum(each is not None for each in told) < 0.03 * 500


def test_a_rise_is_read_against_chance():
    values = [0.900, 0.903, 0.906, 0.909, 0.912]
    assert still_rising([0.5, *values], chance=0.5) is None
    assert still_rising([0.89, *values], chance=0.89) is not None


@pytest.mark.parametrize(
    ("train", "training", "how", "key"),
    [
        ({"epochs": 5}, {"ended": "epochs"}, "stopped at its last epoch, 5, with", "train.epochs: 10"),
        ({}, {"ended": "patience"}, "stopped in epoch 5 of 12, for validation loss", "train.monitor: auprc"),
        ({}, {}, "stopped in epoch 5 of 12, for validation loss", "train.monitor: auprc"),
        ({"monitor": "auprc"}, {"ended": "patience"}, "for validation auprc had not", "train.patience: 6"),
    ],
)
def test_what_stopped_a_rising_training_says_which_key_to_try(train, training, how, key):
    (remark,) = remarks_of([0.021, 0.030, 0.036, 0.042, 0.047], train=train, **training)
    assert (remark.kind, remark.key) == ("rising", key)
    assert how in remark.figure
    assert remark.figure.endswith("still rising, from 0.030 to 0.047 in the last 4 epochs")


@pytest.mark.parametrize(
    ("kind", "last", "rising"),
    [("cosine", 0.0, False), ("constant", 0.0, True), ("cosine", 0.01, True), ("constant", 0.01, True)],
)
def test_of_a_cosine_at_its_end_the_last_sixth_counts(kind, last, rising):
    """Validation that rises while the rate falls, and by `last` in each of the last five epochs."""
    values = [*np.linspace(0.1, 0.3, 25), *(0.3 + last * np.arange(1, 6))]
    history = [{"epoch": epoch, "valid_auprc": value} for epoch, value in enumerate(values, 1)]
    train = {"epochs": 30, "schedule": {"kind": kind}}
    said = remarks(train, {"epochs": 30, "ended": "epochs"}, {"epoch": 30}, history, "dna")
    assert [remark.kind for remark in said] == ["rising"] * rising


def test_a_diverged_training_says_so_and_is_not_told_to_train_longer():
    rising = [0.021, 0.030, 0.036, 0.042, 0.047]
    where = "the loss is nan in epoch 6, step 3"
    (remark,) = remarks_of(rising, ended="diverged", diverged=where)
    assert remark == ("diverged", f"{where}; the weights of epoch 5 are kept", "train.clip_norm: 1")
    clipped = {"clip_norm": 1.0, "learning_rate": 0.003}
    (remark,) = remarks_of(rising, train=clipped, ended="diverged", diverged=where)
    assert remark.key == "train.learning_rate: 0.001"


def test_a_validation_at_chance_is_untrained():
    best = {"epoch": 2, "valid_auprc": 0.05, "valid_prevalence": 0.05}
    (remark,) = remarks_of([0.05, 0.05], best=best, train={"epochs": 2})
    assert (remark.kind, remark.key) == ("untrained", "train.epochs: 8")
    assert remark.figure == "not trained enough: validation AUPRC 0.0500, of chance 0.0500"
    assert remarks_of([0.052, 0.051], best=best | {"epoch": 1, "valid_auprc": 0.052}) == []


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ((0.04, 0.09), True),  # 60% and 10% of an uncertainty of 0.1
        ((0.04, 0.11), True),
        ((0.04, 0.06), False),  # 60% and 40%: a gap, but not twice as much
        ((0.09, 0.099), False),  # ten times as much, but little of either
        ((0.09, 0.2), False),  # other base rates cost more than the model explains
    ],
)
def test_training_far_better_than_validation(losses, told):
    best, chance = {"epoch": 1}, {"train": 0.1, "valid": 0.1}
    made = remarks_of(losses=[losses, (0.05, 0.06)], best=best, chance_loss=chance)
    assert [remark.kind for remark in made] == ["overfit"] * told
    if told:
        assert "the model explains 60% and " in made[0].figure
        assert made[0].key == "train.optimizer: adamw, train.weight_decay: 0.01"


def test_learning_by_heart_after_the_epoch_that_is_kept_is_told_with_both():
    chance = {"train": 0.1, "valid": 0.1}
    losses = [(0.074, 0.072), (0.05, 0.08), (0.001, 0.26)]
    (remark,) = remarks_of(losses=losses, best={"epoch": 1}, chance_loss=chance)
    assert remark.figure == (
        "of the uncertainty of training and validation labels the model explains 26% and 28% in epoch 1, "
        "whose weights are kept; 99% and 0% in epoch 3"
    )


def test_other_base_rates_in_training_are_no_learning_by_heart():
    """A model that knows the base rates only has other losses on rows of other base rates."""
    losses = [(0.05, 0.69)]
    chance = {"train": 0.05, "valid": 0.69}
    assert remarks_of(losses=losses, best={"epoch": 1}, chance_loss=chance) == []


def test_what_can_be_done_against_it_depends_on_what_is_done():
    shared = {"losses": [(0.02, 0.1)], "best": {"epoch": 1}, "chance_loss": {"train": 0.1, "valid": 0.1}}
    keys = [
        remarks_of(train=train, data_kind=kind, **shared)[0].key
        for train, kind in [
            ({"reverse_complement": "none"}, "dna"),
            ({"reverse_complement": "none"}, "text"),
            ({"weight_decay": 0.01}, "dna"),
        ]
    ]
    assert keys == [
        "train.reverse_complement: augment",
        "train.optimizer: adamw, train.weight_decay: 0.01",
        "options.dropout: 0.5",
    ]


def test_why_a_training_ended():
    assert ended({"epochs": 5}, {"epochs": 5}) == "epochs"
    assert ended({"epochs": 6}, {"epochs": 5}) == "patience"
    assert ended({"epochs": 6}, {"epochs": 5, "ended": "diverged"}) == "diverged"
    assert ended({}, {"epochs": 1, "ended": None}) is None


@pytest.mark.parametrize("task", ["multilabel", "multiclass"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_chance_is_the_lowest_that_equal_logits_reach(tmp_path, task, weighted):
    """Descend on the logits themselves, by the loss that trains."""
    import keras
    import tensorflow as tf

    from danq.learn.train.optimization import row_loss

    data = open_dataset(write_tiny_dataset(tmp_path / "tiny", task))
    weights = np.array([3.0, 1.0, 0.5], np.float32) if weighted else None
    shares = np.array([0.5, 1.5, 1.0], np.float32) if weighted and task == "multilabel" else None
    loss = row_loss(task, weights, shares)
    labels = tf.constant(data.labels(data.rows("train")))
    logits, optimizer = tf.Variable(tf.zeros(3)), keras.optimizers.Adam(0.1)
    optimizer.build([logits])

    @tf.function
    def descend():
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(labels, tf.broadcast_to(logits, labels.shape)))
        optimizer.apply([tape.gradient(value, logits)], [logits])
        return value

    for _ in range(300):
        value = descend()
    assert chance_loss(data, "train", weights, shares) == pytest.approx(float(value), rel=1e-4)
    valid = tf.constant(data.labels(data.rows("valid")))
    there = tf.reduce_mean(loss(valid, tf.broadcast_to(logits, valid.shape)))
    assert chance_loss(data, "valid", weights, shares) == pytest.approx(float(there), rel=1e-3)
