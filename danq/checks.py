"""What became of files and results that were checked or computed again, one line each, and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOLERANCE = 1e-5
"""Largest difference of a logit that another machine, batch or number of threads may make."""
WITHIN = "equal within tolerance"


@dataclass(frozen=True)
class Check:
    """One file, manifest, result or set of golden rows, and what became of it.

    Attributes
    ----------
    path : Path
        What was checked; of a replay from the results, or from ``inputs/``, on.
    status : str
        By a digest ``intact`` or ``damaged`` (also missing); of numbers computed again ``equal``, within the
        tolerance or ``differs``, which is also said of what was made from something else than is there now;
        ``unknown`` where it cannot be told. Of a replay also ``missing``, and of its inputs ``changed``.
    figure : float or None
        Of numbers computed again, the largest absolute difference.
    reason : str
        Why, or compared with what.
    """

    path: Path
    status: str
    figure: float | None = None
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether something differs, is damaged or missing."""
        return self.status in ("damaged", "differs", "missing", "changed")

    def words(self, tolerance: float = TOLERANCE) -> str:
        """Give the status with its figure, such as ``differs by 0.0032``, or with the tolerance."""
        if self.status == "differs" and self.figure:
            return f"differs by {self.figure:.3g}"
        return self.status.replace("tolerance", f"{tolerance:g}".replace("e-0", "e-"))

    def __str__(self) -> str:
        """One line, without a line break: status, path, reason."""
        return f"{self.words():<18} {self.path}" + (f"  ({self.reason})" if self.reason else "")


def summary(
    kind: str, checks: Sequence[Check], statuses: Sequence[str], failed: bool, **more: Any
) -> dict[str, Any]:
    """Give what ``--json`` prints: whether anything failed, checks of each status, and the checks."""
    return {
        "kind": kind,
        "format_version": 1,
        "failed": failed,
        **more,
        "counts": {status: sum(check.status == status for check in checks) for status in statuses},
        "checks": [vars(check) | {"path": str(check.path)} for check in checks],
    }
