"""DNA sequence classification: from a genome and labelled regions to a trained network and a report.

From Python, three lines predict::

    import danq
    model = danq.load("results/runs/danq")
    predictions = model.predict(["ACGTACGT"])
"""

import importlib
from typing import Any

__all__ = ["DanqError", "__version__", "load", "read_predictions"]

_HOMES = {
    "DanqError": "danq.errors",
    "load": "danq.learn.predict.predictor",
    "read_predictions": "danq.learn.predict.reading",
}


def __getattr__(name: str) -> Any:
    # found on first use: importing danq must not cost the seconds that importing TensorFlow takes
    if name == "__version__":
        return _version()
    if name not in _HOMES:
        raise AttributeError(f"module 'danq' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("danq")
    except metadata.PackageNotFoundError:
        return "unknown (not installed)"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
