"""Training speed of the published DanQ (batch 100, 919 targets): danq's loop beside PyTorch, in turns.

Both are resident in processes of their own and take turns, so that whatever else the machine does meets both.
PyTorch is no dependency of danq: give the Python of an environment that has it, for example

    python -m venv torch-environment && torch-environment/bin/pip install torch numpy
    python benchmarks/training.py --torch-python torch-environment/bin/python

Without it only danq's own speed is measured.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

BATCH, WINDOW, TARGETS, WARM_UP = 100, 1000, 919, 2

Step = Callable[[np.ndarray, np.ndarray], float]


def batches(steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Random windows and labels as frequent as DeepSEA's: uint8 (BATCH, WINDOW) and (BATCH, TARGETS)."""
    generator = np.random.default_rng(0)
    return [
        (
            generator.integers(0, 4, (BATCH, WINDOW), dtype=np.uint8),
            (generator.random((BATCH, TARGETS)) < 0.02).astype(np.uint8),
        )
        for _ in range(steps)
    ]


def keras_step() -> Step:
    """Prepare the model, optimizer and compiled step of danq itself."""
    from danq.data.batches import Batch
    from danq.data.encoders import CodesEncoder
    from danq.learn.devices import choose_strategy, repeatable
    from danq.learn.options import TrainOptions
    from danq.learn.train.losses import row_loss
    from danq.learn.train.optimizers import make_optimizer
    from danq.learn.train.step import Steps
    from danq.models import danq

    options, encoder = TrainOptions(batch_size=BATCH), CodesEncoder(WINDOW)
    strategy = choose_strategy(options)
    with repeatable(options.seed, options.precision), strategy.scope():
        model = danq.build(danq.Options(), encoder, TARGETS, "multilabel")
        optimizer = make_optimizer(options)
        optimizer.build(model.trainable_variables)
    steps = Steps(strategy, model, optimizer, row_loss("multilabel", None))

    def step(codes: np.ndarray, labels: np.ndarray) -> float:
        batch = Batch(codes, labels, np.ones(len(codes), np.float32), np.arange(len(codes)))
        loaded = steps.load([(encoder.encode(codes), batch)])
        return float(steps.train(loaded, [options.learning_rate])[0])

    return step


def torch_network() -> Any:
    """Make DanQ as published in PyTorch, from codes to logits."""
    import torch
    from torch import nn

    class DanQ(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = nn.Sequential(
                nn.Conv1d(4, 320, 26), nn.ReLU(), nn.MaxPool1d(13), nn.Dropout(0.2)
            )
            self.rnn = nn.LSTM(320, 320, batch_first=True, bidirectional=True)
            self.head = nn.Sequential(
                nn.Dropout(0.5), nn.Flatten(), nn.Linear(75 * 640, 925), nn.ReLU(), nn.Linear(925, TARGETS)
            )

        def forward(self, codes: "torch.Tensor") -> "torch.Tensor":
            bases = nn.functional.one_hot(codes.long(), 4).to(torch.float32)
            steps = self.convolution(bases.transpose(1, 2)).transpose(1, 2)
            return self.head(self.rnn(steps)[0])

    return DanQ()


def torch_step() -> Step:
    """Prepare the same network, loss and optimizer in PyTorch."""
    import torch
    from torch import nn

    # without this, saturated gates make denormal numbers and a step takes several times as long
    torch.set_flush_denormal(True)
    torch.manual_seed(1337)

    model = torch_network().train()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
    criterion = nn.BCEWithLogitsLoss()

    def step(codes: np.ndarray, labels: np.ndarray) -> float:
        optimizer.zero_grad()
        loss = criterion(model(torch.from_numpy(codes)), torch.from_numpy(labels).float())
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def work(kind: str, steps: int) -> None:
    """Do one round of steps for each line read; answer with its seconds and last loss as JSON."""
    step = {"keras": keras_step, "torch": torch_step}[kind]()
    data = batches(steps)
    for codes, labels in data[:1] * WARM_UP:
        step(codes, labels)
    for _ in sys.stdin:
        started = time.perf_counter()
        for codes, labels in data:
            loss = step(codes, labels)
        sys.stdout.write(json.dumps({"seconds": time.perf_counter() - started, "loss": loss}) + "\n")
        sys.stdout.flush()


class Worker:
    """A process that trains one round when told so."""

    def __init__(self, python: str, kind: str, steps: int) -> None:
        command = [python, str(Path(__file__)), "--worker", kind, "--steps", str(steps)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._steps = steps

    def round(self) -> float:
        """Train one round; sequences a second."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            sys.exit(f"a worker ended with status {self._process.wait()}")
        return self._steps * BATCH / json.loads(answer)["seconds"]

    def end(self) -> None:
        """Let the process end."""
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Measure in turns and print speeds and their ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torch-python", help="Python of an environment with PyTorch and NumPy")
    parser.add_argument("--rounds", type=int, default=3, help="rounds each (default 3)")
    parser.add_argument("--steps", type=int, default=6, help="steps a round (default 6)")
    parser.add_argument("--worker", choices=("keras", "torch"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker, options.steps)
        return
    pythons = {"keras": sys.executable}
    if options.torch_python:
        pythons["torch"] = options.torch_python
    workers = {kind: Worker(python, kind, options.steps) for kind, python in pythons.items()}
    speeds: dict[str, list[float]] = {kind: [] for kind in workers}
    for number in range(1, options.rounds + 1):
        for kind, worker in workers.items():
            speeds[kind].append(worker.round())
        told = ", ".join(f"{kind} {values[-1]:.1f}/s" for kind, values in speeds.items())
        sys.stdout.write(f"round {number}: {told}\n")
        sys.stdout.flush()
    for worker in workers.values():
        worker.end()
    medians = {kind: statistics.median(values) for kind, values in speeds.items()}
    for kind, speed in medians.items():
        sys.stdout.write(f"{kind}: {speed:.1f} sequences/s trained (median of {options.rounds} rounds)\n")
    if "torch" in medians:
        ratios = [ours / theirs for ours, theirs in zip(speeds["keras"], speeds["torch"], strict=True)]
        sys.stdout.write(f"ratio keras / torch: {statistics.median(ratios):.2f} (median over rounds)\n")
    else:
        sys.stdout.write("no PyTorch beside it: --torch-python was not given\n")


if __name__ == "__main__":
    main()
