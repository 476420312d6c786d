"""What ``bundle.json`` says of a trained model, and its weights as arrays.

Importable without TensorFlow, which takes seconds and 600 MB to load.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from danq.data.manifest import Size, Task
from danq.data.options import Kind
from danq.errors import DanqError, first_few
from danq.files import sha256
from danq.learn.trials import Searched
from danq.models import MODELS, load_model_module
from danq.storage import Entry, Manifest

MODEL_FILE, NETWORK_FILE, WEIGHTS_FILE = "model.keras", "network.json", "weights.safetensors"
HISTORY_FILE = "history.tsv"
CHECKPOINT_DIRECTORY = ".checkpoint"
"""Inside a run's results, but no declared output: those Snakemake deletes before a job runs again."""
ENSEMBLE = "ensemble"
"""The model of a run that is the mean of others."""

_MEANING = (
    *("options", "encoder", "targets", "task", "data_kind"),
    *("window", "bin", "step", "shape", "model_file", "network"),
)
"""Entries of ``bundle.json`` that give a model's numbers their meaning."""


def bundle_digest(info: Mapping[str, Any], weights: Sequence[NDArray[Any]]) -> str:
    """SHA-256 of weights, of which dtypes count, too, and of all that gives a model's numbers their meaning.

    That is, of `info` as in ``bundle.json``: the model (of one's own: its file), its layers, its options, the
    encoder, targets and task, window and bin, and which strands are read. Dates, names and where it was
    trained are no part of it.
    """
    head = {name: info.get(name) for name in _MEANING}
    head["strands"] = info["predict"].get("reverse_complement")
    head["model"] = None if info.get("model_file") else info["model"]
    if info.get("description"):
        head["description"] = info["description"]
    return weights_digest(head, weights)


def weights_digest(head: Mapping[str, Any], weights: Sequence[NDArray[Any]]) -> str:
    """SHA-256 of something JSON-like and of arrays, of which dtypes and shapes count, too."""
    total = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode())
    for array in weights:
        contiguous = np.ascontiguousarray(array)
        total.update(f"\0{contiguous.dtype.str}{array.shape}\0".encode())
        # as bytes: bfloat16 has no buffer of its own
        total.update(contiguous.reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def _known(model: str) -> str:
    if model not in (*MODELS, ENSEMBLE) and not model.endswith(".py"):
        raise ValueError(f"expected {', '.join(MODELS)}, {ENSEMBLE} or a Python file of a model")
    return model


class TrainedOn(Entry):
    """The dataset of a training: its name, its digest, and that of its genome, if it has one."""

    name: str
    digest: str
    genome_digest: str | None


class Member(Entry):
    """A bundle inside an ensemble's: its run and model, its digest, the weight of its logits in the mean."""

    run: str
    model: str
    digest: str
    weight: Annotated[float, Field(gt=0, le=1)]


class BundleManifest(Manifest):
    """``bundle.json``.

    Attributes
    ----------
    run, model : str
        Name of the run; name of the model, or path of its Python file.
    model_file : str or None
        SHA-256 of that file; None for models that come with danq.
    network : str or None
        Digest of its layers and how they are connected; None for an ensemble.
    description : str or None
        Digest of what ``network.json`` says; None for an ensemble, and in bundles of earlier releases, which
        hold neither it nor ``weights.safetensors``.
    options, train, predict : dict
        Of the model, the training and the prediction, all defaults included.
    window, bin, step : int or None
        bp of an input window, of the labelled bin at its centre, and of the sub-bins that are classified one
        by one; None where they do not apply.
    shape : tuple of int or None
        Height, width and channels of images.
    best, training : dict
        Metrics of the epoch whose weights were kept; time, speed and device.
    search : Searched or None
        None where the options are those of the configuration.
    encoder : dict
        State of the encoder, its name among it.
    digest : str
        As of `bundle_digest`, or of `ensemble_digest`.
    members : tuple of Member
        Of an ensemble, in place of a model of its own: `member_paths` says where they are.
    """

    KIND, FILE = "bundle", "bundle.json"
    run: str
    model: Annotated[str, AfterValidator(_known)]
    model_file: str | None = None
    options: dict[str, Any]
    train: dict[str, Any]
    predict: dict[str, Any]
    targets: Annotated[tuple[str, ...], Field(min_length=1)]
    task: Task
    data_kind: Kind
    window: Size | None
    bin: Size | None
    step: Size | None
    shape: tuple[Size, ...] | None
    best: dict[str, Any]
    training: dict[str, Any]
    dataset: TrainedOn
    search: Searched | None = None
    provenance: dict[str, Any]
    encoder: dict[str, Any]
    parameters: int
    network: str | None = None
    description: str | None = None
    digest: str
    members: tuple[Member, ...] = ()


def ensemble_digest(info: Mapping[str, Any]) -> str:
    """As `bundle_digest`, of an ensemble, by digests and weights of its members, whatever their names."""
    members = [(member["digest"], member["weight"]) for member in info["members"]]
    options = {key: value for key, value in info["options"].items() if key != "members"}
    return bundle_digest({**info, "options": [options, members]}, [])


def member_paths(path: Path, info: BundleManifest) -> list[Path]:
    """Directories of an ensemble's members, each a whole bundle inside its own; none of another bundle."""
    return [path / "members" / str(number) for number in range(len(info.members))]


ALIKE = ("targets", "task", "data_kind", "window", "bin", "step", "shape")
"""What an ensemble has in common with each member."""


def read_members(path: Path) -> list[BundleManifest]:
    """Read the manifests of the models behind a bundle: its own, or those of an ensemble's members.

    Raises
    ------
    DanqError
        If it is no bundle, or a member is not the one that the ensemble was made of.
    """
    info = BundleManifest.read(path)
    members = member_paths(path, info)
    infos = [BundleManifest.read(member) for member in members]
    for place, member, entry in zip(members, infos, info.members, strict=True):
        if (member.run, member.digest) != (entry.run, entry.digest) or member.members:
            raise DanqError(f"{place}: expected the bundle that {path} was made of (run {entry.run!r})")
        for key in ALIKE:
            if getattr(member, key) != getattr(info, key):
                raise DanqError(f"{place}: expected the {key} of {path}, received another")
    if (info.model == ENSEMBLE) != bool(infos):
        raise DanqError(f"{path / info.FILE}: expected members of an ensemble and of nothing else")
    states = [member.encoder for member in infos]
    if infos and any(state not in info.encoder.get("encoders", []) for state in states):
        raise DanqError(f"{path / info.FILE}: expected the encoders of its members, received others")
    if infos and ensemble_digest(info.content()) != info.digest:
        raise DanqError(f"{path / info.FILE}: members are not those that the ensemble was made of")
    return infos or [info]


def own_file(info: BundleManifest, trusted: Sequence[Path]) -> Path | None:
    """Find the file that a model of one's own was trained with among those that the user trusts."""
    files = trusted if info.model.endswith(".py") else ()
    return next((path for path in files if path.is_file() and sha256(path) == info.model_file), None)


def code_behind(infos: Sequence[BundleManifest], trusted: Sequence[Path] = ()) -> tuple[str, ...]:
    """Name the models whose code works on bundles' numbers, once each: of one's own the trusted file."""
    models = [own_file(info, trusted) if info.model.endswith(".py") else info.model for info in infos]
    return tuple(sorted({str(model) for model in models if model is not None}))


def model_module(info: BundleManifest, trusted: Sequence[Path] = ()) -> ModuleType | None:
    """Find the module of a bundle's model.

    Nothing is run because a bundle says so: the file of a model of one's own must be among those that the
    user trusts. None where it is not there, or not what it was at the training.
    """
    if not info.model.endswith(".py"):
        return MODELS[info.model]
    file = own_file(info, trusted)
    return None if file is None else load_model_module(str(file), info.model_file)


def check_trusted(trusted: Sequence[Path], bundles: Sequence[Path]) -> None:
    """Refuse a file of ``--trust-model-code`` that none of the bundles was trained with."""
    infos = [info for bundle in bundles for info in read_members(bundle)]
    for file in trusted:
        if not any(own_file(info, [file]) for info in infos):
            raise DanqError(
                f"--trust-model-code {file}: expected the very file that {first_few(map(str, bundles))} was "
                "trained with, received " + ("another" if file.is_file() else "no file")
            )


def target_indices(names: Sequence[str], known: Sequence[str], option: str) -> tuple[int, ...]:
    """Find targets among a model's by their names: their indices in the order asked for.

    Raises
    ------
    DanqError
        If a target is named twice or unknown; the message begins with `option`.
    """
    for number, name in enumerate(names):
        if name in names[:number]:
            raise DanqError(f"{option} {name}: named twice; expected each target once")
        if name not in known:
            raise DanqError(f"{option} {name}: expected a target of the model ({first_few(known)})")
    return tuple(known.index(name) for name in names)


class UsedBundle(Entry):
    """A bundle that a result was made with: its directory, the name of its run, its digest."""

    path: str
    run: str
    digest: str
