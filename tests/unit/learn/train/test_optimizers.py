import math
from itertools import pairwise

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from danq.learn.options import TrainOptions
from danq.learn.train.optimization import FusedRMSprop, learning_rate, make_optimizer


def rates(total, reductions=0, **schedule):
    options = TrainOptions(learning_rate=0.5, schedule=schedule)
    return [learning_rate(options, step, total, reductions) for step in range(total)]


def test_constant_rate():
    assert rates(3) == [0.5, 0.5, 0.5]


def test_warm_up_rises_linearly_to_the_rate_and_stays():
    assert rates(6, warmup_steps=4) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5])


def test_cosine_falls_from_the_rate_to_its_part_half_way_at_the_mean():
    values = rates(101, kind="cosine", decay=0.2)
    assert (values[0], values[50], values[100]) == pytest.approx((0.5, 0.3, 0.1))
    assert values == sorted(values, reverse=True)


def test_exponential_falls_by_one_factor_a_step_after_the_warm_up():
    values = rates(12, kind="exponential", decay=0.01, warmup_steps=1)
    assert (values[1], values[-1]) == pytest.approx((0.5, 0.005))
    ratios = [second / first for first, second in pairwise(values[1:])]
    assert ratios == pytest.approx([0.01 ** (1 / 10)] * 10)


def test_plateau_multiplies_once_a_reduction():
    assert rates(2, reductions=3, kind="plateau", decay=0.5) == [0.0625, 0.0625]


def test_a_schedule_longer_than_the_training_stays_defined():
    assert all(math.isfinite(rate) and rate > 0 for rate in rates(3, kind="cosine", warmup_steps=50))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rmsprop", FusedRMSprop),
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("adadelta", keras.optimizers.Adadelta),
    ],
)
def test_each_optimizer_moves_against_the_gradient(name, kind):
    optimizer = make_optimizer(TrainOptions(optimizer=name, learning_rate=0.1))
    assert type(optimizer) is kind
    variable = keras.Variable(np.ones(3, np.float32))
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor([1.0, -1.0, 0.0])])
    moved = variable.numpy()
    assert moved[0] < 1 < moved[1]
    assert moved[2] == 1


def test_weight_decay_shrinks_without_a_gradient_and_is_refused_elsewhere():
    optimizer = make_optimizer(TrainOptions(optimizer="adamw", learning_rate=0.1, weight_decay=0.5))
    variable = keras.Variable(np.ones(2, np.float32))
    optimizer.build([variable])
    optimizer.apply([keras.ops.zeros(2)])
    np.testing.assert_allclose(variable.numpy(), 0.95, rtol=1e-6)
    with pytest.raises(ValidationError, match="`weight_decay`: expected 0 unless `optimizer` is adamw"):
        TrainOptions(weight_decay=0.1)


def test_adamw_without_weight_decay_is_adam():
    moved = []
    for name in ("adam", "adamw"):
        variable = keras.Variable(np.ones(2, np.float32))
        optimizer = make_optimizer(TrainOptions(optimizer=name))
        optimizer.build([variable])
        optimizer.apply([keras.ops.convert_to_tensor([1.0, -2.0])])
        moved.append(variable.numpy())
    np.testing.assert_array_equal(*moved)


def test_the_norm_allowed_is_shared_among_replicas():
    assert make_optimizer(TrainOptions(clip_norm=2.0), replicas=4).global_clipnorm == 0.5


def test_half_precision_scales_the_loss():
    optimizer = make_optimizer(TrainOptions(precision="mixed_float16"))
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    optimizer.build([keras.Variable(np.ones(1, np.float32))])
    optimizer.learning_rate = 0.25
    assert float(optimizer.inner_optimizer.learning_rate) == 0.25


@pytest.mark.parametrize("options", [{}, {"average": 0.7}, {"clip_norm": 0.5}])
def test_rmsprop_in_one_kernel_is_that_of_keras(options):
    generator = np.random.default_rng(0)
    start = [generator.standard_normal(shape).astype(np.float32) for shape in ((5, 3), (3,))]
    fused = make_optimizer(TrainOptions(learning_rate=0.01, **options))
    plain = keras.optimizers.RMSprop(
        0.01,
        global_clipnorm=options.get("clip_norm"),
        use_ema="average" in options,
        ema_momentum=options.get("average", 0.99),
    )
    variables = []
    for optimizer in (fused, plain):
        variables.append([keras.Variable(values) for values in start])
        optimizer.build(variables[-1])
    for _ in range(20):
        gradients = [generator.standard_normal(values.shape).astype(np.float32) for values in start]
        for optimizer, changed in zip((fused, plain), variables, strict=True):
            optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], changed)
    for optimizer, changed in zip((fused, plain), variables, strict=True):
        if options.get("average"):
            optimizer.finalize_variable_values(changed)
    for one, other in zip(*variables, strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
