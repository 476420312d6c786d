import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import BaseModel

from danq import spool as spool_module
from danq.errors import DanqError
from danq.spool import RowSpool
from danq.storage import Manifest, load_array, write_array


class Part(BaseModel):
    name: str
    size: int


class Things(Manifest):
    KIND, FILE, VERSION = "things", "things.json", 3

    parts: tuple[Part, ...]
    remark: str | None = None
    share: float | None = None


def test_a_manifest_is_written_in_the_order_of_its_fields_without_what_was_not_given(tmp_path):
    Things(share=None, parts=(Part(name="a", size=1),)).write(tmp_path)
    text = """{
  "kind": "things",
  "format_version": 3,
  "parts": [
    {
      "name": "a",
      "size": 1
    }
  ],
  "share": null,
  "manifest_sha256": "SEAL"
}
"""
    seal = json.loads((tmp_path / "things.json").read_text())["manifest_sha256"]
    assert (tmp_path / "things.json").read_text() == text.replace("SEAL", seal)
    assert Things.read(tmp_path) == Things(share=None, parts=(Part(name="a", size=1),))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", "expected JSON, received something else; remove .+ and make it again$"),
        ("[1]", "expected a danq things, received None"),
        ('{"kind": "genome"}', "expected a danq things, received 'genome'"),
        ('{"kind": "things", "format_version": 2}', "expected things format version 3, received 2; make it"),
        ('{"kind": "things", "format_version": 3}', "expected a key 'parts', found none; remove .+ and make"),
        (
            '{"kind": "things", "format_version": 3, "parts": [{"name": "a", "size": "1"}]}',
            r"parts\.0\.size: expected a valid integer, received '1'",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, content, message):
    (tmp_path / "things.json").write_text(content)
    with pytest.raises(DanqError, match=rf"things\.json: {message}"):
        Things.read(tmp_path)


def test_a_directory_without_manifest_is_refused(tmp_path):
    with pytest.raises(DanqError, match=r"things\.json: no such file; .* is no danq things"):
        Things.read(tmp_path)


def test_whatever_is_changed_in_a_manifest_is_noticed(tmp_path):
    path = tmp_path / "things.json"
    Things(share=0.25, parts=(Part(name="a", size=1),)).write(tmp_path)
    text, intact = path.read_text(), Things.read(tmp_path)
    key = text.index("manifest_sha256")
    for place in set(range(len(text))) - set(range(key, key + len("manifest_sha256"))):
        path.write_text(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])
        with pytest.raises(DanqError):
            Things.read(tmp_path)
    # without the digest it is one of an earlier release
    path.write_text(text.replace("manifest_sha256", "manifest_sha255"))
    assert Things.read(tmp_path) == intact
    # in another order and layout it holds the same
    path.write_text(json.dumps(dict(reversed(json.loads(text).items()))))
    assert Things.read(tmp_path) == intact


def test_keys_of_a_later_release_are_no_fault(tmp_path):
    content = {"kind": "things", "format_version": 3, "parts": [], "later": 1}
    (tmp_path / "things.json").write_text(json.dumps(content))
    assert Things.read(tmp_path).parts == ()


def test_an_array_written_in_parts_is_mapped_as_a_whole(tmp_path):
    path, rows = tmp_path / "rows.npy", np.arange(12, dtype=np.float32).reshape(4, 3)
    write_array(path, rows.shape, np.float32, [rows[:1], *rows[1:]])
    found = load_array(path, (4, 3), np.float32)
    np.testing.assert_array_equal(found, rows)
    assert isinstance(found, np.memmap)
    np.save(tmp_path / "saved.npy", rows)
    assert path.read_bytes() == (tmp_path / "saved.npy").read_bytes()


def test_an_array_that_is_missing_damaged_or_another_is_refused(tmp_path):
    path = tmp_path / "rows.npy"
    with pytest.raises(DanqError, match=r"rows\.npy: no such file; .* is no complete genome"):
        load_array(path, (2,), kind="genome")
    np.save(path, np.zeros(3, np.uint8))
    with pytest.raises(DanqError, match=r"expected uint8 of shape \(2,\), received uint8 of shape \(3,\)"):
        load_array(path, (2,))
    with pytest.raises(DanqError, match=r"expected float32 of shape \(3,\), received uint8"):
        load_array(path, (3,), np.float32)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DanqError, match="expected a NumPy array, received a damaged file"):
        load_array(path, (3,))


@given(
    table=arrays(np.float32, st.tuples(st.integers(0, 30), st.integers(1, 5))),
    cuts=st.lists(st.integers(0, 30), max_size=4),
    block_bytes=st.integers(1, 200),
    group_bytes=st.integers(1, 200),
    part=st.tuples(*[st.integers(0, 30)] * 2, *[st.integers(0, 5)] * 2),
)
def test_a_spool_gives_back_rows_columns_and_parts(
    tmp_path_factory, table, cuts, block_bytes, group_bytes, part
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "_BLOCK_BYTES", block_bytes)
        patch.setattr(spool_module, "_GROUP_BYTES", group_bytes)
        spool = RowSpool(tmp_path_factory.mktemp("spool") / "rows", np.float32)
        for block in np.split(table.astype(np.float64), sorted(cuts)):
            spool.append(block)
        assert len(spool) == len(table)
        assert spool.shape == table.shape
        columns, rows = list(spool.columns()), list(spool.blocks())
        first, last = sorted(min(row, len(table)) for row in part[:2])
        low, high = sorted(min(column, table.shape[1]) for column in part[2:])
        read = spool.read(range(low, high), first, last)
    np.testing.assert_array_equal(np.stack(columns, axis=1), table)
    np.testing.assert_array_equal(np.concatenate(rows), table)
    np.testing.assert_array_equal(read, table[first:last, low:high].T)


def test_a_spool_widens_texts(tmp_path):
    spool = RowSpool(tmp_path / "rows")
    for texts in (["a"], ["longer"], ["b", "c"]):
        spool.append(np.array(texts))
    assert spool.dtype == "<U6"
    assert np.concatenate(list(spool.blocks())).tolist() == ["a", "longer", "b", "c"]


def test_a_spool_takes_rows_of_more_dimensions(tmp_path):
    spool = RowSpool(tmp_path / "rows")
    rows = np.arange(24).reshape(4, 3, 2)
    spool.append(rows[:1])
    spool.append(rows[1:])
    np.testing.assert_array_equal(np.concatenate(list(spool.blocks())), rows)


@pytest.mark.parametrize("version", ["true", "1.0", '"1"', "null"])
def test_only_the_number_is_a_version(tmp_path, version):
    (tmp_path / "things.json").write_text(f'{{"kind": "things", "format_version": {version}}}')
    with pytest.raises(DanqError, match="format version"):
        Things.read(tmp_path)


def test_a_manifest_nested_without_end_is_refused(tmp_path):
    (tmp_path / "things.json").write_text('{"kind": ' + "[" * 100_000)
    with pytest.raises(DanqError, match="expected JSON"):
        Things.read(tmp_path)


def test_what_may_not_be_read_is_said(tmp_path):
    (tmp_path / "things.json").mkdir()
    with pytest.raises(DanqError, match=r"things\.json: expected a file"):
        Things.read(tmp_path)
    (tmp_path / "array.npy").mkdir()
    with pytest.raises(DanqError, match=r"array\.npy: not readable"):
        load_array(tmp_path / "array.npy", (1,))
