"""Parquet tables of others: what their footers declare, and damage in these."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from danq.errors import DanqError
from danq.parquet import check_parquet
from danq.parquet_footer import read_chunks


@pytest.fixture
def table(tmp_path):
    rows = 1000
    columns = {
        "id": pa.array([f"row {number}" for number in range(rows)]),
        "a.b": pa.array(np.linspace(0, 1, rows).astype(np.float32)),
        "list": pa.array([[number] * (number % 5) for number in range(rows)]),
        "struct": pa.array([{"x": number, "y": None if number % 2 else "y"} for number in range(rows)]),
        "flag": pa.array([number % 3 == 0 for number in range(rows)]),
        "word": pa.array(["a", "b"] * (rows // 2)).dictionary_encode(),
    }
    path = tmp_path / "t.parquet"
    stored = pa.table(columns).replace_schema_metadata({"danq.run": "x" * 300})
    pq.write_table(stored, path, row_group_size=500)
    return path


def test_a_footer_declares_what_pyarrow_reads_of_it(table):
    received = [list(group) for group in read_chunks(table)]
    metadata = pq.read_metadata(table)
    assert len(received) == metadata.num_row_groups == 2
    for number, group in enumerate(received):
        expected = [metadata.row_group(number).column(index) for index in range(metadata.num_columns)]
        assert [(each.kind, each.values, each.nbytes, each.elsewhere) for each in group] == [
            (each.physical_type, each.num_values, each.total_uncompressed_size, False) for each in expected
        ]
    names = [each.column.decode() for each in received[0]]
    assert names == ["id", "a.b", "list", "struct", "struct", "flag", "word"]


def test_no_damaged_footer_ends_the_process(table):
    # pyarrow aborts over levels that do not fit a column, among others
    whole = table.read_bytes()
    size = int.from_bytes(whole[-8:-4], "little")
    refusals = []
    for place in range(len(whole) - 8 - size, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 7
        table.write_bytes(damaged)
        try:
            check_parquet(table)
        except DanqError as error:
            refusals.append(str(error))
    assert len(refusals) > 10
    assert all(refusal.startswith(f"{table}: expected") for refusal in refusals)
