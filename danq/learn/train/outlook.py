"""What is still to come of a training, told after each epoch: time left, and whether it may stop earlier."""

import math

from danq.learn.options import TrainOptions
from danq.learn.train.state import TrainingState
from danq.progress import duration

_SHOWN = {"loss": "validation loss", "auroc": "AUROC", "auprc": "AUPRC"}
_EPOCHS_OF_PACE = 3


def best_so_far(state: TrainingState, options: TrainOptions) -> str:
    """Best value of the monitor and its epoch, ``best AUPRC 0.4103 at epoch 7``; empty without one."""
    epoch = state.epoch - state.stale
    if not state.history or epoch < 1:
        return ""
    value = state.history[epoch - 1][f"valid_{options.monitor}"]
    return f"best {_SHOWN[options.monitor]} {value:.4f} at epoch {epoch}"


def outlook(state: TrainingState, options: TrainOptions, passes: float) -> str:
    """Time left after an epoch of so many `passes`, honest about early stopping; empty when training is over.

    ``at most 9 min left, may stop in 3 min (patience: 5 of 8 passes used)``, or ``9 min left`` where patience
    cannot run out before the last epoch, as with a schedule that runs to its end. The pace is that of the
    last three epochs, without the first, which compiles: before the second nothing is said.
    """
    if state.over(options, passes) or len(state.history) < 2:
        return ""
    recent = [row["seconds"] for row in state.history[1:][-_EPOCHS_OF_PACE:]]
    pace, ahead = sum(recent) / len(recent), options.epochs - state.epoch
    # as exact as `over` is
    patience = options.stops_after / (passes * (1 + 1e-9)) - state.stale
    if patience > ahead - 1:
        return f"{duration(ahead * pace)} left"
    return (
        f"at most {duration(ahead * pace)} left, may stop in {duration(math.ceil(patience) * pace)} "
        f"(patience: {state.stale * passes:.3g} of {options.stops_after:.3g} passes used)"
    )
