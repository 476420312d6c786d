"""A labelled dataset of random 60-bp sequences, texts or images, small enough to train on in a second."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from danq.data.options import DatasetOptions
from danq.data.writing import Contents, write_examples, write_manifest
from danq.genome.alphabet import encode
from danq.learn.options import PredictOptions, TrainOptions
from danq.storage import write_array

OWN_LAYER = """
import keras
@keras.saving.register_keras_serializable("mine")
class Twice(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs
from danq.models.danq import *
from danq.models.danq import build as _build
def build(options, encoder, n_targets, task):
    inner = _build(options, encoder, n_targets, task)
    return keras.Model(inner.input, Twice(name="twice")(inner.output))
"""
"""A model of one's own, with a layer of its own."""
WINDOW = 60
MOTIFS = ("TTACCG", "GGGATC", "CAAAT")
SMALL = {"filters": 6, "kernel": 6, "pool": 9, "units": 4, "dense": 5, "bidirectional": False}
"""Options of a DanQ that trains within a second."""
SMALL_OF = {
    "danq": SMALL,
    "bilstm_conv2d": {"max_words": 9, "embedding": 5, "units": [4], "filters": 3, "k": 3},
    "char_word_lstm": {"max_words": 9, "embedding": 5, "units": [4], "filters": [3, 2], "k": 3},
    "quadrant_lstm": {"filters": [3], "units": [4], "dense": 5, "order": 3},
}
SIDE = 12


def write_tiny_dataset(out: Path, task: str = "multilabel", seed: int = 0, kind: str = "dna") -> Path:
    """Rows of random bases; a target is positive where its motif was planted, a class is what was planted.

    A text holds the positive targets' motifs as words among others, an image a white spot for each.
    """
    out.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    n = {"train": 90, "valid": 37, "test": 21}
    split = np.repeat(np.arange(3, dtype=np.uint8), list(n.values()))
    codes = generator.integers(0, 4, (len(split), WINDOW), dtype=np.uint8)
    if task == "multiclass":
        labels = np.eye(len(MOTIFS), dtype=np.uint8)[np.arange(len(split)) % len(MOTIFS)]
    else:
        labels = (generator.random((len(split), len(MOTIFS))) < 0.4).astype(np.uint8)
    for target, motif in enumerate(MOTIFS):
        for row in np.flatnonzero(labels[:, target]):
            start = 18 * target + int(generator.integers(0, 12))
            codes[row, start : start + len(motif)] = encode(motif)
    texts = _texts(labels, generator) if kind == "text" else None
    if kind == "dna":
        np.save(out / "codes.npy", codes)
    elif kind == "image":
        write_array(out / "images.npy", (len(split), SIDE, SIDE, 1), np.uint8, [_images(labels, generator)])
    names = [f"row{row}" for row in range(len(split))]
    targets = write_examples(out, names, split, MOTIFS, [labels], texts)
    options = DatasetOptions(
        kind=kind, examples=Path("rows.csv"), **({"window": WINDOW} if kind == "dna" else {})
    )
    of_kind = {"shape": (SIDE, SIDE, 1)} if kind == "image" else {}
    contents = Contents(task, targets, split, {}, "rows.csv", of_kind=of_kind)
    write_manifest(out, out, "tiny", options, contents)
    return out


def _texts(labels: np.ndarray, generator: np.random.Generator) -> list[str]:
    """Texts of two to eight words, among them the motif of each positive target."""
    texts = []
    for row in labels:
        words = [motif for motif, positive in zip(MOTIFS, row, strict=True) if positive]
        words += generator.choice(["the", "Of", "zebra", "no"], int(generator.integers(2, 6))).tolist()
        texts.append(" ".join(generator.permutation(words)))
    return texts


def _images(labels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Dark noise with a white spot in a quadrant of each positive target's own."""
    images = generator.integers(0, 100, (len(labels), SIDE, SIDE, 1), dtype=np.uint8)
    for target in range(labels.shape[1]):
        row, column = SIDE // 2 * (target // 2), SIDE // 2 * (target % 2)
        images[labels[:, target] == 1, row + 2 : row + 4, column + 2 : column + 4] = 255
    return images


def tiny_run(model: str = "danq", options: dict | None = None, **train: object) -> SimpleNamespace:
    """A run as a configuration would hold it, of two epochs in batches of 16 unless told otherwise."""
    chosen = TrainOptions(**{"batch_size": 16, "epochs": 2, "learning_rate": 0.01, **train})
    given = SMALL_OF.get(model, {}) if options is None else options
    return SimpleNamespace(
        model=model, dataset="tiny", options=given, train=chosen, predict=PredictOptions(batch_size=16)
    )
