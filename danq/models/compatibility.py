"""Whether options fit the rows that a model is to read, told without the rows: sizes, sub-bins, strands."""

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from pydantic import BaseModel

from danq.data.encoders import Encoder
from danq.errors import DanqError


class RowOptions(Protocol):
    """What of the training options concerns the rows."""

    @property
    def reverse_complement(self) -> str:
        """``none``, or how the other strand is used."""

    @property
    def shift(self) -> int:
        """Bp that windows move by."""


def make_encoder(module: ModuleType, options: BaseModel, kind: str) -> Encoder:
    """Make a model's unfitted encoder for a kind of data; models that read one kind are not told it."""
    kinds = {"kind": kind} if "kind" in inspect.signature(module.encoder).parameters else {}
    made: Encoder = module.encoder(options, **kinds)
    if not hasattr(made, "fit"):
        raise DanqError(f"{module.__file__}: encoder: expected to return an encoder, received {made!r}")
    return made


def train_problems(train: RowOptions, kind: str, sub_bin: int | None) -> Iterator[str]:
    """Find strands or shifts that rows do not have: a phrase ``key: expected …, received …`` each."""
    if train.reverse_complement != "none" and kind != "dna":
        received = train.reverse_complement
        yield f"reverse_complement: expected none for a dataset of kind {kind}, received {received}"
    if train.shift and (kind != "dna" or sub_bin):
        what = "labelled steps" if sub_bin else f"kind {kind}"
        yield f"shift: expected 0 for a dataset of {what}, received {train.shift}"


def check_options(
    module: ModuleType, options: BaseModel, kind: str, window: int, bin: int | None, sub_bin: int | None
) -> None:
    """Refuse options that cannot be trained on any rows of these sizes.

    A model tells what it makes of them by ``sub_bins(options, encoder)``: how many sub-bins it classifies, 0
    where it classifies whole rows. One without it is not looked at, nor is the size of images, which only
    the images tell.

    Parameters
    ----------
    window, bin, sub_bin : int, int or None, int or None
        bp of windows, of bins, and of the sub-bins that are labelled; of DNA only.

    Raises
    ------
    DanqError
        With the option, what was expected and what was received.
    """
    check_whole_rows(module, bin, sub_bin)
    options = with_sub_bins(options, bin, sub_bin)
    if hasattr(module, "check_window"):
        module.check_window(options, window)
    if not hasattr(module, "sub_bins"):
        return
    encoder = make_encoder(module, options, kind)
    if kind == "dna":
        encoder = encoder.fit([np.zeros((1, window), np.uint8)])
    check_sub_bins(module.sub_bins(options, encoder), bin, sub_bin)


def check_whole_rows(module: ModuleType, bin: int | None, sub_bin: int | None) -> None:
    """Refuse sub-bins for a model that fits itself, to whole rows."""
    if bin and sub_bin and hasattr(module, "fit"):
        raise DanqError(
            "expected one label a target and row for this model, "
            f"received {bin // sub_bin} steps of {sub_bin} bp"
        )


def check_sub_bins(received: int, bin: int | None, sub_bin: int | None) -> None:
    """Refuse a model that classifies other sub-bins than a dataset labels, 0 for whole rows.

    Raises
    ------
    DanqError
        If one has sub-bins and the other has none, or their numbers differ; with the size that would fit.
    """
    expected = bin // sub_bin if bin and sub_bin else 0
    if received == expected:
        return
    if not expected:
        raise DanqError(
            "output: expected a model that classifies whole rows (output: sequence), as the dataset labels "
            "them (`steps` of a dataset labels stretches of DNA); received one that classifies steps"
        )
    if not received:
        raise DanqError(
            "output: expected a model that classifies steps (output: steps), for the dataset labels "
            f"{expected} steps of {sub_bin} bp; received one that classifies whole rows"
        )
    fitting = f"; steps of {bin // received} bp would fit" if bin and bin % received == 0 else ""
    raise DanqError(
        f"expected {expected} steps of {sub_bin} bp as the dataset labels them, received {received} steps of "
        f"the model{fitting}"
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
                f"{name}: expected {size} bp as the dataset labels them, or none, received {values[name]}"
            )
    return options.model_copy(update=labelled)
