"""What takes part in `side_by_side.py`: each contestant prepares itself, and then does rounds.

TensorFlow, PyTorch, ONNX Runtime and scikit-learn are imported only by those that need them.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _kmers, _labelling, _scoring, _training

Round = Callable[[str], Any]
"""Does one round; reads what is asked for: a batch size, the arrays, or nothing."""

STEPS, ROWS, VARIANTS, SPAN = 6, 1024, 256, 200
"""Training steps, predicted windows, isolated SNVs and saturated bp of a round."""


def windows() -> NDArray[np.uint8]:
    """Random windows to predict, uint8 (ROWS, WINDOW)."""
    return np.random.default_rng(0).integers(0, 4, (ROWS, _training.WINDOW)).astype(np.uint8)


def alleles(name: str) -> _scoring.Arrays:
    """Windows of `snvs` or `saturation`."""
    return _scoring.snvs(VARIANTS) if name == "snvs" else _scoring.saturated(SPAN)


def train_danq(folder: Path) -> Round:
    """Take steps as `danq train` does."""
    return _steps(_training.keras_step())


def train_torch(folder: Path) -> Round:
    """Take steps of the same network, loss and optimizer in PyTorch."""
    return _steps(_training.torch_step())


def _steps(step: _training.Step) -> Round:
    data = _training.batches(STEPS)
    return lambda _: [step(*batch) for batch in data]


def predict_danq(folder: Path) -> Round:
    """Predict in danq's batches."""
    from benchmarks.prediction import untrained
    from danq.learn.predict.predictor import Predictor

    predictor, codes = Predictor(untrained(), 128, "none"), windows()
    return lambda _: predictor.logits(codes)


def predict_keras(folder: Path) -> Round:
    """Call `keras.Model.predict`."""
    from benchmarks.prediction import untrained

    model, codes = untrained().model, windows()
    return lambda batch: model.predict({"codes": codes}, batch_size=int(batch), verbose=0)


def predict_onnx(folder: Path) -> Round:
    """Run the exported network in ONNX Runtime."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "danq.onnx", providers=["CPUExecutionProvider"])
    codes = windows()

    def predict(batch: str) -> NDArray[np.float32]:
        parts = (codes[first : first + int(batch)] for first in range(0, ROWS, int(batch)))
        return np.concatenate([session.run(None, {"codes": part})[0] for part in parts])

    return predict


def score_danq(folder: Path) -> Round:
    """Score as `danq score` and `danq ism` do."""
    from benchmarks.prediction import untrained
    from danq.score.runner import open_runner_of

    runner = open_runner_of(untrained())
    return lambda name: _scoring.ours(runner, *alleles(name))


def score_keras(folder: Path) -> Round:
    """Hand every window to `keras.Model.predict`."""
    from benchmarks.prediction import untrained

    model = untrained().model

    def score(argument: str) -> NDArray[np.float32]:
        name, batch = argument.split()
        return _scoring.plain(model, int(batch), *alleles(name))

    return score


def score_torch(folder: Path) -> Round:
    """Hand every window to PyTorch."""
    with np.load(folder / "weights.npz") as weights:
        network = _training.torch_network_with(dict(weights))

    def score(argument: str) -> NDArray[np.float32]:
        name, batch = argument.split()
        return _scoring.torch_scores(network, int(batch), *alleles(name))

    return score


def label_danq(folder: Path) -> Round:
    """Make a dataset of the tiled genome."""
    return lambda _: _labelling.by_danq(folder, _emptied(folder / "danq"))


def label_bedtools(folder: Path) -> Round:
    """Label the bins of the tiled genome by bedtools and a loop."""
    return lambda _: _labelling.by_bedtools(folder, _emptied(folder / "bedtools"))


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def kmers_danq(folder: Path) -> Round:
    """Fit danq's baseline; `tuned` lets it choose k and C."""
    dataset = _kmers.opened(folder)
    return lambda choice: _kmers.by_danq(dataset, choice == "tuned")


def kmers_sklearn(folder: Path) -> Round:
    """Fit scikit-learn's plain pipeline."""
    arrays = _kmers.texts(_kmers.opened(folder))
    return lambda _: _kmers.by_scikit_learn(*arrays)


def prepare_torch(folder: Path) -> None:
    """Write the weights for PyTorch."""
    from benchmarks.prediction import untrained

    np.savez(folder / "weights.npz", **_training.weights_of(untrained().model))


def prepare_onnx(folder: Path) -> None:
    """Export the network; needs tf2onnx beside danq."""
    from benchmarks.prediction import untrained

    model = untrained().model
    # Keras exports only what was called before
    model.predict({"codes": windows()[:2]}, verbose=0)
    model.export(str(folder / "danq.onnx"), format="onnx", verbose=False)


CONTESTANTS: dict[str, Callable[[Path], Round]] = {
    function.__name__: function
    for function in (
        train_danq,
        train_torch,
        predict_danq,
        predict_keras,
        predict_onnx,
        score_danq,
        score_keras,
        score_torch,
        label_danq,
        label_bedtools,
        kmers_danq,
        kmers_sklearn,
    )
}
PREPARATIONS: dict[str, Callable[[Path], None]] = {
    "score_torch": prepare_torch,
    "predict_onnx": prepare_onnx,
    "label_danq": _labelling.inputs,
    "kmers_danq": _kmers.inputs,
}
"""What is made once, in a process of its own, before the contestant starts."""
