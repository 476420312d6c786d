"""Training steps of the published DanQ (batch 100, 919 targets): danq's own and PyTorch's."""

from collections.abc import Callable
from typing import Any

import numpy as np

BATCH, WINDOW, TARGETS = 100, 1000, 919

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
    from danq.learn.train.optimization import make_optimizer, row_loss
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


def weights_of(model: Any) -> dict[str, np.ndarray]:
    """Give a Keras DanQ's weights the names and layouts of `torch_network`'s."""
    convolution, recurrent, hidden, output = (layer for layer in model.layers if layer.get_weights())
    kernel, bias = convolution.get_weights()
    weights = {"convolution.0.weight": kernel.transpose(2, 1, 0), "convolution.0.bias": bias}
    directions = zip(("", "_reverse"), (recurrent.forward_layer, recurrent.backward_layer), strict=True)
    for suffix, direction in directions:
        inputs, states, bias = direction.get_weights()
        weights[f"rnn.weight_ih_l0{suffix}"] = inputs.T
        weights[f"rnn.weight_hh_l0{suffix}"] = states.T
        weights[f"rnn.bias_ih_l0{suffix}"] = bias
        weights[f"rnn.bias_hh_l0{suffix}"] = np.zeros_like(bias)
    for number, dense in ((2, hidden), (4, output)):
        kernel, bias = dense.get_weights()
        weights |= {f"head.{number}.weight": kernel.T, f"head.{number}.bias": bias}
    return weights


def torch_network_with(weights: dict[str, np.ndarray]) -> Any:
    """Make PyTorch's DanQ of given weights, ready to predict."""
    import torch

    torch.set_flush_denormal(True)
    network = torch_network()
    network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    return network.eval()
