"""A training's whole state in one file, bound to what is trained, so that it resumes exactly."""

import json
import logging
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from danq.files import atomic

log = logging.getLogger("danq")

DIRECTORY = ".checkpoint"
"""Inside a run's results, but no declared output: those Snakemake deletes before a job runs again."""
_FILE = "state.npz"
_HEAD = "head"


@dataclass(frozen=True)
class Checkpoint:
    """What is needed to go on.

    Attributes
    ----------
    arrays : dict of str to array
        Weights, optimizer variables, states of random generators, best weights.
    state : dict
        The rest, JSON-like: epoch, step, sums, early stopping, history.
    """

    arrays: dict[str, NDArray[Any]]
    state: dict[str, Any]


@dataclass(frozen=True)
class CheckpointStore:
    """Where one training keeps its checkpoint.

    Attributes
    ----------
    directory : Path
        Holds one file, which is replaced as a whole.
    digest : str
        Of dataset, model, options and release; a checkpoint of another digest is not used.
    """

    directory: Path
    digest: str

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint.

        Raises
        ------
        DanqError
            If it cannot be written.
        """
        head = json.dumps({"digest": self.digest, "state": checkpoint.state})
        arrays: Mapping[str, Any] = {_HEAD: np.array(head), **checkpoint.arrays}
        with atomic(self.directory / _FILE) as path:
            np.savez(path, **arrays)

    def read(self) -> Checkpoint | None:
        """Read the checkpoint; one that is damaged or of another training is discarded, and said so."""
        path = self.directory / _FILE
        if not path.is_file():
            return None
        try:
            # NumPy leaves a damaged file open unless it is handed an open one
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                head = json.loads(str(stored[_HEAD]))
                if head["digest"] == self.digest:
                    arrays = {name: stored[name] for name in stored.files if name != _HEAD}
                    return Checkpoint(arrays, head["state"])
            reason = "it belongs to other data, options or another release"
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            reason = "it is damaged"
        log.warning("%s: checkpoint discarded, %s; training starts anew", path, reason)
        self.remove()
        return None

    def remove(self) -> None:
        """Remove the checkpoint, if there is one."""
        shutil.rmtree(self.directory, ignore_errors=True)
