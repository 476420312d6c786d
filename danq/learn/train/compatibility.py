"""Whether data, model and options of training belong together; what does not is refused in one line."""

import logging
from types import ModuleType

import keras
import numpy as np

from danq.data.dataset import Dataset
from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError
from danq.learn.keras_loading import check_loads
from danq.learn.options import TrainOptions
from danq.models import kinds_read
from danq.models.compatibility import check_sub_bins, check_whole_rows, train_problems

log = logging.getLogger("danq")


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
    for problem in train_problems(train, data.kind, data.sub_bin):
        raise DanqError(f"train.{problem}")
    check_whole_rows(module, data.bin, data.sub_bin)
    counts, labels = data.counts("train"), data.labelled("train")
    if not np.any((counts > 0) & (counts < labels)):
        found = f"{labels.max()} of one"
        dropped = data.manifest.left_out.get("negatives_dropped", 0)
        why = (
            f"; `keep` of the dataset left out {dropped:,} training bins without a positive"
            if dropped
            else ""
        )
        raise DanqError(f"{data.path}: expected training rows of two classes or more, found {found}{why}")
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


def check_built(model: keras.Model, data: Dataset, run: str, module: str) -> None:
    """Refuse a model whose output, (batch, k) or (batch, sub-bins, k), is not one logit a label of a row.

    Or one that no bundle could bring back; `module` is the name of the model's.

    Raises
    ------
    DanqError
        If it is no model, one has sub-bins and the other has none, or their numbers differ, with the size
        that would fit; or as `check_loads`.
    """
    if not isinstance(model, keras.Model) or not hasattr(getattr(model, "output", None), "shape"):
        raise DanqError(
            f"runs.{run}.model: expected build to return a Keras model with one output, received {model!r}"
        )
    check_loads(f"runs.{run}.model", model, [module])
    received = tuple(model.output.shape[1:])
    expected = (data.sub_bins, len(data.targets)) if data.sub_bins else (len(data.targets),)
    if received == expected:
        return
    try:
        check_sub_bins(received[0] if len(received) == 2 else 0, data.bin, data.sub_bin)
    except DanqError as error:
        raise DanqError(f"runs.{run}.options: {error}") from None
    raise DanqError(
        f"runs.{run}.model: expected build to return {len(data.targets)} logits a row or sub-bin, "
        f"received an output of shape {received}"
    )
