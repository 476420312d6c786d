"""The k-mer baseline on windows of the example: danq's, and scikit-learn's plain pipeline."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._labelling import danq
from benchmarks._turns import REPOSITORY

K, C, ROWS, SEED = 6, 3e-4, 8_000, 0
"""Word length and strength of the penalty that danq chooses on the example; training rows; their draw."""


def inputs(folder: Path) -> None:
    """Make the example's dataset."""
    example = REPOSITORY / "resources/example/genome.fa.gz"
    danq("genome", example, "--out", folder / "genome")
    config = ("--config", REPOSITORY / "config/config.yaml", "--name", "yeast")
    danq("dataset", *config, "--genome", folder / "genome", "--out", folder / "dataset")


def opened(folder: Path) -> Any:
    """Open the example's dataset."""
    from danq.data.dataset import open_dataset

    return open_dataset(folder / "dataset", folder / "genome")


def by_danq(dataset: Any, tune: bool) -> NDArray[np.float32]:
    """Logits (n, k) of the test windows after a fit, with k and C given or chosen on validation."""
    from danq.models import kmer_logistic

    given = {} if tune else {"k": [K], "c": [C]}
    encoder, model, _ = kmer_logistic.fit(kmer_logistic.Options(max_rows=ROWS, **given), dataset, SEED)
    codes = dataset.codes(dataset.rows("test"))
    return model.predict(encoder.encode(codes), batch_size=1024, verbose=0)


def texts(dataset: Any) -> tuple[list[str], NDArray[np.uint8], list[str]]:
    """Training windows as text with their labels, those that danq draws, and test windows."""
    from danq.genome.alphabet import decode

    train = np.sort(np.random.default_rng(SEED).choice(dataset.rows("train"), ROWS, replace=False))
    windows = [[decode(codes) for codes in dataset.codes(rows)] for rows in (train, dataset.rows("test"))]
    return windows[0], dataset.labels(train), windows[1]


def by_scikit_learn(train: list[str], labels: NDArray[np.uint8], test: list[str]) -> NDArray[np.float64]:
    """Decision values (n, k) of the test windows."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    words = CountVectorizer(analyzer="char", ngram_range=(K, K))
    pipeline = make_pipeline(words, OneVsRestClassifier(LogisticRegression(max_iter=1000)))
    return pipeline.fit(train, labels).decision_function(test)


def mean_auroc(logits: NDArray[Any], labels: NDArray[np.uint8]) -> float:
    """Mean AUROC over targets."""
    from danq.metrics import auroc, rank

    return float(np.mean([auroc(rank(*columns)) for columns in zip(logits.T, labels.T, strict=True)]))
