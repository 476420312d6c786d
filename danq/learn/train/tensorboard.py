"""Training curves for TensorBoard, written with TensorFlow alone; only looking at them needs TensorBoard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf


class EpochEvents:
    """Event files of one training.

    Parameters
    ----------
    directory : Path or None
        Created if missing; None writes nothing.
    """

    def __init__(self, directory: Path | None) -> None:
        self._writer = None if directory is None else tf.summary.create_file_writer(str(directory))

    def write(self, row: Mapping[str, Any]) -> None:
        """Write the numbers of one row of the history at its epoch."""
        if self._writer is None:
            return
        # tf.summary.scalar asks for the package tensorboard, which writing does not need
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "scalars"
        with self._writer.as_default(step=row["epoch"]):
            for name, value in row.items():
                if name != "epoch" and value is not None:
                    tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
        self._writer.flush()
