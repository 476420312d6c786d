"""Optimizers and learning-rate schedules by their names in a configuration."""

import math
from typing import Any

import keras
import tensorflow as tf

from danq.errors import DanqError
from danq.learn.options import TrainOptions


class FusedRMSprop(keras.optimizers.RMSprop):
    """RMSprop whose step is one kernel a variable instead of about ten passes over its memory."""

    def build(self, variables: Any) -> None:
        """Make the slots, one more than Keras makes: the kernel keeps a momentum, which is 0."""
        if not self.built:
            super().build(variables)
            self._momentums: list[Any] = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change a variable: ``v = rho v + (1 - rho) g**2; x -= rate g / sqrt(v + epsilon)``."""
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyRMSProp(
            var=variable.handle,  # Keras hands on the variable of TensorFlow inside its own
            ms=self._velocities[index].value.handle,
            mom=self._momentums[index].value.handle,
            lr=tf.cast(learning_rate, variable.dtype),
            rho=tf.constant(self.rho, variable.dtype),
            momentum=tf.constant(0, variable.dtype),
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


def make_optimizer(options: TrainOptions, replicas: int = 1) -> keras.optimizers.Optimizer:
    """Make the optimizer of a training.

    Parameters
    ----------
    options : TrainOptions
        `optimizer`, `learning_rate`, `weight_decay`, `clip_norm`, `average` and `precision` are read.
    replicas : int
        Devices that share a batch. Each clips the mean over devices of the gradient, of which Keras then
        takes the sum, so the norm allowed is divided among them.

    Returns
    -------
    keras.optimizers.Optimizer
        With loss scaling around it where the precision is mixed_float16.

    Raises
    ------
    DanqError
        If weight decay is set for an optimizer that has none.
    """
    if options.weight_decay and options.optimizer != "adamw":
        raise DanqError(
            f"train.weight_decay: expected 0 unless the optimizer is adamw, received {options.weight_decay} "
            f"with {options.optimizer}"
        )
    rate = options.learning_rate
    common: dict[str, Any] = {
        "global_clipnorm": None if options.clip_norm is None else options.clip_norm / replicas,
        "use_ema": options.average > 0,
        "ema_momentum": options.average,
    }
    if options.optimizer == "adamw":
        # Keras takes 0.004 by default; 0 must mean none
        optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay, **common)
    else:
        kinds = {
            "rmsprop": FusedRMSprop,
            "adam": keras.optimizers.Adam,
            "adadelta": keras.optimizers.Adadelta,
        }
        optimizer = kinds[options.optimizer](rate, **common)
    if options.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def learning_rate(options: TrainOptions, step: int, total_steps: int, reductions: int = 0) -> float:
    """Learning rate of a step: a pure function, so that a resumed training goes on exactly.

    Parameters
    ----------
    options : TrainOptions
        `learning_rate` and `schedule` are read.
    step : int
        0-based step since the start of the training.
    total_steps : int
        Steps of all epochs.
    reductions : int
        How often a plateau of the validation loss was met (schedule ``plateau`` only).
    """
    schedule = options.schedule
    warmup = schedule.warmup_steps
    if step < warmup:
        return options.learning_rate * (step + 1) / (warmup + 1)
    done = min((step - warmup) / max(total_steps - 1 - warmup, 1), 1.0)
    factor = {
        "constant": 1.0,
        "cosine": schedule.decay + (1 - schedule.decay) * (1 + math.cos(math.pi * done)) / 2,
        "exponential": schedule.decay**done,
        "plateau": schedule.decay**reductions,
    }[schedule.kind]
    return options.learning_rate * factor
