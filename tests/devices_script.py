"""Train in a process of its own, for what devices there are is fixed once TensorFlow computes.

Usage: devices_script.py one|mirrored|multi_worker DATASET OUT [SIGNAL STEP]

With SIGNAL the process sends itself that signal when it loads the batch of a step of the second epoch.
"""

import logging
import os
import signal
import sys
from pathlib import Path

import tensorflow as tf
from tiny_dataset import SMALL, tiny_run

from danq.data.batches import Batch, TrainingBatches
from danq.learn.train.run import train_run
from danq.processes import stop


def send(name: str, number: int) -> None:
    load = TrainingBatches.load

    def loading(self: TrainingBatches, epoch: int, step: int) -> Batch:
        if (epoch, step) == (1, number):
            os.kill(os.getpid(), signal.Signals[name])
        return load(self, epoch, step)

    TrainingBatches.load = loading


def main(kind: str, dataset: str, out: str, *request: str) -> None:
    # as the command line does
    signal.signal(signal.SIGTERM, stop)
    logging.basicConfig(level=logging.INFO)
    if request:
        send(request[0], int(request[1]))
    if kind == "mirrored":
        (cpu,) = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        # without GPUs TensorFlow itself would mirror on one device
        tf.distribute.MirroredStrategy = lambda: two
    run = tiny_run(
        options={**SMALL, "dropout": 0.0, "rnn_dropout": 0.0},
        distribute="none" if kind == "one" else kind,
        average=0.9,
        clip_norm=0.05,
        optimizer="adamw",
        weight_decay=0.1,
    )
    train_run("tiny", run, Path(dataset), Path(out), Path(out).parent)


if __name__ == "__main__":
    main(*sys.argv[1:])
