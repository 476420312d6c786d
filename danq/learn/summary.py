"""Layers, parameters and a text diagram of a run's model, before anything is trained."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np

from danq.data.dataset import Raw, open_dataset
from danq.data.manifest import DatasetManifest
from danq.data.options import DatasetOptions
from danq.data.regions.targets import read_targets
from danq.errors import DanqError
from danq.learn.train.transfer import freeze_layers
from danq.models import kinds_read, load_model_module
from danq.models.compatibility import make_encoder, with_sub_bins

_SIDE = 240
"""Pixels; many numbers of tiles divide it."""


@dataclass(frozen=True)
class Sizes:
    """What the data contribute to a model's shape.

    Attributes
    ----------
    window : int
        bp; 0 where rows are no DNA.
    targets : int
        Outputs.
    bin, sub_bin : int or None
        bp of the bins and of the sub-bins in them that are labelled.
    path : Path or None
        The dataset, whose training rows tell vocabulary or size where rows are no DNA.
    """

    window: int
    targets: int
    task: str
    kind: str = "dna"
    bin: int | None = None
    sub_bin: int | None = None
    path: Path | None = None


def sizes_of_dataset(path: Path) -> Sizes:
    """Sizes of a dataset directory.

    Raises
    ------
    DanqError
        If it is none.
    """
    manifest = DatasetManifest.read(path)
    window, targets = manifest.window or 0, len(manifest.targets)
    return Sizes(window, targets, manifest.task, manifest.data_kind, manifest.bin, manifest.step, path)


def sizes_of_options(options: DatasetOptions) -> Sizes:
    """Sizes of a dataset that need not be made yet.

    Raises
    ------
    DanqError
        If its classes, vocabulary or images' size are known only from its rows.
    """
    if options.kind != "dna":
        raise DanqError(f"what a {options.kind} is like, the made dataset tells; name it with --dataset")
    if options.targets is not None:
        targets = len(read_targets(options.targets))
        return Sizes(options.window, targets, "multilabel", bin=options.bin, sub_bin=options.steps)
    if len(options.label_columns) > 1:
        return Sizes(options.window, len(options.label_columns), "multilabel")
    raise DanqError("the number of classes is known from the made dataset only; name it with --dataset")


def describe_model(model: str, options: Mapping[str, Any], sizes: Sizes) -> str:
    """Table of layers with output shapes and parameters, and a diagram of how they are connected.

    `model` is the name of one, or the path of its Python file.

    Raises
    ------
    DanqError
        If the sizes do not fit each other, or the model does not read such data.
    """
    module = load_model_module(model)
    kinds = kinds_read(module)
    if sizes.kind not in kinds:
        raise DanqError(f"model {model}: expected data of kind {' or '.join(kinds)}, received {sizes.kind}")
    built = _built(module, options, sizes, _rows(sizes))
    rows = [(layer.name, type(layer).__name__, _shape(layer), layer.count_params()) for layer in built.layers]
    size = f"window {sizes.window} bp" if sizes.window else sizes.kind
    head = f"{model}: {size}, {sizes.targets} targets, {sizes.task}"
    total = f"{built.count_params():,} parameters"
    return "\n".join([head, "", *_table(rows), "", total, "", *_diagram(built)])


def check_frozen(
    model: str, options: Mapping[str, Any], dataset: DatasetOptions, freeze: Sequence[str]
) -> None:
    """Refuse names of layers that the network of a run, built on rows that stand for its data, has not.

    Raises
    ------
    DanqError
        As of `freeze_layers`, or if the network cannot be built.
    """
    module = load_model_module(model)
    bin = dataset.bin if dataset.targets is not None else None
    sizes = Sizes(dataset.window, 1, "multilabel", dataset.kind, bin, dataset.steps)
    # which size images have, only they tell; names of layers do not depend on it
    shapes = {"dna": (dataset.window,), "image": (_SIDE, _SIDE, 1)}
    rows = [np.zeros((1, *shapes[dataset.kind]), np.uint8)] if dataset.kind in shapes else None
    freeze_layers(_built(module, options, sizes, rows), freeze)


def _built(
    module: ModuleType, options: Mapping[str, Any], sizes: Sizes, rows: Iterable[Raw] | None
) -> keras.Model:
    """Build a network whose encoder is fitted on some rows, or on none."""
    checked = with_sub_bins(module.Options.model_validate(dict(options)), sizes.bin, sizes.sub_bin)
    encoder = make_encoder(module, checked, sizes.kind)
    encoder = encoder if rows is None else encoder.fit(rows)
    return module.build(checked, encoder, sizes.targets, sizes.task)


def _rows(sizes: Sizes) -> Iterator[Raw]:
    """Yield what an encoder is fitted on: one window, or training rows."""
    if sizes.path is None or sizes.kind == "dna":
        yield np.zeros((1, sizes.window), np.uint8)
    else:
        data = open_dataset(sizes.path)
        yield data.raw(data.rows("train"))


def _table(rows: list[tuple[str, str, str, int]]) -> list[str]:
    cells = [("layer", "kind", "output", "parameters")]
    cells += [(name, kind, shape, f"{count:,}") for name, kind, shape, count in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(4)]
    lines = [
        "  ".join([*(row[column].ljust(widths[column]) for column in range(3)), row[3].rjust(widths[3])])
        for row in cells
    ]
    return [lines[0], "  ".join("─" * width for width in widths), *lines[1:]]


def _diagram(model: keras.Model) -> Iterator[str]:
    """One line an operation, below what it reads; where that is not the line above, it is named."""
    before = ""
    for layer in model.operations:
        inputs = [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input)
        sources = list(dict.fromkeys(tensor._keras_history.operation.name for tensor in inputs))
        if sources:
            yield "  │"
        joined = "" if sources in ([], [before]) else f"   ◀ {', '.join(sources)}"
        yield f"  {layer.name}  {_shape(layer)}{joined}"
        before = layer.name


def _shape(layer: keras.layers.Layer) -> str:
    shapes = [tuple(tensor.shape) for tensor in keras.tree.flatten(layer.output)]
    return " ".join(
        "(" + ", ".join("n" if size is None else str(size) for size in shape) + ")" for shape in shapes
    )
