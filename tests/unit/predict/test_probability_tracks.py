"""Probabilities along a genome."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from danq.errors import DanqError
from danq.learn.predict.outputs import writing_probabilities
from danq.learn.predict.predictions import Predictions

ROWS = Predictions(
    ids=np.array(["a", "b", "c"]),
    probabilities=np.array([[0.25], [0.5], [0.75]], np.float32),
    logits=np.zeros((3, 1), np.float32),
    targets=np.array(["CTCF"]),
    contig=np.array(["chrII", "chrI", "chrI"]),
    start=np.array([0, 0, 200]),
    end=np.array([200, 200, 400]),
)


def test_each_target_has_a_track_of_its_probabilities(tmp_path: Path) -> None:
    with writing_probabilities(tmp_path, {"chrI": 400, "chrII": 400}, "bedgraph") as append:
        append(ROWS.rows(slice(0, 2)))
        append(ROWS.rows(slice(2, 3)))
    lines = ["chrI\t0\t200\t0.5", "chrI\t200\t400\t0.75", "chrII\t0\t200\t0.25"]
    assert (tmp_path / "CTCF.bedgraph").read_text().splitlines() == lines


def test_rows_without_positions_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DanqError, match="positions on a genome"),
        writing_probabilities(tmp_path, {"chrI": 400}) as append,
    ):
        append(replace(ROWS, start=None))
