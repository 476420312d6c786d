import logging
import os
import signal

import numpy as np
import pytest

from danq.learn.train.state import Checkpoint, CheckpointStore, stop_requests

ARRAYS = {
    "variable_0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "variable_1": np.array(7, np.int64),
    "best_0": np.array([2**31, 5], np.uint32),
}


@pytest.mark.parametrize(("handler", "heard"), [(signal.SIG_DFL, signal.SIGHUP), (signal.SIG_IGN, 0)])
def test_a_closed_terminal_asks_to_stop_unless_nohup_ignores_it(handler, heard):
    before = signal.signal(signal.SIGHUP, handler)
    try:
        with stop_requests() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.number == heard
        assert signal.getsignal(signal.SIGHUP) == handler
    finally:
        signal.signal(signal.SIGHUP, before)


def test_round_trip_keeps_every_bit(tmp_path):
    store = CheckpointStore(tmp_path / ".checkpoint", "abc")
    state = {"epoch": 3, "loss_sum": 0.1 + 0.2, "best": float("-inf"), "history": [{"auroc": None}]}
    store.write(Checkpoint(ARRAYS, state))
    found = store.read()
    assert found is not None
    assert found.state == state
    assert list(found.arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype


def test_no_checkpoint_is_none(tmp_path):
    assert CheckpointStore(tmp_path / "none", "abc").read() is None


def test_a_write_replaces_the_one_before_and_leaves_one_file(tmp_path):
    store = CheckpointStore(tmp_path, "abc")
    store.write(Checkpoint(ARRAYS, {"epoch": 1}))
    store.write(Checkpoint(ARRAYS, {"epoch": 2}))
    found = store.read()
    assert found is not None
    assert found.state == {"epoch": 2}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("damage", ["other", "truncated", "text"])
def test_one_of_another_training_or_damaged_is_discarded_and_said_so(tmp_path, damage, caplog):
    directory = tmp_path / ".checkpoint"
    CheckpointStore(directory, "abc").write(Checkpoint(ARRAYS, {}))
    path = directory / "state.npz"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-40])
    if damage == "text":
        path.write_text("no checkpoint")
    with caplog.at_level(logging.WARNING, "danq"):
        assert CheckpointStore(directory, "xyz" if damage == "other" else "abc").read() is None
    assert not directory.exists()
    assert "checkpoint discarded" in caplog.text
    assert ("other data, options" if damage == "other" else "damaged") in caplog.text


def test_remove(tmp_path):
    store = CheckpointStore(tmp_path / ".checkpoint", "abc")
    store.write(Checkpoint(ARRAYS, {}))
    store.remove()
    store.remove()
    assert list(tmp_path.iterdir()) == []
