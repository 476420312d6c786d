"""A bundle's network alone, for other programs: ONNX, a SavedModel of TensorFlow, a ``.keras`` file."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from danq.files import published
from danq.learn.manifest import MODEL_FILE, BundleManifest


def write_onnx(bundle: Path, out: Path) -> None:
    """Write one file of ONNX; equal bundles give equal bytes, and TensorFlow is not needed.

    Raises
    ------
    DanqError
        As `danq.learn.onnx.graph.onnx_model`.
    """
    from danq.learn.onnx.graph import onnx_model

    model = onnx_model(bundle).SerializeToString(deterministic=True)
    with published(out) as partial:
        partial.write_bytes(model)


def write_savedmodel(bundle: Path, out: Path, trusted: Sequence[Path] = ()) -> None:
    """Write the directory of a SavedModel, whose ``serve`` takes the arrays of the encoder and gives logits.

    Raises
    ------
    DanqError
        As `danq.learn.bundle.load_bundle`.
    """
    from danq.learn.bundle import load_bundle

    loaded = load_bundle(bundle, trusted)
    # it would name the hidden directory in which the files are collected
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    with published(out) as partial:
        loaded.model.export(partial, format="tf_saved_model", verbose=False)


def write_keras(bundle: Path, out: Path, trusted: Sequence[Path] = ()) -> None:
    """Write a ``.keras`` file: the bundle's own, or an ensemble as one network.

    Raises
    ------
    DanqError
        As `danq.learn.bundle.load_bundle`.
    """
    from danq.learn.bundle import load_bundle

    loaded = load_bundle(bundle, trusted)
    with published(out) as partial:
        if BundleManifest.read(bundle).members:
            loaded.model.save(partial)
        else:
            shutil.copyfile(bundle / MODEL_FILE, partial)
