"""Fit a run's model to its dataset: by the training loop, or by the model's own way of fitting."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pydantic import BaseModel

from danq.data.batches import TrainingBatches
from danq.data.dataset import Dataset, Raw
from danq.data.encoders import Encoder
from danq.errors import DanqError, TrainingFailedError, first_line
from danq.files import digest, sha256
from danq.learn.bundle import Bundle, load_bundle
from danq.learn.cudnn import recur_in_float32
from danq.learn.devices import describe_device, find_gpus, processor_name, repeatable
from danq.learn.export import opened_bundles
from danq.learn.gpu import out_of_memory
from danq.learn.manifest import BundleManifest
from danq.learn.options import PredictOptions, TrainOptions, bundle_path
from danq.learn.train.chance import chance_loss
from danq.learn.train.compatibility import check_built, check_encoder
from danq.learn.train.loop import Training, TrainingData
from danq.learn.train.monitor import epoch_events
from danq.learn.train.optimization import make_optimizer, positive_weights, row_loss, target_weights
from danq.learn.train.state import CheckpointStore, TrainingState
from danq.learn.train.step import Steps
from danq.learn.train.transfer import copy_weights, freeze_layers, warn_of_other_rows
from danq.learn.workers import ALONE, Workers
from danq.models.compatibility import make_encoder
from danq.processes import finish_undisturbed
from danq.provenance import code_digest, verb_digest
from danq.threads import described_threads

_READ_AT_ONCE = 4096
_WITHOUT_INFLUENCE = {"require_gpu", "tensorboard", "checkpoint_minutes"}


class RunOptions(Protocol):
    """A run as the configuration holds it."""

    @property
    def model(self) -> str:
        """Name of a model, or path of its Python file."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Options of the model."""

    @property
    def train(self) -> TrainOptions:
        """How it is trained."""

    @property
    def predict(self) -> PredictOptions:
        """How it will predict."""


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the model in float32 on one device, and how it went."""

    encoder: Encoder
    model: keras.Model
    history: Sequence[Mapping[str, Any]]
    training: dict[str, Any]
    inputs: dict[str, str]


@dataclass(frozen=True)
class Opened:
    """What a training starts from: the model's module and checked options, the rows, the devices.

    `model_file` is the SHA-256 of the file of a model of one's own, by which its bundle will know it.
    `strategy` is None for models that bring their own way of fitting; `workers` share each batch.
    """

    module: ModuleType
    model_file: str | None
    options: BaseModel
    data: Dataset
    strategy: Any
    workers: Workers = ALONE


def fit_itself(opened: Opened, seed: int) -> Trained:
    """Let a model that brings its own way of fitting take it."""
    started = time.monotonic()
    with repeatable(seed, "float32"), _options_that_fail():
        encoder, model, history = opened.module.fit(opened.options, opened.data, seed)
        if not all(np.isfinite(array).all() for array in model.get_weights()):
            raise TrainingFailedError("training diverged: of the fitted weights some are no finite numbers")
    # what remains takes seconds, and would be lost
    finish_undisturbed()
    seconds, speed = time.monotonic() - started, history[-1].get("samples_per_second")
    went = course(f"CPU ({processor_name()})", seconds, len(history), samples_per_second=speed)
    return Trained(encoder, model, history, went, {})


def fit_by_steps(
    opened: Opened,
    name: str,
    run: RunOptions,
    store: CheckpointStore,
    runs: Path,
    trusted: Sequence[Path],
    until: int | None = None,
) -> Trained:
    """Train by the loop, with the best weights put into a model free of devices and mixed precision.

    With `until`, pause after so many epochs and leave a checkpoint, from which the same code goes on.
    """
    module, options, data, strategy = opened.module, opened.options, opened.data, opened.strategy
    train = run.train
    with repeatable(train.seed, train.precision, train.deterministic):
        with _options_that_fail():
            unfitted = make_encoder(module, options, data.kind)
        encoder = unfitted.fit(_raw(data, data.rows("train")))
        check_encoder(encoder, name)
        build = (options, encoder, len(data.targets), data.task)
        source = _start(train.init_from, runs, trusted)
        with strategy.scope():
            with _options_that_fail():
                model = module.build(*build)
                check_built(model, data, name, module.__name__)
            if train.precision == "mixed_bfloat16" and find_gpus():
                recur_in_float32(model)
            if source is not None:
                warn_of_other_rows(source, data, str(train.init_from))
                copy_weights(source, model, encoder, str(train.init_from))
            freeze_layers(model, train.freeze)
            optimizer = make_optimizer(train, strategy.num_replicas_in_sync)
            optimizer.build(model.trainable_variables)
        weights = positive_weights(train, data), target_weights(train, data)
        loss = row_loss(data.task, *weights, unknown=data.known is not None)
        inputs = {} if source is None else {"init_from": source.info.digest}
        writes, workers = opened.workers.leads, len(opened.workers.addresses)
        training = Training(
            Steps(strategy, model, optimizer, loss, train.clip_norm is not None, workers),
            TrainingData(_batches(data, train), encoder, data.rows("valid")),
            train,
            store,
            epoch_events(store.directory.parent / "tensorboard" if train.tensorboard and writes else None),
            writes,
        )
        state = _run(training, name, train, until)
    final = module.build(*build)
    final.set_weights(model.get_weights())
    chance = {split: chance_loss(data, split, *weights) for split in ("train", "valid")}
    went = _course_of(state, train, workers) | {"chance_loss": chance}
    return Trained(encoder, final, state.history, went, inputs)


def _start(init_from: str | None, runs: Path, trusted: Sequence[Path]) -> Bundle | None:
    if init_from is None:
        return None
    with opened_bundles([bundle_path(init_from, runs)]) as (place,):
        return load_bundle(place, trusted)


def _start_digest(init_from: str | None, runs: Path) -> str | None:
    if init_from is None:
        return None
    with opened_bundles([bundle_path(init_from, runs)]) as (place,):
        return BundleManifest.read(place).digest


def _run(training: Training, name: str, train: TrainOptions, until: int | None) -> TrainingState:
    """Train; what a GPU refuses is said in one line, with the way out."""
    try:
        return training.run(name, until)
    except tf.errors.UnimplementedError as error:
        if "determinis" not in str(error).lower():
            raise
        raise DanqError(
            f"train.deterministic: expected false, for which this device has kernels; received "
            f"{train.deterministic!r} (TensorFlow: {first_line(error)})"
        ) from None
    except (tf.errors.ResourceExhaustedError, tf.errors.InternalError, tf.errors.UnknownError) as error:
        if not find_gpus():
            raise
        # large batches also overflow the kernels' indices, which has no error of its own
        fits = training.rows_that_fit()
        if fits >= train.batch_size and not isinstance(error, tf.errors.ResourceExhaustedError):
            raise
        raise out_of_memory("train.batch_size", train.batch_size, fits) from None


@contextmanager
def _options_that_fail() -> Iterator[None]:
    """Make what the model's own file refuses a failure of these options."""
    try:
        yield
    except DanqError as error:
        raise TrainingFailedError(str(error)) from error


def course(device: str, seconds: float, epochs: int, **more: Any) -> dict[str, Any]:
    """Give the entry `training` of a bundle; what is not told is None, or 0 for ``resumed``."""
    return {
        "device": device,
        **described_threads(),
        "samples_per_second": None,
        "wait_share": None,
        "seconds": seconds,
        "epochs": epochs,
        "resumed": 0,
        "ended": None,
        **more,
    }


def _course_of(state: TrainingState, train: TrainOptions, workers: int) -> dict[str, Any]:
    return course(
        (f"{workers} workers, each " if workers > 1 else "") + describe_device(),
        sum(row["seconds"] for row in state.history),
        len(state.history),
        samples_per_second=state.samples_per_second,
        wait_share=state.wait_share,
        resumed=state.resumed,
        ended=state.ended(train),
        **({"diverged": state.diverged} if state.diverged else {}),
    )


def _raw(data: Dataset, rows: NDArray[np.int64]) -> Iterator[Raw]:
    for first in range(0, len(rows), _READ_AT_ONCE):
        yield data.raw(rows[first : first + _READ_AT_ONCE])


def _batches(data: Dataset, train: TrainOptions) -> TrainingBatches:
    return TrainingBatches(
        data,
        data.rows("train"),
        train.batch_size,
        train.seed,
        train.reverse_complement == "augment",
        train.shift,
        train.samples_per_epoch,
    )


def training_digest(opened: Opened, run: RunOptions, runs: Path, until: int | None = None) -> str:
    """SHA-256 of all that the weights depend on but threads and device: data, options, code, libraries.

    With `until`, up to the pause after so many epochs. Of code count neither comments nor layout, as of
    `danq.provenance.verb_digest`; of files that options name, such as motifs, their contents.
    """
    named = [option for _, option in opened.options if isinstance(option, Path)]
    return digest(
        {
            "code": verb_digest("train" if until is None else "trial", run.model),
            "libraries": [version(library) for library in ("tensorflow", "keras", "numpy")],
            "model": code_digest(Path(run.model)) if run.model.endswith(".py") else run.model,
            "options": opened.options.model_dump(mode="json"),
            "files": [sha256(path) for path in named],
            "train": run.train.model_dump(mode="json", exclude=_WITHOUT_INFLUENCE),
            "dataset": opened.data.digest,
            "init_from": _start_digest(run.train.init_from, runs),
        }
    )
