"""Golden rows of a bundle scored again, by the bundle as it is, on this machine."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.checks import TOLERANCE, Check
from danq.errors import DanqError
from danq.learn.bundle_files import GOLDEN_FILE
from danq.learn.golden import GoldenRows, read_golden_rows, score_golden_rows
from danq.learn.gpu import tensorflow_installed
from danq.learn.linear import open_bundle
from danq.learn.manifest import BundleManifest, own_file, read_members
from danq.npz import largest_difference
from danq.verify.files import refused


def check_members(bundle: Path) -> Check | None:
    """Say where an ensemble's members are not those that it was made of; None where they are."""
    try:
        read_members(bundle)
    except DanqError as error:
        return refused(bundle / BundleManifest.FILE, error)
    return None


def check_golden(bundle: Path, info: BundleManifest, trusted: Sequence[Path]) -> Check:
    """Score the golden rows of a bundle again and compare the logits with those of its training.

    Parameters
    ----------
    trusted : sequence of Path
        Files of models of one's own that may be run; without its own, such a bundle may be ``unknown``.
    """
    path = bundle / GOLDEN_FILE
    if not path.exists():
        reason = "no golden rows: the bundle is of an earlier release, or its archive a private one"
        return Check(path, "unknown", reason=reason)
    try:
        golden = read_golden_rows(path, info)
    except DanqError as error:
        return refused(path, error)
    try:
        lacking = [each.model for each in read_members(bundle) if _not_trusted(each, trusted)]
    except DanqError as error:
        return Check(path, "damaged", reason=f"the bundle cannot score it: {error}")
    try:
        opened = open_bundle(bundle, trusted)
        computed = score_golden_rows(opened, golden)
    except DanqError as error:
        if not tensorflow_installed():
            return Check(path, "unknown", reason=f"not scored again: {error}")
        if lacking:
            asked = f"not scored again: --trust-model-code with {lacking[0]} allows to run it"
            return Check(path, "unknown", reason=asked)
        return Check(path, "damaged", reason=f"the bundle cannot score it: {error}")
    finally:
        _forget_networks()
    return _with_place(compare_numbers(path, golden.logits, computed), golden, computed, info, opened.device)


def _not_trusted(info: BundleManifest, trusted: Sequence[Path]) -> bool:
    return info.model.endswith(".py") and own_file(info, trusted) is None


def _forget_networks() -> None:
    # many bundles in one process: Keras keeps the graphs of each
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session()


def _with_place(
    check: Check, golden: GoldenRows, computed: np.ndarray, info: BundleManifest, device: str
) -> Check:
    """Add where the largest difference is, and on which machines the two were computed."""
    if check.status == "equal":
        return Check(check.path, "equal", reason=f"logits of {len(golden.names)} golden rows")
    machines = f"computed on {device}, trained on {info.training.get('device', 'an unknown device')}"
    if check.figure is None:
        return Check(check.path, check.status, reason=f"{check.reason}; {machines}")
    with np.errstate(invalid="ignore"):
        differences = np.nan_to_num(np.abs(golden.logits.astype(np.float64) - computed), nan=0, posinf=0)
    row, *_, target = np.unravel_index(int(differences.argmax()), differences.shape)
    place = f"at most {check.figure:.3g}, in row {golden.names[row]}, target {info.targets[target]}"
    return Check(check.path, check.status, check.figure, f"{place}; {machines}")


def compare_numbers(path: Path, stored: NDArray[np.float32], computed: NDArray[np.float32]) -> Check:
    """Compare numbers, such as logits, with those that were stored: bytes first, then values.

    Returns
    -------
    Check
        Of `path`; ``differs`` without a figure where shapes, dtypes or infinite values are others.
    """
    if stored.shape != computed.shape or stored.dtype != computed.dtype:
        kinds = [f"{array.dtype} of shape {array.shape}" for array in (stored, computed)]
        return Check(path, "differs", reason=f"stored {kinds[0]}, computed {kinds[1]}")
    if stored.tobytes() == computed.tobytes():
        return Check(path, "equal")
    if (largest := largest_difference(stored, computed)) is None:
        return Check(path, "differs", reason="some are finite numbers in one of the two only")
    return Check(path, "equal within 1e-5" if largest <= TOLERANCE else "differs", largest)
