"""What changes during a training beside the variables, and when it ends."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from danq.errors import DanqError
from danq.learn.options import TrainOptions
from danq.learn.train.monitor import ValidationMetrics


@dataclass
class TrainingState:
    """Counters, early stopping and history; JSON-like, so that a checkpoint holds all of it.

    Attributes
    ----------
    epoch, step : int
        0-based epoch under way and its next step.
    loss_sum, samples : float, int
        Of this epoch: sum of the losses over samples, and the samples.
    timed, training_seconds, waited : int, float, float
        Of all epochs: samples, seconds of training, and seconds thereof spent waiting for input; without
        the first step of a process, which compiles.
    epoch_timed, epoch_training_seconds, epoch_seconds : int, float, float
        Of this epoch: the same, and seconds with validation.
    best_score, best_epoch, stale : float, int, int
        Best value of the monitor (larger is better), its 1-based epoch, and epochs since.
    lowest_loss, plateau, reductions : float, int, int
        Lowest validation loss, epochs since it or since the last reduction, reductions of the learning rate.
    history : list of dict
        One row an epoch, with the columns of ``history.tsv``.
    resumed : int
        How often the training went on from a checkpoint.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    samples: int = 0
    timed: int = 0
    training_seconds: float = 0.0
    waited: float = 0.0
    epoch_timed: int = 0
    epoch_training_seconds: float = 0.0
    epoch_seconds: float = 0.0
    best_score: float = -math.inf
    best_epoch: int = 0
    stale: int = 0
    lowest_loss: float = math.inf
    plateau: int = 0
    reductions: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    resumed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """All fields, JSON-like."""
        return asdict(self)

    def over(self, options: TrainOptions) -> bool:
        """Whether all epochs are done, or nothing got better for `patience` epochs."""
        return self.epoch >= options.epochs or self.stale >= options.patience

    def count(self, loss: float, samples: int, step: int) -> None:
        """Add the loss of one step.

        Raises
        ------
        DanqError
            If it is no finite number.
        """
        if not math.isfinite(loss):
            raise diverged(f"the loss is {loss} in epoch {self.epoch + 1}, step {step + 1}")
        self.loss_sum += loss * samples
        self.samples += samples

    def time(self, samples: int, seconds: float, waited: float) -> None:
        """Add the time of one step."""
        self.timed += samples
        self.epoch_timed += samples
        self.training_seconds += seconds
        self.epoch_training_seconds += seconds
        self.waited += waited

    @property
    def samples_per_second(self) -> float | None:
        """Training speed over all epochs; None where nothing was timed."""
        return self.timed / self.training_seconds if self.timed else None

    @property
    def wait_share(self) -> float | None:
        """Part of the training time spent waiting for input."""
        return self.waited / self.training_seconds if self.timed else None

    def close_epoch(self, metrics: ValidationMetrics, options: TrainOptions, rate: float) -> bool:
        """Note the epoch that ended and turn to the next.

        Parameters
        ----------
        metrics : ValidationMetrics
            Of its validation.
        options : TrainOptions
            `monitor` and `schedule` are read.
        rate : float
            Learning rate of its last step.

        Returns
        -------
        bool
            Whether it is the best epoch so far.

        Raises
        ------
        DanqError
            If the validation loss is no finite number.
        """
        if not math.isfinite(metrics.loss):
            raise diverged(f"the validation loss is {metrics.loss} after epoch {self.epoch + 1}")
        speed = self.epoch_timed / self.epoch_training_seconds if self.epoch_timed else None
        self.history.append(
            {
                "epoch": self.epoch + 1,
                "train_loss": self.loss_sum / self.samples,
                "valid_loss": metrics.loss,
                "valid_auroc": metrics.auroc,
                "valid_auprc": metrics.auprc,
                "valid_f1": metrics.f1,
                "learning_rate": rate,
                "samples_per_second": speed,
                "seconds": self.epoch_seconds,
            }
        )
        self._note_plateau(metrics.loss, options)
        score = {"loss": -metrics.loss, "auroc": metrics.auroc, "auprc": metrics.auprc}[options.monitor]
        self.epoch, self.step = self.epoch + 1, 0
        self.loss_sum, self.samples = 0.0, 0
        self.epoch_timed, self.epoch_training_seconds, self.epoch_seconds = 0, 0.0, 0.0
        if score is None or score <= self.best_score:
            self.stale += 1
            return False
        self.best_score, self.best_epoch, self.stale = score, self.epoch, 0
        return True

    def _note_plateau(self, loss: float, options: TrainOptions) -> None:
        self.plateau = 0 if loss < self.lowest_loss else self.plateau + 1
        self.lowest_loss = min(self.lowest_loss, loss)
        if self.plateau >= options.schedule.patience:
            self.plateau, self.reductions = 0, self.reductions + 1


def diverged(what: str) -> DanqError:
    """Error of a training that cannot go on."""
    return DanqError(
        f"training diverged: {what}; try a lower train.learning_rate, train.clip_norm: 1 or "
        "train.precision: float32"
    )
