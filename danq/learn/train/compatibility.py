"""Whether data, model and options of training belong together; what does not is refused in one line."""

import inspect
import logging
from types import ModuleType
from typing import Any

import keras
import numpy as np
from pydantic import BaseModel

from danq.data.dataset import Dataset
from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError
from danq.learn.options import TrainOptions
from danq.models import kinds_read

log = logging.getLogger("danq")


def make_encoder(module: ModuleType, options: BaseModel, kind: str) -> Encoder:
    """Make a model's unfitted encoder for a kind of data; models that read one kind are not told it."""
    kinds = {"kind": kind} if "kind" in inspect.signature(module.encoder).parameters else {}
    made: Encoder = module.encoder(options, **kinds)
    if not hasattr(made, "fit"):
        raise DanqError(f"{module.__file__}: encoder: expected to return an encoder, received {made!r}")
    return made


def check_encoder(encoder: Encoder, run: str) -> None:
    """Refuse an encoder that a bundle could not bring back.

    Raises
    ------
    DanqError
        If it is none of danq's own.
    """
    try:
        same = load_encoder(encoder.state()) == encoder
    except DanqError as error:
        raise DanqError(f"runs.{run}.model: {error}; a model file uses one of these") from None
    if not same:
        raise DanqError(f"runs.{run}.model: expected an encoder that its state() brings back as it is")


def check_data(module: ModuleType, data: Dataset, train: TrainOptions) -> None:
    """Refuse a dataset that the model or the training cannot use.

    Raises
    ------
    DanqError
        If the model reads other kinds of data, strands or shifts are asked of rows that have none, the model
        cannot learn sub-bins, all training rows are of one class, or validation has no rows or none that the
        monitor can use.
    """
    kinds = kinds_read(module)
    if data.kind not in kinds:
        expected = " or ".join(kinds)
        raise DanqError(
            f"{data.path}: expected a dataset of kind {expected} for this model, received kind {data.kind}"
        )
    if train.reverse_complement != "none" and data.kind != "dna":
        raise DanqError(
            f"train.reverse_complement: expected none for a dataset of kind {data.kind}, "
            f"received {train.reverse_complement}"
        )
    if train.shift and (data.kind != "dna" or data.sub_bins):
        what = "labelled steps" if data.sub_bins else f"kind {data.kind}"
        raise DanqError(f"train.shift: expected 0 for a dataset of {what}, received {train.shift}")
    if data.sub_bins and hasattr(module, "fit"):
        raise DanqError(
            f"{data.path}: expected one label a target and row for this model, "
            f"received {data.sub_bins} steps of {data.sub_bin} bp"
        )
    counts, labels = data.counts("train"), data.labelled("train")
    if not np.any((counts > 0) & (counts < labels)):
        found = f"{labels.max()} of one"
        raise DanqError(f"{data.path}: expected training rows of two classes or more, found {found}")
    _check_validation(data, train)


def _check_validation(data: Dataset, train: TrainOptions) -> None:
    labels = data.labelled("valid")
    if not labels.any():
        raise DanqError(f"{data.path}: expected at least one labelled validation row, found none")
    positives = data.counts("valid")
    if np.any((positives > 0) & (positives < labels)):
        return
    if train.monitor != "loss":
        raise DanqError(
            f"train.monitor: {train.monitor} needs a target with positive and negative validation rows, "
            f"{data.path} has none; use loss"
        )
    log.warning(
        "%s: the %s validation rows hold no positive, or no negative, of any target; AUROC and AUPRC are not "
        "measured while training, and nothing is tuned by them; another `split.valid` helps",
        data.path,
        f"{len(data.rows('valid')):,}",
    )


def with_sub_bins(options: BaseModel, bin: int | None, sub_bin: int | None) -> BaseModel:
    """Tell a model that classifies sub-bins, if its options can be told, which of them the dataset labels.

    `bin` and `sub_bin` are bp of the dataset's bins and of their sub-bins.

    Raises
    ------
    DanqError
        If the options name a bin or sub-bins of another size: as many of them may cover another part.
    """
    if sub_bin is None or not {"output", "bin", "steps"} <= set(type(options).model_fields):
        return options
    values: dict[str, Any] = dict(options)
    if values["output"] != "steps":
        return options
    labelled = {"bin": bin, "steps": sub_bin}
    for name, size in labelled.items():
        if values[name] not in (size, None):
            raise DanqError(
                f"options.{name}: expected {size} bp as the dataset labels them, or none, "
                f"received {values[name]}"
            )
    return options.model_copy(update=labelled)


def check_output(model: keras.Model, data: Dataset, run: str) -> None:
    """Refuse a model whose output, (batch, k) or (batch, sub-bins, k), is not one logit a label of a row.

    Raises
    ------
    DanqError
        If it is no model, one has sub-bins and the other has none, or their numbers differ; with the size
        that would fit.
    """
    if not isinstance(model, keras.Model):
        raise DanqError(f"runs.{run}.model: expected build to return a Keras model, received {model!r}")
    received = tuple(model.output.shape[1:])
    expected = (data.sub_bins, len(data.targets)) if data.sub_bins else (len(data.targets),)
    if received == expected:
        return
    where = f"runs.{run}.options"
    if len(received) == len(expected) == 2 and data.bin:
        fitting = f"; steps of {data.bin // received[0]} bp would fit" if data.bin % received[0] == 0 else ""
        raise DanqError(
            f"{where}: expected {data.sub_bins} steps of {data.sub_bin} bp as the dataset labels them, "
            f"received {received[0]} steps of the model{fitting}"
        )
    if len(expected) > len(received):
        raise DanqError(
            f"{where}: expected a model that classifies steps (output: steps), for the dataset labels "
            f"{data.sub_bins} steps of {data.sub_bin} bp; received one that classifies whole rows"
        )
    raise DanqError(
        f"{where}: expected a model that gives {len(data.targets)} logits a row, for the dataset labels "
        f"whole rows (`steps` of a dataset labels stretches of them); received an output of shape {received}"
    )
