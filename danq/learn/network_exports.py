"""A bundle's network alone, for other programs: ONNX, a SavedModel of TensorFlow, a ``.keras`` file."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from danq.files import published
from danq.learn.bundle_files import GOLDEN_FILE
from danq.learn.linear import installed
from danq.learn.manifest import MODEL_FILE, BundleManifest
from danq.npz import largest_difference

log = logging.getLogger("danq")

_ROUNDING = 1e-5
"""Largest difference of a logit that another library may make of the same arithmetic."""


def write_onnx(bundle: Path, out: Path) -> None:
    """Write one file of ONNX; equal bundles give equal bytes, and TensorFlow is not needed.

    The golden rows of the bundle are computed by ONNX Runtime before: a difference from its training is said.

    Raises
    ------
    DanqError
        As `danq.learn.onnx.engine.open_onnx`, or if ONNX Runtime is not installed.
    """
    # what predicts opens archives, too
    from danq.learn.golden import read_golden_rows, score_golden_rows

    with installed("ONNX Runtime", "onnx", "onnxruntime", remedy="pip install 'danq[onnx]'"):
        from danq.learn.onnx.engine import open_onnx
        from danq.learn.onnx.graph import onnx_model

    model = onnx_model(bundle).SerializeToString(deterministic=True)
    opened = open_onnx(bundle, model)
    if (path := bundle / GOLDEN_FILE).exists():
        golden = read_golden_rows(path, opened.info)
        difference = largest_difference(golden.logits, score_golden_rows(opened, golden))
        if difference is None or difference > _ROUNDING:
            amount = "in kind" if difference is None else f"by {difference:.1g}"
            log.warning("%s: logits of golden rows differ %s from those of the training", out, amount)
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
