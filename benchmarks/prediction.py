"""Prediction of full DanQ: danq's fixed batches beside plain `keras.Model.predict`, taking turns in one run.

    python benchmarks/prediction.py [--rows 1024] [--rounds 5]

Prints sequences/s (forward passes: one strand) of both, and the median over rounds of their ratio; then the
resident memory while predictions of 1, 2 and 4 times the rows are streamed into a file, which must not grow.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from danq.data.encoders import CodesEncoder
from danq.learn.bundle import Bundle
from danq.learn.devices import describe_device
from danq.learn.manifest import BundleManifest, TrainedOn
from danq.learn.predict.outputs import Output
from danq.learn.predict.predictor import Predictor, predict_source
from danq.learn.predict.rows import BLOCK, Rows, Source
from danq.models import danq

WINDOW, TARGETS = 1000, 919


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1024, help="windows a measurement")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each, taking turns")
    chosen = parser.parse_args()
    bundle = untrained()
    codes = np.random.default_rng(0).integers(0, 4, (chosen.rows, WINDOW)).astype(np.uint8)
    predictor = Predictor(bundle, 128, "none")
    plain = {
        size: (lambda size=size: bundle.model.predict({"codes": codes}, batch_size=size, verbose=0))
        for size in (32, 128)
    }
    compare(len(codes), lambda: predictor.logits(codes), plain, chosen.rounds)
    stream(Predictor(bundle, 128, "none"), codes)


def untrained() -> Bundle:
    """Build DanQ as published, 46,926,479 parameters."""
    keras.utils.set_random_seed(0)
    encoder = CodesEncoder(WINDOW)
    model = danq.build(danq.Options(), encoder, TARGETS, "multilabel")
    names = [f"target {index}" for index in range(TARGETS)]
    info = BundleManifest(
        run="benchmark",
        model="danq",
        options=danq.Options().model_dump(),
        train={},
        predict={},
        targets=names,
        task="multilabel",
        data_kind="dna",
        window=WINDOW,
        bin=None,
        step=None,
        shape=None,
        best={},
        training={},
        dataset=TrainedOn(name="none", digest="", genome_digest=None),
        provenance={},
        encoder=encoder.state(),
        parameters=model.count_params(),
        digest="",
    )
    return Bundle(Path("benchmark"), model, encoder, info)


def compare(
    rows: int, ours: Callable[[], object], plain: dict[int, Callable[[], object]], rounds: int
) -> None:
    """Time each in turn; the machine's other work then weighs on all alike."""
    seconds: dict[object, list[float]] = {"danq": [], **{size: [] for size in plain}}
    for _ in range(rounds + 1):
        for name, predict in {"danq": ours, **plain}.items():
            started = time.perf_counter()
            predict()
            seconds[name].append(time.perf_counter() - started)
    # the first round compiles
    timed = {name: values[1:] for name, values in seconds.items()}
    sys.stdout.write(f"{describe_device()}, {rows} windows, median of {rounds} rounds\n")
    sys.stdout.write(f"danq, batch 128: {rows / statistics.median(timed['danq']):.0f} sequences/s\n")
    for size in plain:
        ratio = statistics.median(a / b for a, b in zip(timed[size], timed["danq"], strict=True))
        speed = rows / statistics.median(timed[size])
        sys.stdout.write(
            f"keras predict, batch {size}: {speed:.0f} sequences/s; danq is {ratio:.2f} times as fast\n"
        )


def stream(predictor: Predictor, codes: NDArray[np.uint8]) -> None:
    """Stream 1, 2 and 4 times the rows into an `.npz` file; print the peak of resident memory after each."""
    for times in (1, 2, 4):
        n = times * len(codes)

        def blocks(times: int = times) -> Iterator[Rows]:
            for _ in range(times):
                for first in range(0, len(codes), BLOCK):
                    block = codes[first : first + BLOCK]
                    names = [f"row {first + i}" for i in range(len(block))]
                    yield Rows(names, block, np.zeros(len(block), bool))

        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            predict_source(predictor, Source(blocks, n), Output(Path(folder) / "p.npz"))
            seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sys.stdout.write(f"streamed to .npz: {n} rows, {n / seconds:.0f} rows/s, peak memory {peak:.0f} MB\n")


if __name__ == "__main__":
    main()
