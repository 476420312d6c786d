"""A background, how large the effects of common variants are, and e-values against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError, first_few
from danq.score.manifest import BackgroundManifest
from danq.storage import load_array

VALUES_FILE = "background.npy"
SMALLEST = 1e-6
"""No e-value is below this: that of DeepSEA's million variants."""


@dataclass(frozen=True)
class Background:
    """The statistic |diff · log2 odds difference| of n common alleles for each of k targets.

    Attributes
    ----------
    path : Path
        Directory it was opened from.
    targets : int
        Number k.
    digest : str
        SHA-256 over the values and what they were made with.
    """

    path: Path
    targets: int
    digest: str

    def values(self, target: int) -> NDArray[np.float32]:
        """Statistics of a target, ascending: float32, shape (n,), memory-mapped for as long as it is held."""
        # a map of its own, so that pages are given back: those of all targets outgrow a job's memory
        return np.asarray(np.load(self.path / VALUES_FILE, mmap_mode="r")[target])

    def evalues(self, statistic: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compare statistics with those of their targets: float, shape (m, k) → e-values float32, (m, k)."""
        columns = [shares_above(self.values(target), statistic[:, target]) for target in range(self.targets)]
        return np.stack(columns, axis=1)


def shares_above(values: NDArray[np.float32], statistic: NDArray[np.floating]) -> NDArray[np.float32]:
    """Compute e-values as DeepSEA defines them: 1 − ECDF of the background.

    Parameters
    ----------
    values : float32, shape (n,)
        The background, ascending.
    statistic : float, shape (m,)
        What is compared with it, as float32.

    Returns
    -------
    float32, shape (m,)
        ``max(#(values > x) / n, 1 / n, 1e-6)``.
    """
    n = len(values)
    above = n - np.searchsorted(values, np.asarray(statistic, np.float32), side="right")
    return np.maximum(above / n, max(1 / n, SMALLEST)).astype(np.float32)


def open_background(
    path: Path, digests: Sequence[str], targets: Sequence[str], strands: str = "scores"
) -> Background:
    """Open a background that was made with the same bundles, targets and strands rule.

    Parameters
    ----------
    path : Path
        Directory `danq background` wrote.
    digests : sequence of str
        Digests of the bundles that score, in any order.
    targets : sequence of k str
        All targets of the bundles.
    strands : {"scores", "predictions", "forward"}
        How they combine strands.

    Raises
    ------
    DanqError
        If it is no background, damaged, or was made otherwise.
    """
    manifest = BackgroundManifest.read(path)
    for what, wanted, made in (
        ("bundles", sorted(digests), sorted(bundle.digest for bundle in manifest.bundles)),
        ("targets", list(targets), list(manifest.targets)),
        ("strands rule", [strands], [manifest.options["strands"]]),
    ):
        if wanted != made:
            shown = [first_few((name[:12] for name in names), 3) for names in (wanted, made)]
            raise DanqError(
                f"{path}: expected a background of the same {what} ({shown[0]}), received one of {shown[1]}; "
                f"make one with `danq background`"
            )
    load_array(path / VALUES_FILE, (len(targets), manifest.n), np.float32, "background")
    return Background(path, len(targets), manifest.digest)
