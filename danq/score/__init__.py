"""Variant scores: what each allele of a VCF changes in a model's predictions.

From Python, three lines score variants::

    from danq.score import load
    scorer = load("results/runs/danq", genome="results/genomes/sacCer3")
    scores = scorer.score([("chrIV", 12345, "A", "G")])
"""

from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # found on first use: the options of scoring are read where its libraries are not needed
    if name not in __all__:
        raise AttributeError(f"module 'danq.score' has no attribute {name!r}")
    from danq.score import scorer

    return getattr(scorer, name)
