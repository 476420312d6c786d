"""Files of unfinished work: whole and of the same inputs, or refused."""

import hashlib
import shutil

import numpy as np
import pyarrow as pa
import pytest

from danq.errors import DanqError
from danq.tables import reading_batches, writing_batches

SCHEMA = pa.schema([("row", pa.int64()), ("alt", pa.string())])


@pytest.fixture
def whole(tmp_path):
    with writing_batches(tmp_path / "work.arrow", SCHEMA, "inputs") as writer:
        for first in (0, 500):
            rows = {"row": range(first, first + 500), "alt": [f"A{row % 7}" for row in range(500)]}
            writer.write_batch(pa.RecordBatch.from_pydict(rows, SCHEMA), {"seconds": "1.5"})
    return tmp_path / "work.arrow"


def rows_of(path, check=True):
    with reading_batches(path, "inputs", check) as reader:
        return pa.Table.from_batches([reader[number] for number in range(len(reader))])


def test_what_was_written_is_read(whole):
    assert rows_of(whole)["row"].to_pylist() == list(range(1000))
    assert rows_of(whole, check=False).equals(rows_of(whole))


def test_any_damaged_byte_is_refused(whole):
    content = whole.read_bytes()
    for place in np.random.default_rng(0).choice(len(content), 200, replace=False).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        whole.write_bytes(damaged)
        with pytest.raises(DanqError, match=r"work\.arrow: damaged; remove .* and start again"):
            rows_of(whole)


@pytest.mark.parametrize("size", [0, 1, 40, -1, -33])
def test_a_cut_file_is_refused(whole, size):
    whole.write_bytes(whole.read_bytes()[:size])
    with pytest.raises(DanqError, match=r"work\.arrow: damaged"):
        rows_of(whole)


def test_a_file_that_is_gone_is_not_called_damaged(whole):
    whole.unlink()
    with pytest.raises(DanqError, match=r"work\.arrow: gone; another job"):
        rows_of(whole)


def test_work_on_other_inputs_is_refused(whole):
    with pytest.raises(DanqError, match="of other work"), reading_batches(whole, "other"):
        pass


def test_work_whose_directory_is_removed_says_so(tmp_path):
    folder = tmp_path / "work"
    with pytest.raises(DanqError, match=r"part\.arrow: its directory was removed meanwhile"):
        write_while_removed(folder)


def write_while_removed(folder):
    with writing_batches(folder / "part.arrow", SCHEMA, "inputs"):
        shutil.rmtree(folder)


def test_work_whose_texts_lie_elsewhere_in_memory_is_refused(tmp_path):
    """Arrow follows offsets wherever they lead: what they read would crash the job, or be somebody else's."""
    schema = pa.schema([("a", pa.string())], {"danq.digest": "inputs"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([["a", "b", "c"]], schema=schema))
    good, evil = (
        np.array(offsets, "<i4").tobytes() for offsets in ([0, 1, 2, 3], [0, 1, -(1 << 20), 1 << 30])
    )
    content = sink.getvalue().to_pybytes()
    assert content.count(good) == 1
    path = tmp_path / "x.arrow"
    for offsets in (good, evil):
        arrow = content.replace(good, offsets)
        path.write_bytes(arrow + hashlib.sha256(arrow).digest())
        if offsets == good:
            assert rows_of(path)["a"].to_pylist() == ["a", "b", "c"]
    with pytest.raises(DanqError, match=r"x\.arrow: damaged"):
        rows_of(path)
