"""What a configuration says of training and prediction, and the names of runs with several seeds or folds.

Importable without TensorFlow.
"""

import math
import re
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from danq.options import Closed

Precision = Literal["float32", "tf32", "mixed_bfloat16", "mixed_float16"]
Deterministic = Literal["auto"] | bool

_NAME = re.compile(r"(?P<base>.+?)(\.fold(?P<fold>[1-9][0-9]*))?(\.seed(?P<seed>[0-9]+))?")

_PATIENCE = 5.0
"""DanQ's."""


class Schedule(Closed):
    """How the learning rate changes over the training."""

    kind: Literal["constant", "cosine", "exponential", "plateau"] = Field("constant", description="shape")
    warmup_steps: int = Field(0, ge=0, description="steps of linear rise from 0 to the learning rate")
    decay: float = Field(
        0.1,
        gt=0,
        le=1,
        description="cosine, exponential: rate at the last epoch as a part of the first; "
        "plateau: factor at each reduction",
    )
    patience: int = Field(2, ge=1, description="plateau: epochs without a better validation loss")


class TrainOptions(Closed):
    """How a model is trained; the defaults are those of DanQ (doi 10.1093/nar/gkw226)."""

    batch_size: int = Field(100, ge=1, description="examples a step")
    epochs: int = Field(60, ge=1, description="passes over the training examples at most")
    patience: float | None = Field(
        None,
        gt=0,
        description="passes over all training examples, and so over the positives, without a better "
        "validation value before stopping; where left out 5, but a cosine schedule runs to its end",
    )
    monitor: Literal["loss", "auroc", "auprc"] = Field(
        "loss", description="validation value that decides which epoch is kept, and when to stop"
    )
    optimizer: Literal["rmsprop", "adam", "adamw", "adadelta"] = Field("rmsprop", description="optimizer")
    learning_rate: float = Field(0.001, gt=0, description="learning rate at its highest")
    weight_decay: float = Field(0.0, ge=0, description="decoupled weight decay a step (adamw)")
    clip_norm: float | None = Field(None, gt=0, description="largest global norm of a gradient")
    schedule: Schedule = Field(Schedule(), description="learning-rate schedule")
    average: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="0: weights as they are; otherwise a running mean of them, of which this part stays at "
        "each step (0.99: about the last 100 steps), validates and is kept",
    )
    seed: int = Field(1337, ge=0, description="seed of initial weights, batches, augmentation and dropout")
    reverse_complement: Literal["none", "augment"] = Field(
        "none", description="augment: each training example is read on a random strand"
    )
    shift: int = Field(0, ge=0, description="bp; training windows are moved by up to this much either way")
    positive_weight: float | Literal["none", "balanced"] = Field(
        "none",
        description="weight of positive labels in the loss; balanced: negatives per positive of each target",
    )
    target_weight: Literal["none", "rare"] = Field(
        "none",
        description="rare: the loss of a target weighs 1/sqrt(entropy of its training labels), scaled to a "
        "mean of 1, so that rare targets are learnt too; probabilities stay calibrated",
    )
    samples_per_epoch: int | None = Field(None, ge=1, description="examples an epoch; all where left out")
    precision: Precision = Field(
        "float32",
        description="arithmetic of training; tf32: float32 whose products GPUs may compute from 10-bit "
        "mantissas; predictions and scores are float32 in any case",
    )
    deterministic: Deterministic = Field(
        "auto", description="whether the same command gives the same bytes; auto: wherever it can"
    )
    require_gpu: bool = Field(False, description="fail at once where there is no GPU")
    distribute: Literal["none", "mirrored", "multi_worker"] = Field(
        "none",
        description="mirrored: all GPUs of the machine; multi_worker: all processes that Slurm's srun "
        "starts, or that TF_CONFIG names, share each batch",
    )
    workers: int | None = Field(
        None,
        ge=2,
        description="multi_worker: processes, one a node; as many as there are where left out (the workflow "
        "starts 2)",
    )
    init_from: str | None = Field(
        None, description="run name, or path of a bundle or of an archive of one, whose weights are the start"
    )
    freeze: list[str] = Field([], description="names of layers whose weights stay as they are")
    tensorboard: bool = Field(False, description="write TensorBoard event files beside the bundle")
    checkpoint_minutes: float = Field(10.0, gt=0, description="minutes between two resumable checkpoints")

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.workers is not None and self.distribute != "multi_worker":
            raise ValueError(
                f"`workers`: expected nothing unless `distribute` is multi_worker, received {self.workers} "
                f"with {self.distribute}"
            )
        if self.workers and self.batch_size % self.workers:
            raise ValueError(
                f"`batch_size`: expected a multiple of the {self.workers} workers that share a batch, "
                f"received {self.batch_size}"
            )
        return self

    @model_validator(mode="after")
    def _decays(self) -> Self:
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError(
                f"`weight_decay`: expected 0 unless `optimizer` is adamw, received {self.weight_decay} with "
                f"{self.optimizer}"
            )
        return self

    @property
    def stops_after(self) -> float:
        """Passes over the training examples without a better validation value that end the training."""
        if self.patience is not None:
            return self.patience
        return math.inf if self.schedule.kind == "cosine" else _PATIENCE


class EnsembleOptions(Closed):
    """Whose mean a run of model `ensemble` is."""

    members: list[str | Annotated[list[str], Field(min_length=1)]] = Field(
        min_length=1,
        max_length=4,
        description="runs on the same dataset whose logits are averaged; those of a list, and the repeats of "
        "a run, are averaged first and count as one",
    )
    weights: Literal["validation", "equal"] = Field(
        "validation",
        description="validation: the quarters that give the highest mean AUPRC there, of members that do not "
        "help none",
    )


def named(entry: str | list[str]) -> list[str]:
    """List the runs that one entry of an ensemble's members names."""
    return [entry] if isinstance(entry, str) else entry


class PredictOptions(Closed):
    """How a trained model predicts."""

    reverse_complement: Literal["mean", "none"] = Field(
        "mean", description="mean: probabilities and logits are averaged over both strands"
    )
    batch_size: int = Field(
        128, ge=2, description="rows of the one fixed, padded batch; rounded up to a multiple of 16"
    )


def bundle_path(init_from: str, runs: Path) -> Path:
    """Where the bundle lies that `init_from` names: a path with a / as it is, else a run's results."""
    return Path(init_from) if "/" in init_from else runs / init_from


class Repeat(NamedTuple):
    """What the name of a run or dataset says.

    Attributes
    ----------
    base : str
        Name as the configuration has it.
    fold : int or None
        Which fold tests, from 1 on; None without folds.
    seed : int or None
        Seed of the training; None where there is only one.
    """

    base: str
    fold: int | None = None
    seed: int | None = None

    @property
    def name(self) -> str:
        """``base``, ``base.fold2``, ``base.seed1338`` or ``base.fold2.seed1338``."""
        fold = "" if self.fold is None else f".fold{self.fold}"
        return self.base + fold + ("" if self.seed is None else f".seed{self.seed}")


def read_name(name: str) -> Repeat:
    """Take a name apart; one without such an ending is all base."""
    match = _NAME.fullmatch(name)
    if match is None:
        return Repeat(name)
    fold, seed = (None if text is None else int(text) for text in match.group("fold", "seed"))
    return Repeat(match["base"], fold, seed)
