"""What a training says of the time left, honest about early stopping."""

import pytest

from danq.learn.options import Schedule, TrainOptions
from danq.learn.train.monitor import ValidationMetrics
from danq.learn.train.outlook import best_so_far, outlook
from danq.learn.train.state import TrainingState

AUPRC = [0.2, 0.41, 0.3, 0.35, 0.4]


def after(values: list[float | None], options: TrainOptions, seconds: float = 60.0) -> TrainingState:
    """The state after epochs of these AUPRC, of which the first took ten times as long."""
    state = TrainingState()
    for number, value in enumerate(values):
        state.loss_sum, state.samples = 1.0, 1
        state.epoch_seconds = seconds * (1 if number else 10)
        state.close_epoch(ValidationMetrics(1.0, value, value, value, 1), options, 0.001)
    return state


@pytest.mark.parametrize(
    ("epochs", "patience", "passes", "expected"),
    [
        (24, 8, 1.0, "at most 19 min left, may stop in 5 min (patience: 3 of 8 passes used)"),
        (24, 0.8, 0.1, "at most 19 min left, may stop in 5 min (patience: 0.3 of 0.8 passes used)"),
        (24, 0.75, 0.1, "at most 19 min left, may stop in 5 min (patience: 0.3 of 0.75 passes used)"),
        # a schedule that runs to its end
        (24, None, 1.0, "19 min left"),
        # patience cannot run out before the last epoch
        (24, 24, 1.0, "19 min left"),
        (24, 22, 1.0, "19 min left"),
        (24, 21, 1.0, "at most 19 min left, may stop in 18 min (patience: 3 of 21 passes used)"),
        (5, 8, 1.0, ""),
        (24, 3, 1.0, ""),
    ],
)
def test_time_left_and_whether_it_may_be_less(
    epochs: int, patience: float | None, passes: float, expected: str
):
    options = TrainOptions(
        epochs=epochs, patience=patience, monitor="auprc", schedule=Schedule(kind="cosine")
    )
    assert outlook(after(AUPRC, options), options, passes) == expected


def test_the_first_epoch_is_the_pace_where_it_is_all_there_is():
    options = TrainOptions(epochs=4, patience=9, monitor="auprc")
    assert outlook(TrainingState(), options, 1.0) == ""
    assert outlook(after(AUPRC[:1], options, 2.0), options, 1.0) == "", "the first compiles"


def test_the_best_value_is_told_with_its_epoch():
    options = TrainOptions(monitor="auprc")
    assert best_so_far(after(AUPRC, options), options) == "best AUPRC 0.4100 at epoch 2"
    assert best_so_far(TrainingState(), options) == ""
    assert best_so_far(after([None, None], options), options) == ""
