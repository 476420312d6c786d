"""Whether a training got any further than chance; importable without TensorFlow."""

from collections.abc import Mapping
from typing import Any

from danq.data.dataset import Dataset


def valid_prevalence(data: Dataset) -> float | None:
    """Share of positive labels in the validation rows, which is the AUPRC of chance.

    Returns
    -------
    float or None
        Mean over the targets that have both positives and negatives there, as the validation metrics are;
        None where no target has.
    """
    labels = data.labelled("valid")
    counts = data.counts("valid").tolist()
    shares = [count / labels for count in counts if 0 < count < labels]
    return sum(shares) / len(shares) if shares else None


def not_above_chance(best: Mapping[str, Any]) -> str | None:
    """Say that a run is not trained enough, where its validation AUPRC is not above the prevalence.

    Parameters
    ----------
    best : mapping
        ``best`` of ``bundle.json``.
    """
    auprc, prevalence = best.get("valid_auprc"), best.get("valid_prevalence")
    if auprc is None or prevalence is None or auprc > prevalence:
        return None
    return f"not trained enough: validation AUPRC {auprc:.4f}, of chance {prevalence:.4f}"
