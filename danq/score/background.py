"""A background, how large the effects of common variants are, and e-values against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from danq.errors import DanqError
from danq.files import read_manifest

KIND, FORMAT_VERSION = "background", 1
VALUES_FILE, MANIFEST_FILE = "background.npy", "background.json"
SMALLEST = 1e-6
"""No e-value is below this: that of DeepSEA's million variants."""


@dataclass(frozen=True, eq=False)
class Background:
    """The statistic |diff · log2 odds difference| of n common alleles for each of k targets.

    Attributes
    ----------
    path : Path
        Directory it was opened from.
    values : float32, shape (k, n)
        Each target's statistics, ascending; memory-mapped.
    digest : str
        SHA-256 over the values and what they were made with.
    """

    path: Path
    values: NDArray[np.float32]
    digest: str

    def evalues(self, statistic: NDArray[np.floating]) -> NDArray[np.float32]:
        """Share of the background's alleles with a larger statistic: 1 − ECDF, as DeepSEA defines it.

        Parameters
        ----------
        statistic : float, shape (m, k)
            |diff · log2 odds difference| of the scored alleles; compared as float32.

        Returns
        -------
        float32, shape (m, k)
            ``max(#(background > x) / n, 1 / n, 1e-6)``; NaN where the statistic is NaN.
        """
        n = self.values.shape[1]
        compared = np.asarray(statistic, np.float32)
        shares = np.empty(compared.shape, np.float32)
        for target, sorted_values in enumerate(self.values):
            below = np.searchsorted(sorted_values, compared[:, target], side="right")
            shares[:, target] = np.maximum((n - below) / n, max(1 / n, SMALLEST))
        shares[np.isnan(compared)] = np.nan
        return shares


def functional_significance(evalues: NDArray[np.floating]) -> NDArray[np.float32]:
    """Geometric mean of the e-values over targets: DeepSEA's score without its evolutionary term.

    Parameters
    ----------
    evalues : float, shape (m, k)
        As from `Background.evalues`, over all targets.

    Returns
    -------
    float32, shape (m,)
    """
    logs: NDArray[np.float64] = np.log(evalues.astype(np.float64)).mean(axis=1)
    return np.exp(logs).astype(np.float32)


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
    info = read_manifest(path / MANIFEST_FILE, KIND, FORMAT_VERSION)
    made = [bundle["digest"] for bundle in info["bundles"]]
    for what, given, found in (
        ("bundles", sorted(digests), sorted(made)),
        ("targets", list(targets), info["targets"]),
        ("strands rule", [strands], [info["options"]["strands"]]),
    ):
        if given != found:
            raise DanqError(
                f"{path}: expected a background of the same {what} ({_shown(given)}), received one of "
                f"{_shown(found)}; make one with `danq background`"
            )
    return Background(path, _open_values(path / VALUES_FILE, len(targets), info["n"]), info["digest"])


def _open_values(path: Path, k: int, n: int) -> NDArray[np.float32]:
    try:
        values = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise DanqError(f"{path}: no such file; {path.parent} is no complete background") from None
    except (ValueError, EOFError):
        raise DanqError(f"{path}: expected a NumPy array, received a damaged file") from None
    if values.dtype != np.float32 or values.shape != (k, n):
        raise DanqError(
            f"{path}: expected float32 of shape {(k, n)}, received {values.dtype} of shape {values.shape}"
        )
    return np.asarray(values)


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(name[:12] for name in names[:3])
    return f"{shown}, … ({len(names)})" if len(names) > 3 else shown
