"""How often 95% bootstrap intervals hold the true value, by simulation: percentile, basic and danq's own.

``python benchmarks/interval_coverage.py`` draws test sets of 40 targets with known score distributions
(normal, 1.5 apart for one run and 1.2 for the other, half of the noise in common) and asks how many intervals
hold the value of endless rows, and how many the expected value of as many rows. 100 take half a minute.
With ``--truth`` it asks so of the figures of ``danq score --truth``: 2,000 take two minutes.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from danq.evaluate.agreement import Known, draw_alleles
from danq.evaluate.intervals import BLOCK_BP, draw, interval
from danq.metrics import auprc, auroc, rank, weighted_areas

APART = (1.5, 1.2)
CORRELATION = 0.6
"""Pearson's r of simulated effects and scores."""
METRICS = ("AUROC", "AUPRC")
QUANTITIES = ("mean", "difference of means", "one target", "its difference")
RULES = ("percentile", "basic", "danq")


def endless(prevalence: float) -> NDArray[np.float64]:
    """AUROC and AUPRC of either run over endless rows, (2, 2)."""
    areas = []
    for apart in APART:
        recall = np.linspace(1e-7, 1, 2_000_001)
        above = norm.sf(norm.isf(recall) + apart)
        precision = prevalence * recall / (prevalence * recall + (1 - prevalence) * above)
        areas.append((norm.cdf(apart / 2**0.5), np.trapezoid(precision, recall)))
    return np.array(areas).T


def simulate(
    rng: np.random.Generator, targets: int, rows: int, block: int, prevalence: float, resamples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw one test set: areas (2, 2 runs, targets) and those of its resamples (2, 2 runs, targets, r).

    Rows of a block share the noise that both runs share, so that only blocks are independent.
    """
    number = np.arange(rows) // block
    drawn = draw(number, int(number[-1]) + 1, resamples, int(rng.integers(1 << 31)))
    areas = np.empty((2, 2, targets))
    again = np.empty((2, 2, targets, resamples))
    for target in range(targets):
        labels = (rng.random(rows) < prevalence).astype(np.uint8)
        common = rng.normal(size=number[-1] + 1)[number]
        for run, apart in enumerate(APART):
            noise = np.sqrt(0.5) * (common + rng.normal(size=rows))
            scores = (apart * labels + noise).astype(np.float32)
            ranking = rank(scores, labels)
            areas[:, run, target] = auroc(ranking), auprc(ranking)
            again[:, run, target] = weighted_areas(scores, labels, drawn.block, drawn.counts)
    return areas, again


def quantities(areas: NDArray[np.float64], metric: int) -> list[NDArray[np.float64]]:
    """Turn areas (2, 2 runs, targets, …) of one metric into `QUANTITIES`: (1, …) or (targets, …)."""
    first, second = areas[metric]
    means = [np.nanmean(run, axis=0)[None] for run in (first, second)]
    return [means[0], means[0] - means[1], first, first - second]


def intervals(
    values: NDArray[np.float64], estimate: NDArray[np.float64], lowest: float
) -> dict[str, NDArray]:
    """Give the ends (2, m) by each of `RULES`, of resampled values (m, r)."""
    low, high = np.nanquantile(values, (0.025, 0.975), axis=-1)
    return {
        "percentile": np.array([low, high]),
        "basic": np.clip([2 * estimate - high, 2 * estimate - low], lowest, 1),
        "danq": np.transpose([interval(*pair, (lowest, 1.0)) for pair in zip(values, estimate, strict=True)]),
    }


def coverage(options: argparse.Namespace, prevalence: float) -> None:
    """Simulate one prevalence and print a line a metric, quantity and rule."""
    rng = np.random.default_rng(options.seed)
    true = endless(prevalence)
    ends: dict[tuple[int, int, str], list[NDArray[np.float64]]] = {}
    measured: dict[tuple[int, int], list[NDArray[np.float64]]] = {}
    for _ in range(options.simulations):
        areas, again = simulate(
            rng, options.targets, options.rows, options.block, prevalence, options.resamples
        )
        for metric in range(2):
            pairs = zip(quantities(areas, metric), quantities(again, metric), strict=True)
            for number, (estimate, values) in enumerate(pairs):
                measured.setdefault((metric, number), []).append(estimate)
                for rule, found in intervals(values, estimate, -float(number % 2)).items():
                    ends.setdefault((metric, number, rule), []).append(found)
    for (metric, number, rule), found in ends.items():
        low, high = np.array(found).swapaxes(0, 1)
        first, second = true[metric]
        values = {
            "endless rows": first - second * (number % 2),
            "as many rows": float(np.nanmean(measured[metric, number])),
        }
        held = [f"{np.mean((low <= value) & (value <= high)):.3f}" for value in values.values()]
        width = f"{np.nanmean(high - low):.4f}"
        print(
            "|",
            " | ".join([f"{prevalence:.0%}", METRICS[metric], QUANTITIES[number], rule, *held, width]),
            "|",
        )


def truth_coverage(options: argparse.Namespace, prevalence: float) -> None:
    """Simulate alleles in stretches that share noise, and print a line a figure of ``truth.tsv``."""
    rng = np.random.default_rng(options.seed)
    true = dict(zip(("auroc", "auprc"), endless(prevalence)[:, 0], strict=True))
    # of a bivariate normal
    true |= {"pearson": CORRELATION, "spearman": 6 / np.pi * np.arcsin(CORRELATION / 2)}
    stretch = np.arange(options.rows) // options.block
    pos = stretch * BLOCK_BP + 1 + np.arange(options.rows) % options.block

    def noise() -> NDArray[np.float64]:
        return np.sqrt(0.5) * (rng.normal(size=stretch[-1] + 1)[stretch] + rng.normal(size=options.rows))

    held: dict[str, list[bool]] = {name: [] for name in true}
    for number in range(options.simulations):
        drawn = draw_alleles(np.full(options.rows, "chr1"), pos, number)
        labels, effects = (rng.random(options.rows) < prevalence).astype(np.float64), noise()
        correlated = CORRELATION * effects + np.sqrt(1 - CORRELATION**2) * noise()
        row = Known(labels, True, drawn).compare((APART[0] * labels + noise()).astype(np.float32))
        row |= Known(effects, False, drawn).compare(correlated.astype(np.float32))
        for name in true.keys() & row.keys():
            held[name].append(row[f"{name}_low"] <= true[name] <= row[f"{name}_high"])
    for name, each in held.items():
        print(f"| {prevalence:.0%} | {stretch[-1] + 1} | {name} | {np.mean(each):.3f} |")


def main() -> None:
    """Print a table of coverage and mean width."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=50, help="test sets a prevalence")
    parser.add_argument("--targets", type=int, default=40, help="targets of a run")
    parser.add_argument("--rows", type=int, default=1000, help="rows of a test set")
    parser.add_argument("--block", type=int, default=1, help="rows of a block, which share noise")
    parser.add_argument(
        "--prevalence", type=float, nargs="+", default=[0.02, 0.05], help="share of positives"
    )
    parser.add_argument("--resamples", type=int, default=400, help="resamples of an interval")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--truth", action="store_true", help="figures of scores against what is known")
    options = parser.parse_args()
    if options.truth:
        print("| prevalence | stretches | figure | holds endless alleles' |")
        print("|---" * 4 + "|")
        for prevalence in options.prevalence:
            truth_coverage(options, prevalence)
        return
    print("| prevalence | metric | quantity | interval | holds endless rows' | holds as many rows' | width |")
    print("|---" * 7 + "|")
    for prevalence in options.prevalence:
        coverage(options, prevalence)


if __name__ == "__main__":
    main()
