"""What was checked, one line each, and numbers compared with those of another machine or release."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from danq.npz import largest_difference

TOLERANCE = 1e-5
"""Largest difference of a logit that another machine, batch or number of threads may make."""
Status = Literal["intact", "damaged", "equal", "equal within 1e-5", "differs", "unknown"]
FAILED = ("damaged", "differs")
"""What ends `danq verify` with exit status 1."""


@dataclass(frozen=True)
class Check:
    """One file, manifest, or set of golden rows, and what became of it.

    Attributes
    ----------
    path : Path
        File that was checked.
    status : str
        ``intact`` or ``damaged`` (also missing) by a digest; of numbers computed again ``equal``,
        ``equal within 1e-5`` or ``differs``, which is also said of what was made from something else than is
        there now; ``unknown`` where it cannot be told.
    figure : float or None
        Of numbers computed again, the largest absolute difference.
    reason : str
        Why, or compared with what.
    """

    path: Path
    status: Status
    figure: float | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether something differs, is damaged or missing."""
        return self.status in FAILED

    @property
    def words(self) -> str:
        """The status with its figure: ``differs by 3.2e-03``."""
        return f"differs by {self.figure:.1e}" if self.status == "differs" and self.figure else self.status

    def __str__(self) -> str:
        """One line, without a line break: status, path, reason."""
        return f"{self.words:<18} {self.path}" + (f"  ({self.reason})" if self.reason else "")

    def entry(self) -> dict[str, Any]:
        """Give the same as an entry of JSON."""
        return {
            "path": str(self.path),
            "status": self.status,
            "figure": self.figure,
            "reason": self.reason,
        }


def summary(checks: Sequence[Check]) -> dict[str, Any]:
    """Give what ``danq verify --json`` prints: whether anything failed, counts, and the checks."""
    counts = {status: sum(check.status == status for check in checks) for status in get_args(Status)}
    return {
        "kind": "verification",
        "format_version": 1,
        "failed": any(check.failed for check in checks),
        "counts": counts,
        "checks": [check.entry() for check in checks],
    }


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
