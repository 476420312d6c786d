"""Train in a process of its own, for what devices there are is fixed once TensorFlow computes.

Usage: devices_script.py one|mirrored|multi_worker DATASET OUT
"""

import sys
from pathlib import Path

import tensorflow as tf
from tiny_dataset import SMALL, tiny_run

from danq.learn.train.run import train_run


def main(kind: str, dataset: str, out: str) -> None:
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
