"""The parts of `benchmarks/gpu.py` about training: danq's loop, PyTorch's, and what a step consists of."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

WINDOW, TARGETS = 1000, 919
BATCHES = {100: 40_000, 512: 60_000, 2048: 80_000}
"""Rows of a batch, and samples of the epoch that is timed."""
SMALL_NETWORK = {"filters": 8, "kernel": 8, "pool": 40, "units": 4, "dense": 5}

Options = SimpleNamespace


def options_of(chosen: Options) -> dict[str, Any]:
    """Options of the network that is measured."""
    return SMALL_NETWORK if chosen.small else {}


def synthetic(chosen: Options) -> Path:
    """Make a dataset of random windows with labels as frequent as DeepSEA's, once."""
    from danq.data.options import DatasetOptions
    from danq.data.writing import Contents, write_examples, write_manifest

    out = chosen.work / "synthetic"
    if out.exists():
        return out
    rows = 1_000 if chosen.small else 80_000
    random = np.random.default_rng(0)
    split = np.where(np.arange(rows) < rows - 256, 0, 1).astype(np.uint8)
    split[-16:] = 2
    folder = chosen.work / "partial"
    folder.mkdir()
    np.save(folder / "codes.npy", random.integers(0, 4, (rows, WINDOW), dtype=np.uint8))
    labels = random.random((rows, TARGETS), np.float32) < 0.02
    made = DatasetOptions(kind="dna", examples=Path("random.csv"), window=WINDOW)
    names = [f"target {number}" for number in range(TARGETS)]
    targets = write_examples(folder, [str(row) for row in range(rows)], split, names, [labels])
    write_manifest(folder, folder, "synthetic", made, Contents("multilabel", targets, split, inputs={}))
    folder.rename(out)
    return out


def prepared_training(
    chosen: Options, data: Any, strategy: Any, batch: int, samples: int, **train: Any
) -> Any:
    """Set up a training of one epoch as `danq train` does."""
    from danq.data.batches import TrainingBatches
    from danq.data.encoders import CodesEncoder
    from danq.learn.options import TrainOptions
    from danq.learn.train.loop import Training, TrainingData
    from danq.learn.train.monitor import epoch_events
    from danq.learn.train.optimization import make_optimizer, row_loss
    from danq.learn.train.state import CheckpointStore
    from danq.learn.train.step import Steps
    from danq.models import danq

    options = TrainOptions(
        batch_size=batch, epochs=1, samples_per_epoch=samples, reverse_complement="augment", **train
    )
    encoder = CodesEncoder(WINDOW)
    model = danq.build(danq.Options(**options_of(chosen)), encoder, TARGETS, "multilabel")
    optimizer = make_optimizer(options)
    optimizer.build(model.trainable_variables)
    steps = Steps(strategy, model, optimizer, row_loss("multilabel", None))
    batches = TrainingBatches(data, data.rows("train"), batch, 1, True, 0, samples)
    store = CheckpointStore(chosen.work / "checkpoint", "none")
    training = Training(
        steps, TrainingData(batches, encoder, data.rows("valid")), options, store, epoch_events(None)
    )
    return training, model


def trained(chosen: Options, data: Any, batch: int, samples: int, precision: str, deterministic: Any) -> Any:
    """Train one epoch; speed, share of waiting, memory, loss and the digest of the weights."""
    from danq.learn.bundle import model_weights
    from danq.learn.devices import choose_strategy, repeatable
    from danq.learn.manifest import weights_digest
    from danq.learn.options import TrainOptions

    strategy = choose_strategy(TrainOptions(batch_size=batch))
    with repeatable(1, precision, deterministic):
        training, model = prepared_training(
            chosen, data, strategy, batch, samples, precision=precision, deterministic=deterministic
        )
        state = training.run("benchmark")
    return {
        "samples_per_second": state.samples_per_second,
        "wait_share": state.wait_share,
        "peak_gib": peak_gib(),
        "loss": state.history[0]["train_loss"],
        "weights": weights_digest({}, model_weights(model))[:16],
    }


def peak_gib() -> float | None:
    """Most memory in use on the GPU since this was asked before."""
    import tensorflow as tf

    from danq.learn.gpu import peak_memory

    return peak_memory() / 2**30 if tf.config.list_physical_devices("GPU") else None


def training_section(chosen: Options, note: Callable[[str, Any], None], deterministic: bool) -> None:
    """Train by danq's loop and loader at each batch size and precision; the same training twice."""
    import tensorflow as tf

    from danq.data.dataset import open_dataset
    from danq.errors import DanqError
    from danq.learn import cudnn
    from danq.learn.train import step

    data = open_dataset(synthetic(chosen))
    kinds = ("float32", "tf32", "mixed_float16", "mixed_bfloat16")
    for precision in kinds if deterministic else kinds[:1]:
        for batch, samples in ({64: 640} if chosen.small else BATCHES).items():
            if precision.startswith("mixed") and batch == 512:
                continue
            name = f"{precision} batch {batch}"
            try:
                note(name, trained(chosen, data, batch, samples, precision, deterministic))
            except (tf.errors.OpError, ValueError, DanqError) as error:
                note(name, {"error": str(error).splitlines()[0][:300]})
    few = 640 if chosen.small else 6_400
    for number in (1, 2):
        note(
            f"twice, run {number}",
            trained(chosen, data, 64 if chosen.small else 100, few, "float32", deterministic),
        )
    if not deterministic:
        return
    batch, samples = (64, 640) if chosen.small else (100, 20_000)
    step._MOST_STEPS = 1
    note("float32 batch 100, one step a call", trained(chosen, data, batch, samples, "float32", True))
    step._MOST_STEPS = 16

    def none(*args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    from danq.learn import devices

    devices.use_both_directions = lambda: None
    from keras.src import backend

    backend.bidirectional_lstm = none
    for size, samples in ({64: 640} if chosen.small else {100: 20_000, 2048: 80_000}).items():
        note(
            f"float32 batch {size}, two calls of cuDNN", trained(chosen, data, size, samples, "float32", True)
        )
    backend.bidirectional_lstm = cudnn.bidirectional_lstm


def torch_section(chosen: Options, note: Callable[[str, Any], None]) -> None:
    """Train PyTorch's DanQ with the same loss and optimizer; batches are prepared beforehand."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    note("versions", {"torch": torch.__version__, "cudnn": torch.backends.cudnn.version(), "device": device})
    for precision in ("float32", "tf32", "float16", "bfloat16"):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
        for batch, samples in ({64: 64} if chosen.small else BATCHES).items():
            if not (precision.endswith("16") and batch == 512):
                note(f"{precision} batch {batch}", torch_trained(device, precision, batch, samples))


def torch_trained(device: str, precision: str, batch: int, samples: int) -> dict[str, Any]:
    """Train by PyTorch; speed, memory and loss."""
    import torch
    from torch import nn

    from benchmarks._training import torch_network

    torch.manual_seed(1)
    random = np.random.default_rng(0)
    model = torch_network().to(device).train()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.001, alpha=0.9, eps=1e-7)
    criterion = nn.BCEWithLogitsLoss()
    scaler = torch.amp.GradScaler(device, enabled=precision == "float16")
    kind = {"float16": torch.float16, "bfloat16": torch.bfloat16}.get(precision)
    codes = [torch.from_numpy(random.integers(0, 4, (batch, WINDOW), dtype=np.uint8)) for _ in range(4)]
    labels = [torch.from_numpy((random.random((batch, TARGETS)) < 0.02).astype(np.uint8)) for _ in range(4)]

    def train(number: int) -> Any:
        optimizer.zero_grad()
        with torch.autocast(device, kind, enabled=kind is not None):
            logits = model(codes[number % 4].to(device))
        loss = criterion(logits.float(), labels[number % 4].to(device).float())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    steps = max(samples // batch, 1)
    for number in range(min(steps, 5)):
        float(train(number))
    started = time.perf_counter()
    behind = train(0)
    for number in range(1, steps):
        loss = train(number)
        float(behind)  # read one step late, as danq reads it
        behind = loss
    result = {"loss": float(behind), "samples_per_second": steps * batch / (time.perf_counter() - started)}
    if device == "cuda":
        result["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
        torch.cuda.reset_peak_memory_stats()
    return result


def parts_section(chosen: Options, note: Callable[[str, Any], None]) -> None:
    """Time what a step consists of: DanQ's layers, forward alone and with gradients, in ms."""
    import keras
    import tensorflow as tf

    from danq.learn.devices import prepare_gpus, use_tf32
    from danq.models.layers import recurrent

    prepare_gpus()
    layers = keras.layers
    conv = layers.Conv1D(320, 26, activation="relu", name="conv")
    pooled = keras.Sequential([conv, layers.MaxPooling1D(13)])
    rnn = recurrent("lstm", 320, sequences=True, bidirectional=True, merge="concat", name="rnn")
    head = keras.Sequential([layers.Flatten(), layers.Dense(925, activation="relu"), layers.Dense(TARGETS)])
    wide = keras.Sequential([layers.Dense(320)])

    def frames(bases: Any) -> Any:
        """Convolve by one matrix product of all positions."""
        flat = tf.reshape(tf.signal.frame(bases, 26, 1, axis=1), (-1, 975, 104))
        return tf.nn.max_pool1d(tf.nn.relu(wide(flat)), 13, 13, "VALID")

    for rows in (8,) if chosen.small else (100, 2048):
        bases = tf.one_hot(tf.random.uniform((rows, 1000), 0, 4, tf.int32), 4)
        inputs = {
            "conv and pool": (pooled, bases, pooled),
            "conv as matrix product": (frames, bases, wide),
            "lstm": (rnn, tf.random.normal((rows, 75, 320)), rnn),
            "head": (head, tf.random.normal((rows, 75, 640)), head),
        }
        for tf32 in (False, True):
            use_tf32(tf32)
            for name, (layer, array, owner) in inputs.items():
                times = {
                    "forward_ms": milliseconds(tf.function(layer), array),
                    "with_gradients_ms": milliseconds(gradients_of(layer, owner), array),
                }
                note(f"{name}, {rows} rows{', tf32' if tf32 else ''}", times)


def gradients_of(layer: Callable[[Any], Any], owner: Any) -> Any:
    """Compile a forward pass with the gradients of the weights, and of inputs that a layer below made."""
    import tensorflow as tf

    @tf.function
    def both(array: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(array)
            value = tf.reduce_sum(layer(array) ** 2)
        wanted = list(owner.trainable_variables)
        if array.shape[-1] > 4:
            wanted.append(array)
        return [tf.reduce_sum(gradient) for gradient in tape.gradient(value, wanted)]

    return both


def milliseconds(call: Any, array: Any) -> float:
    """Median time of a call, its result waited for."""
    import tensorflow as tf

    def wait() -> None:
        for result in tf.nest.flatten(call(array)):
            result.numpy() if result.shape.rank == 0 else tf.reduce_sum(result).numpy()

    wait()
    wait()
    times = []
    for _ in range(10):
        started = time.perf_counter()
        wait()
        times.append(time.perf_counter() - started)
    return 1000 * float(np.median(times))
