"""What `side_by_side.py` compares: danq and its rivals at one task, and how far their results agree."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks._contestants import ROWS, SPAN, STEPS, VARIANTS
from benchmarks._kmers import ROWS as WINDOWS
from benchmarks._labelling import COPIES, TARGETS
from benchmarks._training import BATCH
from benchmarks._turns import AVX2

Agreement = Callable[[Path, Path, Path], str]
"""Of the folder with what was prepared, our result and theirs (.npy)."""


@dataclass(frozen=True)
class Contest:
    """One comparison.

    Attributes
    ----------
    title : str
        What is done.
    count, unit : int, str
        How much of what a round does; a unit of ``s`` shows seconds instead of a speed.
    ours : str
        danq's contestant, with what it is asked for after a colon.
    rivals : dict of str to tuple of str
        Each rival's contestants; the fastest counts.
    agreement : callable
        Says from the folder and both results how far they agree.
    settings : dict
        Variables of the environment.
    warm_up : int
        First rounds that do not count.
    """

    title: str
    count: int
    unit: str
    ours: str
    rivals: Mapping[str, tuple[str, ...]]
    agreement: Agreement
    settings: Mapping[str, str] = field(default_factory=dict)
    warm_up: int = 1


def losses(folder: Path, ours: Path, theirs: Path) -> str:
    """Say the last loss of each; first weights and dropout differ."""
    return "last loss {:.3f} and {:.3f}".format(*(np.load(path)[-1] for path in (ours, theirs)))


def apart(folder: Path, ours: Path, theirs: Path) -> str:
    """Say the largest difference of two arrays of logits or their differences."""
    return f"within {np.abs(np.load(ours) - np.load(theirs)).max():.0e}"


def equal(folder: Path, ours: Path, theirs: Path) -> str:
    """Say that the labels are equal, or end."""
    labels, others = np.load(ours), np.load(theirs)
    if not np.array_equal(labels, others):
        sys.exit(f"labels differ: {labels.shape} with {labels.sum()}, {others.shape} with {others.sum()}")
    return f"equal: {labels.sum():,} positive of {labels.size:,}"


def aurocs(folder: Path, ours: Path, theirs: Path) -> str:
    """Say the mean AUROC of each on the test chromosome."""
    from benchmarks._kmers import mean_auroc, opened

    dataset = opened(folder)
    labels = dataset.labels(dataset.rows("test"))
    return "AUROC {:.4f} and {:.4f}".format(*(mean_auroc(np.load(path), labels) for path in (ours, theirs)))


def scoring(name: str, title: str, count: int, **settings: str) -> Contest:
    """Scores of `snvs` or of `saturation`."""
    keras = tuple(f"score_keras:{name} {batch}" for batch in (64, 128, 256))
    rivals = {"keras.Model.predict": keras, "PyTorch script": (f"score_torch:{name} 128",)}
    return Contest(title, count, "alleles/s", f"score_danq:{name}", rivals, apart, settings)


def fitting(settings: str, ours: str, rival: str) -> Contest:
    """Logistic regression on counts of k-mers, against scikit-learn."""
    title = f"k-mer regression, {WINDOWS:,} windows, 6 targets; {settings}"
    return Contest(title, 1, "s", ours, {rival: ("kmers_sklearn",)}, aurocs, warm_up=0)


SNVS, SATURATION = "scores of isolated SNVs", f"saturation of {SPAN} bp"
CONTESTS = {
    "training": Contest(
        "training, batch 100", STEPS * BATCH, "windows/s", "train_danq", {"PyTorch": ("train_torch",)}, losses
    ),
    "prediction": Contest(
        "prediction, one strand",
        ROWS,
        "windows/s",
        "predict_danq",
        {
            "keras.Model.predict": ("predict_keras:32", "predict_keras:128"),
            "ONNX Runtime": ("predict_onnx:32", "predict_onnx:128"),
        },
        apart,
    ),
    "snvs": scoring("snvs", SNVS, VARIANTS),
    "saturation": scoring("saturation", SATURATION, 3 * SPAN),
    "snvs-avx2": scoring("snvs", f"{SNVS}, AVX2", VARIANTS, **AVX2),
    "saturation-avx2": scoring("saturation", f"{SATURATION}, AVX2", 3 * SPAN, **AVX2),
    "labels": Contest(
        f"labels of {12 * COPIES} Mb, {TARGETS} targets",
        1,
        "s",
        "label_danq",
        {"bedtools and a loop": ("label_bedtools",)},
        equal,
        warm_up=0,
    ),
    "kmers": fitting("k = 6", "kmers_danq", "scikit-learn"),
    "kmers-tuned": fitting("danq chooses k and C of 3 × 7", "kmers_danq:tuned", "scikit-learn, k = 6"),
}
