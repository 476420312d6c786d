"""The model bundle: a trained network with its encoder, options, targets and history, as a directory."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from danq.data.encoders import Encoder, load_encoder
from danq.errors import DanqError
from danq.learn.manifest import BundleManifest, model_module, weights_digest
from danq.learn.weights import MODEL_FILE

HISTORY_FILE = "history.tsv"
HISTORY_COLUMNS = (
    "epoch",
    "train_loss",
    "valid_loss",
    "valid_auroc",
    "valid_auprc",
    "valid_f1",
    "learning_rate",
    "samples_per_second",
    "seconds",
)


@dataclass(frozen=True)
class Bundle:
    """A trained model with all that is needed to use it.

    Attributes
    ----------
    path : Path
        Directory it was read from.
    model : keras.Model
        Takes the dict of arrays `encoder` makes; returns logits (n, k), or (n, steps, k).
    encoder : Encoder
        Turns raw rows (of DNA, codes uint8 (n, window)) into the model's inputs.
    info : BundleManifest
        ``bundle.json``.
    """

    path: Path
    model: keras.Model
    encoder: Encoder
    info: BundleManifest

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the k outputs."""
        return self.info.targets

    @property
    def window(self) -> int:
        """Length of an input window in bp; 0 where rows are no DNA."""
        return self.info.window or 0

    @property
    def kind(self) -> str:
        """What a row is: ``dna``, ``text`` or ``image``."""
        return self.info.data_kind

    @property
    def sub_bin(self) -> int:
        """Bp of the sub-bins that are classified one by one; 0 where rows are classified as a whole."""
        return self.info.step or 0

    @property
    def task(self) -> str:
        """``multilabel`` (sigmoid) or ``multiclass`` (softmax)."""
        return self.info.task

    @property
    def digest(self) -> str:
        """SHA-256 of options, encoder state and the ordered weight arrays."""
        return self.info.digest


def model_weights(model: keras.Model) -> list[NDArray[Any]]:
    """Weights of a model in their fixed order, without the states of dropout's generators."""
    return [np.asarray(weight.numpy()) for weight in model.weights]


def save_bundle(
    out: Path,
    model: keras.Model,
    encoder: Encoder,
    info: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
) -> BundleManifest:
    """Write `model.keras`, `history.tsv` and `bundle.json` into a directory.

    Parameters
    ----------
    out : Path
        Existing directory, usually that of `danq.files.staged`.
    model : keras.Model
        Model with its best weights.
    encoder : Encoder
        Its fitted encoder.
    info : mapping
        Keys of ``bundle.json`` but for ``encoder``, ``parameters`` and ``digest``, which are set here.
    history : sequence of mappings
        One mapping an epoch with the keys `HISTORY_COLUMNS`; what is missing or None stays empty.

    Returns
    -------
    BundleManifest
        What ``bundle.json`` holds.
    """
    made = {
        "encoder": encoder.state(),
        "parameters": model.count_params(),
        "digest": weights_digest(info["options"], encoder.state(), model_weights(model)),
    }
    manifest = BundleManifest(**{**info, **made})
    model.save(out / MODEL_FILE)
    (out / HISTORY_FILE).write_text(history_table(history), encoding="utf-8")
    manifest.write(out)
    return manifest


def history_table(history: Sequence[Mapping[str, Any]]) -> str:
    """Tab-separated text of the history, one line an epoch; an undefined value is an empty cell."""
    lines = ["\t".join(HISTORY_COLUMNS)]
    lines += ["\t".join(_cell(row.get(column)) for column in HISTORY_COLUMNS) for row in history]
    return "\n".join(lines) + "\n"


def _cell(value: Any) -> str:
    if value is None or value != value:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def load_bundle(path: Path) -> Bundle:
    """Read a bundle and check that its model is the one its manifest describes.

    Parameters
    ----------
    path : Path
        Directory with ``bundle.json`` and ``model.keras``.

    Raises
    ------
    DanqError
        If it is no bundle, of another format version, its model cannot be read, or manifest and model
        do not belong together.
    """
    info = BundleManifest.read(path)
    encoder = load_encoder(info.encoder)
    model = _load_model(path / MODEL_FILE, info)
    if weights_digest(info.options, info.encoder, model_weights(model)) != info.digest:
        raise DanqError(f"{path / MODEL_FILE}: weights are not those {info.FILE} was written with")
    return Bundle(path, model, encoder, info)


def _load_model(path: Path, info: BundleManifest) -> keras.Model:
    if not path.is_file():
        raise DanqError(f"{path}: no such file; {path.parent} is no whole danq bundle")
    try:
        return keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, KeyError, OSError, zipfile.BadZipFile) as error:
        failed = error
    # layers of a model given by its path are known to Keras once its file is imported
    if info.model.endswith(".py") and model_module(info) is not None:
        try:
            return keras.models.load_model(path, compile=False)
        except (ValueError, TypeError, KeyError, OSError) as error:
            failed = error
    first = (str(failed).splitlines() or [type(failed).__name__])[0]
    raise DanqError(f"{path}: not readable as a Keras model ({first})") from failed
