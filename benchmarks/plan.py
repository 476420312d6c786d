"""What large jobs take: hours, jobs and storage of a training on hg38 and of 100 million variants.

    python benchmarks/plan.py

Prints the tables of docs/scaling.md. Rates and slopes are those measured there, in docs/results.md and in
docs/gpu.md; all that follows from them is an estimate, and so is what several GPUs take. Each training step
sums the gradients of all GPUs; that takes 2 (n - 1) / n times their bytes at the bandwidth assumed below,
while nothing else is computed.
"""

from collections.abc import Callable
from typing import NamedTuple

HOUR = 3600.0
MEGABASES, TARGETS, WINDOWS, HELD_OUT, EPOCHS = 3_100, 919, 4_400_000, 463_024, 60
"""hg38; DeepSEA's targets, training rows and rows that validate and test; passes over the training rows."""
VARIANTS = 100_000_000
PARAMETERS = 46_926_479
"""DanQ as published, 919 targets."""
IN_NODE, BETWEEN_NODES = 300e9, 40e9
"""Bytes a second that each GPU sends, assumed: NVLink among 8; 400 Gb/s of network a GPU among more."""
CPU_TRAINING, CPU_PREDICTION, CPU_SCORING = 216.0, 794.0, 303.0
"""Measured on 2 cores (docs/results.md), a second: windows trained, predicted on one strand, SNVs scored."""
GPU_SCORING = 13_959.0
"""Measured on one H200 (docs/gpu.md), SNVs a second: four windows each."""


class Training(NamedTuple):
    """A rate measured on one H200 (docs/gpu.md): rows a step and GPU, precision, windows a second."""

    batch: int
    precision: str
    rate: float


TRAININGS = Training(100, "float32", 10_048), Training(2_048, "tf32", 32_391)


def training_seconds(training: Training, gpus: int) -> float:
    """Seconds of all epochs on GPUs, each with its own batch, that wait for the sum of their gradients."""
    bandwidth = IN_NODE if gpus <= 8 else BETWEEN_NODES
    exchange = 2 * (gpus - 1) / gpus * 4 * PARAMETERS / bandwidth
    steps = WINDOWS * EPOCHS / (gpus * training.batch)
    return steps * (training.batch / training.rate + exchange)


def of_training() -> list[tuple[str, ...]]:
    """Give rows: step, jobs, on 1, 8 and 64 GPUs, on 2 and on 64 cores, of which a training takes 8."""
    total = WINDOWS * EPOCHS / CPU_TRAINING / HOUR
    rows = [
        ("`danq genome`", "1", *same(2.35e-3 * MEGABASES / HOUR)),
        ("`danq dataset`", "1", *same(2.54e-3 * TARGETS * MEGABASES / 10 / HOUR)),
    ]
    for training in TRAININGS:
        hours = [training_seconds(training, gpus) / HOUR for gpus in (1, 8, 64)]
        cores = (total, total / 4) if training.precision == "float32" else (None, None)
        name = f"`danq train`, batch {training.batch:,} a GPU, {training.precision}"
        rows.append((name, "1", *map(shown, [*hours, *cores])))
    both_strands = 2 * HELD_OUT
    seconds = both_strands / (4 * GPU_SCORING), both_strands / CPU_PREDICTION
    rows += [
        (
            "`danq predict`, validation and test",
            "2",
            *map(shown, [seconds[0] / HOUR] * 3 + [seconds[1] / HOUR, seconds[1] / 2 / HOUR]),
        ),
        ("`danq evaluate`, 1,000 resamples", "1", *same(6.48e-6 / 8 * HELD_OUT * TARGETS / HOUR)),
    ]
    return rows


def of_scores(targets: int) -> list[tuple[str, ...]]:
    """Give the same rows for the variants, of which so many targets are written."""
    rates = *(gpus * GPU_SCORING for gpus in (1, 8, 64)), CPU_SCORING, 32 * CPU_SCORING
    written = (9.13e-6 + 2.228e-7 * targets) * VARIANTS
    return [
        ("reading and checking the file", "in the first job", *same(8.44e-6 * VARIANTS / HOUR)),
        ("`danq score --shard`", "1, 8, 64; 1, 32", *(shown(VARIANTS / rate / HOUR) for rate in rates)),
        (f"`danq score`, writing {targets} target{'s' * (targets > 1)}", "1", *same(written / HOUR)),
    ]


def same(hours: float) -> list[str]:
    """Five equal cells, of what runs on one thread wherever it runs."""
    return [shown(hours)] * 5


def shown(hours: float | None) -> str:
    """Hours, or minutes where there is less than one."""
    if hours is None:
        return ""
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:,.1f} min"


def storage() -> list[tuple[str, str]]:
    """Files and their size."""
    packed = (WINDOWS + HELD_OUT) * -(-TARGETS // 8)
    parts = [
        ("genome, 1 byte a base", MEGABASES * 1e6),
        ("labels, a bit a row and target, and positions, 5 bytes a row", packed + 5 * (WINDOWS + HELD_OUT)),
        ("bundle: the weights twice, as `.keras` and `.safetensors`", 8.0 * PARAMETERS),
        ("checkpoint: weights, their best, the optimizer's squares", 12.0 * PARAMETERS),
        ("predictions, 9 bytes a row and target and 165 a row", HELD_OUT * (9.0 * TARGETS + 165)),
    ]
    for targets, table in ((1, 23.3), (TARGETS, 12_064.0)):
        name = f"scores of {targets} target{'s' * (targets > 1)}, annotated VCF and ledger"
        parts.append((name, VARIANTS * (table + 14.9 + 34.1)))
    return [(name, f"{size / 1e9:,.1f} GB") for name, size in parts]


def main() -> None:
    """Print the tables."""
    head = "| step | jobs | 1 GPU | 8 GPUs | 64 GPUs | 2 cores | 64 cores |\n|---|---|---|---|---|---|---|"
    parts: list[tuple[str, Callable[[], list[tuple[str, ...]]]]] = [
        (f"hg38, {TARGETS} targets, {WINDOWS:,} windows, {EPOCHS} epochs", of_training),
        (f"{VARIANTS:,} variants", lambda: [*of_scores(1), of_scores(TARGETS)[-1]]),
    ]
    for title, rows in parts:
        print(f"\n{title}\n\n{head}")
        print("\n".join(f"| {' | '.join(row)} |" for row in rows()))
    print("\n| files | size |\n|---|---|")
    print("\n".join(f"| {name} | {size} |" for name, size in storage()))


if __name__ == "__main__":
    main()
