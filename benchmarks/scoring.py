"""Scoring with full DanQ: isolated SNVs and saturation mutagenesis beside plain `keras.Model.predict`.

    python benchmarks/scoring.py [--variants 256] [--span 200] [--rounds 3]

The naive way hands `predict` every window on both strands: four a SNV (reference and alternate), two a mutant
of the saturated stretch. Both take turns in one run; printed are alleles/s, the median over rounds of the
ratio, and the largest difference between the two in a logit difference (alternate minus reference).
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from benchmarks.prediction import WINDOW, untrained
from danq.genome.alphabet import reverse_complement
from danq.learn.devices import describe_device
from danq.score.runner import open_runner_of

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", type=int, default=256, help="isolated SNVs")
    parser.add_argument("--span", type=int, default=200, help="saturated stretch, bp")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, taking turns")
    parser.add_argument("--batches", type=int, nargs="+", default=[64, 128, 256], help="batches of predict")
    chosen = parser.parse_args()
    bundle = untrained()
    runner = open_runner_of(bundle)
    kernels = {info["architecture"] for info in threadpool_info() if "architecture" in info}
    sys.stdout.write(f"{describe_device()}; {type(runner).__name__}; matrix kernels {', '.join(kernels)}\n")
    for name, arrays in (("isolated SNVs", snvs(chosen.variants)), ("saturation", saturated(chosen.span))):
        naive = {
            size: (lambda size=size, arrays=arrays: plain(bundle.model, size, *arrays))
            for size in chosen.batches
        }
        compare(name, arrays, lambda arrays=arrays: ours(runner, *arrays), naive, chosen.rounds)


def snvs(count: int) -> Arrays:
    """Random windows and each one's SNV at the place where `danq score` puts it."""
    random = np.random.default_rng(0)
    reference = random.integers(0, 4, (count, WINDOW)).astype(np.uint8)
    alternate = reference.copy()
    alternate[:, WINDOW // 2] = (alternate[:, WINDOW // 2] + random.integers(1, 4, count)) % 4
    return reference, alternate, np.arange(count)


def saturated(span: int) -> Arrays:
    """One random window and every substitution of the `span` bp at its centre."""
    reference = np.random.default_rng(1).integers(0, 4, (1, WINDOW)).astype(np.uint8)
    alternate = np.repeat(reference, 3 * span, axis=0)
    rows = np.arange(3 * span)
    places = WINDOW // 2 - span // 2 + rows // 3
    alternate[rows, places] = (alternate[rows, places] + 1 + rows % 3) % 4
    return reference, alternate, np.zeros(3 * span, np.int64)


def plain(
    model: object,
    batch: int,
    reference: NDArray[np.uint8],
    alternate: NDArray[np.uint8],
    group: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Logit differences (m, k) by `predict` on every window."""
    windows = np.concatenate([reference, alternate])
    logits = [
        model.predict({"codes": codes}, batch_size=batch, verbose=0)
        for codes in (windows, reverse_complement(windows))
    ]
    g = len(reference)
    return np.mean([strand[g:] - strand[:g][group] for strand in logits], axis=0)


def ours(
    runner: object, reference: NDArray[np.uint8], alternate: NDArray[np.uint8], group: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Logit differences (m, k) as `danq score` computes them."""
    logits = runner.logits(reference, alternate, group)
    return (logits.alternate - logits.reference[:, group]).mean(axis=0)


def compare(
    name: str,
    arrays: Arrays,
    shared: Callable[[], NDArray[np.float32]],
    naive: dict[int, Callable[[], NDArray[np.float32]]],
    rounds: int,
) -> None:
    """Time each in turn; the machine's other work then weighs on all alike."""
    seconds: dict[object, list[float]] = {"danq": [], **{size: [] for size in naive}}
    results = {}
    for _ in range(rounds + 1):
        for way, score in {"danq": shared, **naive}.items():
            started = time.perf_counter()
            results[way] = score()
            seconds[way].append(time.perf_counter() - started)
    # the first round compiles
    timed = {way: values[1:] for way, values in seconds.items()}
    alleles = len(arrays[1])
    sys.stdout.write(f"{name}: danq {alleles / statistics.median(timed['danq']):.0f} alleles/s\n")
    for size in naive:
        ratio = statistics.median(a / b for a, b in zip(timed[size], timed["danq"], strict=True))
        apart = float(np.abs(results[size] - results["danq"]).max())
        sys.stdout.write(
            f"{name}: keras predict, batch {size}: {alleles / statistics.median(timed[size]):.0f} alleles/s; "
            f"danq is {ratio:.2f} times as fast; logit differences within {apart:.1e}\n"
        )


if __name__ == "__main__":
    main()
