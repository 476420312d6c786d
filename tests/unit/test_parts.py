"""Work in parts: which shards are not done."""

import pytest

from danq.parts import Parts, Shard


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 7, 12])
def test_shards_that_lack_a_part_are_named(tmp_path, caplog, shards):
    parts = Parts(tmp_path, "digest", 7)
    (tmp_path / f".cut-into-{shards}").touch()
    for part in (0, 2, 3, 6):
        parts.file(part).touch()
    assert parts.left() == [1, 4, 5]
    every = [Shard(number, shards) for number in range(1, shards + 1)]
    lacking = [str(shard) for shard in every if {*shard.share(7)} & {1, 4, 5}]
    assert f"shards that are not done: {', '.join(lacking)}; their" in caplog.text


def test_any_number_of_shards_is_looked_through_at_once(tmp_path, caplog):
    (tmp_path / ".cut-into-999999999").touch()
    (tmp_path / ".cut-into-2").touch()
    assert Parts(tmp_path, "digest", 2).left() == [0, 1]
    assert "not done: 1/2, 2/2, 500000000/999999999, 999999999/999999999; their" in caplog.text
